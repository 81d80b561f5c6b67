//! Exports of tables to S3 and imports from there: what lies in the bucket, what a table gets of it, who may.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const START: i64 = 1_768_478_400;

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn put(caller: &Caller<'_>, pk: &str, v: &str) {
    let item = json!({"TableName": "source", "Item": {"pk": s(pk), "v": s(v)}});
    caller.call("dynamodb", "PutItem", item).ok();
}

fn delete(caller: &Caller<'_>, pk: &str) {
    caller.call("dynamodb", "DeleteItem", json!({"TableName": "source", "Key": {"pk": s(pk)}})).ok();
}

fn arn() -> String {
    format!("arn:aws:dynamodb:us-east-1:{ONE}:table/source")
}

/// A table with recovery, and a bucket.
fn prepared(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ONE);
    make(cloud, &root, table("source", false));
    let request = json!({"TableName": "source", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    root.call("dynamodb", "UpdateContinuousBackups", request).ok();
    root.call("s3", "CreateBucket", json!({"Bucket": "exports"})).ok();
    root
}

/// Exports, and tells what has become of it.
fn export(cloud: &Cloud, caller: &Caller<'_>, more: Value) -> Value {
    let mut request = json!({"TableArn": arn(), "S3Bucket": "exports"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let begun = caller.call("dynamodb", "ExportTableToPointInTime", request).ok();
    assert_eq!(begun["ExportDescription"]["ExportStatus"], "IN_PROGRESS");
    cloud.reconcile();
    let arn = &begun["ExportDescription"]["ExportArn"];
    let done = cloud.root(ONE).call("dynamodb", "DescribeExport", json!({"ExportArn": arn})).ok();
    done["ExportDescription"].clone()
}

fn object(root: &Caller<'_>, key: &str) -> Vec<u8> {
    let reply = root.call("s3", "GetObject", json!({"Bucket": "exports", "Key": key}));
    assert_eq!(reply.status, 200, "{key}");
    reply.body.to_vec()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All lines of all files of an export.
fn exported(root: &Caller<'_>, done: &Value) -> Vec<Value> {
    assert_eq!(done["ExportStatus"], "COMPLETED", "{done}");
    let manifest = done["ExportManifest"].as_str().unwrap();
    let summary: Value = serde_json::from_slice(&object(root, manifest)).unwrap();
    let files = object(root, summary["manifestFilesS3Key"].as_str().unwrap());
    let mut all = Vec::new();
    for file in lines(&files) {
        let mut text = Vec::new();
        let bytes = object(root, file["dataFileS3Key"].as_str().unwrap());
        GzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
        let found = lines(&text);
        assert_eq!(file["itemCount"], found.len());
        all.extend(found);
    }
    assert_eq!((&summary["itemCount"], &done["ItemCount"]), (&json!(all.len()), &json!(all.len())));
    all
}

/// `a=1 b=2`
fn items(lines: &[Value]) -> String {
    let text = |item: &Value| {
        let text = |name: &str| item[name]["S"].as_str().unwrap_or("?").to_owned();
        format!("{}={}", text("pk"), text("v"))
    };
    let mut all: Vec<String> = lines.iter().map(text).collect();
    all.sort();
    all.join(" ")
}

fn state(root: &Caller<'_>, name: &str) -> String {
    let found = root.call("dynamodb", "Scan", json!({"TableName": name})).ok();
    items(found["Items"].as_array().unwrap())
}

#[test]
fn an_export_is_the_table_at_a_moment_and_can_be_imported() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    put(&root, "a", "1");
    put(&root, "b", "1");
    cloud.advance(MINUTE);
    put(&root, "a", "2");
    delete(&root, "b");
    put(&root, "c", "2");
    cloud.advance(MINUTE);
    let then = export(&cloud, &root, json!({"ExportTime": START + 30, "S3Prefix": "then"}));
    let of = |lines: &[Value]| items(&lines.iter().map(|line| line["Item"].clone()).collect::<Vec<_>>());
    assert_eq!(of(&exported(&root, &then)), "a=1 b=1");
    let now = export(&cloud, &root, json!({}));
    assert_eq!(of(&exported(&root, &now)), "a=2 c=2");
    // A type that was not asked for is not told.
    assert_eq!(now.get("ExportType"), None);
    let id = now["ExportArn"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(now["ExportManifest"], format!("AWSDynamoDB/{id}/manifest-summary.json"));
    assert!(object(&root, &format!("AWSDynamoDB/{id}/_started")).is_empty());
    assert_eq!(object(&root, &format!("AWSDynamoDB/{id}/manifest-summary.md5")).len(), 24);
    let head = json!({"Bucket": "exports", "Key": format!("AWSDynamoDB/{id}/manifest-files.json")});
    root.call("s3", "HeadObject", head).ok();
    let listed = root.call("dynamodb", "ListExports", json!({"TableArn": arn(), "MaxResults": 1})).ok();
    assert_eq!(listed["ExportSummaries"][0]["ExportType"], "FULL_EXPORT");
    let rest = json!({"TableArn": arn(), "MaxResults": 1, "NextToken": listed["NextToken"]});
    let rest = root.call("dynamodb", "ListExports", rest).ok();
    assert_ne!(rest["ExportSummaries"][0], listed["ExportSummaries"][0]);
    assert_eq!(rest.get("NextToken"), None);

    let done = import(
        &cloud,
        &root,
        "copy",
        json!({
            "S3BucketSource": {"S3Bucket": "exports", "S3KeyPrefix": format!("AWSDynamoDB/{id}/data/")},
            "InputCompressionType": "GZIP",
        }),
    );
    assert_eq!((&done["ImportStatus"], &done["ImportedItemCount"]), (&json!("COMPLETED"), &json!(2)));
    assert_eq!(state(&root, "copy"), "a=2 c=2");
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "copy"})).ok();
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
}

#[test]
fn an_incremental_export_is_what_changed() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    for pk in ["kept", "changed", "deleted"] {
        put(&root, pk, "1");
    }
    cloud.advance(MINUTE);
    put(&root, "changed", "2");
    put(&root, "changed", "3");
    delete(&root, "deleted");
    put(&root, "new", "2");
    put(&root, "short", "2");
    delete(&root, "short");
    cloud.advance(MINUTE * 20);
    put(&root, "changed", "4");
    put(&root, "kept", "4");
    let window = |view: &str| {
        json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification":
            {"ExportFromTime": START + 30, "ExportToTime": START + 30 + 900, "ExportViewType": view}})
    };
    let done = export(&cloud, &root, window("NEW_AND_OLD_IMAGES"));
    let mut found = exported(&root, &done);
    found.sort_by_key(|line| line["Keys"]["pk"]["S"].as_str().unwrap().to_owned());
    let time = json!({"WriteTimestampMicros": {"N": ((START + 60) * 1_000_000).to_string()}});
    let image = |pk: &str, v: &str| json!({"pk": s(pk), "v": s(v)});
    let keys = |pk: &str| json!({"pk": s(pk)});
    assert_eq!(
        found,
        [
            json!({"Metadata": time, "Keys": keys("changed"), "OldImage": image("changed", "1"), "NewImage": image("changed", "3")}),
            json!({"Metadata": time, "Keys": keys("deleted"), "OldImage": image("deleted", "1")}),
            json!({"Metadata": time, "Keys": keys("new"), "NewImage": image("new", "2")}),
        ]
    );
    let done = export(&cloud, &root, window("NEW_IMAGE"));
    let found = exported(&root, &done);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|line| line.get("OldImage").is_none()));
}

