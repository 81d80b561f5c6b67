//! What is kept of the items of a DynamoDB table with a KMS key beside its rows (changes, past rows, replicas): it is
//! sealed, opened for whoever may use the key, and written anew when the key changes.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Direction, KeyRange, Read};

/// Part of every value of an item.
const SECRET: &str = "not to lie in clear";
const START: i64 = 1_768_478_400;

fn key(caller: &Caller<'_>) -> String {
    let made = caller.call("kms", "CreateKey", json!({})).ok();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// `vault` under the key, with a stream and recovery.
fn vault(cloud: &Cloud, root: &Caller<'_>, key: &str) {
    let mut request = table("vault", false);
    request["SSESpecification"] = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    make(cloud, root, request);
    let recovery = json!({"TableName": "vault", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    root.call("dynamodb", "UpdateContinuousBackups", recovery).ok();
}

fn put(caller: &Caller<'_>, pk: &str, n: u32) -> Reply {
    let item = json!({"pk": {"S": pk}, "v": {"S": format!("{SECRET} {n}")}});
    caller.call("dynamodb", "PutItem", json!({"TableName": "vault", "Item": item}))
}

/// `a1 b2`
fn state(caller: &Caller<'_>, table: &str) -> String {
    let found = caller.call("dynamodb", "Scan", json!({"TableName": table})).ok();
    let text = |item: &Value| {
        let number = item["v"]["S"].as_str().unwrap().strip_prefix(SECRET).unwrap();
        format!("{}{}", item["pk"]["S"].as_str().unwrap(), number.trim())
    };
    let mut all: Vec<String> = found["Items"].as_array().unwrap().iter().map(text).collect();
    all.sort();
    all.join(" ")
}

/// How often the secret stands in DynamoDB's tables.
fn in_clear(cloud: &Cloud) -> usize {
    let snapshot = cloud.cloud.store().snapshot();
    let rows = snapshot.scan(KeyRange::prefix(&[0x10]), Direction::Forward).map(|pair| pair.unwrap().1);
    rows.filter(|row| row.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())).count()
}

fn stream(caller: &Caller<'_>) -> String {
    let out = caller.call("dynamodb", "DescribeTable", json!({"TableName": "vault"})).ok();
    out["Table"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

/// The iterators of a stream's shards, from their beginning.
fn iterators(caller: &Caller<'_>, stream: &str) -> Vec<Value> {
    let out = caller.call("dynamodbstreams", "DescribeStream", json!({"StreamArn": stream})).ok();
    let one = |shard: &Value| {
        let request =
            json!({"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        caller.call("dynamodbstreams", "GetShardIterator", request).ok()["ShardIterator"].clone()
    };
    out["StreamDescription"]["Shards"].as_array().unwrap().iter().map(one).collect()
}

fn records(caller: &Caller<'_>, iterator: &Value) -> Reply {
    caller.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": iterator}))
}

/// The new values of all records.
fn told(caller: &Caller<'_>, stream: &str) -> Vec<String> {
    let mut out = Vec::new();
    for iterator in iterators(caller, stream) {
        let page = records(caller, &iterator).ok();
        for record in page["Records"].as_array().unwrap() {
            let new = record["dynamodb"]["NewImage"]["v"]["S"].as_str().unwrap_or("gone");
            let pk = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap();
            out.push(format!("{pk}{}", new.trim_start_matches(SECRET).trim()));
        }
    }
    out.sort();
    out
}

fn restore(cloud: &Cloud, caller: &Caller<'_>, target: &str, at: i64) -> String {
    let request = json!({"SourceTableName": "vault", "TargetTableName": target, "RestoreDateTime": at});
    caller.call("dynamodb", "RestoreTableToPointInTime", request).ok();
    cloud.reconcile();
    state(caller, target)
}

fn disable(caller: &Caller<'_>, key: &str) {
    caller.call("kms", "DisableKey", json!({"KeyId": key})).ok();
}

fn closed(reply: Reply) {
    let message = reply.refused(400, "ValidationException");
    let expected = "KMS key disabled error: com.amazonaws.services.kms.model.DisabledException: ";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn changes_are_sealed_and_outlive_key_and_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let (first, second) = (key(&root), key(&root));
    vault(&cloud, &root, &first);
    put(&root, "a", 1).ok();
    put(&root, "b", 1).ok();
    let backup = json!({"TableName": "vault", "BackupName": "mine"});
    let backup = root.call("dynamodb", "CreateBackup", backup).ok()["BackupDetails"]["BackupArn"].clone();
    cloud.advance(Duration::from_secs(60));
    put(&root, "a", 2).ok();
    let stream = stream(&root);
    assert_eq!((told(&root, &stream), in_clear(&cloud)), (vec!["a1".into(), "a2".into(), "b1".into()], 0));
    // Everything is written anew under another key; then nothing needs the first.
    let change = json!({"TableName": "vault", "SSESpecification": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": second}});
    root.call("dynamodb", "UpdateTable", change).ok();
    put(&root, "c", 2).ok();
    cloud.reconcile();
    disable(&root, &first);
    cloud.advance(Duration::from_secs(301));
    assert_eq!(told(&root, &stream), ["a1", "a2", "b1", "c2"]);
    assert_eq!(restore(&cloud, &root, "past", START + 30), "a1 b1");
    assert_eq!(in_clear(&cloud), 0);
    let from_backup = json!({"TargetTableName": "from-backup", "BackupArn": backup});
    root.call("dynamodb", "RestoreTableFromBackup", from_backup).ok();
    cloud.reconcile();
    assert_eq!(state(&root, "from-backup"), "a1 b1");
    // A stream can be read for a day when its table is gone.
    root.call("dynamodb", "DeleteTable", json!({"TableName": "vault"})).ok();
    cloud.reconcile();
    root.call("dynamodb", "DescribeTable", json!({"TableName": "vault"}))
        .refused(400, "ResourceNotFoundException");
    assert_eq!((told(&root, &stream).len(), in_clear(&cloud)), (4, 0));
    disable(&root, &second);
    cloud.advance(Duration::from_secs(301));
    closed(records(&root, &iterators(&root, &stream)[0]));
}

#[test]
fn a_closed_table_loses_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let arn = key(&root);
    vault(&cloud, &root, &arn);
    put(&root, "a", 1).ok();
    cloud.advance(Duration::from_secs(60));
    put(&root, "a", 2).ok();
    let stream = stream(&root);
    root.call("s3", "CreateBucket", json!({"Bucket": "exports"})).ok();
    disable(&root, &arn);
    cloud.advance(Duration::from_secs(301));
    let iterator = &iterators(&root, &stream)[0];
    let restoring =
        json!({"SourceTableName": "vault", "TargetTableName": "past", "UseLatestRestorableTime": true});
    let export = json!({"TableArn": format!("arn:aws:dynamodb:us-east-1:{ONE}:table/vault"), "S3Bucket": "exports", "ExportTime": START + 30});
    closed(records(&root, iterator));
    closed(put(&root, "b", 1));
    closed(root.call("dynamodb", "RestoreTableToPointInTime", restoring));
    closed(root.call("dynamodb", "ExportTableToPointInTime", export.clone()));
    root.call("kms", "EnableKey", json!({"KeyId": arn})).ok();
    assert_eq!(told(&root, &stream), ["a1", "a2"]);
    assert_eq!(restore(&cloud, &root, "past", START + 30), "a1");
    for more in [
        json!({}),
        json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {"ExportFromTime": START, "ExportToTime": START + 900}}),
    ] {
        cloud.advance(Duration::from_secs(900));
        let mut request = export.clone();
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if request.get("ExportType").is_some() {
            request.as_object_mut().unwrap().remove("ExportTime");
        }
        let begun = root.call("dynamodb", "ExportTableToPointInTime", request).ok();
        cloud.reconcile();
        let named = json!({"ExportArn": begun["ExportDescription"]["ExportArn"]});
        let done = root.call("dynamodb", "DescribeExport", named).ok();
        let done = &done["ExportDescription"];
        assert_eq!((&done["ExportStatus"], &done["ItemCount"]), (&json!("COMPLETED"), &json!(1)), "{done}");
    }
    assert_eq!(in_clear(&cloud), 0);
}

#[test]
fn who_may_not_use_the_key_reads_no_changes() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    vault(&cloud, &root, &key(&root));
    put(&root, "a", 1).ok();
    let all =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", all);
    let iterator = &iterators(&eva, &stream(&root))[0];
    let message = records(&eva, iterator).refused(400, "AccessDeniedException");
    assert!(message.starts_with("KMS key access denied error: "), "{message}");
}

fn replicate(caller: &Caller<'_>, create: Value) -> Reply {
    let request = json!({"TableName": "vault", "ReplicaUpdates": [{"Create": create}]});
    caller.call("dynamodb", "UpdateTable", request)
}

fn pass(cloud: &Cloud) {
    cloud.advance(Duration::from_secs(2));
    cloud.reconcile();
    cloud.reconcile();
}

#[test]
fn each_replica_has_a_key_of_its_own_region() {
    let cloud = Cloud::new();
    let east = cloud.root(ONE);
    let west = east.in_region("us-west-2");
    let (here, there) = (key(&east), key(&west));
    vault(&cloud, &east, &here);
    put(&east, "a", 1).ok();
    replicate(&east, json!({"RegionName": "us-west-2"})).refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: KMSMasterKeyId must be specified for each replica.",
    );
    let foreign = replicate(&east, json!({"RegionName": "us-west-2", "KMSMasterKeyId": here}));
    foreign.refused(400, "ValidationException");
    replicate(&east, json!({"RegionName": "us-west-2", "KMSMasterKeyId": there})).ok();
    pass(&cloud);
    let described = |caller: &Caller<'_>| {
        let out = caller.call("dynamodb", "DescribeTable", json!({"TableName": "vault"})).ok();
        json!([
            out["Table"]["SSEDescription"]["KMSMasterKeyArn"],
            out["Table"]["Replicas"][0]["KMSMasterKeyId"]
        ])
    };
    assert_eq!(described(&east), json!([here, there]));
    assert_eq!(described(&west), json!([there, here]));
    put(&east, "b", 2).ok();
    put(&west, "a", 3).ok();
    pass(&cloud);
    for caller in [&east, &west] {
        assert_eq!(state(caller, "vault"), "a3 b2");
    }
    assert_eq!(in_clear(&cloud), 0);
    let change = json!({"TableName": "vault", "SSESpecification": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": here}});
    east.call("dynamodb", "UpdateTable", change).refused_with(
        400,
        "ValidationException",
        "Invalid operation: Customer Managed CMKs on Global Table Version 2019.11.21 replicas cannot be updated through SSESpecification parameter and can only be updated through ReplicaUpdates parameter",
    );
    // A key that is disabled closes its replica alone, which has what came meanwhile when it is enabled again.
    disable(&west, &there);
    cloud.advance(Duration::from_secs(301));
    closed(west.call("dynamodb", "Scan", json!({"TableName": "vault"})));
    put(&east, "c", 4).ok();
    pass(&cloud);
    west.call("kms", "EnableKey", json!({"KeyId": there})).ok();
    pass(&cloud);
    assert_eq!((state(&east, "vault"), state(&west, "vault")), ("a3 b2 c4".into(), "a3 b2 c4".into()));
}

#[test]
fn replicas_under_the_accounts_own_key_name_none() {
    let cloud = Cloud::new();
    let east = cloud.root(ONE);
    let west = east.in_region("us-west-2");
    let mut request = table("vault", false);
    request["SSESpecification"] = json!({"Enabled": true});
    make(&cloud, &east, request);
    put(&east, "a", 1).ok();
    let named = json!({"RegionName": "us-west-2", "KMSMasterKeyId": key(&west)});
    replicate(&east, named).refused(400, "ValidationException");
    replicate(&east, json!({"RegionName": "us-west-2"})).ok();
    pass(&cloud);
    assert_eq!((state(&west, "vault"), in_clear(&cloud)), ("a1".to_owned(), 0));
    let out = west.call("dynamodb", "DescribeTable", json!({"TableName": "vault"})).ok();
    let arn = out["Table"]["SSEDescription"]["KMSMasterKeyArn"].as_str().unwrap();
    assert!(arn.starts_with(&format!("arn:aws:kms:us-west-2:{ONE}:key/")), "{arn}");
}
