//! DynamoDB's backups and recovery to a moment: what they hold, what they restore, and for how long.

use crate::dynamodb_tables::{ONE, indexed, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const START: i64 = 1_768_478_400;
const DAY: Duration = Duration::from_secs(86_400);

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn put(caller: &Caller<'_>, name: &str, pk: &str, v: &str) {
    caller.call("dynamodb", "PutItem", json!({"TableName": name, "Item": {"pk": s(pk), "v": s(v)}})).ok();
}

fn delete(caller: &Caller<'_>, name: &str, pk: &str) {
    caller.call("dynamodb", "DeleteItem", json!({"TableName": name, "Key": {"pk": s(pk)}})).ok();
}

/// `a=1 b=2`
fn state(caller: &Caller<'_>, name: &str) -> String {
    let found = caller.call("dynamodb", "Scan", json!({"TableName": name})).ok();
    let text =
        |item: &Value| format!("{}={}", item["pk"]["S"].as_str().unwrap(), item["v"]["S"].as_str().unwrap());
    let mut all: Vec<String> = found["Items"].as_array().unwrap().iter().map(text).collect();
    all.sort();
    all.join(" ")
}

fn backup(caller: &Caller<'_>, name: &str) -> String {
    let request = json!({"TableName": name, "BackupName": "mine"});
    let made = caller.call("dynamodb", "CreateBackup", request).ok();
    made["BackupDetails"]["BackupArn"].as_str().unwrap().to_owned()
}

fn restore(cloud: &Cloud, caller: &Caller<'_>, arn: &str, target: &str) -> String {
    let request = json!({"TargetTableName": target, "BackupArn": arn});
    caller.call("dynamodb", "RestoreTableFromBackup", request).ok();
    cloud.reconcile();
    state(caller, target)
}

fn recovery(caller: &Caller<'_>, name: &str, enabled: bool) -> Value {
    let request = json!({"TableName": name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}});
    let out = caller.call("dynamodb", "UpdateContinuousBackups", request).ok();
    out["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone()
}

fn restore_to(cloud: &Cloud, caller: &Caller<'_>, source: &str, target: &str, at: i64) -> String {
    let request = json!({"SourceTableName": source, "TargetTableName": target, "RestoreDateTime": at});
    caller.call("dynamodb", "RestoreTableToPointInTime", request).ok();
    cloud.reconcile();
    state(caller, target)
}

#[test]
fn a_backup_is_the_table_as_it_was() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("source", false));
    for (pk, v) in [("a", "1"), ("b", "1"), ("c", "1")] {
        put(&root, "source", pk, v);
    }
    let first = backup(&root, "source");
    put(&root, "source", "a", "2");
    delete(&root, "source", "b");
    put(&root, "source", "d", "2");
    let second = backup(&root, "source");
    put(&root, "source", "a", "3");
    put(&root, "source", "b", "3");
    delete(&root, "source", "c");
    delete(&root, "source", "d");
    put(&root, "source", "d", "3");
    assert_eq!(restore(&cloud, &root, &first, "one"), "a=1 b=1 c=1");
    assert_eq!(restore(&cloud, &root, &second, "two"), "a=2 c=1 d=2");
    assert_eq!(state(&root, "source"), "a=3 b=3 d=3");
    // What the later one has saved goes to the earlier one with it.
    root.call("dynamodb", "DeleteBackup", json!({"BackupArn": second})).ok();
    cloud.reconcile();
    put(&root, "source", "c", "4");
    assert_eq!(restore(&cloud, &root, &first, "three"), "a=1 b=1 c=1");
    root.call("dynamodb", "DeleteTable", json!({"TableName": "source"})).ok();
    cloud.reconcile();
    assert_eq!(restore(&cloud, &root, &first, "four"), "a=1 b=1 c=1");
    root.call("dynamodb", "DeleteBackup", json!({"BackupArn": first})).ok();
    cloud.reconcile();
    root.call("dynamodb", "DescribeBackup", json!({"BackupArn": first})).refused_with(
        400,
        "BackupNotFoundException",
        &format!("Backup not found: {first}"),
    );
}

