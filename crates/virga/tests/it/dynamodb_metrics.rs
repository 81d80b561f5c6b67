//! What CloudWatch is told of tables: units, latencies, throttles, errors, and what is provisioned.

use crate::dynamodb_tables::{ONE, indexed, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

/// The burst of one unit a second.
const BURST: usize = 300;

/// A statistic of a metric in the clock's first hours; nothing where there are no data.
fn asked(
    root: &Caller<'_>,
    name: &str,
    dimensions: &[(&str, &str)],
    statistic: &str,
    period: u32,
) -> Vec<f64> {
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let asked = json!({
        "Namespace": "AWS/DynamoDB", "MetricName": name, "Dimensions": dimensions, "Statistics": [statistic],
        "StartTime": "2026-01-15T12:00:00Z", "EndTime": "2026-01-15T14:00:00Z", "Period": period,
    });
    let answer = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    let mut points = answer["Datapoints"].as_array().cloned().unwrap_or_default();
    points.sort_by_key(|point| point["Timestamp"].to_string());
    points.iter().map(|point| number(&point[statistic])).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn whole(root: &Caller<'_>, name: &str, dimensions: &[(&str, &str)], statistic: &str) -> Option<f64> {
    asked(root, name, dimensions, statistic, 7_200).first().copied()
}

#[test]
fn requests() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, indexed("items", false));
    make(&cloud, &root, table("other", false));
    let item = |pk: &str, g: &str, bytes: usize| json!({"pk": {"S": pk}, "g": {"S": g}, "v": {"S": "x".repeat(bytes)}});
    let put = |item: Value| json!({"TableName": "items", "Item": item});
    root.call("dynamodb", "PutItem", put(item("a", "1", 1))).ok();
    root.call("dynamodb", "PutItem", put(item("b", "1", 1_500))).ok();
    let get = |consistent: bool| json!({"TableName": "items", "Key": {"pk": {"S": "a"}}, "ConsistentRead": consistent});
    root.call("dynamodb", "GetItem", get(true)).ok();
    root.call("dynamodb", "GetItem", get(false)).ok();
    let query = json!({
        "TableName": "items", "IndexName": "by-g", "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": "1"}},
    });
    root.call("dynamodb", "Query", query).ok();
    root.call("dynamodb", "Scan", json!({"TableName": "items", "Limit": 1})).ok();
    let select = json!({"Statement": "SELECT * FROM \"items\" WHERE pk = 'b'"});
    root.call("dynamodb", "ExecuteStatement", select).ok();
    // Refused for its condition: a unit is used, and it is no error of the user's.
    let mut fails = put(item("a", "1", 1));
    fails["ConditionExpression"] = json!("attribute_not_exists(pk)");
    root.call("dynamodb", "PutItem", fails).refused(400, "ConditionalCheckFailedException");
    root.call("dynamodb", "GetItem", json!({"TableName": "none", "Key": {"pk": {"S": "a"}}}))
        .refused(400, "ResourceNotFoundException");
    root.call("dynamodb", "Scan", json!({"TableName": "items", "Segment": 1}))
        .refused(400, "ValidationException");
    // Two tables, each once; a transaction costs twice.
    let batch = json!({"RequestItems": {
        "items": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}, "other": {"Keys": [{"pk": {"S": "a"}}]},
    }});
    root.call("dynamodb", "BatchGetItem", batch).ok();
    let part = |pk: &str| json!({"Put": {"TableName": "other", "Item": {"pk": {"S": pk}}}});
    root.call("dynamodb", "TransactWriteItems", json!({"TransactItems": [part("x"), part("y")]})).ok();
    cloud.reconcile();
    let (t, u) = (("TableName", "items"), ("TableName", "other"));
    let g = ("GlobalSecondaryIndexName", "by-g");
    let of =
        |name: &str, dimensions: &[(&str, &str)], statistic: &str| whole(&root, name, dimensions, statistic);
    let read = "ConsumedReadCapacityUnits";
    let write = "ConsumedWriteCapacityUnits";
    let sums = [
        // A consistent get, and halves: a get, a scan, a selection, two keys of a batch.
        (read, vec![t], 3.5),
        (read, vec![t, g], 0.5),
        (read, vec![u], 0.5),
        // 1, 2, and what failed.
        (write, vec![t], 4.0),
        (write, vec![t, g], 3.0),
        (write, vec![u], 4.0),
        ("ConditionalCheckFailedRequests", vec![t], 1.0),
        ("UserErrors", vec![], 2.0),
    ];
    for (name, dimensions, sum) in sums {
        assert_eq!(of(name, &dimensions, "Sum"), Some(sum), "{name} {dimensions:?}");
    }
    assert_eq!(of(read, &[t], "Maximum"), Some(1.0));
    assert_eq!(of(read, &[t], "SampleCount"), Some(6.0));
    let operations = [
        (t, "GetItem", 2.0),
        (t, "PutItem", 2.0),
        (t, "Query", 1.0),
        (t, "Scan", 1.0),
        (t, "ExecuteStatement", 1.0),
        (t, "BatchGetItem", 1.0),
        (u, "BatchGetItem", 1.0),
        (u, "TransactWriteItems", 1.0),
    ];
    for (table, operation, times) in operations {
        let own = [table, ("Operation", operation)];
        assert_eq!(of("SuccessfulRequestLatency", &own, "SampleCount"), Some(times), "{operation}");
        let (least, most) = (
            of("SuccessfulRequestLatency", &own, "Minimum"),
            of("SuccessfulRequestLatency", &own, "Maximum"),
        );
        assert!(
            least > Some(0.0) && most >= least && most < Some(60_000.0),
            "{operation} {least:?} {most:?}"
        );
    }
    let shown = |operation: &str| of("ReturnedItemCount", &[t, ("Operation", operation)], "Sum");
    assert_eq!([shown("Query"), shown("Scan"), shown("ExecuteStatement")], [Some(2.0), Some(1.0), Some(1.0)]);
    assert_eq!(shown("GetItem"), None);
    assert_eq!(of("ThrottledRequests", &[t, ("Operation", "GetItem")], "Sum"), None);
    // Another account has none of it.
    assert_eq!(whole(&cloud.root("222222222222"), read, &[t], "Sum"), None);
    // What waits is not lost when the cloud ends in order, and is told once.
    root.call("dynamodb", "GetItem", get(true)).ok();
    for reconciler in cloud.cloud.reconcilers() {
        reconciler.last(&cloud.cloud).unwrap();
    }
    assert_eq!(of(read, &[t], "Sum"), Some(4.5));
}