#[test]
fn exports_are_refused_with_reasons() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("source", false));
    let ask = |more: Value| {
        let mut request = json!({"TableArn": arn(), "S3Bucket": "exports"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "ExportTableToPointInTime", request)
    };
    ask(json!({})).refused(400, "PointInTimeRecoveryUnavailableException");
    let missing = arn().replace("source", "missing");
    ask(json!({"TableArn": missing})).refused_with(
        400,
        "TableNotFoundException",
        &format!("Table not found: {missing}"),
    );
    let request = json!({"TableName": "source", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    root.call("dynamodb", "UpdateContinuousBackups", request).ok();
    for at in [START - 60, START + 60] {
        ask(json!({"ExportTime": at})).refused_with(
            400,
            "InvalidExportTimeException",
            "Export Time is invalid",
        );
    }
    ask(json!({"ExportFormat": "ION"})).refused(501, "NotImplemented");
    let short = json!({"ExportFromTime": START, "ExportToTime": START + 60});
    let west = arn().replace("us-east-1", "us-west-2");
    for (more, message) in [
        (
            json!({"TableArn": "a name that is no ARN, however long it may be"}),
            "One or more parameter values were invalid: tableArn is not a valid ARN",
        ),
        (json!({"TableArn": format!("{}/index/by-g", arn())}), "Invalid Request: Table ARN is invalid."),
        (
            json!({"S3SseKmsKeyId": "k"}),
            "Invalid Request: KMS Key Id is not supported for this encryption type",
        ),
        (
            json!({"ExportType": "INCREMENTAL_EXPORT"}),
            "Invalid Request: Incremental Export Specification expected when export type is set as Incremental Export",
        ),
        (
            json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {}}),
            "Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification",
        ),
        (
            json!({"ExportType": "FULL_EXPORT", "IncrementalExportSpecification": short}),
            "Invalid Request: When Export Type is Full Export , Incremental Export Specification should not be provided",
        ),
        (
            json!({"IncrementalExportSpecification": short}),
            "Invalid Request: Export Type expected to be Incremental Export when incremental export specification is provided",
        ),
    ] {
        ask(more).refused_with(400, "ValidationException", message);
    }
    ask(json!({"TableArn": west})).refused_with(
        400,
        "TableNotFoundException",
        &format!("Table not found: {west}"),
    );
    cloud.advance(MINUTE * 2);
    for (from, to, message) in [
        (
            START - 60,
            START + 60,
            "Incremental export period from time cannot be less than the table creation time : 2026-01-15T11:59:00Z",
        ),
        (
            START,
            START + 60,
            "Difference between export period from time and export period to time is less than 15 minutes",
        ),
        (
            START,
            START + 3_600,
            "Incremental export period to time cannot be greater than the current time : 2026-01-15T13:00:00Z",
        ),
    ] {
        let window = json!({"ExportFromTime": from, "ExportToTime": to});
        ask(json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": window}))
            .refused_with(400, "InvalidExportTimeException", message);
    }
    let none = format!("{}/export/01768478400000-1a2b3c4d", arn());
    for (export, message) in [
        (none.clone(), format!("Export not found: Export not found: {none}")),
        (none.replace("us-east-1", "us-west-2"), "Export not found: Invalid export arn".into()),
    ] {
        root.call("dynamodb", "DescribeExport", json!({"ExportArn": export})).refused_with(
            400,
            "ExportNotFoundException",
            &message,
        );
    }
    root.call("dynamodb", "DescribeExport", json!({"ExportArn": none.replace(ONE, "222222222222")}))
        .refused_with(400, "AccessDeniedException", "Access is denied");
    root.call("dynamodb", "DescribeExport", json!({"ExportArn": format!("{}-no-export-at-all", arn())}))
        .refused_with(400, "ValidationException", "Invalid Export ARN");

    // The bucket is missed later, and a token is good for the same request only.
    let first = ask(json!({"ClientToken": "t"})).ok()["ExportDescription"]["ExportArn"].clone();
    cloud.reconcile();
    let failed = root.call("dynamodb", "DescribeExport", json!({"ExportArn": first})).ok();
    let failed = &failed["ExportDescription"];
    assert_eq!(
        (&failed["ExportStatus"], &failed["FailureCode"]),
        (&json!("FAILED"), &json!("S3NoSuchBucket"))
    );
    assert_eq!(
        failed["FailureMessage"],
        "The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)"
    );
    assert_eq!(ask(json!({"ClientToken": "t"})).ok()["ExportDescription"]["ExportArn"], first);
    ask(json!({"ClientToken": "t", "S3Prefix": "other"})).refused_with(
        400,
        "ExportConflictException",
        "Export conflict: Duplicate request detected with conflicting parameters",
    );
}

#[test]
fn an_export_has_the_rights_of_who_asked() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    put(&root, "a", "1");
    let allow = |actions: Value| json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = |actions: Value| json!({"Version": "2012-10-17", "Statement": [allow(actions)]}).to_string();
    let without = cloud.user(&root, "eva", &policy(json!("dynamodb:*")));
    let failed = export(&cloud, &without, json!({}));
    assert_eq!(
        (&failed["ExportStatus"], &failed["FailureCode"]),
        (&json!("FAILED"), &json!("S3AccessDenied"))
    );
    let with = json!(["dynamodb:ExportTableToPointInTime", "s3:PutObject", "s3:PutObjectAcl"]);
    let with = cloud.user(&root, "ada", &policy(with));
    assert_eq!(export(&cloud, &with, json!({}))["ExportStatus"], "COMPLETED");
    let wrong = export(&cloud, &root, json!({"S3BucketOwner": "999999999999"}));
    assert_eq!(wrong["FailureCode"], "S3AccessDenied");
    let bob = cloud.user(&root, "bob", &policy(json!("s3:*")));
    let request = json!({"TableArn": arn(), "S3Bucket": "exports"});
    bob.call("dynamodb", "ExportTableToPointInTime", request).refused(400, "AccessDeniedException");
}