#[test]
fn backups_are_described_and_listed() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("source", true);
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    make(&cloud, &root, request);
    let item = json!({"TableName": "source", "Item": {"pk": s("a"), "sk": {"N": "1"}}});
    root.call("dynamodb", "PutItem", item).ok();
    let made =
        root.call("dynamodb", "CreateBackup", json!({"TableName": "source", "BackupName": "mine"})).ok();
    let details = &made["BackupDetails"];
    assert_eq!((&details["BackupStatus"], &details["BackupType"]), (&json!("CREATING"), &json!("USER")));
    let arn = details["BackupArn"].as_str().unwrap();
    assert!(
        arn.starts_with(&format!("arn:aws:dynamodb:us-east-1:{ONE}:table/source/backup/01768478400000-")),
        "{arn}"
    );
    let described = root.call("dynamodb", "DescribeBackup", json!({"BackupArn": arn})).ok();
    let described = &described["BackupDescription"];
    assert_eq!(described["BackupDetails"]["BackupStatus"], "AVAILABLE");
    let source = &described["SourceTableDetails"];
    assert_eq!((&source["ItemCount"], &source["BillingMode"]), (&json!(1), &json!("PAY_PER_REQUEST")));
    assert_eq!(source["KeySchema"].as_array().unwrap().len(), 2);
    assert_eq!(
        described["SourceTableFeatureDetails"],
        json!({"StreamDescription": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}})
    );
    cloud.advance(Duration::from_secs(60));
    let other = backup(&root, "source");
    let list = |more: Value| {
        let out = root.call("dynamodb", "ListBackups", more).ok();
        let arns: Vec<String> = out["BackupSummaries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["BackupArn"].as_str().unwrap().to_owned())
            .collect();
        (arns, out.get("LastEvaluatedBackupArn").cloned())
    };
    assert_eq!(list(json!({"TableName": "source"})), (vec![arn.to_owned(), other.clone()], None));
    assert_eq!(list(json!({"Limit": 1})), (vec![arn.to_owned()], Some(json!(arn))));
    assert_eq!(list(json!({"ExclusiveStartBackupArn": arn})), (vec![other.clone()], None));
    // As recorded of AWS: both bounds belong to the range.
    assert_eq!(list(json!({"TimeRangeUpperBound": START + 59})).0, [arn]);
    assert_eq!(list(json!({"TimeRangeUpperBound": START + 60})).0, [arn, other.as_str()]);
    assert_eq!(list(json!({"TimeRangeLowerBound": START + 60})).0, [other.as_str()]);
    assert!(list(json!({"BackupType": "SYSTEM"})).0.is_empty());
    assert!(list(json!({"TableName": "nothere"})).0.is_empty());
    root.call("dynamodb", "ListBackups", json!({"TimeRangeLowerBound": 2, "TimeRangeUpperBound": 1})).refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: Time range lower bound must be less than or equal to upper bound",
    );
    root.call("dynamodb", "CreateBackup", json!({"TableName": "nothere", "BackupName": "mine"}))
        .refused_with(400, "TableNotFoundException", "Table not found: nothere");
    let table_arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/source");
    root.call("dynamodb", "DescribeBackup", json!({"BackupArn": table_arn})).refused_with(
        400,
        "ValidationException",
        "Invalid Backup ARN",
    );
}

