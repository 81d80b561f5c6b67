//! DynamoDB's throughput: what is let in, what is refused and how it is told; limits, warm throughput, decreases.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const TABLE_EXCEEDED: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
const INDEX_EXCEEDED: &str = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API.";
/// The burst of one unit a second.
const BURST: usize = 300;

fn units(read: i64, write: i64) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

/// A request for a provisioned table with the key `pk` and a global index by `g`.
fn provisioned(name: &str, own: Value, index: Value) -> Value {
    let mut request = table(name, false);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = own;
    request["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"AttributeName": "g", "AttributeType": "S"}));
    request["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": index,
    }]);
    request
}

fn put(caller: &Caller<'_>, item: Value) -> crate::harness::Reply {
    caller.call("dynamodb", "PutItem", json!({"TableName": "slow", "Item": item}))
}

fn get(caller: &Caller<'_>) -> crate::harness::Reply {
    caller.call("dynamodb", "GetItem", json!({"TableName": "slow", "Key": {"pk": {"S": "a"}}}))
}

#[test]
fn writes_beyond_the_burst_wait_for_the_clock() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, provisioned("slow", units(1, 1), units(100, 100)));
    let item = json!({"pk": {"S": "a"}});
    for _ in 0..BURST {
        put(&root, item.clone()).ok();
    }
    let refused = put(&root, item.clone());
    let reasons = json!([{
        "reason": "TableWriteProvisionedThroughputExceeded",
        "resource": format!("arn:aws:dynamodb:us-east-1:{ONE}:table/slow"),
    }]);
    assert_eq!(refused.value["ThrottlingReasons"], reasons);
    refused.refused_with(400, "ProvisionedThroughputExceededException", TABLE_EXCEEDED);
    // Reads have a bucket of their own; half a unit each.
    for _ in 0..2 * BURST {
        get(&root).ok();
    }
    get(&root).refused_with(400, "ProvisionedThroughputExceededException", TABLE_EXCEEDED);
    cloud.advance(Duration::from_secs(2));
    put(&root, item.clone()).ok();
    put(&root, item.clone()).ok();
    put(&root, item.clone()).refused(400, "ProvisionedThroughputExceededException");
    get(&root).ok();
    // A condition that fails costs too.
    cloud.advance(Duration::from_secs(1));
    let conditional =
        json!({"TableName": "slow", "Item": item, "ConditionExpression": "attribute_not_exists(pk)"});
    root.call("dynamodb", "PutItem", conditional).refused(400, "ConditionalCheckFailedException");
    put(&root, json!({"pk": {"S": "b"}})).refused(400, "ProvisionedThroughputExceededException");
}

#[test]
fn an_index_without_capacity_presses_back_on_its_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, provisioned("slow", units(100, 100), units(1, 1)));
    // An entry that moves costs a deletion and a put.
    put(&root, json!({"pk": {"S": "a"}, "g": {"S": "x"}})).ok();
    let item = |n: usize| json!({"pk": {"S": "a"}, "g": {"S": format!("g{n}")}});
    for n in 0..BURST / 2 {
        put(&root, item(n)).ok();
    }
    let refused = put(&root, item(BURST));
    assert_eq!(refused.value["ThrottlingReasons"][0]["reason"], "IndexWriteProvisionedThroughputExceeded");
    let index = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/slow/index/by-g");
    assert_eq!(refused.value["ThrottlingReasons"][0]["resource"], index);
    refused.refused_with(400, "ProvisionedThroughputExceededException", INDEX_EXCEEDED);
    // Nothing of it is left, and what does not touch the index is written.
    let read = get(&root).ok();
    assert_eq!(read["Item"]["g"]["S"], format!("g{}", BURST / 2 - 1));
    put(&root, json!({"pk": {"S": "b"}})).ok();
}

