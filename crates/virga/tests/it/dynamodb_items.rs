//! DynamoDB's items: writes and reads of one, queries and scans, batches, transactions, capacity, authorization.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn n(number: i64) -> Value {
    json!({ "N": number.to_string() })
}

/// A cloud with the tables `plain` (key `pk`) and `sorted` (keys `pk` and `sk`), which has a local index by `l` that
/// holds keys only, a global one by `g` that includes `x`, and a global one by `g` and `sk` that holds all.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("plain", false));
    let mut request = table("sorted", true);
    let define = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    request["AttributeDefinitions"].as_array_mut().unwrap().extend([define("l"), define("g")]);
    let key = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    request["LocalSecondaryIndexes"] = json!([{"IndexName": "by-l", "KeySchema": key("pk", "l"), "Projection": {"ProjectionType": "KEYS_ONLY"}}]);
    request["GlobalSecondaryIndexes"] = json!([
        {"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}},
        {"IndexName": "by-g-sk", "KeySchema": key("g", "sk"), "Projection": {"ProjectionType": "ALL"}},
    ]);
    make(&cloud, &root, request);
    cloud
}

fn with(mut request: Value, more: Value) -> Value {
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn put(caller: &Caller<'_>, table: &str, item: Value) -> Value {
    caller.call("dynamodb", "PutItem", json!({"TableName": table, "Item": item})).ok()
}

fn get(caller: &Caller<'_>, key: &str) -> Value {
    let reply = caller.call("dynamodb", "GetItem", json!({"TableName": "plain", "Key": {"pk": s(key)}}));
    reply.ok().get("Item").cloned().unwrap_or_default()
}

#[test]
fn one_item() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let item = json!({
        "pk": s("a"), "n": {"N": "1.50"}, "b": {"B": "AAEC"}, "t": {"BOOL": true}, "z": {"NULL": true},
        "l": {"L": [s("x"), {"M": {"k": {"SS": ["b", "a"]}}}]}, "e": s(""),
    });
    assert_eq!(put(&root, "plain", item), json!({}));
    let read = get(&root, "a");
    assert_eq!((&read["n"], &read["b"], &read["e"]), (&json!({"N": "1.5"}), &json!({"B": "AAEC"}), &s("")));
    assert_eq!(read["l"]["L"][1]["M"]["k"]["SS"], json!(["a", "b"]));
    let parts = json!({"TableName": "plain", "Key": {"pk": s("a")}, "ProjectionExpression": "n, l[1].#k", "ExpressionAttributeNames": {"#k": "k"}});
    assert_eq!(
        root.call("dynamodb", "GetItem", parts).ok(),
        json!({"Item": {"n": {"N": "1.5"}, "l": {"L": [{"M": {"k": {"SS": ["a", "b"]}}}]}}})
    );
    let old = json!({"TableName": "plain", "Item": {"pk": s("a")}, "ReturnValues": "ALL_OLD"});
    assert_eq!(root.call("dynamodb", "PutItem", old).ok()["Attributes"], read);
    let delete = json!({"TableName": "plain", "Key": {"pk": s("a")}, "ReturnValues": "ALL_OLD"});
    assert_eq!(
        root.call("dynamodb", "DeleteItem", delete.clone()).ok(),
        json!({"Attributes": {"pk": s("a")}})
    );
    assert_eq!(root.call("dynamodb", "DeleteItem", delete).ok(), json!({}));
    assert_eq!(get(&root, "a"), Value::Null);
}

