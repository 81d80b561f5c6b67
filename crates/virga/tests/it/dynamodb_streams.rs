//! DynamoDB Streams: what records hold, how they are read, how shards follow each other, and what a day takes away.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn with_stream(name: &str, view: &str) -> Value {
    let mut request = table(name, false);
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view});
    request
}

fn arn(caller: &Caller<'_>, name: &str) -> String {
    let out = caller.call("dynamodb", "DescribeTable", json!({"TableName": name})).ok();
    out["Table"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

fn put(caller: &Caller<'_>, name: &str, item: Value) {
    caller.call("dynamodb", "PutItem", json!({"TableName": name, "Item": item})).ok();
}

fn delete(caller: &Caller<'_>, name: &str, key: &str) {
    caller.call("dynamodb", "DeleteItem", json!({"TableName": name, "Key": {"pk": s(key)}})).ok();
}

fn streams(caller: &Caller<'_>, operation: &str, request: Value) -> Value {
    caller.call("dynamodbstreams", operation, request).ok()
}

fn describe(caller: &Caller<'_>, arn: &str) -> Value {
    streams(caller, "DescribeStream", json!({"StreamArn": arn}))["StreamDescription"].clone()
}

fn shards(caller: &Caller<'_>, arn: &str) -> Vec<Value> {
    describe(caller, arn)["Shards"].as_array().unwrap().clone()
}

fn iterator(caller: &Caller<'_>, arn: &str, shard: &Value, kind: &str) -> Value {
    let request = json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": kind});
    streams(caller, "GetShardIterator", request)["ShardIterator"].clone()
}

/// All records from the beginning, shard by shard.
fn all(caller: &Caller<'_>, arn: &str) -> Vec<Value> {
    let mut out = Vec::new();
    for shard in shards(caller, arn) {
        let from = iterator(caller, arn, &shard, "TRIM_HORIZON");
        let page = streams(caller, "GetRecords", json!({"ShardIterator": from}));
        out.extend(page["Records"].as_array().unwrap().clone());
        assert_eq!(
            page.get("NextShardIterator").is_none(),
            shard["SequenceNumberRange"].get("EndingSequenceNumber").is_some()
        );
    }
    out
}

#[test]
fn records_show_what_happened() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, with_stream("tab", "NEW_AND_OLD_IMAGES"));
    let arn = arn(&root, "tab");
    assert!(
        arn.starts_with(&format!("arn:aws:dynamodb:us-east-1:{ONE}:table/tab/stream/2026-01-15T12:00:00.")),
        "{arn}"
    );
    put(&root, "tab", json!({"pk": s("Id"), "Message": s("New item!")}));
    // What changes nothing is no change.
    put(&root, "tab", json!({"pk": s("Id"), "Message": s("New item!")}));
    delete(&root, "tab", "missing");
    let update = json!({"TableName": "tab", "Key": {"pk": s("Id")}, "UpdateExpression": "SET n = :n REMOVE Message", "ExpressionAttributeValues": {":n": {"N": "101"}}});
    root.call("dynamodb", "UpdateItem", update).ok();
    delete(&root, "tab", "Id");
    let records = all(&root, &arn);
    let keys = json!({"pk": s("Id")});
    let (first, second) =
        (json!({"pk": s("Id"), "Message": s("New item!")}), json!({"pk": s("Id"), "n": {"N": "101"}}));
    let expected = [
        ("INSERT", None, Some(&first), 4 + 4 + 16),
        ("MODIFY", Some(&first), Some(&second), 4 + 20 + 8),
        ("REMOVE", Some(&second), None, 4 + 8),
    ];
    assert_eq!(records.len(), expected.len(), "{records:?}");
    for (record, (name, old, new, size)) in records.iter().zip(expected) {
        let body = &record["dynamodb"];
        assert_eq!((&record["eventName"], &record["eventVersion"]), (&json!(name), &json!("1.1")));
        assert_eq!(
            (&record["eventSource"], &record["awsRegion"]),
            (&json!("aws:dynamodb"), &json!("us-east-1"))
        );
        assert_eq!(record["eventID"].as_str().unwrap().len(), 32);
        assert_eq!((&body["Keys"], body.get("OldImage"), body.get("NewImage")), (&keys, old, new));
        assert_eq!(
            (&body["SizeBytes"], &body["StreamViewType"]),
            (&json!(size), &json!("NEW_AND_OLD_IMAGES"))
        );
        assert_eq!(body["ApproximateCreationDateTime"], json!(1_768_478_400));
        assert!(record.get("userIdentity").is_none());
    }
    let numbers: Vec<u128> =
        records.iter().map(|r| r["dynamodb"]["SequenceNumber"].as_str().unwrap().parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn views_show_their_part() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    for (name, view, new, old) in [
        ("aaa", "KEYS_ONLY", false, false),
        ("bbb", "NEW_IMAGE", true, false),
        ("ccc", "OLD_IMAGE", false, true),
    ] {
        make(&cloud, &root, with_stream(name, view));
        let write = json!({"RequestItems": {name: [{"PutRequest": {"Item": {"pk": s("a"), "v": s("1")}}}]}});
        root.call("dynamodb", "BatchWriteItem", write).ok();
        let put = json!({"TableName": name, "Item": {"pk": s("a"), "v": s("2")}});
        root.call("dynamodb", "TransactWriteItems", json!({"TransactItems": [{"Put": put}]})).ok();
        let records = all(&root, &arn(&root, name));
        let shown: Vec<(bool, bool)> = records
            .iter()
            .map(|r| (r["dynamodb"].get("NewImage").is_some(), r["dynamodb"].get("OldImage").is_some()))
            .collect();
        assert_eq!(shown, [(new, false), (new, old)], "{view}");
    }
}

#[test]
fn iterators_begin_where_they_say() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = with_stream("tab", "KEYS_ONLY");
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    make(&cloud, &root, request);
    let arn = arn(&root, "tab");
    let shard = &shards(&root, &arn)[0];
    assert_eq!(shards(&root, &arn).len(), 1);
    let latest = iterator(&root, &arn, shard, "LATEST");
    for n in 0..5 {
        put(&root, "tab", json!({"pk": s(&n.to_string())}));
    }
    let get = |iterator: &Value, limit: i64| {
        let page = streams(&root, "GetRecords", json!({"ShardIterator": iterator, "Limit": limit}));
        let keys: Vec<String> = page["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned())
            .collect();
        (keys.join(""), page)
    };
    let (keys, page) = get(&latest, 3);
    assert_eq!(keys, "012");
    let (keys, page2) = get(&page["NextShardIterator"], 3);
    assert_eq!(keys, "34");
    assert_eq!(get(&page2["NextShardIterator"], 3).0, "");
    assert_eq!(get(&iterator(&root, &arn, shard, "LATEST"), 3).0, "");
    assert_eq!(get(&iterator(&root, &arn, shard, "TRIM_HORIZON"), 9).0, "01234");
    let number = &page["Records"][1]["dynamodb"]["SequenceNumber"];
    let numbered = |kind: &str, number: &Value| {
        let request = json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": kind, "SequenceNumber": number});
        root.call("dynamodbstreams", "GetShardIterator", request)
    };
    assert_eq!(get(&numbered("AT_SEQUENCE_NUMBER", number).ok()["ShardIterator"], 9).0, "1234");
    assert_eq!(get(&numbered("AFTER_SEQUENCE_NUMBER", number).ok()["ShardIterator"], 9).0, "234");
    numbered("AT_SEQUENCE_NUMBER", &json!("000000000000000000001")).refused(400, "ValidationException");
    numbered("LATEST", number).refused(400, "ValidationException");
    let none =
        json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "AFTER_SEQUENCE_NUMBER"});
    root.call("dynamodbstreams", "GetShardIterator", none).refused(400, "ValidationException");
    let unknown = "shardId-00000000000000000000-00000000";
    let missing = json!({"StreamArn": arn, "ShardId": unknown, "ShardIteratorType": "LATEST"});
    root.call("dynamodbstreams", "GetShardIterator", missing).refused_with(
        400,
        "ResourceNotFoundException",
        &format!("Requested resource not found: Shard: {unknown} in Stream: {arn} not found"),
    );
    cloud.advance(Duration::from_secs(901));
    root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": latest})).refused_with(
        400,
        "ExpiredIteratorException",
        "The provided iterator exceeds the maximum age allowed.",
    );
    let torn = format!("{}x", latest.as_str().unwrap());
    for bad in [torn.as_str(), "nonsense", "arn:aws:dynamodb:us-east-1:111111111111:table/tab|1|AAAA"] {
        root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": bad}))
            .refused(400, "ValidationException");
    }
    root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": latest, "Limit": 1001})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
    );
}