/// As recorded of AWS: less is told of it than of one that is made new.
#[test]
fn a_table_that_is_being_restored_tells_its_billing_mode() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let one = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let mut provisioned = indexed("provisioned", false);
    provisioned["BillingMode"] = json!("PROVISIONED");
    provisioned["ProvisionedThroughput"] = one.clone();
    provisioned["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = one;
    make(&cloud, &root, provisioned);
    make(&cloud, &root, indexed("on-demand", false));
    for (source, mode, units) in [
        (
            "provisioned",
            "PROVISIONED",
            json!({"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 1, "WriteCapacityUnits": 1}),
        ),
        ("on-demand", "PAY_PER_REQUEST", json!({"ReadCapacityUnits": 0, "WriteCapacityUnits": 0})),
    ] {
        let arn = backup(&root, source);
        let request = json!({"TargetTableName": format!("again-{source}"), "BackupArn": arn});
        let told = root.call("dynamodb", "RestoreTableFromBackup", request).ok()["TableDescription"].clone();
        assert_eq!(told["BillingModeSummary"], json!({"BillingMode": mode}));
        assert_eq!(told["ProvisionedThroughput"], units);
        assert!(told.get("DeletionProtectionEnabled").is_none());
        assert!(told["GlobalSecondaryIndexes"][0].get("IndexStatus").is_none());
        cloud.reconcile();
        let name = json!({"TableName": format!("again-{source}")});
        let table = root.call("dynamodb", "DescribeTable", name).ok()["Table"].clone();
        assert_eq!(table["DeletionProtectionEnabled"], false);
        assert_eq!(table["GlobalSecondaryIndexes"][0]["IndexStatus"], "ACTIVE");
    }
}

/// As recorded of AWS.
#[test]
fn a_table_that_is_being_restored_is_described_and_not_there_otherwise() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let one = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let mut request = indexed("source", false);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = one.clone();
    request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = one;
    let mut index = request["GlobalSecondaryIndexes"][0].clone();
    index.as_object_mut().unwrap().remove("ProvisionedThroughput");
    make(&cloud, &root, request);
    let arn = backup(&root, "source");
    let restore = |more: Value| {
        let mut request = json!({"TargetTableName": "again", "BackupArn": arn});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "RestoreTableFromBackup", request)
    };
    let limits = json!({"MaxReadRequestUnits": 0});
    for (more, message) in [
        (
            json!({"GlobalSecondaryIndexOverride": [index]}),
            "Invalid Request: Must specify provisioned throughput for index by-g",
        ),
        (
            json!({"BillingModeOverride": "PAY_PER_REQUEST", "OnDemandThroughputOverride": limits}),
            "Invalid Request: Requested MaxReadRequestUnits for OnDemandThroughput is outside of valid range",
        ),
    ] {
        restore(more).refused_with(400, "ValidationException", message);
    }
    restore(json!({"BillingModeOverride": "PAY_PER_REQUEST", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 7}})).ok();
    let table = json!({"TableName": "again"});
    let ttl =
        json!({"TableName": "again", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "at"}});
    let policy = json!({"ResourceArn": format!("arn:aws:dynamodb:us-east-1:{ONE}:table/again")});
    for (operation, request) in [
        ("UpdateTable", json!({"TableName": "again", "DeletionProtectionEnabled": true})),
        ("DescribeTimeToLive", table.clone()),
        ("UpdateTimeToLive", ttl),
        ("DescribeContributorInsights", table.clone()),
        ("GetResourcePolicy", policy),
    ] {
        root.call("dynamodb", operation, request).refused_with(
            400,
            "ResourceNotFoundException",
            "Requested resource not found: Table: again not found",
        );
    }
    root.call("dynamodb", "CreateTable", crate::dynamodb_tables::table("again", false)).refused_with(
        400,
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being used: again",
    );
    cloud.reconcile();
    let again = root.call("dynamodb", "DescribeTable", table.clone()).ok()["Table"].clone();
    assert_eq!(
        (&again["TableStatus"], &again["OnDemandThroughput"]["MaxReadRequestUnits"]),
        (&json!("ACTIVE"), &json!(7))
    );
    root.call("dynamodb", "DescribeTimeToLive", table).ok();
    // A backup keeps the limits.
    let told = json!({"BackupArn": backup(&root, "again")});
    let told = root.call("dynamodb", "DescribeBackup", told).ok()["BackupDescription"].clone();
    assert_eq!(told["SourceTableDetails"]["OnDemandThroughput"], json!({"MaxReadRequestUnits": 7}));
}

