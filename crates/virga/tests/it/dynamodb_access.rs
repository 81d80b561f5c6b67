//! DynamoDB's condition keys: what a policy says about keys, attributes, selections and returned values holds for every
//! operation on items. PartiQL's are in `dynamodb_partiql.rs`.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

fn s(text: &str) -> Value {
    json!({ "S": text })
}

/// A cloud with the table `music`, which has the item `a` and a global index `by-g`.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("music", false);
    request["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"AttributeName": "g", "AttributeType": "S"}));
    request["GlobalSecondaryIndexes"] = json!([{"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}]);
    make(&cloud, &root, request);
    for pk in ["a", "b"] {
        let item = json!({"TableName": "music", "Item": {"pk": s(pk), "g": s("x"), "secret": s("y")}});
        root.call("dynamodb", "PutItem", item).ok();
    }
    cloud
}

/// A user who may do everything with the table under this condition.
fn under<'c>(cloud: &'c Cloud, name: &str, condition: Value) -> Caller<'c> {
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "dynamodb:*", "Resource": [arn, format!("{arn}/index/*")], "Condition": condition,
    }});
    cloud.user(&cloud.root(ONE), name, &policy.to_string())
}

#[track_caller]
fn judge(caller: &Caller<'_>, allowed: bool, operation: &str, request: Value) {
    let reply = caller.call("dynamodb", operation, request.clone());
    let denied = reply.error().0 == "AccessDeniedException";
    assert_eq!(!denied, allowed, "{operation} {request}: {}", reply.value);
    assert!(denied || reply.status == 200, "{operation} {request}: {}", reply.value);
}

/// The request of each operation on the item with this key.
fn on_item(pk: &str) -> Vec<(&'static str, Value)> {
    let key = json!({"pk": s(pk)});
    let with = |member: &str| json!({"TableName": "music", member: key});
    vec![
        ("GetItem", with("Key")),
        ("PutItem", with("Item")),
        ("UpdateItem", with("Key")),
        ("DeleteItem", with("Key")),
        ("BatchGetItem", json!({"RequestItems": {"music": {"Keys": [key]}}})),
        ("BatchWriteItem", json!({"RequestItems": {"music": [{"PutRequest": {"Item": key}}]}})),
        ("BatchWriteItem", json!({"RequestItems": {"music": [{"DeleteRequest": {"Key": key}}]}})),
        ("TransactGetItems", json!({"TransactItems": [{"Get": with("Key")}]})),
        ("TransactWriteItems", json!({"TransactItems": [{"Put": with("Item")}]})),
        ("TransactWriteItems", json!({"TransactItems": [{"Delete": with("Key")}]})),
        (
            "Query",
            json!({"TableName": "music", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": s(pk)}}),
        ),
        (
            "Query",
            json!({"TableName": "music", "KeyConditions": {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [s(pk)]}}}),
        ),
    ]
}

#[test]
fn leading_keys_hold_for_every_operation() {
    let cloud = cloud();
    let keyed = json!({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}, "Null": {"dynamodb:LeadingKeys": "false"}});
    let eva = under(&cloud, "eva", keyed);
    for (operation, request) in on_item("a") {
        judge(&eva, true, operation, request);
    }
    for (operation, request) in on_item("b") {
        judge(&eva, false, operation, request);
    }
    judge(&eva, false, "Scan", json!({"TableName": "music"}));
    // One key too many spoils a batch.
    let keys = json!([{"pk": s("a")}, {"pk": s("b")}]);
    judge(&eva, false, "BatchGetItem", json!({"RequestItems": {"music": {"Keys": keys}}}));
    // An index has leading keys of its own.
    let by_g = json!({"TableName": "music", "IndexName": "by-g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": s("a")}});
    judge(&eva, true, "Query", by_g.clone());
    let mut other = by_g;
    other["ExpressionAttributeValues"][":g"] = s("x");
    judge(&eva, false, "Query", other);
}