#[test]
fn keys_stay_in_their_shards_in_order() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, with_stream("tab", "NEW_IMAGE"));
    let arn = arn(&root, "tab");
    for round in 0..4 {
        for key in 0..12 {
            put(&root, "tab", json!({"pk": s(&format!("key {key}")), "round": {"N": round.to_string()}}));
        }
    }
    assert_eq!(shards(&root, &arn).len(), 4);
    let mut seen = std::collections::BTreeMap::new();
    let mut busy = 0;
    for shard in shards(&root, &arn) {
        let from = iterator(&root, &arn, &shard, "TRIM_HORIZON");
        let page = streams(&root, "GetRecords", json!({"ShardIterator": from}));
        let records = page["Records"].as_array().unwrap();
        busy += usize::from(!records.is_empty());
        for record in records {
            let key = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned();
            let entry: &mut Vec<(Value, Value)> = seen.entry(key).or_default();
            entry.push((shard["ShardId"].clone(), record["dynamodb"]["NewImage"]["round"]["N"].clone()));
        }
    }
    assert!(busy > 1, "all keys are in one shard");
    assert_eq!(seen.len(), 12);
    for entries in seen.values() {
        assert!(entries.iter().all(|(shard, _)| *shard == entries[0].0));
        let rounds: Vec<_> = entries.iter().map(|(_, round)| round.as_str().unwrap()).collect();
        assert_eq!(rounds, ["0", "1", "2", "3"]);
    }
}