fn request(name: &str, more: Value) -> Value {
    let mut request = json!({
        "S3BucketSource": {"S3Bucket": "imports"}, "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": table(name, false),
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// Imports, and tells what has become of it.
fn import(cloud: &Cloud, root: &Caller<'_>, name: &str, more: Value) -> Value {
    let begun = root.call("dynamodb", "ImportTable", request(name, more)).ok();
    let begun = &begun["ImportTableDescription"];
    assert_eq!(begun["ImportStatus"], "IN_PROGRESS");
    cloud.reconcile();
    let done = root.call("dynamodb", "DescribeImport", json!({"ImportArn": begun["ImportArn"]})).ok();
    done["ImportTableDescription"].clone()
}

/// What the log tells of an import's errors.
fn told(root: &Caller<'_>, done: &Value) -> Vec<Value> {
    let group = format!("arn:aws:logs:us-east-1:{ONE}:log-group:/aws-dynamodb/imports:*");
    assert_eq!(done["CloudWatchLogGroupArn"], group);
    let id = done["ImportArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let request = json!({"logGroupName": "/aws-dynamodb/imports", "logStreamName": format!("{id}/error"), "startFromHead": true});
    let found = root.call("logs", "GetLogEvents", request).ok();
    let events = found["events"].as_array().unwrap().iter();
    events.map(|event| serde_json::from_str(event["message"].as_str().unwrap()).unwrap()).collect()
}

fn source(root: &Caller<'_>, text: &str) {
    root.call("s3", "CreateBucket", json!({"Bucket": "imports"})).ok();
    let request = json!({"Bucket": "imports", "Key": "one", "Body": text});
    root.call("s3", "PutObject", request).ok();
}

#[test]
fn an_import_takes_what_is_good_and_counts_the_rest() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    source(
        &root,
        "{\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"S\":\"1\"}}}\n\n{\"Item\":{\"pk\":{\"N\":\"1\"}}}\nnothing\n\
         {\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"S\":\"2\"}}}",
    );
    let done = import(&cloud, &root, "target", json!({"ClientToken": "t"}));
    let count = |name: &str| done[name].as_i64().unwrap();
    assert_eq!((count("ProcessedItemCount"), count("ImportedItemCount"), count("ErrorCount")), (4, 2, 2));
    assert_eq!(
        (&done["ImportStatus"], &done["FailureCode"]),
        (&json!("FAILED"), &json!("ItemValidationError"))
    );
    assert_eq!(state(&root, "target"), "a=2");
    let told = told(&root, &done);
    let fault = |item: i64, why: &str| {
        json!({"itemS3Pointer": {"bucket": "imports", "key": "one", "itemIndex": item},
            "importArn": done["ImportArn"], "errorMessages": [why]})
    };
    let mismatch =
        "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N";
    assert_eq!(told, [fault(1, mismatch), fault(2, "The item cannot be read")]);
    let again = root.call("dynamodb", "ImportTable", request("target", json!({"ClientToken": "t"}))).ok();
    assert_eq!(again["ImportTableDescription"]["ImportArn"], done["ImportArn"]);
    root.call("dynamodb", "ImportTable", request("other", json!({"ClientToken": "t"})))
        .refused(400, "ImportConflictException");
    root.call("dynamodb", "ImportTable", request("target", json!({}))).refused_with(
        400,
        "ResourceInUseException",
        "Table already exists: target",
    );
    let torn = import(&cloud, &root, "zipped", json!({"InputCompressionType": "GZIP"}));
    assert_eq!(torn["FailureCode"], "ItemValidationError");
    let one = root.call("dynamodb", "ListImports", json!({"PageSize": 1})).ok();
    let rest = json!({"PageSize": 1, "NextToken": one["NextToken"]});
    let rest = root.call("dynamodb", "ListImports", rest).ok();
    assert_ne!(one["ImportSummaryList"][0]["ImportArn"], rest["ImportSummaryList"][0]["ImportArn"]);
}

#[test]
fn a_bucket_may_lie_in_another_region() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let there = cloud.root(ONE).in_region("eu-west-1");
    let elsewhere = json!({"LocationConstraint": "eu-west-1"});
    there.call("s3", "CreateBucket", json!({"Bucket": "far", "CreateBucketConfiguration": elsewhere})).ok();
    let done = export(&cloud, &root, json!({"S3Bucket": "far"}));
    assert_eq!(done["ExportStatus"], "COMPLETED");
    let line = "{\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"S\":\"1\"}}}";
    there.call("s3", "PutObject", json!({"Bucket": "far", "Key": "in/one", "Body": line})).ok();
    let from = json!({"S3BucketSource": {"S3Bucket": "far", "S3KeyPrefix": "in/"}});
    assert_eq!(import(&cloud, &root, "target", from)["ImportStatus"], "COMPLETED");
    assert_eq!(state(&root, "target"), "a=1");
}

#[test]
fn items_of_an_import_need_no_lines_of_their_own() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let item = |pk: &str, v: &str| json!({"Item": {"pk": {"S": pk}, "v": {"S": v}}}).to_string();
    // Braces and quotes within texts end nothing; what is broken ends with its line.
    let text = format!(
        "{}{}\r\n {}{{\"Item\":{{\n{}",
        item("a", "1}"),
        item("b", "\"{"),
        item("c", "\\"),
        item("d", "4")
    );
    source(&root, &text);
    let done = import(&cloud, &root, "target", json!({}));
    let count = |name: &str| done[name].as_i64().unwrap();
    assert_eq!((count("ProcessedItemCount"), count("ImportedItemCount"), count("ErrorCount")), (5, 4, 1));
    assert_eq!(state(&root, "target"), "a=1} b=\"{ c=\\ d=4");
}

#[test]
fn an_import_of_csv() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    source(&root, "pk;sk;v\na;1;\"one; two\"\nb;2;x\nc;three;x\nd;4\n");
    let csv = |more: Value| json!({"InputFormat": "CSV", "InputFormatOptions": {"Csv": more}});
    let mut more = csv(json!({"Delimiter": ";"}));
    more["TableCreationParameters"] = table("target", true);
    let done = import(&cloud, &root, "target", more);
    assert_eq!((&done["ImportedItemCount"], &done["ErrorCount"]), (&json!(2), &json!(2)));
    let found = root.call(
        "dynamodb",
        "GetItem",
        json!({
            "TableName": "target", "Key": {"pk": s("a"), "sk": {"N": "1"}},
        }),
    );
    assert_eq!(found.ok()["Item"]["v"], s("one; two"));
    let done = import(&cloud, &root, "named", csv(json!({"Delimiter": ";", "HeaderList": ["pk", "x", "v"]})));
    assert_eq!((&done["ImportedItemCount"], &done["ErrorCount"]), (&json!(4), &json!(1)));
    assert_eq!(done["InputFormatOptions"]["Csv"]["HeaderList"], json!(["pk", "x", "v"]));
    for refused in [json!({"InputFormat": "ION"}), json!({"InputCompressionType": "ZSTD"})] {
        root.call("dynamodb", "ImportTable", request("other", refused)).refused(501, "NotImplemented");
    }
}