#[test]
fn any_moment_of_the_window_comes_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("source", false));
    put(&root, "source", "a", "0");
    put(&root, "source", "b", "0");
    let enabled = recovery(&root, "source", true);
    assert_eq!(
        enabled,
        json!({"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35, "EarliestRestorableDateTime": START, "LatestRestorableDateTime": START})
    );
    let step = |seconds: u64| cloud.advance(Duration::from_secs(seconds));
    step(10);
    put(&root, "source", "a", "10");
    delete(&root, "source", "b");
    step(10);
    put(&root, "source", "b", "20");
    put(&root, "source", "c", "20");
    step(10);
    let transaction = json!({"TransactItems": [
        {"Delete": {"TableName": "source", "Key": {"pk": s("a")}}},
        {"Put": {"TableName": "source", "Item": {"pk": s("d"), "v": s("30")}}},
    ]});
    root.call("dynamodb", "TransactWriteItems", transaction).ok();
    step(10);
    for (target, at, expected) in [
        ("at-0", 0, "a=0 b=0"),
        ("at-9", 9, "a=0 b=0"),
        ("at-10", 10, "a=10"),
        ("at-25", 25, "a=10 b=20 c=20"),
        ("at-30", 30, "b=20 c=20 d=30"),
        ("at-40", 40, "b=20 c=20 d=30"),
    ] {
        assert_eq!(restore_to(&cloud, &root, "source", target, START + at), expected, "{target}");
    }
    put(&root, "source", "e", "40");
    let latest =
        json!({"SourceTableName": "source", "TargetTableName": "latest", "UseLatestRestorableTime": true});
    let made = root.call("dynamodb", "RestoreTableToPointInTime", latest).ok();
    let summary = &made["TableDescription"]["RestoreSummary"];
    assert_eq!(summary["RestoreInProgress"], true);
    assert_eq!(summary["SourceTableArn"], format!("arn:aws:dynamodb:us-east-1:{ONE}:table/source"));
    cloud.reconcile();
    assert_eq!(state(&root, "latest"), "b=20 c=20 d=30 e=40");
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "latest"})).ok();
    assert!(described["Table"].get("RestoreSummary").is_none());
}

#[test]
fn the_window_moves_with_the_clock() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("source", false));
    let week = json!({"TableName": "source", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7}});
    root.call("dynamodb", "UpdateContinuousBackups", week).ok();
    put(&root, "source", "a", "1");
    cloud.advance(4 * DAY);
    put(&root, "source", "a", "2");
    cloud.reconcile();
    cloud.advance(4 * DAY);
    put(&root, "source", "a", "3");
    cloud.reconcile();
    let day = 86_400;
    let request =
        |at: i64| json!({"SourceTableName": "source", "TargetTableName": "target", "RestoreDateTime": at});
    root.call("dynamodb", "RestoreTableToPointInTime", request(START)).refused_with(
        400,
        "InvalidRestoreTimeException",
        "RestoreDateTime '2026-01-15T12:00:00Z' must be within EarliestRestorableDateTime '2026-01-16T12:00:00Z' and LatestRestorableDateTime '2026-01-23T12:00:00Z'",
    );
    root.call("dynamodb", "RestoreTableToPointInTime", request(START + 9 * day))
        .refused(400, "InvalidRestoreTimeException");
    assert_eq!(restore_to(&cloud, &root, "source", "early", START + day), "a=1");
    assert_eq!(restore_to(&cloud, &root, "source", "middle", START + 5 * day), "a=2");
    assert_eq!(recovery(&root, "source", false), json!({"PointInTimeRecoveryStatus": "DISABLED"}));
    root.call("dynamodb", "RestoreTableToPointInTime", request(START + 5 * day)).refused_with(
        400,
        "PointInTimeRecoveryUnavailableException",
        "Point in time recovery is not enabled for table 'source'",
    );
}

#[test]
fn a_deleted_table_leaves_a_backup_of_its_own() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("source", false));
    recovery(&root, "source", true);
    put(&root, "source", "a", "1");
    root.call("dynamodb", "DeleteTable", json!({"TableName": "source"})).ok();
    cloud.reconcile();
    let listed = root.call("dynamodb", "ListBackups", json!({"BackupType": "ALL"})).ok();
    let summary = &listed["BackupSummaries"][0];
    assert_eq!(
        (&summary["BackupName"], &summary["BackupType"]),
        (&json!("source$DeletedTableBackup"), &json!("SYSTEM"))
    );
    let arn = summary["BackupArn"].as_str().unwrap();
    let denied =
        root.call("dynamodb", "DeleteBackup", json!({"BackupArn": arn})).refused(400, "ValidationException");
    assert_eq!(
        denied,
        format!(
            "Invalid Request: User is not allowed to delete the system backup with arn {arn}. It will automatically expire on 2026-02-19T12:00:00Z"
        )
    );
    assert_eq!(restore(&cloud, &root, arn, "back"), "a=1");
    cloud.advance(36 * DAY);
    cloud.reconcile();
    assert_eq!(
        root.call("dynamodb", "ListBackups", json!({"BackupType": "ALL"})).ok()["BackupSummaries"],
        json!([])
    );
}

