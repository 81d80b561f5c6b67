//! What DynamoDB says of requests with more than one fault, and of keys that are none: which fault comes first.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::Cloud;
use serde_json::{Value, json};

const INVALID: &str = "ValidationException";
const EMPTY: &str = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const START: &str = "The provided starting key is invalid";
const MISFIT: &str = "The provided key element does not match the schema";

fn s(text: &str) -> Value {
    json!({ "S": text })
}

/// `plain` has the key `a`; `sorted` has `a` and `b`, a local index by `c`, a global one by `c` that holds all, and one
/// by `c` and `d` that holds keys only. All keys are strings.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let keys = |hash: &str, range: Option<&str>| {
        let range = range.map(|range| json!({"AttributeName": range, "KeyType": "RANGE"}));
        let hash = json!({"AttributeName": hash, "KeyType": "HASH"});
        Value::Array(std::iter::once(hash).chain(range).collect())
    };
    let define = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect()
    };
    let index = |name: &str, keys: Value, kind: &str| json!({"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": kind}});
    let mut plain = table("plain", false);
    (plain["AttributeDefinitions"], plain["KeySchema"]) = (define(&["a"]), keys("a", None));
    make(&cloud, &root, plain);
    let mut sorted = table("sorted", true);
    sorted["AttributeDefinitions"] = define(&["a", "b", "c", "d"]);
    sorted["KeySchema"] = keys("a", Some("b"));
    sorted["LocalSecondaryIndexes"] = json!([index("local", keys("a", Some("c")), "ALL")]);
    sorted["GlobalSecondaryIndexes"] =
        json!([index("global", keys("c", None), "ALL"), index("narrow", keys("c", Some("d")), "KEYS_ONLY"),]);
    make(&cloud, &root, sorted);
    cloud
}

/// The request of each row, sent by `operation`, is refused in the row's words.
fn refused(cloud: &Cloud, operation: &str, rows: &[(Value, &str)]) {
    for (request, message) in rows {
        let reply = cloud.root(ONE).call("dynamodb", operation, request.clone());
        assert_eq!(reply.error(), (INVALID.to_owned(), (*message).to_owned()), "{operation} {request}");
    }
}

