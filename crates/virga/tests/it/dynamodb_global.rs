//! DynamoDB's global tables: replicas come and go, and take each other's writes.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn put(caller: &Caller<'_>, pk: &str, v: &str) {
    caller.call("dynamodb", "PutItem", json!({"TableName": "shared", "Item": {"pk": s(pk), "v": s(v)}})).ok();
}

fn delete(caller: &Caller<'_>, pk: &str) {
    caller.call("dynamodb", "DeleteItem", json!({"TableName": "shared", "Key": {"pk": s(pk)}})).ok();
}

/// `a=1 b=2`
fn state(caller: &Caller<'_>) -> String {
    let found = caller.call("dynamodb", "Scan", json!({"TableName": "shared"})).ok();
    let text =
        |item: &Value| format!("{}={}", item["pk"]["S"].as_str().unwrap(), item["v"]["S"].as_str().unwrap());
    let mut all: Vec<String> = found["Items"].as_array().unwrap().iter().map(text).collect();
    all.sort();
    all.join(" ")
}

fn update(caller: &Caller<'_>, updates: Value) -> Reply {
    caller.call("dynamodb", "UpdateTable", json!({"TableName": "shared", "ReplicaUpdates": updates}))
}

fn replicas(caller: &Caller<'_>) -> Vec<String> {
    let out = caller.call("dynamodb", "DescribeTable", json!({"TableName": "shared"})).ok();
    let one =
        |r: &Value| format!("{} {}", r["RegionName"].as_str().unwrap(), r["ReplicaStatus"].as_str().unwrap());
    out["Table"].get("Replicas").map_or(Vec::new(), |list| list.as_array().unwrap().iter().map(one).collect())
}

/// Some time passes, and everybody does what is to be done.
fn pass(cloud: &Cloud) {
    cloud.advance(Duration::from_secs(2));
    cloud.reconcile();
    cloud.reconcile();
}

/// `shared` in us-east-1 with the items a and b, and replicas in two other regions.
fn three<'c>(cloud: &'c Cloud) -> [Caller<'c>; 3] {
    let east = cloud.root(ONE);
    make(cloud, &east, table("shared", false));
    put(&east, "a", "0");
    put(&east, "b", "0");
    for region in ["eu-west-1", "us-west-2"] {
        update(&east, json!([{"Create": {"RegionName": region}}])).ok();
        cloud.reconcile();
        cloud.reconcile();
    }
    let (west, europe) = (east.in_region("us-west-2"), east.in_region("eu-west-1"));
    [east, west, europe]
}

#[test]
fn replicas_begin_with_everything_and_follow() {
    let cloud = Cloud::new();
    let [east, west, europe] = three(&cloud);
    assert_eq!(replicas(&east), ["eu-west-1 ACTIVE", "us-west-2 ACTIVE"]);
    assert_eq!(replicas(&europe), ["us-east-1 ACTIVE", "us-west-2 ACTIVE"]);
    let described = west.call("dynamodb", "DescribeTable", json!({"TableName": "shared"})).ok();
    assert_eq!(
        (&described["Table"]["GlobalTableVersion"], &described["Table"]["TableStatus"]),
        (&json!("2019.11.21"), &json!("ACTIVE"))
    );
    assert_eq!(state(&europe), "a=0 b=0");
    put(&east, "c", "1");
    put(&west, "d", "1");
    delete(&europe, "a");
    cloud.reconcile();
    assert_eq!(state(&east), "a=0 b=0 c=1", "it takes its time");
    pass(&cloud);
    for region in [&east, &west, &europe] {
        assert_eq!(state(region), "b=0 c=1 d=1", "{}", region.region);
    }
    let item = europe.call("dynamodb", "GetItem", json!({"TableName": "shared", "Key": {"pk": s("c")}})).ok();
    assert_eq!(item["Item"], json!({"pk": s("c"), "v": s("1")}), "nothing is added to items");
    let role = json!({"RoleName": "AWSServiceRoleForDynamoDBReplication"});
    east.call("iam", "GetRole", role).ok();
}