#[test]
fn keys_and_items_are_checked() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let invalid = "One or more parameter values were invalid: ";
    let one = "1 validation error detected: ";
    let long = "x".repeat(2049);
    let puts = [
        ("plain", json!({"x": s("a")}), format!("{invalid}Missing the key pk in the item")),
        ("plain", json!({"pk": n(1)}), format!("{invalid}Type mismatch for key pk expected: S actual: N")),
        ("plain", json!({"pk": s("")}), "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk".into()),
        ("plain", json!({"pk": s(&long)}), format!("{invalid}Size of hashkey has exceeded the maximum size limit of2048 bytes")),
        ("plain", json!({"pk": s("a"), "x": s(&"x".repeat(409_600))}), format!("{one}Item size has exceeded the maximum allowed size")),
        ("plain", json!({"pk": {}}), format!("{one}Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")),
        ("sorted", json!({"pk": s("a"), "sk": n(1), "g": n(1)}), format!("{invalid}Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g")),
        ("sorted", json!({"pk": s("a"), "sk": n(1), "g": s("")}), "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-g, IndexKey: g".into()),
    ];
    for (table, item, message) in puts {
        root.call("dynamodb", "PutItem", json!({"TableName": table, "Item": item})).refused_with(
            400,
            "ValidationException",
            &message,
        );
    }
    let schema = "The provided key element does not match the schema";
    for key in [json!({}), json!({"pk": n(1)}), json!({"x": s("a")}), json!({"pk": s("a"), "sk": n(1)})] {
        for operation in ["GetItem", "DeleteItem", "UpdateItem"] {
            let request = json!({"TableName": "plain", "Key": key});
            root.call("dynamodb", operation, request).refused_with(400, "ValidationException", schema);
        }
    }
    let missing = json!({"TableName": "missing", "Key": {"pk": s("a")}});
    root.call("dynamodb", "GetItem", missing).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found",
    );
    let base = json!({"TableName": "plain", "Item": {"pk": s("a")}});
    let wrong = [
        (
            json!({"ReturnValues": "ALL_NEW"}),
            "1 validation error detected: ReturnValues can only be ALL_OLD or NONE",
        ),
        (
            json!({"ExpressionAttributeNames": {"#a": "a"}}),
            "1 validation error detected: ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            json!({"ExpressionAttributeValues": {":a": s("a")}}),
            "1 validation error detected: ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            json!({"ConditionExpression": "attribute_exists(pk)", "ConditionalOperator": "AND"}),
            "1 validation error detected: Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {ConditionalOperator} Expression parameters: {ConditionExpression}",
        ),
    ];
    for (more, message) in wrong {
        root.call("dynamodb", "PutItem", with(base.clone(), more)).refused_with(
            400,
            "ValidationException",
            message,
        );
    }
}

/// A string in this many maps.
fn nested(levels: usize) -> Value {
    (0..levels).fold(s("leaf"), |inner, _| json!({"M": {"n": inner}}))
}

#[test]
fn what_is_nested_too_deep_is_told_of_by_the_older_layer() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let deep = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
    let one = format!("1 validation error detected: {deep}");
    for levels in [32, 61, 63, 100] {
        let item = json!({"TableName": "plain", "Item": {"pk": s("a"), "d": nested(levels)}});
        root.call("dynamodb", "PutItem", item).refused_with(400, "ValidationException", &one);
    }
    let delete = |levels: usize, returned: &str| {
        let condition = json!({
            "TableName": "plain", "Key": {"pk": s("a")}, "ReturnValues": returned,
            "ConditionExpression": "d = :d", "ExpressionAttributeValues": {":d": nested(levels)},
        });
        root.call("dynamodb", "DeleteItem", condition)
    };
    let only = "ReturnValues can only be ALL_OLD or NONE";
    let newer = "1 validation error detected: Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]";
    let older = "1 validation error detected: Value 'BOGUS' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]";
    for (levels, returned, message) in [
        (40, "UPDATED_NEW", one.as_str()),
        (63, "UPDATED_NEW", only),
        (40, "BOGUS", newer),
        (63, "BOGUS", older),
    ] {
        delete(levels, returned).refused_with(400, "ValidationException", message);
    }
}

#[test]
fn conditions() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let once = json!({"TableName": "plain", "Item": {"pk": s("a"), "v": n(1)}, "ConditionExpression": "attribute_not_exists(pk)"});
    root.call("dynamodb", "PutItem", once.clone()).ok();
    let failed = root.call("dynamodb", "PutItem", once.clone());
    assert!(failed.value.get("Item").is_none() && failed.value.get("message").is_some());
    failed.refused_with(400, "ConditionalCheckFailedException", "The conditional request failed");
    let shown = root.call(
        "dynamodb",
        "PutItem",
        with(once, json!({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})),
    );
    assert_eq!(shown.value["Item"], json!({"pk": s("a"), "v": n(1)}));
    // Beside an item AWS spells the message with a capital, so that clients which go by the model have none.
    assert_eq!(shown.value["Message"], "The conditional request failed");
    assert!(shown.value.get("message").is_none());
    let expected = json!({"TableName": "plain", "Key": {"pk": s("a")}, "Expected": {"v": {"Value": n(2)}}});
    root.call("dynamodb", "DeleteItem", expected).refused(400, "ConditionalCheckFailedException");
    let expected = json!({"TableName": "plain", "Key": {"pk": s("a")}, "Expected": {"v": {"ComparisonOperator": "LT", "AttributeValueList": [n(2)]}}});
    root.call("dynamodb", "DeleteItem", expected).ok();
    assert_eq!(get(&root, "a"), Value::Null);
}