#[test]
fn minutes_are_the_clocks() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("items", false));
    let put =
        || root.call("dynamodb", "PutItem", json!({"TableName": "items", "Item": {"pk": {"S": "a"}}})).ok();
    put();
    cloud.advance(Duration::from_secs(61));
    put();
    put();
    cloud.reconcile();
    let sums = asked(&root, "ConsumedWriteCapacityUnits", &[("TableName", "items")], "Sum", 60);
    assert_eq!(sums, [1.0, 2.0]);
    // What waits while the clock moves by weeks is too old for CloudWatch, and takes nothing else with it.
    put();
    cloud.advance(Duration::from_secs(21 * 86_400));
    put();
    cloud.reconcile();
    let asked = json!({
        "Namespace": "AWS/DynamoDB", "MetricName": "ConsumedWriteCapacityUnits", "Statistics": ["Sum"],
        "Dimensions": [{"Name": "TableName", "Value": "items"}], "Period": 86_400,
        "StartTime": "2026-01-15T00:00:00Z", "EndTime": "2026-02-06T00:00:00Z",
    });
    let answer = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    let mut sums: Vec<f64> =
        answer["Datapoints"].as_array().unwrap().iter().map(|p| number(&p["Sum"])).collect();
    sums.sort_by(f64::total_cmp);
    assert_eq!(sums, [1.0, 3.0]);
}