#[test]
fn attributes_are_those_that_a_request_names() {
    let cloud = cloud();
    let narrow = json!({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "v"]}});
    let eva = under(&cloud, "eva", narrow);
    let key = json!({"pk": s("c")});
    let update = |expression: &str| json!({"TableName": "music", "Key": key, "UpdateExpression": expression, "ExpressionAttributeValues": {":v": s("1")}});
    judge(&eva, true, "UpdateItem", update("SET v = :v"));
    judge(&eva, false, "UpdateItem", update("SET secret = :v"));
    judge(&eva, false, "UpdateItem", update("SET v = if_not_exists(secret, :v)"));
    judge(&eva, true, "PutItem", json!({"TableName": "music", "Item": {"pk": s("c"), "v": s("1")}}));
    judge(&eva, false, "PutItem", json!({"TableName": "music", "Item": {"pk": s("c"), "secret": s("1")}}));
    let get =
        |projection: &str| json!({"TableName": "music", "Key": key, "ProjectionExpression": projection});
    judge(&eva, true, "GetItem", get("v"));
    judge(&eva, false, "GetItem", get("v, secret"));
    let hidden = json!({"TableName": "music", "Key": key, "ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "secret"}});
    judge(&eva, false, "GetItem", hidden);
    let scan = json!({"TableName": "music", "FilterExpression": "attribute_exists(secret)", "ProjectionExpression": "pk"});
    judge(&eva, false, "Scan", scan);
    let check = |condition: &str| {
        let delete =
            json!({"TableName": "music", "Key": {"pk": s("none")}, "ConditionExpression": condition});
        json!({"TransactItems": [{"Delete": delete}]})
    };
    judge(&eva, true, "TransactWriteItems", check("attribute_not_exists(v)"));
    judge(&eva, false, "TransactWriteItems", check("attribute_not_exists(secret)"));
    let batch = |item: Value| json!({"RequestItems": {"music": [{"PutRequest": {"Item": item}}]}});
    judge(&eva, false, "BatchWriteItem", batch(json!({"pk": s("c"), "secret": s("1")})));
}

#[test]
fn selections_and_returned_values() {
    let cloud = cloud();
    let specific = under(
        &cloud,
        "specific",
        json!({"StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}}),
    );
    let query = |more: Value| {
        let mut request = json!({"TableName": "music", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": s("a")}});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    judge(&specific, true, "Query", query(json!({"ProjectionExpression": "g"})));
    judge(&specific, false, "Query", query(json!({})));
    judge(&specific, false, "Query", query(json!({"Select": "COUNT"})));
    judge(&specific, false, "Scan", json!({"TableName": "music", "IndexName": "by-g"}));
    judge(&specific, false, "GetItem", json!({"TableName": "music", "Key": {"pk": s("a")}}));
    let quiet = under(&cloud, "quiet", json!({"StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"}}));
    let delete =
        |returns: &str| json!({"TableName": "music", "Key": {"pk": s("c")}, "ReturnValues": returns});
    judge(&quiet, true, "DeleteItem", delete("NONE"));
    judge(&quiet, false, "DeleteItem", delete("ALL_OLD"));
    judge(&quiet, true, "UpdateItem", delete("NONE"));
    judge(&quiet, false, "UpdateItem", delete("ALL_NEW"));
    let thrifty = under(
        &cloud,
        "thrifty",
        json!({"StringNotEqualsIfExists": {"dynamodb:ReturnConsumedCapacity": "INDEXES"}}),
    );
    for (capacity, allowed) in [("TOTAL", true), ("INDEXES", false)] {
        for (operation, mut request) in on_item("c") {
            request["ReturnConsumedCapacity"] = json!(capacity);
            judge(&thrifty, allowed, operation, request);
        }
    }
}

#[test]
fn transactions_enclose_their_parts() {
    let cloud = cloud();
    let whole = json!({"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems", "TransactGetItems"]}});
    let eva = under(&cloud, "eva", whole);
    let key = json!({"TableName": "music", "Key": {"pk": s("a")}});
    judge(&eva, false, "GetItem", key.clone());
    judge(&eva, false, "DeleteItem", key.clone());
    judge(&eva, true, "TransactGetItems", json!({"TransactItems": [{"Get": key}]}));
    let check =
        json!({"TableName": "music", "Key": {"pk": s("a")}, "ConditionExpression": "attribute_exists(pk)"});
    let put = json!({"TableName": "music", "Item": {"pk": s("z")}});
    judge(
        &eva,
        true,
        "TransactWriteItems",
        json!({"TransactItems": [{"ConditionCheck": check}, {"Put": put}]}),
    );
    // Each part needs its own action.
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": arn}});
    let putter = cloud.user(&cloud.root(ONE), "putter", &policy.to_string());
    judge(&putter, true, "TransactWriteItems", json!({"TransactItems": [{"Put": put}]}));
    let both = json!({"TransactItems": [{"Put": put}, {"ConditionCheck": check}]});
    let denied = putter.call("dynamodb", "TransactWriteItems", both).refused(400, "AccessDeniedException");
    assert!(denied.contains("dynamodb:ConditionCheckItem"), "{denied}");
}