#[test]
fn updates() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let update = |expression: &str, values: Value, returns: &str| {
        let mut request = json!({"TableName": "plain", "Key": {"pk": s("a")}, "UpdateExpression": expression, "ReturnValues": returns});
        if values != json!({}) {
            request["ExpressionAttributeValues"] = values;
        }
        root.call("dynamodb", "UpdateItem", request)
    };
    assert_eq!(update("REMOVE x", json!({}), "ALL_NEW").ok(), json!({}));
    assert_eq!(get(&root, "a"), Value::Null);
    let steps = [
        ("SET v = :one, w = :one", json!({":one": n(1)}), "ALL_OLD", json!({})),
        ("SET v = v + :one", json!({":one": n(1)}), "UPDATED_NEW", json!({"Attributes": {"v": n(2)}})),
        ("SET v = :one", json!({":one": n(1)}), "UPDATED_OLD", json!({"Attributes": {"v": n(2)}})),
        ("ADD tags :t", json!({":t": {"SS": ["x"]}}), "NONE", json!({})),
        (
            "DELETE tags :t REMOVE w",
            json!({":t": {"SS": ["x"]}}),
            "ALL_NEW",
            json!({"Attributes": {"pk": s("a"), "v": n(1)}}),
        ),
    ];
    for (expression, values, returns, answer) in steps {
        assert_eq!(update(expression, values, returns).ok(), answer, "{expression}");
    }
    update("SET pk = :v", json!({":v": s("b")}), "NONE").refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
    );
    update("SET v = nothere", json!({}), "NONE").refused_with(
        400,
        "ValidationException",
        "The provided expression refers to an attribute that does not exist in the item",
    );
    update("SET big = :v", json!({":v": s(&"x".repeat(409_600))}), "NONE").refused_with(
        400,
        "ValidationException",
        "Item size to update has exceeded the maximum allowed size",
    );
    let legacy = json!({"TableName": "plain", "Key": {"pk": s("b")}, "AttributeUpdates": {"v": {"Action": "ADD", "Value": n(3)}}, "ReturnValues": "ALL_NEW"});
    assert_eq!(
        root.call("dynamodb", "UpdateItem", legacy).ok(),
        json!({"Attributes": {"pk": s("b"), "v": n(3)}})
    );
    let bare = json!({"TableName": "plain", "Key": {"pk": s("c")}});
    root.call("dynamodb", "UpdateItem", bare).ok();
    assert_eq!(get(&root, "c"), json!({"pk": s("c")}));
    let index = json!({"TableName": "sorted", "Key": {"pk": s("a"), "sk": n(1)}, "UpdateExpression": "SET g = :g", "ExpressionAttributeValues": {":g": s("")}});
    let message = root.call("dynamodb", "UpdateItem", index).refused(400, "ValidationException");
    assert!(
        message.contains("attempted to update a secondary index key to a value that is not supported"),
        "{message}"
    );
}

/// Ten items of one partition, sort keys -2 to 7.
fn fill(root: &Caller<'_>) {
    for at in -2..8 {
        let g = if at % 2 == 0 { "even" } else { "odd" };
        let l = format!("{}", 9 - at);
        put(
            root,
            "sorted",
            json!({"pk": s("p"), "sk": n(at), "g": s(g), "l": s(&l), "x": s("x"), "y": s("y")}),
        );
    }
    put(root, "sorted", json!({"pk": s("q"), "sk": n(0)}));
}