fn with(mut request: Value, more: Value) -> Value {
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

#[test]
fn a_scan_is_read_in_dynamodbs_order() {
    let filter = json!({"a": {"ComparisonOperator": "EQ", "AttributeValueList": [{}]}});
    // Each row of members holds one fault less than the one before.
    let all = json!({
        "TableName": "none", "AttributesToGet": ["a", "a"], "ScanFilter": filter, "ExclusiveStartKey": {"a": {}}, "Segment": 1,
    });
    let less = |gone: &[&str]| {
        let mut request = all.clone();
        gone.iter().for_each(|name| drop(request.as_object_mut().unwrap().remove(*name)));
        request
    };
    let (start, segment) = (
        format!("{START}: {EMPTY}"),
        "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
    );
    let empty = json!({"FilterExpression": "", "ExpressionAttributeNames": {}});
    let legacy = ["AttributesToGet", "ScanFilter"];
    refused(
        &cloud(),
        "Scan",
        &[
            (all.clone(), "One or more parameter values were invalid: Duplicate value in attribute name: a"),
            (less(&legacy[..1]), EMPTY),
            (with(less(&legacy), empty.clone()), &start),
            (with(less(&["AttributesToGet", "ScanFilter", "ExclusiveStartKey"]), empty.clone()), segment),
            (with(json!({"TableName": "none"}), empty), "ExpressionAttributeNames must not be empty"),
            (
                with(less(&legacy), json!({"ExpressionAttributeValues": {}})),
                "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null",
            ),
        ],
    );
}

#[test]
fn a_query_is_read_in_dynamodbs_order() {
    let equal =
        |name: &str, value: Value| json!({name: {"ComparisonOperator": "EQ", "AttributeValueList": [value]}});
    let of = |more: Value| with(json!({"TableName": "none"}), more);
    let (bad, start) = (equal("a", json!({})), format!("{START}: {EMPTY}"));
    let duplicate = "One or more parameter values were invalid: Duplicate value in attribute name: a";
    let begin = json!({"a": {}});
    refused(
        &cloud(),
        "Query",
        &[
            (
                of(json!({"Select": "SPECIFIC_ATTRIBUTES"})),
                "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
            ),
            (
                of(json!({"QueryFilter": bad, "AttributesToGet": ["a", "a"], "ExclusiveStartKey": begin})),
                EMPTY,
            ),
            (
                of(json!({"QueryFilter": {}, "AttributesToGet": ["a", "a"], "ExclusiveStartKey": begin})),
                duplicate,
            ),
            (of(json!({"KeyConditions": bad, "ExclusiveStartKey": begin})), &start),
            (of(json!({"KeyConditions": bad, "FilterExpression": ""})), EMPTY),
            (
                of(json!({"FilterExpression": ""})),
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            ),
            (
                of(json!({"KeyConditionExpression": "", "FilterExpression": "", "ProjectionExpression": ""})),
                "Invalid KeyConditionExpression: The expression can not be empty;",
            ),
            (
                of(
                    json!({"KeyConditionExpression": "NOT a = b", "FilterExpression": "", "ProjectionExpression": ""}),
                ),
                "Invalid FilterExpression: The expression can not be empty;",
            ),
            (
                of(json!({"KeyConditionExpression": "NOT a = b", "ProjectionExpression": ""})),
                "Invalid ProjectionExpression: The expression can not be empty;",
            ),
            (
                of(json!({"KeyConditionExpression": "NOT a = b"})),
                "Invalid operator used in KeyConditionExpression: NOT",
            ),
            (
                of(json!({"QueryFilter": {}, "ExpressionAttributeValues": {}})),
                "ExpressionAttributeValues can only be specified when using expressions: FilterExpression and KeyConditionExpression are null",
            ),
        ],
    );
    let none = json!({"z": {"ComparisonOperator": "NULL"}});
    let missing = cloud().root(ONE).call("dynamodb", "Query", of(json!({"KeyConditions": none})));
    missing.refused_with(400, "ResourceNotFoundException", "Requested resource not found");
}

#[test]
fn key_conditions_are_held_against_the_schema_in_turn() {
    let plain = |more: Value| with(json!({"TableName": "plain"}), more);
    let sorted = |more: Value| with(json!({"TableName": "sorted"}), more);
    let is =
        |operator: &str, values: Value| json!({"ComparisonOperator": operator, "AttributeValueList": values});
    let of = |text: &str, value: Value| json!({"KeyConditionExpression": text, "ExpressionAttributeValues": {":v": value}});
    let unindexable = "Attempted conditional constraint is not an indexable operation";
    let unsupported = "Query key condition not supported";
    let missed = |name: &str| format!("Query condition missed key schema element: {name}");
    let equal = is("EQ", json!([s("b")]));
    refused(
        &cloud(),
        "Query",
        &[
            (plain(json!({"KeyConditions": {"z": is("NULL", json!([]))}})), &missed("a")),
            (plain(json!({"KeyConditions": {"a": is("NE", json!([s("b")]))}})), unindexable),
            (sorted(json!({"KeyConditions": {"a": equal, "c": is("NULL", json!([]))}})), &missed("b")),
            (sorted(json!({"KeyConditions": {"a": equal, "b": is("NULL", json!([]))}})), unindexable),
            (
                sorted(
                    json!({"IndexName": "narrow", "KeyConditions": {"c": equal, "b": is("NULL", json!([]))}}),
                ),
                &missed("d"),
            ),
            (plain(of("y = :v AND z = :v", s("b"))), unsupported),
            (plain(of("a > :v", s("b"))), unsupported),
            (
                plain(of("a > :v", json!({"N": "1"}))),
                "One or more parameter values were invalid: Condition parameter type does not match schema type",
            ),
        ],
    );
}

#[test]
fn starting_keys_are_checked_part_by_part() {
    let of = |index: &str, text: &str, start: Value| {
        let mut request =
            json!({"TableName": "sorted", "KeyConditionExpression": text, "ExclusiveStartKey": start});
        request["ExpressionAttributeValues"] = json!({":v": s("v")});
        if !index.is_empty() {
            request["IndexName"] = json!(index);
        }
        request
    };
    let (v, n) = (s("v"), json!({"N": "1"}));
    let deep = format!("{START}: {MISFIT}");
    let outside = "The provided starting key is outside query boundaries based on provided conditions";
    let missed = "Query condition missed key schema element: a";
    let predicate = "The provided starting key does not match the range key predicate";
    let one = "The query can return at most one row and cannot be restarted";
    let cloud = cloud();
    refused(
        &cloud,
        "Query",
        &[
            // How many there are and the partition's come before the conditions, the rest after them.
            (of("", "z = :v", json!({"a": v})), START),
            (of("", "z = :v", json!({"a": n, "z": v})), MISFIT),
            (of("", "z = :v", json!({"a": v, "z": v})), missed),
            (of("", "a = :v", json!({"a": v, "z": v})), START),
            (of("", "a = :v", json!({"a": v, "b": n})), MISFIT),
            (of("local", "z = :v", json!({"a": v, "b": n, "c": n})), missed),
            (of("local", "a = :v", json!({"a": v, "b": n, "c": n})), MISFIT),
            (of("local", "a = :v", json!({"a": v, "b": n, "c": v})), &deep),
            (of("global", "c = :v", json!({"c": v, "x": v, "y": v})), &deep),
            (of("global", "c = :v", json!({"c": v, "a": v})), START),
            // Where it stands.
            (of("", "a = :v", json!({"a": s("w"), "b": v})), outside),
            (of("", "a = :v AND b > :v", json!({"a": s("w"), "b": v})), predicate),
            (of("", "a = :v AND b <= :v", json!({"a": s("w"), "b": v})), one),
        ],
    );
    let scan = |index: &str, start: Value| json!({"TableName": "sorted", "IndexName": index, "ExclusiveStartKey": start});
    let everything = json!({"Select": "ALL_ATTRIBUTES"});
    refused(
        &cloud,
        "Scan",
        &[
            (scan("local", json!({"a": v, "b": v})), START),
            (scan("local", json!({"a": v, "b": n, "c": n})), MISFIT),
            (scan("local", json!({"a": v, "b": n, "c": v})), &deep),
            (with(scan("narrow", json!({"c": v})), everything.clone()), START),
            (
                with(scan("narrow", json!({"c": v, "d": v, "x": v, "y": v})), everything),
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index narrow because its projection type is not ALL",
            ),
        ],
    );
    // What a page ended with is where the next begins, also where the partition and the sort key are given.
    let root = cloud.root(ONE);
    for b in ["x", "y"] {
        let item = json!({"a": s("a"), "b": s(b), "c": v, "d": v});
        root.call("dynamodb", "PutItem", json!({"TableName": "sorted", "Item": item})).ok();
    }
    let mut request = of("narrow", "c = :v AND d = :v", json!({}));
    request.as_object_mut().unwrap().remove("ExclusiveStartKey");
    request["Limit"] = json!(1);
    let first = root.call("dynamodb", "Query", request.clone()).ok();
    request["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
    let second = root.call("dynamodb", "Query", request).ok();
    assert_eq!((&first["Items"][0]["b"], &second["Items"][0]["b"]), (&s("x"), &s("y")));
}

#[test]
fn another_segments_key_begins_nothing() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    for at in 0..10 {
        let item = json!({"a": s(&at.to_string())});
        root.call("dynamodb", "PutItem", json!({"TableName": "plain", "Item": item})).ok();
    }
    let scan = |segment: u32| json!({"TableName": "plain", "Segment": segment, "TotalSegments": 2});
    let other = root.call("dynamodb", "Scan", scan(1)).ok()["Items"][0].clone();
    refused(
        &cloud,
        "Scan",
        &[(
            with(scan(0), json!({"ExclusiveStartKey": other})),
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: 0",
        )],
    );
}

#[test]
fn keys_are_scalars() {
    let words = |which: &str| {
        format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {which}"
        )
    };
    let (table, index) = (words("Key: a"), words("IndexKey: d"));
    let cloud = cloud();
    let one = json!({":v": {"N": "1"}});
    let key = json!({"a": s("a"), "b": s("b")});
    refused(
        &cloud,
        "GetItem",
        &[
            (json!({"TableName": "plain", "Key": {"a": s("a")}, "ProjectionExpression": "a.x"}), &table),
            (json!({"TableName": "sorted", "Key": key, "ProjectionExpression": "d[0]"}), &index),
        ],
    );
    let batch = json!({"RequestItems": {"plain": {"Keys": [{"a": s("a")}], "ProjectionExpression": "a[1]"}}});
    refused(&cloud, "BatchGetItem", &[(batch, &table)]);
    refused(
        &cloud,
        "Scan",
        &[(json!({"TableName": "plain", "FilterExpression": "attribute_exists(a.b)"}), &table)],
    );
    let query = json!({"TableName": "sorted", "KeyConditionExpression": "a = :v", "FilterExpression": "attribute_exists(d.x)", "ExpressionAttributeValues": {":v": s("a")}});
    refused(&cloud, "Query", &[(query, &index)]);
    let update = |text: &str, values: Option<&Value>| {
        let mut request = json!({"TableName": "sorted", "Key": key, "UpdateExpression": text});
        if let Some(values) = values {
            request["ExpressionAttributeValues"] = values.clone();
        }
        request
    };
    let other = "One or more parameter values were invalid: Type mismatch for Index Key c Expected: S Actual: N IndexName: local";
    refused(
        &cloud,
        "UpdateItem",
        &[
            (update("SET d[1] = :v", Some(&one)), &index),
            (update("ADD d.x :v", Some(&one)), &index),
            (update("SET e = list_append(a, b), f = d[1]", None), &index),
            // What the request itself says of a type comes first, what an attribute turns out to be last.
            (update("SET d.x = a ADD c :v", Some(&one)), other),
            (update("SET e = c[1], c = x + :v", Some(&one)), other),
        ],
    );
    cloud.root(ONE).call("dynamodb", "UpdateItem", update("SET e = :v", Some(&one))).ok();
    refused(
        &cloud,
        "UpdateItem",
        &[(
            update("SET c = e", None),
            "The update expression attempted to update the secondary index key to unsupported type",
        )],
    );
}