#[test]
fn shards_have_children_and_a_day_takes_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, with_stream("tab", "KEYS_ONLY"));
    let arn = arn(&root, "tab");
    put(&root, "tab", json!({"pk": s("old")}));
    let parents = shards(&root, &arn);
    let open = iterator(&root, &arn, &parents[0], "LATEST");
    cloud.advance(4 * HOUR);
    cloud.reconcile();
    put(&root, "tab", json!({"pk": s("new")}));
    let both = shards(&root, &arn);
    assert_eq!(both.len(), 8);
    for parent in &parents {
        let child = both.iter().find(|shard| shard["ParentShardId"] == parent["ShardId"]).unwrap();
        let closed = both.iter().find(|shard| shard["ShardId"] == parent["ShardId"]).unwrap();
        let number = |shard: &Value, bound: &str| -> u128 {
            shard["SequenceNumberRange"][bound].as_str().unwrap().parse().unwrap()
        };
        assert!(number(closed, "EndingSequenceNumber") < number(child, "StartingSequenceNumber"));
        assert!(child["SequenceNumberRange"].get("EndingSequenceNumber").is_none());
        let filter =
            json!({"StreamArn": arn, "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": parent["ShardId"]}});
        let children = streams(&root, "DescribeStream", filter);
        assert_eq!(children["StreamDescription"]["Shards"], json!([child]));
    }
    root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": open}))
        .refused(400, "ExpiredIteratorException");
    let keys = |records: Vec<Value>| -> Vec<String> {
        records.iter().map(|r| r["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(all(&root, &arn)).len(), 2);
    let page = streams(&root, "DescribeStream", json!({"StreamArn": arn, "Limit": 3}));
    let last = &page["StreamDescription"]["LastEvaluatedShardId"];
    let rest = streams(&root, "DescribeStream", json!({"StreamArn": arn, "ExclusiveStartShardId": last}));
    assert_eq!(rest["StreamDescription"]["Shards"].as_array().unwrap().len(), 5);
    // Just before the reconciler comes by, the clock alone decides.
    let parent = &parents.iter().find(|shard| {
        let from = iterator(&root, &arn, shard, "TRIM_HORIZON");
        !streams(&root, "GetRecords", json!({"ShardIterator": from}))["Records"]
            .as_array()
            .unwrap()
            .is_empty()
    });
    let parent = parent.unwrap();
    cloud.advance(19 * HOUR + Duration::from_secs(3_590));
    let from = iterator(&root, &arn, parent, "TRIM_HORIZON");
    cloud.advance(Duration::from_secs(20));
    root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": from.clone()})).refused_with(
        400,
        "TrimmedDataAccessException",
        "The data you are trying to access has been trimmed.",
    );
    cloud.reconcile();
    root.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": from}))
        .refused(400, "TrimmedDataAccessException");
    assert_eq!(keys(all(&root, &arn)), ["new"]);
    cloud.advance(5 * HOUR);
    cloud.reconcile();
    assert!(!shards(&root, &arn).iter().any(|shard| shard["ShardId"] == parent["ShardId"]));
    assert!(all(&root, &arn).is_empty());
}

#[test]
fn streams_are_switched_on_and_off() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let invalid = "One or more parameter values were invalid: ";
    let mut request = table("tab", false);
    for (specification, message) in [
        (
            json!({"StreamEnabled": true}),
            "Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            json!({"StreamEnabled": false, "StreamViewType": "KEYS_ONLY"}),
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        ),
    ] {
        request["StreamSpecification"] = specification;
        root.call("dynamodb", "CreateTable", request.clone()).refused_with(
            400,
            "ValidationException",
            &format!("{invalid}{message}"),
        );
    }
    request["StreamSpecification"] = json!({"StreamEnabled": false});
    make(&cloud, &root, request);
    let update = |specification: Value| {
        root.call(
            "dynamodb",
            "UpdateTable",
            json!({"TableName": "tab", "StreamSpecification": specification}),
        )
    };
    let off = json!({"StreamEnabled": false});
    let on = json!({"StreamEnabled": true, "StreamViewType": "OLD_IMAGE"});
    update(off.clone()).refused_with(
        400,
        "ValidationException",
        "Table has no stream to disable: TableName: tab",
    );
    update(json!({"StreamEnabled": true})).refused_with(
        400,
        "ValidationException",
        &format!("{invalid}If stream is being enabled then UpdateViewType is required"),
    );
    update(json!({"StreamEnabled": false, "StreamViewType": "OLD_IMAGE"})).refused_with(
        400,
        "ValidationException",
        &format!("{invalid}If stream is being disabled, then UpdateViewType must not be specified"),
    );
    for (member, value, message) in [
        (
            "ProvisionedThroughput",
            json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}),
            "You cannot modify stream status while updating table IOPS",
        ),
        (
            "GlobalSecondaryIndexUpdates",
            json!([{"Delete": {"IndexName": "by-x"}}]),
            "You cannot create or delete index while changing stream status",
        ),
    ] {
        let both = json!({"TableName": "tab", "StreamSpecification": on, member: value});
        root.call("dynamodb", "UpdateTable", both).refused_with(
            400,
            "ValidationException",
            &format!("{invalid}{message}"),
        );
    }
    let changed = update(on.clone()).ok()["TableDescription"].clone();
    assert_eq!((&changed["TableStatus"], &changed["StreamSpecification"]), (&json!("UPDATING"), &on));
    let first = arn(&root, "tab");
    assert_eq!(describe(&root, &first)["StreamStatus"], "ENABLING");
    cloud.reconcile();
    assert_eq!(describe(&root, &first)["StreamStatus"], "ENABLED");
    update(on.clone()).refused_with(
        400,
        "ValidationException",
        "Table already has an enabled stream: TableName: tab",
    );
    put(&root, "tab", json!({"pk": s("a")}));
    update(off).ok();
    assert_eq!(describe(&root, &first)["StreamStatus"], "DISABLING");
    cloud.reconcile();
    put(&root, "tab", json!({"pk": s("b")}));
    let described = describe(&root, &first);
    assert_eq!(described["StreamStatus"], "DISABLED");
    assert_eq!(described["KeySchema"], json!([{"AttributeName": "pk", "KeyType": "HASH"}]));
    assert_eq!(all(&root, &first).len(), 1, "closed shards hold what came before");
    let now = root.call("dynamodb", "DescribeTable", json!({"TableName": "tab"})).ok();
    assert!(now["Table"].get("StreamSpecification").is_none());
    update(on).ok();
    cloud.reconcile();
    let second = arn(&root, "tab");
    assert_ne!(first, second);
    root.call("dynamodb", "DeleteTable", json!({"TableName": "tab"})).ok();
    cloud.reconcile();
    let listed = streams(&root, "ListStreams", json!({"TableName": "tab"}));
    let arns: Vec<&str> =
        listed["Streams"].as_array().unwrap().iter().map(|s| s["StreamArn"].as_str().unwrap()).collect();
    assert_eq!(arns, [first.as_str(), second.as_str()], "a day longer than their table");
    let page = streams(&root, "ListStreams", json!({"Limit": 1}));
    assert_eq!(page["LastEvaluatedStreamArn"], json!(first));
    let rest = streams(&root, "ListStreams", json!({"ExclusiveStartStreamArn": first}));
    assert_eq!(rest["Streams"].as_array().unwrap().len(), 1);
    cloud.advance(25 * HOUR);
    cloud.reconcile();
    assert_eq!(streams(&root, "ListStreams", json!({})), json!({"Streams": []}));
    root.call("dynamodbstreams", "ListStreams", json!({"TableName": "tab"})).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found: Table: tab not found",
    );
    root.call("dynamodbstreams", "DescribeStream", json!({"StreamArn": first})).refused_with(
        400,
        "ResourceNotFoundException",
        &format!("Requested resource not found: Stream: {first} not found"),
    );
    let nonsense = json!({"StreamArn": "sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf"});
    root.call("dynamodbstreams", "DescribeStream", nonsense).refused(400, "ValidationException");
}