fn sort_keys(answer: &Value) -> Vec<i64> {
    let items = answer["Items"].as_array().unwrap();
    items.iter().map(|item| item["sk"]["N"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn queries() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let query = |condition: &str, more: Value| {
        let mut values = json!({":p": s("p")});
        for (name, value) in [(":a", 1), (":b", 3)] {
            if condition.contains(name) {
                values[name] = n(value);
            }
        }
        let request = json!({"TableName": "sorted", "KeyConditionExpression": condition, "ExpressionAttributeValues": values});
        root.call("dynamodb", "Query", with(request, more))
    };
    let none = json!({});
    for (condition, expected) in [
        ("pk = :p", vec![-2, -1, 0, 1, 2, 3, 4, 5, 6, 7]),
        ("pk = :p AND sk = :a", vec![1]),
        ("pk = :p AND sk < :a", vec![-2, -1, 0]),
        ("pk = :p AND sk <= :a", vec![-2, -1, 0, 1]),
        ("pk = :p AND sk > :b", vec![4, 5, 6, 7]),
        ("sk >= :b AND pk = :p", vec![3, 4, 5, 6, 7]),
        ("pk = :p AND sk BETWEEN :a AND :b", vec![1, 2, 3]),
    ] {
        assert_eq!(sort_keys(&query(condition, none.clone()).ok()), expected, "{condition}");
    }
    let back = query("pk = :p", json!({"ScanIndexForward": false, "Limit": 3})).ok();
    assert_eq!(
        (sort_keys(&back), &back["LastEvaluatedKey"]),
        (vec![7, 6, 5], &json!({"pk": s("p"), "sk": n(5)}))
    );
    let next =
        query("pk = :p", json!({"ScanIndexForward": false, "ExclusiveStartKey": back["LastEvaluatedKey"]}))
            .ok();
    assert_eq!(sort_keys(&next), [4, 3, 2, 1, 0, -1, -2]);
    assert!(next.get("LastEvaluatedKey").is_none());
    let filtered = query("pk = :p", json!({"FilterExpression": "attribute_exists(g) AND attribute_exists(x)", "Limit": 4, "Select": "COUNT"})).ok();
    assert_eq!(
        (&filtered["Count"], &filtered["ScannedCount"], filtered.get("Items")),
        (&json!(4), &json!(4), None)
    );
    let outside = json!({"ExclusiveStartKey": {"pk": s("q"), "sk": n(0)}});
    query("pk = :p", outside).refused_with(
        400,
        "ValidationException",
        "The provided starting key is outside query boundaries based on provided conditions",
    );
    query("pk = :p AND sk > :b", json!({"ExclusiveStartKey": {"pk": s("p"), "sk": n(0)}})).refused_with(
        400,
        "ValidationException",
        "The provided starting key does not match the range key predicate",
    );
    query("pk = :p", json!({"ExclusiveStartKey": {"pk": s("p")}})).refused_with(
        400,
        "ValidationException",
        "The provided starting key is invalid",
    );
    query("pk = :p", json!({"FilterExpression": "attribute_exists(sk)"})).refused_with(
        400,
        "ValidationException",
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    );
    query("pk = :p", json!({"IndexName": "none"})).refused_with(
        400,
        "ValidationException",
        "The table does not have the specified index: none",
    );
    query("pk = :p", json!({"Select": "SPECIFIC_ATTRIBUTES"})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
    );
    query("pk = :p", json!({"Select": "ALL_PROJECTED_ATTRIBUTES"})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    );
    root.call("dynamodb", "Query", json!({"TableName": "sorted"})).refused_with(
        400,
        "ValidationException",
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    );
    let legacy = json!({"TableName": "sorted", "KeyConditions": {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [s("p")]}, "sk": {"ComparisonOperator": "GT", "AttributeValueList": [n(5)]}}, "AttributesToGet": ["sk"]});
    assert_eq!(root.call("dynamodb", "Query", legacy).ok()["Items"], json!([{"sk": n(6)}, {"sk": n(7)}]));
}

#[test]
fn indexes() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let query = |index: &str, condition: &str, values: Value, more: Value| {
        let request = json!({"TableName": "sorted", "IndexName": index, "KeyConditionExpression": condition, "ExpressionAttributeValues": values});
        root.call("dynamodb", "Query", with(request, more))
    };
    let odd = || json!({":g": s("odd")});
    let found = query("by-g-sk", "g = :g", odd(), json!({"Limit": 2})).ok();
    assert_eq!(
        (sort_keys(&found), &found["LastEvaluatedKey"]),
        (vec![-1, 1], &json!({"g": s("odd"), "pk": s("p"), "sk": n(1)}))
    );
    let rest =
        query("by-g-sk", "g = :g", odd(), json!({"ExclusiveStartKey": found["LastEvaluatedKey"]})).ok();
    assert_eq!(sort_keys(&rest), [3, 5, 7]);
    assert_eq!(
        found["Items"][0],
        json!({"pk": s("p"), "sk": n(-1), "g": s("odd"), "l": s("10"), "x": s("x"), "y": s("y")})
    );
    let included = query("by-g", "g = :g", odd(), json!({})).ok();
    assert_eq!(included["Items"][0], json!({"pk": s("p"), "sk": n(-1), "g": s("odd"), "x": s("x")}));
    query("by-g", "g = :g", odd(), json!({"ProjectionExpression": "y"})).refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: Global secondary index by-g does not project [y]",
    );
    query("by-g", "g = :g", odd(), json!({"Select": "ALL_ATTRIBUTES"})).refused_with(400, "ValidationException", "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-g because its projection type is not ALL");
    query("by-g", "g = :g", odd(), json!({"ConsistentRead": true})).refused_with(
        400,
        "ValidationException",
        "Consistent reads are not supported on global secondary indexes",
    );
    let local = |more: Value| {
        query("by-l", "pk = :p AND begins_with(l, :l)", json!({":p": s("p"), ":l": s("1")}), more).ok()
    };
    assert_eq!(
        local(json!({}))["Items"],
        json!([{"pk": s("p"), "sk": n(-1), "l": s("10")}, {"pk": s("p"), "sk": n(-2), "l": s("11")}]).clone()
    );
    // What a local index does not hold is fetched.
    assert_eq!(local(json!({"Select": "ALL_ATTRIBUTES"}))["Items"][0]["y"], s("y"));
    // Entries follow their items.
    let key = json!({"pk": s("p"), "sk": n(1)});
    root.call(
        "dynamodb",
        "UpdateItem",
        json!({"TableName": "sorted", "Key": key, "UpdateExpression": "REMOVE g"}),
    )
    .ok();
    root.call("dynamodb", "DeleteItem", json!({"TableName": "sorted", "Key": {"pk": s("p"), "sk": n(3)}}))
        .ok();
    put(&root, "sorted", json!({"pk": s("p"), "sk": n(4), "g": s("odd")}));
    assert_eq!(sort_keys(&query("by-g-sk", "g = :g", odd(), json!({})).ok()), [-1, 4, 5, 7]);
    let all = root.call("dynamodb", "Scan", json!({"TableName": "sorted", "IndexName": "by-g"})).ok();
    assert_eq!(all["Count"], 8);
}