#[test]
fn batches_and_transactions_of_two_faults() {
    let cloud = cloud();
    refused(
        &cloud,
        "BatchGetItem",
        &[(
            json!({"RequestItems": {"a!": {"Keys": [{"a": s("a")}]}}, "ReturnConsumedCapacity": "ALL"}),
            "2 validation errors detected: Value '{\"a!\":{\"Keys\":[{\"a\":{\"S\":\"a\"}}]}}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]; Value 'ALL' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
        )],
    );
    let put = |item: Value| json!({"Put": {"TableName": "plain", "Item": item}});
    let write = |items: Vec<Value>| {
        cloud.root(ONE).call("dynamodb", "TransactWriteItems", json!({"TransactItems": items}))
    };
    let failed =
        write(vec![put(json!({"a": s("a")})), put(json!({"a": {"N": "1"}})), put(json!({"a": {"N": "2"}}))]);
    let codes: Vec<&Value> = failed.value["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| &reason["Code"])
        .collect();
    assert_eq!(codes, ["None", "ValidationError", "None"]);
    let large = s(&"x".repeat(390_000));
    let items = (0..11).map(|at| put(json!({"a": s(&format!("k{at:02}")), "x": large})));
    let size = 11 * (1 + 3 + 1 + 390_000);
    let sentence = "Transaction payload size cannot exceed 4MB. Payload Size: ";
    write(items.collect()).refused_with(400, INVALID, &format!("{sentence}: {sentence}{size}"));
}

#[test]
fn requests_have_dynamodbs_own_ids() {
    let cloud = cloud();
    let long = |id: &str| id.len() == 52 && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    for (operation, request) in [("ListTables", json!({})), ("DescribeTable", json!({"TableName": "none"}))] {
        let reply = cloud.root(ONE).call("dynamodb", operation, request);
        let id = reply.headers["x-amzn-requestid"].to_str().unwrap();
        assert!(long(id), "{operation}: {id}");
    }
}

#[test]
fn an_expression_may_be_nested_as_deep_as_its_operators_reach() {
    let cloud = cloud();
    let scan = |filter: String| {
        cloud.root(ONE).call("dynamodb", "Scan", json!({"TableName": "plain", "FilterExpression": filter}))
    };
    let nested = |left: &str, middle: &str, right: &str, depth: usize| {
        left.repeat(depth) + middle + &right.repeat(depth)
    };
    let put = json!({"TableName": "plain", "Item": {"a": s("a"), "b": s("b")}});
    cloud.root(ONE).call("dynamodb", "PutItem", put).ok();
    assert_eq!(scan(nested("b<a or (", "a<b", ")", 149)).ok()["Count"], 1);
    for (filter, message) in [
        (
            nested("b<a or (", "a<b", ")", 454),
            "The expression contains too many operators; operator count: 301",
        ),
        (nested("(", "a<b", ")", 2_046), "The expression has redundant parentheses;"),
    ] {
        scan(filter).refused_with(400, INVALID, &format!("Invalid FilterExpression: {message}"));
    }
}