#[test]
fn an_import_that_reads_nothing_leaves_no_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let done = import(&cloud, &root, "target", json!({}));
    assert_eq!((&done["ImportStatus"], &done["FailureCode"]), (&json!("FAILED"), &json!("S3NoSuchBucket")));
    let all = json!({"importArn": done["ImportArn"], "errorMessages": [done["FailureMessage"]]});
    assert_eq!(told(&root, &done), [all]);
    cloud.reconcile();
    root.call("dynamodb", "DescribeTable", json!({"TableName": "target"}))
        .refused(400, "ResourceNotFoundException");
    root.call("s3", "CreateBucket", json!({"Bucket": "imports"})).ok();
    let done = import(&cloud, &root, "target", json!({}));
    assert_eq!((&done["ImportStatus"], &done["ImportedItemCount"]), (&json!("COMPLETED"), &json!(0)));
    let none = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/target/import/01768478400000-1a2b3c4d");
    root.call("dynamodb", "DescribeImport", json!({"ImportArn": none}))
        .refused(400, "ImportNotFoundException");
}

#[test]
fn an_import_tells_its_errors_with_the_rights_of_who_asked() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    source(&root, "{\"Item\":{\"pk\":{\"S\":\"a\"}}}\n{\"Item\":{\"v\":{\"S\":\"b\"}}}");
    let policy = |actions: Value, logs: Value| {
        let group = "arn:aws:logs:*:*:log-group:/aws-dynamodb/*";
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*"},
            {"Effect": "Allow", "Action": logs, "Resource": group},
        ]})
        .to_string()
    };
    let base = json!(["dynamodb:ImportTable", "dynamodb:DescribeImport", "s3:GetObject", "s3:ListBucket"]);
    let some = json!(["logs:CreateLogGroup", "logs:PutLogEvents"]);
    let eva = cloud.user(&root, "eva", &policy(base.clone(), some));
    let failed = import(&cloud, &eva, "target", json!({}));
    assert_eq!(
        (&failed["ImportStatus"], &failed["FailureCode"]),
        (&json!("FAILED"), &json!("AccessDeniedException"))
    );
    let message = failed["FailureMessage"].as_str().unwrap();
    assert!(message.contains("is not authorized to perform: logs:CreateLogStream on resource"), "{message}");
    assert_eq!(failed.get("CloudWatchLogGroupArn"), None);
    cloud.reconcile();
    root.call("dynamodb", "DescribeTable", json!({"TableName": "target"}))
        .refused(400, "ResourceNotFoundException");
    let all = json!(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]);
    let ada = cloud.user(&root, "ada", &policy(base, all));
    let done = import(&cloud, &ada, "target", json!({}));
    assert_eq!((&done["ImportedItemCount"], &done["ErrorCount"]), (&json!(1), &json!(1)));
    let missing = "One or more parameter values were invalid: Missing the key pk in the item";
    assert_eq!(told(&root, &done)[0]["errorMessages"], json!([missing]));
    let listed = root.call("dynamodb", "ListImports", json!({})).ok();
    let listed = listed["ImportSummaryList"].as_array().unwrap();
    let of = |arn: &Value| listed.iter().find(|import| import["ImportArn"] == *arn).unwrap();
    assert_eq!(of(&done["ImportArn"])["CloudWatchLogGroupArn"], done["CloudWatchLogGroupArn"]);
}