#[test]
fn scans() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    (0..50).for_each(|at| drop(put(&root, "plain", json!({"pk": s(&format!("k{at}")), "v": n(at)}))));
    let scan = |more: Value| root.call("dynamodb", "Scan", with(json!({"TableName": "plain"}), more));
    assert_eq!(scan(json!({})).ok()["Count"], 50);
    let filtered =
        scan(json!({"FilterExpression": "v < :v", "ExpressionAttributeValues": {":v": n(5)}})).ok();
    assert_eq!((&filtered["Count"], &filtered["ScannedCount"]), (&json!(5), &json!(50)));
    let legacy =
        scan(json!({"ScanFilter": {"v": {"ComparisonOperator": "GE", "AttributeValueList": [n(40)]}}})).ok();
    assert_eq!(legacy["Count"], 10);
    let (mut seen, mut start) = (Vec::new(), Value::Null);
    loop {
        let more = if start.is_null() {
            json!({"Limit": 7})
        } else {
            json!({"Limit": 7, "ExclusiveStartKey": start})
        };
        let page = scan(more).ok();
        seen.extend(page["Items"].as_array().unwrap().iter().map(|item| item["pk"]["S"].to_string()));
        start = page.get("LastEvaluatedKey").cloned().unwrap_or_default();
        if start.is_null() {
            break;
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 50);
    let parts: Vec<u64> = (0..3)
        .map(|at| scan(json!({"Segment": at, "TotalSegments": 3})).ok()["Count"].as_u64().unwrap())
        .collect();
    assert!(parts.iter().sum::<u64>() == 50 && parts.iter().all(|part| *part > 5), "{parts:?}");
    scan(json!({"Select": "SPECIFIC_ATTRIBUTES"})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
    );
    scan(json!({"Select": "COUNT", "ProjectionExpression": "pk"})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
    );
    scan(json!({"Select": "ALL_PROJECTED_ATTRIBUTES"})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    );
    scan(json!({"Segment": 3, "TotalSegments": 3})).refused_with(
        400,
        "ValidationException",
        "The Segment parameter is zero-based and must be less than parameter TotalSegments",
    );
    scan(json!({"Segment": 0})).refused_with(400, "ValidationException", "The TotalSegments parameter is required but was not present in the request when Segment parameter is present");
    // A page ends with its megabyte.
    (0..4).for_each(|at| {
        drop(put(&root, "plain", json!({"pk": s(&format!("big{at}")), "x": s(&"x".repeat(400_000))})));
    });
    let page = scan(json!({"Select": "COUNT"})).ok();
    assert!(page["Count"].as_u64().unwrap() < 54 && page.get("LastEvaluatedKey").is_some(), "{page}");
}

#[test]
fn batches() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let writes: Vec<Value> =
        (0..25).map(|at| json!({"PutRequest": {"Item": {"pk": s(&format!("k{at}")), "v": n(at)}}})).collect();
    assert_eq!(
        root.call("dynamodb", "BatchWriteItem", json!({"RequestItems": {"plain": writes}})).ok(),
        json!({"UnprocessedItems": {}})
    );
    let twice = json!({"RequestItems": {"plain": [{"DeleteRequest": {"Key": {"pk": s("k1")}}}, {"PutRequest": {"Item": {"pk": s("k1")}}}]}});
    root.call("dynamodb", "BatchWriteItem", twice).refused_with(
        400,
        "ValidationException",
        "Provided list of item keys contains duplicates",
    );
    let keys: Vec<Value> = ["k1", "k2", "none"].iter().map(|key| json!({"pk": s(key)})).collect();
    let got = root.call("dynamodb", "BatchGetItem", json!({"RequestItems": {"plain": {"Keys": keys, "ProjectionExpression": "v"}}, "ReturnConsumedCapacity": "TOTAL"})).ok();
    assert_eq!(got["Responses"]["plain"], json!([{"v": n(1)}, {"v": n(2)}]));
    assert_eq!(
        (&got["UnprocessedKeys"], &got["ConsumedCapacity"]),
        (&json!({}), &json!([{"TableName": "plain", "CapacityUnits": 1.5}]))
    );
    let twice = json!({"RequestItems": {"plain": {"Keys": [keys[0], keys[0]]}}});
    root.call("dynamodb", "BatchGetItem", twice).refused_with(
        400,
        "ValidationException",
        "Provided list of item keys contains duplicates",
    );
}