#[test]
fn restores_may_differ_from_their_source() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("source", true);
    let define = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    request["AttributeDefinitions"].as_array_mut().unwrap().extend([define("g"), define("l")]);
    let keys = |a: &str, b: &str| json!([{"AttributeName": a, "KeyType": "HASH"}, {"AttributeName": b, "KeyType": "RANGE"}]);
    let all = json!({"ProjectionType": "ALL"});
    request["GlobalSecondaryIndexes"] =
        json!([{"IndexName": "by-g", "KeySchema": keys("g", "sk"), "Projection": all}]);
    request["LocalSecondaryIndexes"] =
        json!([{"IndexName": "by-l", "KeySchema": keys("pk", "l"), "Projection": all}]);
    request["DeletionProtectionEnabled"] = json!(true);
    request["Tags"] = json!([{"Key": "k", "Value": "v"}]);
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    make(&cloud, &root, request);
    let item = json!({"pk": s("a"), "sk": {"N": "1"}, "g": s("x"), "l": s("y")});
    root.call("dynamodb", "PutItem", json!({"TableName": "source", "Item": item})).ok();
    let arn = backup(&root, "source");
    let call = |target: &str, more: Value| {
        let mut request = json!({"TargetTableName": target, "BackupArn": arn});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "RestoreTableFromBackup", request)
    };
    let plain = call("plain", json!({})).ok()["TableDescription"].clone();
    assert_eq!(
        (&plain["TableStatus"], &plain["RestoreSummary"]["SourceBackupArn"]),
        (&json!("CREATING"), &json!(arn))
    );
    call("other", json!({})).refused_with(
        400,
        "BackupInUseException",
        &format!("Backup is being used to restore another table: {arn}"),
    );
    root.call("dynamodb", "DeleteBackup", json!({"BackupArn": arn})).refused_with(
        400,
        "BackupInUseException",
        &format!("Backup is being used to restore table: {arn}"),
    );
    call("plain", json!({})).refused_with(
        400,
        "TableInUseException",
        &format!("Table: plain is already being restored from backup: {arn}"),
    );
    cloud.reconcile();
    call("source", json!({})).refused_with(
        400,
        "TableAlreadyExistsException",
        "Table already exists: source",
    );
    let table = root.call("dynamodb", "DescribeTable", json!({"TableName": "plain"})).ok()["Table"].clone();
    assert_eq!(
        (&table["TableStatus"], &table["DeletionProtectionEnabled"]),
        (&json!("ACTIVE"), &json!(false))
    );
    assert!(table.get("StreamSpecification").is_none() && table.get("LatestStreamArn").is_none());
    assert_eq!(table["GlobalSecondaryIndexes"][0]["ItemCount"], 1);
    for (index, condition) in [("by-g", "g = :v"), ("by-l", "pk = :a AND l = :v")] {
        let value = if index == "by-g" { "x" } else { "y" };
        let mut values = json!({":v": s(value)});
        if index == "by-l" {
            values[":a"] = s("a");
        }
        let query = json!({"TableName": "plain", "IndexName": index, "KeyConditionExpression": condition, "ExpressionAttributeValues": values});
        assert_eq!(root.call("dynamodb", "Query", query).ok()["Count"], 1, "{index}");
    }
    let tags = root.call("dynamodb", "ListTagsOfResource", json!({"ResourceArn": table["TableArn"]})).ok();
    assert_eq!(tags["Tags"], json!([]));
    let bare = json!({"GlobalSecondaryIndexOverride": [], "LocalSecondaryIndexOverride": [], "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}});
    let bare = call("bare", bare).ok()["TableDescription"].clone();
    assert!(bare.get("GlobalSecondaryIndexes").is_none() && bare.get("LocalSecondaryIndexes").is_none());
    assert_eq!(
        (
            &bare["ProvisionedThroughput"]["ReadCapacityUnits"],
            bare["AttributeDefinitions"].as_array().unwrap().len()
        ),
        (&json!(3), 2)
    );
    cloud.reconcile();
    let invalid = "Invalid Request: ";
    let units = json!({"ReadCapacityUnits": 3, "WriteCapacityUnits": 4});
    for (more, message) in [
        (
            json!({"ProvisionedThroughputOverride": units}),
            "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
        ),
        (
            json!({"BillingModeOverride": "PROVISIONED"}),
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        ),
        (
            json!({"BillingModeOverride": "PAY_PER_REQUEST", "ProvisionedThroughputOverride": units}),
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
        ),
        (
            json!({"BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units}),
            "Must specify provisioned throughput for index by-g",
        ),
        (
            json!({"GlobalSecondaryIndexOverride": [{"IndexName": "new", "KeySchema": [{"AttributeName": "l", "KeyType": "HASH"}], "Projection": all}]}),
            "Index new does not match a secondary index that existed in the source table and cannot be created during the restore operation",
        ),
    ] {
        call("wrong", more).refused_with(400, "ValidationException", &format!("{invalid}{message}"));
    }
    let renamed = json!({"GlobalSecondaryIndexOverride": [{"IndexName": "renamed", "KeySchema": keys("g", "sk"), "Projection": all}]});
    assert_eq!(
        call("renamed", renamed).ok()["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexName"],
        "renamed"
    );
}

#[test]
fn requests_for_a_moment_are_checked() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("source", false));
    let restore = |request: Value| root.call("dynamodb", "RestoreTableToPointInTime", request);
    let source = json!({"SourceTableName": "source", "TargetTableName": "target"});
    let with = |more: Value| {
        let mut request = source.clone();
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    restore(source.clone()).refused_with(400, "ValidationException", "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both");
    restore(with(json!({"UseLatestRestorableTime": true, "RestoreDateTime": START})))
        .refused(400, "ValidationException");
    restore(with(json!({"UseLatestRestorableTime": true, "SourceTableArn": format!("arn:aws:dynamodb:us-east-1:{ONE}:table/source")})))
        .refused_with(400, "ValidationException", "Must provide exactly one of: sourceTableArn, sourceTableName");
    restore(
        json!({"TargetTableName": "target", "UseLatestRestorableTime": true, "SourceTableName": "nothere"}),
    )
    .refused_with(400, "TableNotFoundException", "Table not found: nothere");
    restore(json!({"TargetTableName": "target", "UseLatestRestorableTime": true}))
        .refused(400, "ValidationException");
    let off = json!({"TableName": "source", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false, "RecoveryPeriodInDays": 3}});
    root.call("dynamodb", "UpdateContinuousBackups", off).refused_with(
        400,
        "ValidationException",
        "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
    );
    recovery(&root, "source", true);
    restore(with(json!({"UseLatestRestorableTime": true, "TargetTableName": "source"}))).refused_with(
        400,
        "TableAlreadyExistsException",
        "Table already exists: source",
    );
    let user = cloud.user(&root, "eva", &json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:RestoreTableToPointInTime", "Resource": "*"}}).to_string());
    let denied =
        user.call("dynamodb", "RestoreTableToPointInTime", with(json!({"UseLatestRestorableTime": true})));
    let message = denied.refused(400, "AccessDeniedException");
    assert!(
        message.contains(
            "dynamodb:BatchWriteItem on resource: arn:aws:dynamodb:us-east-1:111111111111:table/target"
        ),
        "{message}"
    );
}

#[test]
fn sealed_tables_are_restored_under_a_key_of_their_own() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("source", false);
    let made = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].clone();
    request["SSESpecification"] = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": made});
    make(&cloud, &root, request);
    put(&root, "source", "a", "1");
    let arn = backup(&root, "source");
    put(&root, "source", "a", "2");
    put(&root, "source", "b", "2");
    assert_eq!(restore(&cloud, &root, &arn, "from-backup"), "a=1");
    let key = |name: &str| {
        let described = root.call("dynamodb", "DescribeTable", json!({"TableName": name})).ok();
        described["Table"]["SSEDescription"]["KMSMasterKeyArn"].clone()
    };
    assert!(key("source").is_string());
    assert_eq!(key("from-backup"), key("source"));
    let open =
        json!({"TargetTableName": "open", "BackupArn": arn, "SSESpecificationOverride": {"Enabled": false}});
    root.call("dynamodb", "RestoreTableFromBackup", open).ok();
    cloud.reconcile();
    assert_eq!((state(&root, "open").as_str(), key("open")), ("a=1", Value::Null));
}