#[test]
fn the_last_writer_wins() {
    let cloud = Cloud::new();
    let [east, west, europe] = three(&cloud);
    put(&east, "a", "east");
    cloud.advance(Duration::from_millis(50));
    put(&west, "a", "west");
    cloud.advance(Duration::from_millis(50));
    put(&europe, "b", "europe");
    cloud.advance(Duration::from_millis(50));
    delete(&east, "b");
    pass(&cloud);
    for region in [&east, &west, &europe] {
        assert_eq!(state(region), "a=west", "{}", region.region);
    }
    // At the very same time: everywhere the same one.
    put(&east, "c", "east");
    put(&west, "c", "west");
    pass(&cloud);
    assert_eq!([state(&east), state(&west), state(&europe)], ["a=west c=west"; 3]);
    // Two writes of one region at the same time stay in their order.
    put(&east, "d", "1");
    put(&east, "d", "2");
    pass(&cloud);
    assert_eq!(state(&europe), "a=west c=west d=2");
}

#[test]
fn replicated_writes_are_in_the_stream_once() {
    let cloud = Cloud::new();
    let [east, west, _] = three(&cloud);
    put(&east, "x", "1");
    pass(&cloud);
    pass(&cloud);
    let described = west.call("dynamodb", "DescribeTable", json!({"TableName": "shared"})).ok();
    let arn = &described["Table"]["LatestStreamArn"];
    let stream = west.call("dynamodbstreams", "DescribeStream", json!({"StreamArn": arn})).ok();
    let mut names = Vec::new();
    for shard in stream["StreamDescription"]["Shards"].as_array().unwrap() {
        let request =
            json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        let iterator =
            west.call("dynamodbstreams", "GetShardIterator", request).ok()["ShardIterator"].clone();
        let page = west.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": iterator})).ok();
        names.extend(
            page["Records"].as_array().unwrap().iter().map(|r| r["dynamodb"]["Keys"]["pk"]["S"].clone()),
        );
    }
    assert_eq!(names, [json!("x")], "{names:?}");
}