#[test]
fn transactions() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    put(&root, "plain", json!({"pk": s("a"), "v": n(1)}));
    let write = |items: Value, token: Option<&str>| {
        let mut request = json!({"TransactItems": items});
        if let Some(token) = token {
            request["ClientRequestToken"] = json!(token);
        }
        root.call("dynamodb", "TransactWriteItems", request)
    };
    let add = json!({"Update": {"TableName": "plain", "Key": {"pk": s("a")}, "UpdateExpression": "ADD v :one", "ExpressionAttributeValues": {":one": n(1)}}});
    let make_b = json!({"Put": {"TableName": "plain", "Item": {"pk": s("b")}, "ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}});
    write(json!([add, make_b]), Some("t1")).ok();
    // The same once more is not done again; another with its token is refused; after ten minutes it counts anew.
    write(json!([add, make_b]), Some("t1")).ok();
    assert_eq!(get(&root, "a")["v"], n(2));
    write(json!([add]), Some("t1")).refused(400, "IdempotentParameterMismatchException");
    let failed = write(json!([add, make_b]), None);
    assert_eq!(
        failed.value["CancellationReasons"],
        json!([{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": {"pk": s("b")}}])
    );
    failed.refused_with(400, "TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]");
    cloud.advance(Duration::from_secs(600));
    write(json!([add, make_b]), Some("t1")).refused(400, "TransactionCanceledException");
    assert_eq!(get(&root, "a")["v"], n(2));
    write(json!([add, add]), None).refused_with(
        400,
        "ValidationException",
        "Transaction request cannot include multiple operations on one item",
    );
    let bad = json!({"Delete": {"TableName": "plain", "Key": {"pk": n(1)}}});
    let failed = write(json!([bad]), None);
    assert_eq!(
        failed.value["CancellationReasons"][0],
        json!({"Code": "ValidationError", "Message": "The provided key element does not match the schema"})
    );
    let got = root.call("dynamodb", "TransactGetItems", json!({"TransactItems": [{"Get": {"TableName": "plain", "Key": {"pk": s("a")}}}, {"Get": {"TableName": "plain", "Key": {"pk": s("none")}}}], "ReturnConsumedCapacity": "TOTAL"})).ok();
    assert_eq!(
        got,
        json!({"Responses": [{"Item": {"pk": s("a"), "v": n(2)}}, {}], "ConsumedCapacity": [{"TableName": "plain", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]})
    );
}

#[test]
fn tokens_stay_with_what_was_asked_for() {
    const REUSED: &str = "IdempotentParameterMismatchException";
    let cloud = cloud();
    let root = cloud.root(ONE);
    let sized = |key: &str, size: usize| json!({"pk": s(key), "v": s(&"x".repeat(size - key.len() - 3))});
    let run = |token: &str, items: &Value, told: &Value| {
        let mut request = json!({"TransactItems": items, "ClientRequestToken": token});
        request.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        root.call("dynamodb", "TransactWriteItems", request)
    };
    for (key, size) in [("p", 8193), ("u", 4097), ("d", 8193), ("c", 4097)] {
        put(&root, "plain", sized(key, size));
    }
    // A repetition costs what its items were then, whatever has become of them since.
    let on = |key: &str| json!({"TableName": "plain", "Key": {"pk": s(key)}});
    let (mut update, mut check) = (on("u"), on("c"));
    update["UpdateExpression"] = json!("SET v = :v");
    update["ExpressionAttributeValues"] = json!({":v": s("x")});
    check["ConditionExpression"] = json!("attribute_exists(pk)");
    let four = json!([{"Put": {"TableName": "plain", "Item": sized("p", 4095)}}, {"Update": update}, {"Delete": on("d")}, {"ConditionCheck": check}]);
    let total = json!({"ReturnConsumedCapacity": "TOTAL"});
    let cost = |answer: Value| answer["ConsumedCapacity"].clone();
    let consumed =
        |kind: &str, units: f64| json!([{"TableName": "plain", "CapacityUnits": units, kind: units}]);
    assert_eq!(cost(run("sizes", &four, &total).ok()), consumed("WriteCapacityUnits", 56.0));
    put(&root, "plain", sized("p", 16_385));
    root.call("dynamodb", "DeleteItem", on("c")).ok();
    assert_eq!(cost(run("sizes", &four, &total).ok()), consumed("ReadCapacityUnits", 20.0));
    // Equal numbers are no difference, nor is `NONE`; what else is to be told is one, as is the actions' order.
    let number = |n: &str| json!([{"Put": {"TableName": "plain", "Item": {"pk": s("n"), "n": {"N": n}, "set": {"NS": [n]}}}}, {"Delete": on("other")}]);
    run("same", &number("1"), &json!({})).ok();
    for n in ["1.0", "1e0", "01", "+1"] {
        run(
            "same",
            &number(n),
            &json!({"ReturnConsumedCapacity": "NONE", "ReturnItemCollectionMetrics": "NONE"}),
        )
        .ok();
    }
    let mut silent = number("1");
    silent[0]["Put"]["ReturnValuesOnConditionCheckFailure"] = json!("NONE");
    run("same", &silent, &json!({})).ok();
    run("same", &number("1"), &total).refused(400, REUSED);
    run("same", &number("1"), &json!({"ReturnItemCollectionMetrics": "SIZE"})).refused(400, REUSED);
    run("same", &json!([number("1")[1], number("1")[0]]), &json!({})).refused(400, REUSED);
    // What was cancelled may be tried again, but nothing else under its token; what was invalid has no token.
    let once = json!([{"Put": {"TableName": "plain", "Item": {"pk": s("once")}, "ConditionExpression": "attribute_not_exists(pk)"}}]);
    put(&root, "plain", json!({"pk": s("once")}));
    run("again", &once, &total).refused(400, "TransactionCanceledException");
    run("again", &number("1"), &total).refused(400, REUSED);
    root.call("dynamodb", "DeleteItem", on("once")).ok();
    assert_eq!(cost(run("again", &once, &total).ok()), consumed("WriteCapacityUnits", 2.0));
    assert_eq!(cost(run("again", &once, &total).ok()), consumed("ReadCapacityUnits", 2.0));
    let mut wrong = json!([{"Update": on("u")}]);
    wrong[0]["Update"]["UpdateExpression"] = json!("SET SET");
    run("wrong", &wrong, &total).refused(400, "ValidationException");
    run("wrong", &number("2"), &total).ok();
    // Both interfaces share the tokens.
    let insert = |text: &str, token: &str| {
        let request = json!({"TransactStatements": [{"Statement": text}], "ClientRequestToken": token});
        root.call("dynamodb", "ExecuteTransaction", request)
    };
    insert("INSERT INTO plain VALUE {'pk': 'i'}", "statement").ok();
    insert("INSERT INTO plain VALUE {'pk': 'i'} ", "statement").ok();
    insert("INSERT INTO plain VALUE {'pk': 'i'}", "same").refused(400, REUSED);
    insert("INSERT INTO plain VALUE {'pk': 'i'}", "cancelled").refused(400, "TransactionCanceledException");
    run("cancelled", &once, &total).refused(400, REUSED);
}

#[test]
fn capacity() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let item = json!({"pk": s("p"), "sk": n(1), "g": s("a"), "x": s(&"x".repeat(1500))});
    let put = |item: &Value| {
        root.call(
            "dynamodb",
            "PutItem",
            json!({"TableName": "sorted", "Item": item, "ReturnConsumedCapacity": "INDEXES"}),
        )
        .ok()["ConsumedCapacity"]
            .clone()
    };
    let one = |units: f64| json!({"CapacityUnits": units});
    assert_eq!(
        put(&item),
        json!({"TableName": "sorted", "CapacityUnits": 6.0, "Table": one(2.0), "GlobalSecondaryIndexes": {"by-g": one(2.0), "by-g-sk": one(2.0)}})
    );
    // Nothing changes in the indexes.
    assert_eq!(put(&item), json!({"TableName": "sorted", "CapacityUnits": 2.0, "Table": one(2.0)}));
    // An entry that moves is deleted and put.
    let moved = with(item, json!({"g": s("b"), "x": s("x")}));
    assert_eq!(
        put(&moved),
        json!({"TableName": "sorted", "CapacityUnits": 8.0, "Table": one(2.0), "GlobalSecondaryIndexes": {"by-g": one(3.0), "by-g-sk": one(3.0)}})
    );
    // In a transaction the item costs twice, and its entries do not.
    let both = |units: f64| json!({"CapacityUnits": units, "WriteCapacityUnits": units});
    let other = json!({"pk": s("q"), "sk": n(1), "g": s("a"), "x": s(&"x".repeat(1500))});
    let request = json!({"TransactItems": [{"Put": {"TableName": "sorted", "Item": other}}], "ReturnConsumedCapacity": "INDEXES"});
    assert_eq!(
        root.call("dynamodb", "TransactWriteItems", request).ok()["ConsumedCapacity"][0],
        json!({"TableName": "sorted", "CapacityUnits": 8.0, "WriteCapacityUnits": 8.0, "Table": both(4.0), "GlobalSecondaryIndexes": {"by-g": both(2.0), "by-g-sk": both(2.0)}})
    );
    let query = json!({"TableName": "sorted", "IndexName": "by-g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": s("b")}, "ReturnConsumedCapacity": "INDEXES"});
    assert_eq!(
        root.call("dynamodb", "Query", query).ok()["ConsumedCapacity"],
        json!({"TableName": "sorted", "CapacityUnits": 0.5, "Table": one(0.0), "GlobalSecondaryIndexes": {"by-g": one(0.5)}})
    );
    let get = json!({"TableName": "sorted", "Key": {"pk": s("p"), "sk": n(1)}, "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL"});
    assert_eq!(
        root.call("dynamodb", "GetItem", get).ok()["ConsumedCapacity"],
        json!({"TableName": "sorted", "CapacityUnits": 1.0})
    );
    let metrics = json!({"TableName": "sorted", "Item": {"pk": s("p"), "sk": n(2)}, "ReturnItemCollectionMetrics": "SIZE"});
    assert_eq!(
        root.call("dynamodb", "PutItem", metrics).ok(),
        json!({"ItemCollectionMetrics": {"ItemCollectionKey": {"pk": s("p")}, "SizeEstimateRangeGB": [0.0, 1.0]}})
    );
}

#[test]
fn fine_grained_access() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:BatchGetItem"],
        "Resource": [format!("arn:aws:dynamodb:us-east-1:{ONE}:table/sorted"), format!("arn:aws:dynamodb:us-east-1:{ONE}:table/sorted/index/by-l")],
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["p"], "dynamodb:Attributes": ["pk", "sk", "x", "l"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
    }]});
    let eva = cloud.user(&root, "eva", &policy.to_string());
    let allowed = |operation: &str, request: Value, allowed: bool| {
        let reply = eva.call("dynamodb", operation, request.clone());
        assert_eq!(reply.status == 200, allowed, "{operation} {request}: {}", reply.value);
        if !allowed {
            reply.refused(400, "AccessDeniedException");
        }
    };
    let get = |pk: &str, projection: &str| json!({"TableName": "sorted", "Key": {"pk": s(pk), "sk": n(0)}, "ProjectionExpression": projection});
    allowed("GetItem", get("p", "x"), true);
    allowed("GetItem", get("q", "x"), false);
    allowed("GetItem", get("p", "x, y"), false);
    allowed("GetItem", json!({"TableName": "sorted", "Key": {"pk": s("p"), "sk": n(0)}}), false);
    allowed("PutItem", json!({"TableName": "sorted", "Item": {"pk": s("p"), "sk": n(9), "x": s("x")}}), true);
    allowed(
        "PutItem",
        json!({"TableName": "sorted", "Item": {"pk": s("p"), "sk": n(9), "z": s("x")}}),
        false,
    );
    let query = |pk: &str, index: Option<&str>| {
        let mut request = json!({"TableName": "sorted", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": s(pk)}, "ProjectionExpression": "sk"});
        if let Some(index) = index {
            request["IndexName"] = json!(index);
        }
        request
    };
    allowed("Query", query("p", None), true);
    allowed("Query", query("p", Some("by-l")), true);
    allowed("Query", query("q", None), false);
    allowed("Query", query("p", Some("by-g")), false);
    let keys = |pks: &[&str]| -> Value { pks.iter().map(|pk| json!({"pk": s(pk), "sk": n(0)})).collect() };
    let batch =
        |pks: &[&str]| json!({"RequestItems": {"sorted": {"Keys": keys(pks), "ProjectionExpression": "x"}}});
    allowed("BatchGetItem", batch(&["p"]), true);
    allowed("BatchGetItem", batch(&["p", "q"]), false);
    allowed("Scan", json!({"TableName": "sorted"}), false);
    let transact =
        json!({"TransactItems": [{"Put": {"TableName": "sorted", "Item": {"pk": s("p"), "sk": n(8)}}}]});
    allowed("TransactWriteItems", transact, true);
    let transact =
        json!({"TransactItems": [{"Delete": {"TableName": "sorted", "Key": {"pk": s("p"), "sk": n(8)}}}]});
    allowed("TransactWriteItems", transact, false);
}