#[test]
fn throttles_and_levels() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let units = |read: i64, write: i64| json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write});
    let mut request = indexed("slow", false);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = units(1, 7);
    request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units(5, 1);
    make(&cloud, &root, request);
    let mut request = table("capped", false);
    request["OnDemandThroughput"] = json!({"MaxWriteRequestUnits": 1});
    make(&cloud, &root, request);
    let put = |table: &str, g: &str| {
        root.call(
            "dynamodb",
            "PutItem",
            json!({"TableName": table, "Item": {"pk": {"S": "a"}, "g": {"S": g}}}),
        )
    };
    // An entry that moves costs a deletion and a put.
    for n in 0..=BURST / 2 {
        put("slow", &n.to_string()).ok();
    }
    put("slow", "x").refused(400, "ProvisionedThroughputExceededException");
    let key = json!({"pk": {"S": "a"}});
    for _ in 0..BURST {
        let get = json!({"TableName": "slow", "Key": key, "ConsistentRead": true});
        root.call("dynamodb", "GetItem", get).ok();
    }
    let batch = json!({"RequestItems": {"slow": {"Keys": [key, {"pk": {"S": "b"}}]}}});
    root.call("dynamodb", "BatchGetItem", batch).refused(400, "ProvisionedThroughputExceededException");
    let gets = json!({"TransactItems": [{"Get": {"TableName": "slow", "Key": key}}]});
    root.call("dynamodb", "TransactGetItems", gets).refused(400, "TransactionCanceledException");
    for _ in 0..BURST {
        put("capped", "x").ok();
    }
    put("capped", "x").refused(400, "ThrottlingException");
    cloud.reconcile();
    let (slow, capped, g) =
        (("TableName", "slow"), ("TableName", "capped"), ("GlobalSecondaryIndexName", "by-g"));
    let operation = |name| ("Operation", name);
    let sums = [
        ("WriteThrottleEvents", vec![slow, g], Some(1.0)),
        ("WriteProvisionedThroughputThrottleEvents", vec![slow, g], Some(1.0)),
        ("WriteThrottleEvents", vec![slow], None),
        // Each key of the batch, and the transaction's.
        ("ReadThrottleEvents", vec![slow], Some(3.0)),
        ("ReadProvisionedThroughputThrottleEvents", vec![slow], Some(3.0)),
        ("WriteMaxOnDemandThroughputThrottleEvents", vec![capped], Some(1.0)),
        ("WriteProvisionedThroughputThrottleEvents", vec![capped], None),
        ("ThrottledRequests", vec![slow, operation("PutItem")], Some(1.0)),
        ("ThrottledRequests", vec![slow, operation("BatchGetItem")], Some(1.0)),
        ("ThrottledRequests", vec![slow, operation("TransactGetItems")], Some(1.0)),
        ("ThrottledRequests", vec![capped, operation("PutItem")], Some(1.0)),
        ("UserErrors", vec![], None),
        ("SuccessfulRequestLatency", vec![slow, operation("BatchGetItem")], None),
    ];
    for (name, dimensions, sum) in sums {
        assert_eq!(whole(&root, name, &dimensions, "Sum"), sum, "{name} {dimensions:?}");
    }
    let levels = |cloud: &Cloud| {
        cloud.reconcile();
        let level = |name: &str, dimensions: &[(&str, &str)]| asked(&root, name, dimensions, "Maximum", 300);
        [
            level("ProvisionedReadCapacityUnits", &[slow]),
            level("ProvisionedWriteCapacityUnits", &[slow]),
            level("ProvisionedReadCapacityUnits", &[slow, g]),
            level("OnDemandMaxWriteRequestUnits", &[capped]),
            level("OnDemandMaxReadRequestUnits", &[capped]),
            level("ProvisionedReadCapacityUnits", &[capped]),
        ]
    };
    cloud.advance(Duration::from_secs(300));
    assert_eq!(levels(&cloud), [vec![1.0, 1.0], vec![7.0, 7.0], vec![5.0, 5.0], vec![1.0], vec![], vec![]]);
    root.call("dynamodb", "UpdateTable", json!({"TableName": "slow", "ProvisionedThroughput": units(4, 7)}))
        .ok();
    cloud.advance(Duration::from_secs(300));
    assert_eq!(levels(&cloud)[0], [1.0, 1.0, 4.0]);
}

#[test]
fn what_expires_and_what_streams_show() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("items", false);
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    make(&cloud, &root, request);
    let ttl =
        json!({"TableName": "items", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "end"}});
    root.call("dynamodb", "UpdateTimeToLive", ttl).ok();
    cloud.reconcile();
    for pk in ["a", "b", "c"] {
        let end = if pk == "c" { "1900000000" } else { "1768478460" };
        let item = json!({"pk": {"S": pk}, "end": {"N": end}});
        root.call("dynamodb", "PutItem", json!({"TableName": "items", "Item": item})).ok();
    }
    cloud.advance(Duration::from_secs(120));
    cloud.reconcile();
    cloud.reconcile();
    assert_eq!(whole(&root, "TimeToLiveDeletedItemCount", &[("TableName", "items")], "Sum"), Some(2.0));
    // The service's own deletions use no capacity.
    assert_eq!(whole(&root, "ConsumedWriteCapacityUnits", &[("TableName", "items")], "Sum"), Some(3.0));
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "items"})).ok();
    let (arn, label) = (&described["Table"]["LatestStreamArn"], &described["Table"]["LatestStreamLabel"]);
    let stream = root.call("dynamodbstreams", "DescribeStream", json!({ "StreamArn": arn })).ok();
    for shard in stream["StreamDescription"]["Shards"].as_array().unwrap() {
        let from =
            json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = root.call("dynamodbstreams", "GetShardIterator", from).ok();
        let get = json!({"ShardIterator": iterator["ShardIterator"]});
        root.call("dynamodbstreams", "GetRecords", get).ok();
    }
    root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": "none"}))
        .refused(400, "ValidationException");
    cloud.reconcile();
    let own = [("TableName", "items"), ("StreamLabel", label.as_str().unwrap()), ("Operation", "GetRecords")];
    assert_eq!(whole(&root, "ReturnedRecordsCount", &own, "Sum"), Some(5.0));
    assert!(whole(&root, "SuccessfulRequestLatency", &own, "Minimum") > Some(0.0));
    assert_eq!(whole(&root, "UserErrors", &[], "Sum"), Some(1.0));
}