#[test]
fn expired_items_leave_with_the_services_name() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, with_stream("tab", "OLD_IMAGE"));
    let ttl =
        json!({"TableName": "tab", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "at"}});
    root.call("dynamodb", "UpdateTimeToLive", ttl).ok();
    cloud.reconcile();
    put(&root, "tab", json!({"pk": s("a"), "at": {"N": "1768478460"}}));
    cloud.advance(Duration::from_secs(120));
    cloud.reconcile();
    let records = all(&root, &arn(&root, "tab"));
    let removed = records.last().unwrap();
    assert_eq!((records.len(), &removed["eventName"]), (2, &json!("REMOVE")));
    assert_eq!(removed["userIdentity"], json!({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}));
    assert_eq!(removed["dynamodb"]["OldImage"]["pk"], s("a"));
}

#[test]
fn who_may_read() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, with_stream("tab", "KEYS_ONLY"));
    let arn = arn(&root, "tab");
    let policy = |resource: &str| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": resource}}).to_string()
    };
    let reader =
        cloud.user(&root, "reader", &policy(&format!("arn:aws:dynamodb:us-east-1:{ONE}:table/tab/stream/*")));
    let shard = &shards(&reader, &arn)[0];
    let from = iterator(&reader, &arn, shard, "LATEST");
    streams(&reader, "GetRecords", json!({"ShardIterator": from}));
    let other = cloud.user(&root, "other", &policy(&format!("arn:aws:dynamodb:us-east-1:{ONE}:table/tab")));
    other.call("dynamodbstreams", "GetRecords", json!({"ShardIterator": from})).refused_with(
        400,
        "AccessDeniedException",
        &format!("User: arn:aws:iam::{ONE}:user/other is not authorized to perform: dynamodb:GetRecords on resource: {arn} because no identity-based policy allows the dynamodb:GetRecords action"),
    );
    let stranger = cloud.root("222222222222");
    stranger
        .call("dynamodbstreams", "DescribeStream", json!({"StreamArn": arn}))
        .refused(400, "AccessDeniedException");
}