#[test]
fn batches_leave_what_there_is_no_capacity_for_and_transactions_are_cancelled() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, provisioned("slow", units(1, 1), units(100, 100)));
    for _ in 0..BURST - 1 {
        put(&root, json!({"pk": {"S": "a"}})).ok();
    }
    let write = |name: &str| json!({"PutRequest": {"Item": {"pk": {"S": name}}}});
    let batch = json!({"RequestItems": {"slow": [write("x"), write("y"), {"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}]}});
    let answer = root.call("dynamodb", "BatchWriteItem", batch.clone()).ok();
    let left = json!({"slow": [write("y"), {"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}]});
    assert_eq!(answer["UnprocessedItems"], left);
    root.call("dynamodb", "BatchWriteItem", batch).refused(400, "ProvisionedThroughputExceededException");
    assert!(get(&root).ok().get("Item").is_some(), "the deletion was not done");
    let transaction = json!({"TransactItems": [{"Put": {"TableName": "slow", "Item": {"pk": {"S": "t"}}}}]});
    let refused = root.call("dynamodb", "TransactWriteItems", transaction);
    let reasons = json!([{"Code": "ProvisionedThroughputExceeded", "Message": TABLE_EXCEEDED}]);
    assert_eq!(refused.value["CancellationReasons"], reasons);
    refused.refused(400, "TransactionCanceledException");
    for _ in 0..2 * BURST - 4 {
        get(&root).ok();
    }
    let keys: Vec<Value> = ["a", "x", "y", "z"].iter().map(|name| json!({"pk": {"S": name}})).collect();
    let batch = json!({"RequestItems": {"slow": {"Keys": keys}}});
    let answer = root.call("dynamodb", "BatchGetItem", batch.clone()).ok();
    assert_eq!(answer["UnprocessedKeys"]["slow"]["Keys"], json!([{"pk": {"S": "z"}}]));
    root.call("dynamodb", "BatchGetItem", batch).refused(400, "ProvisionedThroughputExceededException");
}

#[test]
fn limits_on_demand() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("slow", false);
    request["OnDemandThroughput"] = json!({"MaxWriteRequestUnits": 1});
    make(&cloud, &root, request);
    let described = |name: &str| root.call("dynamodb", "DescribeTable", json!({"TableName": name})).ok();
    let limits = json!({"MaxWriteRequestUnits": 1});
    assert_eq!(described("slow")["Table"]["OnDemandThroughput"], limits);
    for _ in 0..BURST {
        put(&root, json!({"pk": {"S": "a"}})).ok();
        get(&root).ok();
    }
    let refused = put(&root, json!({"pk": {"S": "a"}}));
    assert_eq!(refused.value["throttlingReasons"][0]["reason"], "TableWriteMaxOnDemandThroughputExceeded");
    refused.refused_with(
        400,
        "ThrottlingException",
        "Throughput exceeds the maximum OnDemandThroughput configured on table or index.",
    );
    let lift = json!({"TableName": "slow", "OnDemandThroughput": {"MaxWriteRequestUnits": -1}});
    let answer = root.call("dynamodb", "UpdateTable", lift).ok();
    assert_eq!(answer["TableDescription"]["OnDemandThroughput"], json!({"MaxWriteRequestUnits": -1}));
    cloud.reconcile();
    put(&root, json!({"pk": {"S": "a"}})).ok();
    assert!(described("slow")["Table"].get("OnDemandThroughput").is_none());
    let wrong = |of: &str| {
        format!(
            "One or more parameter values were invalid: MaxWriteRequestUnits for OnDemandThroughput{of} cannot be specified when table BillingMode is PROVISIONED."
        )
    };
    let request = provisioned("other", units(1, 1), units(1, 1));
    let limits = json!({"MaxWriteRequestUnits": 1});
    let mut of_table = request.clone();
    of_table["OnDemandThroughput"] = limits.clone();
    root.call("dynamodb", "CreateTable", of_table).refused_with(400, "ValidationException", &wrong(""));
    let mut of_index = request;
    let name = of_index["GlobalSecondaryIndexes"][0]["IndexName"].as_str().unwrap().to_owned();
    of_index["GlobalSecondaryIndexes"][0]["OnDemandThroughput"] = limits;
    let message = wrong(&format!(" for index: {name}"));
    root.call("dynamodb", "CreateTable", of_index).refused_with(400, "ValidationException", &message);
}

#[test]
fn limits_on_demand_of_reads_indexes_batches_and_transactions() {
    const EXCEEDED: &str = "Throughput exceeds the maximum OnDemandThroughput configured on table or index.";
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = provisioned("slow", units(1, 1), units(1, 1));
    request["BillingMode"] = json!("PAY_PER_REQUEST");
    request.as_object_mut().unwrap().remove("ProvisionedThroughput");
    request["OnDemandThroughput"] = json!({"MaxReadRequestUnits": 1});
    let index = &mut request["GlobalSecondaryIndexes"][0];
    index.as_object_mut().unwrap().remove("ProvisionedThroughput");
    index["OnDemandThroughput"] = json!({"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1});
    make(&cloud, &root, request);
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/slow");
    let reason = |reply: &crate::harness::Reply| reply.value["throttlingReasons"].clone();
    // The table's writes have no limit, its index's have: it presses back.
    let item = |n: usize| json!({"pk": {"S": "a"}, "g": {"S": format!("g{n}")}});
    for n in 0..=BURST / 2 {
        put(&root, item(n)).ok();
    }
    let refused = put(&root, item(BURST));
    let of_index = |what: &str| json!([{"reason": what, "resource": format!("{arn}/index/by-g")}]);
    assert_eq!(reason(&refused), of_index("IndexWriteMaxOnDemandThroughputExceeded"));
    refused.refused_with(400, "ThrottlingException", EXCEEDED);
    put(&root, json!({"pk": {"S": "b"}})).ok();
    let batch = json!({"RequestItems": {"slow": [
        {"PutRequest": {"Item": item(BURST)}}, {"PutRequest": {"Item": {"pk": {"S": "c"}}}},
    ]}});
    let answer = root.call("dynamodb", "BatchWriteItem", batch).ok();
    assert_eq!(answer["UnprocessedItems"], json!({"slow": [{"PutRequest": {"Item": item(BURST)}}]}));
    let write = json!({"TransactItems": [{"Put": {"TableName": "slow", "Item": item(BURST)}}]});
    let refused = root.call("dynamodb", "TransactWriteItems", write);
    let reasons = json!([{"Code": "ThrottlingError", "Message": EXCEEDED}]);
    assert_eq!(refused.value["CancellationReasons"], reasons);
    refused.refused(400, "TransactionCanceledException");
    // Reads of the index, and of the table, have limits of their own: half a unit each.
    let query = || {
        let query = json!({
            "TableName": "slow", "IndexName": "by-g", "KeyConditionExpression": "g = :g",
            "ExpressionAttributeValues": {":g": {"S": "g"}},
        });
        root.call("dynamodb", "Query", query)
    };
    for _ in 0..2 * BURST {
        query().ok();
    }
    assert_eq!(reason(&query()), of_index("IndexReadMaxOnDemandThroughputExceeded"));
    query().refused_with(400, "ThrottlingException", EXCEEDED);
    for _ in 0..2 * BURST {
        get(&root).ok();
    }
    let refused = get(&root);
    let own = json!([{"reason": "TableReadMaxOnDemandThroughputExceeded", "resource": arn}]);
    assert_eq!(reason(&refused), own);
    refused.refused_with(400, "ThrottlingException", EXCEEDED);
    let statement = json!({"Statement": "SELECT * FROM \"slow\" WHERE pk = 'a'"});
    root.call("dynamodb", "ExecuteStatement", statement).refused_with(400, "ThrottlingException", EXCEEDED);
    cloud.advance(Duration::from_secs(1));
    get(&root).ok();
    query().ok();
}

#[test]
fn what_is_still_being_made_has_no_warm_throughput() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let attributes = ["sk", "pk", "gpk"].map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
    let request = json!({
        "TableName": "new", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by-g", "KeySchema": [{"AttributeName": "gpk", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
    });
    let made = &root.call("dynamodb", "CreateTable", request).ok()["TableDescription"];
    let index = &made["GlobalSecondaryIndexes"][0];
    assert_eq!((&made["TableStatus"], &index["IndexStatus"]), (&json!("CREATING"), &json!("CREATING")));
    assert_eq!((made.get("WarmThroughput"), index.get("WarmThroughput")), (None, None));
    assert_eq!(made["BillingModeSummary"], json!({"BillingMode": "PAY_PER_REQUEST"}));
    let names: Vec<&Value> =
        made["AttributeDefinitions"].as_array().unwrap().iter().map(|one| &one["AttributeName"]).collect();
    assert_eq!(names, ["gpk", "pk", "sk"]);
    cloud.reconcile();
    let table = &root.call("dynamodb", "DescribeTable", json!({"TableName": "new"})).ok()["Table"];
    assert_eq!(table["WarmThroughput"]["Status"], "ACTIVE");
    assert_eq!(table["GlobalSecondaryIndexes"][0]["WarmThroughput"]["Status"], "ACTIVE");
    assert!(table["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"].is_number());
}

#[test]
fn warm_throughput_only_grows() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let warm = |name: &str| {
        let out = root.call("dynamodb", "DescribeTable", json!({"TableName": name})).ok();
        out["Table"]["WarmThroughput"].clone()
    };
    let shown = |read: i64, write: i64| json!({"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": "ACTIVE"});
    make(&cloud, &root, table("plain", false));
    assert_eq!(warm("plain"), shown(12_000, 4_000));
    make(&cloud, &root, provisioned("slow", units(7, 5), units(1, 1)));
    assert_eq!(warm("slow"), shown(7, 5));
    let ask = |read: i64| json!({"TableName": "plain", "WarmThroughput": {"ReadUnitsPerSecond": read}});
    let answer = root.call("dynamodb", "UpdateTable", ask(12_240)).ok();
    assert_eq!(answer["TableDescription"]["WarmThroughput"]["Status"], "UPDATING");
    cloud.reconcile();
    assert_eq!(warm("plain"), shown(12_240, 4_000));
    root.call("dynamodb", "UpdateTable", ask(12_120)).refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported",
    );
    let mut request = table("small", false);
    request["WarmThroughput"] = json!({"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 3_999});
    let message = root.call("dynamodb", "CreateTable", request).refused(400, "ValidationException");
    assert!(message.contains("WriteUnitsPerSecond for WarmThroughput for table is lower than"), "{message}");
}

#[test]
fn the_fifth_decrease_of_a_day_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, provisioned("slow", units(100, 100), units(1, 1)));
    let lower = |read: i64| {
        let request = json!({"TableName": "slow", "ProvisionedThroughput": units(read, 100)});
        let reply = root.call("dynamodb", "UpdateTable", request);
        cloud.reconcile();
        reply
    };
    for read in [90, 80, 70, 60] {
        lower(read).ok();
    }
    lower(50).refused_with(
        400,
        "LimitExceededException",
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 seconds. Number of decreases today: 4. Last decrease at Thursday, January 15, 2026 at 12:00:00 PM Coordinated Universal Time. Next decrease can be made at Thursday, January 15, 2026 at 1:00:00 PM Coordinated Universal Time.",
    );
    lower(200).ok();
    cloud.advance(Duration::from_secs(3_600));
    lower(50).ok();
}