#[test]
fn what_replicas_share_changes_everywhere() {
    let cloud = Cloud::new();
    let [east, west, europe] = three(&cloud);
    let index = json!({"Create": {"IndexName": "by-v", "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}});
    let request = json!({"TableName": "shared", "AttributeDefinitions": [{"AttributeName": "v", "AttributeType": "S"}], "GlobalSecondaryIndexUpdates": [index]});
    west.call("dynamodb", "UpdateTable", request).ok();
    let ttl = json!({"TableName": "shared", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}});
    cloud.reconcile();
    east.call("dynamodb", "UpdateTimeToLive", ttl).ok();
    cloud.reconcile();
    let query = json!({"TableName": "shared", "IndexName": "by-v", "KeyConditionExpression": "v = :v", "ExpressionAttributeValues": {":v": s("0")}});
    assert_eq!(europe.call("dynamodb", "Query", query).ok()["Count"], 2);
    let described = west.call("dynamodb", "DescribeTimeToLive", json!({"TableName": "shared"})).ok();
    assert_eq!(described["TimeToLiveDescription"]["AttributeName"], "until");
}

#[test]
fn replicas_go() {
    let cloud = Cloud::new();
    let [east, west, europe] = three(&cloud);
    let within = "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in the last 24 hours.";
    update(&europe, json!([{"Delete": {"RegionName": "us-east-1"}}])).refused_with(
        400,
        "ValidationException",
        within,
    );
    east.call("dynamodb", "DeleteTable", json!({"TableName": "shared"})).refused_with(
        400,
        "ValidationException",
        within,
    );
    update(&east, json!([{"Delete": {"RegionName": "us-west-2"}}])).ok();
    assert_eq!(replicas(&europe), ["us-east-1 ACTIVE", "us-west-2 DELETING"]);
    cloud.reconcile();
    cloud.reconcile();
    west.call("dynamodb", "DescribeTable", json!({"TableName": "shared"}))
        .refused(400, "ResourceNotFoundException");
    assert_eq!(replicas(&east), ["eu-west-1 ACTIVE"]);
    // A replica may also be deleted as a table.
    europe.call("dynamodb", "DeleteTable", json!({"TableName": "shared"})).ok();
    cloud.reconcile();
    cloud.reconcile();
    assert!(replicas(&east).is_empty());
    put(&east, "z", "1");
    pass(&cloud);
    assert_eq!(state(&east), "a=0 b=0 z=1");
}

#[test]
fn wrong_replicas_are_refused() {
    let cloud = Cloud::new();
    let east = cloud.root(ONE);
    make(&cloud, &east, table("shared", false));
    let mut taken = table("shared", false);
    taken["BillingMode"] = json!("PROVISIONED");
    taken["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    make(&cloud, &east.in_region("us-west-2"), taken);
    let create = |region: &str| json!([{"Create": {"RegionName": region}}]);
    let invalid = "ValidationException";
    for (updates, message) in [
        (
            create("us-east-1"),
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable as required.",
        ),
        (
            create("us-west-2"),
            "Failed to create a the new replica of table with name: ‘shared’ because one or more replicas already existed as tables.",
        ),
        (json!([{}]), "There are no actions specified in the Replica Update Action of the request."),
        (
            json!([{"Delete": {"RegionName": "eu-west-1"}}]),
            "Update global table operation failed because one or more replicas were not part of the global table. Please retry the request without these replicas: [eu-west-1].",
        ),
        (
            json!([{"Create": {"RegionName": "eu-west-1"}}, {"Create": {"RegionName": "eu-west-2"}}]),
            "Update table operation with more than one create or delete replica actions not allowed",
        ),
    ] {
        update(&east, updates).refused_with(400, invalid, message);
    }
    let nowhere = update(&east, create("xx-fake-1")).refused(400, invalid);
    assert!(
        nowhere.starts_with(
            "Region xx-fake-1 is not supported. The latest version of global tables are only supported"
        ),
        "{nowhere}"
    );
    update(&east.in_region("us-west-2"), create("eu-west-1")).refused_with(
        400,
        invalid,
        "Table write capacity should either be Pay-Per-Request or AutoScaled.",
    );
    let both = json!({"TableName": "shared", "ReplicaUpdates": create("eu-west-1"), "DeletionProtectionEnabled": true});
    east.call("dynamodb", "UpdateTable", both).refused_with(400, invalid, "One or more parameter values were invalid: Replica modification must be the only operation in the request");
    let legacy = "One or more parameter values were invalid: DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy).";
    let group = json!({"GlobalTableName": "shared", "ReplicationGroup": [{"RegionName": "us-east-1"}]});
    east.call("dynamodb", "CreateGlobalTable", group).refused_with(400, invalid, legacy);
    assert_eq!(east.call("dynamodb", "ListGlobalTables", json!({})).ok(), json!({"GlobalTables": []}));
    east.call("dynamodb", "DescribeGlobalTable", json!({"GlobalTableName": "shared"}))
        .refused(400, "GlobalTableNotFoundException");
    update(&east, create("eu-west-1")).ok();
    update(&east, create("eu-west-2")).refused(400, "ResourceInUseException");
    cloud.reconcile();
    cloud.reconcile();
    let off = json!({"TableName": "shared", "StreamSpecification": {"StreamEnabled": false}});
    east.call("dynamodb", "UpdateTable", off).refused_with(400, invalid, "One or more parameter values were invalid: Disabling Stream is not allowed for a Global Table replica.");
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:UpdateTable", "Resource": "*"}}).to_string();
    let eva = cloud.user(&east, "eva", &policy);
    let denied = update(&eva, create("eu-west-3")).refused(400, "AccessDeniedException");
    assert!(
        denied.contains(
            "dynamodb:CreateTableReplica on resource: arn:aws:dynamodb:eu-west-3:111111111111:table/shared"
        ),
        "{denied}"
    );
}
