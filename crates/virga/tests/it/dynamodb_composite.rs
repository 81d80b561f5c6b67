//! DynamoDB's global indexes whose keys consist of several attributes.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

/// A table of matches with an index by tournament and region, which sorts by round, bracket and number.
fn matches() -> Value {
    let mut request = table("matches", false);
    let parts = [("t", "S"), ("r", "S"), ("round", "S"), ("bracket", "S"), ("n", "N")];
    let definitions = request["AttributeDefinitions"].as_array_mut().unwrap();
    definitions.extend(parts.map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})));
    let key = [("t", "HASH"), ("r", "HASH"), ("round", "RANGE"), ("bracket", "RANGE"), ("n", "RANGE")];
    let key = key.map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}));
    request["GlobalSecondaryIndexes"] =
        json!([{"IndexName": "by-place", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}}]);
    request
}

fn put(caller: &Caller<'_>, id: &str, key: [&str; 4], n: u32) {
    let [t, r, round, bracket] = key;
    let item = json!({
        "pk": {"S": id}, "t": {"S": t}, "r": {"S": r}, "round": {"S": round}, "bracket": {"S": bracket},
        "n": {"N": n.to_string()},
    });
    caller.call("dynamodb", "PutItem", json!({"TableName": "matches", "Item": item})).ok();
}

fn query(caller: &Caller<'_>, condition: &str, more: Value) -> Reply {
    let values = [("t", "S", "w"), ("r", "S", "na"), ("a", "S", "semi"), ("b", "S", "up"), ("n", "N", "9")];
    let used = values.iter().filter(|(name, ..)| condition.contains(&format!(":{name}")));
    let values: serde_json::Map<String, Value> =
        used.map(|(name, kind, value)| (format!(":{name}"), json!({(*kind): value}))).collect();
    let mut request = json!({
        "TableName": "matches", "IndexName": "by-place", "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {"#t": "t"}, "ExpressionAttributeValues": values,
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("dynamodb", "Query", request)
}

fn ids(reply: &Reply) -> Vec<&str> {
    reply.value["Items"].as_array().unwrap().iter().map(|item| item["pk"]["S"].as_str().unwrap()).collect()
}

#[test]
fn keys_of_several_attributes() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, matches());
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "matches"})).ok();
    let key = &described["Table"]["GlobalSecondaryIndexes"][0]["KeySchema"];
    let kinds: Vec<&str> = key.as_array().unwrap().iter().map(|e| e["KeyType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["HASH", "HASH", "RANGE", "RANGE", "RANGE"]);
    put(&root, "1", ["w", "na", "semi", "up"], 10);
    put(&root, "2", ["w", "na", "semi", "up"], 9);
    put(&root, "3", ["w", "na", "semi", "low"], 1);
    put(&root, "4", ["w", "na", "final", "up"], 1);
    put(&root, "5", ["w", "eu", "semi", "up"], 9);
    // Together the parts are what another pair is; apart they are not.
    put(&root, "6", ["wn", "a", "semi", "up"], 9);
    // Without one of the attributes an item has no place in the index.
    let partial = json!({"pk": {"S": "7"}, "t": {"S": "w"}, "r": {"S": "na"}, "round": {"S": "semi"}});
    root.call("dynamodb", "PutItem", json!({"TableName": "matches", "Item": partial})).ok();
    let both = "#t = :t AND r = :r";
    let all = query(&root, both, json!({}));
    assert_eq!(ids(&all), ["4", "3", "2", "1"]);
    let found = query(&root, "bracket = :b AND r = :r AND round = :a AND #t = :t", json!({}));
    assert_eq!(ids(&found), ["2", "1"]);
    let least = query(&root, &format!("{both} AND round = :a AND bracket = :b AND n > :n"), json!({}));
    assert_eq!(ids(&least), ["1"]);
    let begins = query(&root, &format!("{both} AND begins_with(round, :a)"), json!({}));
    assert_eq!(ids(&begins), ["3", "2", "1"]);
    // Pages go on from the keys of the table and of the index.
    let first = query(&root, both, json!({"Limit": 2}));
    assert_eq!(ids(&first), ["4", "3"]);
    let last = first.value["LastEvaluatedKey"].clone();
    assert_eq!(last.as_object().unwrap().len(), 6);
    let rest = query(&root, both, json!({"ExclusiveStartKey": last}));
    assert_eq!(ids(&rest), ["2", "1"]);
    let backward = query(&root, both, json!({"ScanIndexForward": false, "Limit": 3}));
    assert_eq!(ids(&backward), ["1", "2", "3"]);
    // The legacy parameter asks for more than two here, too.
    let is = |operator: &str, kind: &str, value: &str| json!({"ComparisonOperator": operator, "AttributeValueList": [{(kind): value}]});
    let legacy = json!({"TableName": "matches", "IndexName": "by-place", "KeyConditions": {
        "t": is("EQ", "S", "w"), "r": is("EQ", "S", "na"), "round": is("EQ", "S", "semi"),
        "bracket": is("EQ", "S", "up"), "n": is("GT", "N", "9"),
    }});
    assert_eq!(ids(&root.call("dynamodb", "Query", legacy)), ["1"]);
    for (condition, message) in [
        ("#t = :t", "Query condition missed key schema element: r"),
        (
            "#t = :t AND r = :r AND bracket = :b",
            "RANGE key attributes round must have equality conditions specified in the query because a condition is present on key attribute bracket",
        ),
        (
            "#t = :t AND r = :r AND round > :a AND bracket = :b",
            "RANGE key attributes round must have equality conditions specified in the query because a condition is present on key attribute bracket",
        ),
        ("#t = :t AND r > :r", "Query key condition not supported"),
    ] {
        query(&root, condition, json!({})).refused_with(400, "ValidationException", message);
    }
    let select = r#"SELECT pk FROM "matches"."by-place" WHERE t = 'w' AND r = 'eu'"#;
    let refused = "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.";
    root.call("dynamodb", "ExecuteStatement", json!({"Statement": select})).refused_with(
        400,
        "ValidationException",
        refused,
    );
    // It comes before what a batch asks of its statements, and fails no other of them.
    let batch = json!({"Statements": [{"Statement": select}, {"Statement": r#"SELECT pk FROM "matches" WHERE pk = '5'"#}]});
    let answers = root.call("dynamodb", "BatchExecuteStatement", batch).ok()["Responses"].clone();
    assert_eq!(answers[0]["Error"]["Message"], refused);
    assert_eq!(answers[1]["Item"], json!({"pk": {"S": "5"}}));
}
