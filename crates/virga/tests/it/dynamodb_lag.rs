//! DynamoDB in a cloud that lags: what need not be consistent shows what was, for so long and no longer.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud};
use kernel::Settings;
use serde_json::{Value, json};
use std::time::Duration;

const LAG: Duration = Duration::from_secs(1);

fn lagging(seed: u64) -> Cloud {
    let cloud = Cloud::with(Settings { strict: true, seed: Some(seed), lag: LAG, ..Settings::default() });
    let mut request = table("items", true);
    request["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"AttributeName": "g", "AttributeType": "S"}));
    let by_g = json!([{"AttributeName": "g", "KeyType": "HASH"}]);
    request["GlobalSecondaryIndexes"] =
        json!([{"IndexName": "by-g", "KeySchema": by_g, "Projection": {"ProjectionType": "ALL"}}]);
    make(&cloud, &cloud.root(ONE), request);
    cloud
}

fn key() -> Value {
    json!({"pk": {"S": "a"}, "sk": {"N": "1"}})
}

fn put(root: &Caller<'_>, v: &str) {
    let mut item = key();
    (item["v"], item["g"]) = (json!({ "S": v }), json!({ "S": v }));
    root.call("dynamodb", "PutItem", json!({"TableName": "items", "Item": item})).ok();
}

fn shown(item: &Value) -> Option<String> {
    item["v"]["S"].as_str().map(str::to_owned)
}

fn get(root: &Caller<'_>, consistent: bool) -> Option<String> {
    let get = json!({"TableName": "items", "Key": key(), "ConsistentRead": consistent});
    shown(&root.call("dynamodb", "GetItem", get).ok()["Item"])
}

/// What each way to read shows of the item, at ease or consistently.
fn all(root: &Caller<'_>, consistent: bool) -> Vec<Option<String>> {
    let query = json!({
        "TableName": "items", "KeyConditionExpression": "pk = :p", "ConsistentRead": consistent,
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    });
    let scan = json!({"TableName": "items", "ConsistentRead": consistent});
    let batch = json!({"RequestItems": {"items": {"Keys": [key()], "ConsistentRead": consistent}}});
    let statement = "SELECT * FROM \"items\" WHERE pk = 'a' AND sk = 1";
    let one = json!({"Statement": statement, "ConsistentRead": consistent});
    let several = json!({"Statements": [one]});
    let answer = |operation: &str, request: Value| root.call("dynamodb", operation, request).ok();
    vec![
        get(root, consistent),
        shown(&answer("Query", query)["Items"][0]),
        shown(&answer("Scan", scan)["Items"][0]),
        shown(&answer("BatchGetItem", batch)["Responses"]["items"][0]),
        shown(&answer("ExecuteStatement", one)["Items"][0]),
        shown(&answer("BatchExecuteStatement", several)["Responses"][0]["Item"]),
    ]
}

/// How many items an index has in a group.
fn grouped(root: &Caller<'_>, g: &str) -> i64 {
    let query = json!({
        "TableName": "items", "IndexName": "by-g", "KeyConditionExpression": "g = :g", "Select": "COUNT",
        "ExpressionAttributeValues": {":g": {"S": g}},
    });
    root.call("dynamodb", "Query", query).ok()["Count"].as_i64().unwrap()
}

#[test]
fn what_need_not_be_consistent_is_late() {
    let cloud = lagging(7);
    let root = cloud.root(ONE);
    put(&root, "old");
    assert_eq!(all(&root, false), vec![None; 6]);
    cloud.advance(LAG);
    assert_eq!(all(&root, false), vec![Some("old".to_owned()); 6]);
    put(&root, "new");
    let (old, new) = (vec![Some("old".to_owned()); 6], vec![Some("new".to_owned()); 6]);
    // The clock stands: no moment is later than the write.
    assert_eq!((all(&root, false), all(&root, true)), (old, new.clone()));
    assert_eq!((grouped(&root, "old"), grouped(&root, "new")), (1, 0));
    let gets = json!({"TransactItems": [{"Get": {"TableName": "items", "Key": key()}}]});
    let together = root.call("dynamodb", "TransactGetItems", gets).ok();
    assert_eq!(shown(&together["Responses"][0]["Item"]), Some("new".to_owned()));
    // Writes and their conditions see what is.
    let update = json!({
        "TableName": "items", "Key": key(), "UpdateExpression": "SET v = :w", "ConditionExpression": "v = :v",
        "ExpressionAttributeValues": {":v": {"S": "new"}, ":w": {"S": "new"}},
    });
    root.call("dynamodb", "UpdateItem", update).ok();
    cloud.advance(LAG);
    assert_eq!((all(&root, false), all(&root, true)), (new.clone(), new));
    assert_eq!((grouped(&root, "old"), grouped(&root, "new")), (0, 1));
}

/// Which of many reads missed a write of a quarter of the lag ago.
fn missed(seed: u64) -> Vec<bool> {
    let cloud = lagging(seed);
    let root = cloud.root(ONE);
    put(&root, "old");
    cloud.advance(LAG);
    put(&root, "new");
    cloud.advance(LAG / 4);
    (0..200)
        .map(|_| {
            assert_eq!(get(&root, true).as_deref(), Some("new"));
            get(&root, false).as_deref() == Some("old")
        })
        .collect()
}

#[test]
fn the_seed_decides_who_is_late() {
    let first = missed(7);
    let late = first.iter().filter(|late| **late).count();
    // Three in four.
    assert!((120..180).contains(&late), "{late}");
    assert_eq!(missed(7), first);
    assert_ne!(missed(8), first);
}

#[test]
fn a_table_that_was_changed_is_read_as_it_is() {
    let cloud = lagging(7);
    let root = cloud.root(ONE);
    put(&root, "old");
    cloud.advance(LAG);
    put(&root, "new");
    assert_eq!(get(&root, false).as_deref(), Some("old"));
    root.call("dynamodb", "UpdateTable", json!({"TableName": "items", "DeletionProtectionEnabled": true}))
        .ok();
    cloud.reconcile();
    assert_eq!(get(&root, false).as_deref(), Some("new"));
    // A key of its own: what lay open before is sealed now.
    let sealed = json!({"TableName": "items", "SSESpecification": {"Enabled": true, "SSEType": "KMS"}});
    root.call("dynamodb", "UpdateTable", sealed).ok();
    cloud.reconcile();
    assert_eq!(get(&root, false).as_deref(), Some("new"));
    cloud.advance(LAG);
    put(&root, "newer");
    assert_eq!(get(&root, false).as_deref(), Some("new"));
}
