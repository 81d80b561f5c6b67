//! Metering: what is counted is what was done, exactly; by the hour, through clocks that move, restarts and crashes.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud, MASTER, START};
use base::{Clock, Rng};
use kernel::meter::{Query, Used, usage};
use kernel::{ClockChange, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;

const DAY: Duration = Duration::from_secs(86_400);

/// All usage until now.
fn all(cloud: &Cloud) -> Vec<Used> {
    let query = Query { from: START.minus(DAY), to: START.plus(DAY * 10_000), account: None };
    usage(&cloud.cloud, &query).unwrap()
}

/// Parts by usage type, operation and resource.
fn parts(cloud: &Cloud) -> BTreeMap<(String, String, String), u128> {
    let mut sums = BTreeMap::new();
    for used in all(cloud) {
        let amount = used.amount();
        *sums.entry((used.usage_type, used.operation, used.resource)).or_default() += amount;
    }
    sums
}

fn of(cloud: &Cloud, usage_type: &str, operation: &str, resource: &str) -> u128 {
    parts(cloud).remove(&(usage_type.into(), operation.into(), resource.into())).unwrap_or(0)
}

/// Moves the clock as `virga clock` does.
fn move_clock(cloud: &Cloud, advance: Duration) {
    let change = ClockChange { advance, ..ClockChange::default() };
    cloud.block_on(cloud.cloud.change_clock(change)).unwrap();
    cloud.reconcile();
}

fn put(root: &Caller<'_>, bucket: &str, key: &str, size: usize, class: &str) {
    let body = "x".repeat(size);
    let put = json!({ "Bucket": bucket, "Key": key, "Body": body, "StorageClass": class });
    root.call("s3", "PutObject", put).ok();
}

#[test]
fn requests_and_bytes_of_s3_are_those_that_were_made() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    root.call("s3", "CreateBucket", json!({ "Bucket": "metered" })).ok();
    let rng = Rng::seeded(11);
    let classes = [
        ("STANDARD", "Requests-Tier1", "Requests-Tier2"),
        ("STANDARD_IA", "Requests-SIA-Tier1", "Requests-SIA-Tier2"),
    ];
    let mut model: BTreeMap<(&str, &str), u128> = BTreeMap::new();
    let (mut bytes_in, mut bytes_out, mut retrieved) = (0, 0, 0);
    let mut objects: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for _ in 0..150 {
        let key = format!("k{}", rng.below(6));
        match rng.below(5) {
            0 | 1 => {
                let (size, class) = (rng.below(3_000) as usize, rng.below(2) as usize);
                put(&root, "metered", &key, size, classes[class].0);
                objects.insert(key, (size, class));
                *model.entry((classes[class].1, "PutObject")).or_default() += 1;
                bytes_in += size as u128;
            }
            2 => {
                let reply = root.call("s3", "GetObject", json!({ "Bucket": "metered", "Key": key }));
                let Some((size, class)) = objects.get(&key) else {
                    reply.refused(404, "NoSuchKey");
                    *model.entry(("Requests-Tier2", "GetObject")).or_default() += 1;
                    continue;
                };
                reply.ok();
                *model.entry((classes[*class].2, "GetObject")).or_default() += 1;
                bytes_out += *size as u128;
                retrieved += if *class == 1 { *size as u128 } else { 0 };
            }
            3 => {
                root.call("s3", "ListObjectsV2", json!({ "Bucket": "metered" })).ok();
                *model.entry(("Requests-Tier1", "ListBucket")).or_default() += 1;
            }
            _ => {
                root.call("s3", "DeleteObject", json!({ "Bucket": "metered", "Key": key })).ok();
                objects.remove(&key);
            }
        }
    }
    let mut expected: BTreeMap<(String, String), u128> = model
        .into_iter()
        .map(|((kind, operation), n)| ((kind.to_owned(), operation.to_owned()), n))
        .collect();
    for (kind, operation, n) in [
        ("Requests-Tier1", "CreateBucket", 1),
        ("DataTransfer-In-Bytes", "PutObject", bytes_in),
        ("DataTransfer-Out-Bytes", "GetObject", bytes_out),
        ("Retrieval-SIA", "GetObject", retrieved),
    ] {
        expected.insert((kind.into(), operation.into()), n);
    }
    let mut found: BTreeMap<(String, String), u128> = BTreeMap::new();
    for used in all(&cloud) {
        assert_eq!((used.product.as_str(), used.resource.as_str()), ("AmazonS3", "metered"));
        let amount = used.amount();
        *found.entry((used.usage_type, used.operation)).or_default() += amount;
    }
    assert_eq!(found, expected);
}

#[test]
fn strangers_who_may_not_cost_nothing_and_requesters_pay_where_they_do() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ONE), cloud.root("222222222222"));
    root.call("s3", "CreateBucket", json!({ "Bucket": "mine" })).ok();
    put(&root, "mine", "a", 100, "STANDARD");
    let get = json!({ "Bucket": "mine", "Key": "a" });
    other.call("s3", "GetObject", get.clone()).refused(403, "AccessDenied");
    assert_eq!(of(&cloud, "Requests-Tier2", "GetObject", "mine"), 0);
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*",
    }]});
    let public = json!({ "Bucket": "mine", "Policy": policy.to_string() });
    root.call("s3", "PutBucketPolicy", public).ok();
    let pays = json!({ "Bucket": "mine", "RequestPaymentConfiguration": { "Payer": "Requester" } });
    root.call("s3", "PutBucketRequestPayment", pays).ok();
    let mut paying = get;
    paying["RequestPayer"] = json!("requester");
    other.call("s3", "GetObject", paying).ok();
    let got: Vec<Used> = all(&cloud).into_iter().filter(|used| used.operation == "GetObject").collect();
    let of_other = got.iter().filter(|used| used.account.as_str() == "222222222222");
    assert_eq!(of_other.map(Used::amount).sum::<u128>(), 1 + 100);
    assert_eq!(got.len(), 2, "{got:?}");
}

#[test]
fn what_is_stored_counts_for_as_long_as_the_clock_is_moved() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    root.call("s3", "CreateBucket", json!({ "Bucket": "kept" })).ok();
    put(&root, "kept", "a", 1_000, "STANDARD");
    put(&root, "kept", "b", 500, "GLACIER");
    let mut request = table("rows", false);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = json!({ "ReadCapacityUnits": 7, "WriteCapacityUnits": 3 });
    make(&cloud, &root, request);
    let item = json!({ "pk": { "S": "a" }, "v": { "S": "x".repeat(197) } });
    root.call("dynamodb", "PutItem", json!({ "TableName": "rows", "Item": item })).ok();
    move_clock(&cloud, DAY * 10);
    put(&root, "kept", "a", 4_000, "STANDARD");
    move_clock(&cloud, DAY * 45);
    let seconds = |days: u128| days * 86_400;
    let table = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/rows");
    for (usage_type, operation, resource, amount) in [
        ("TimedStorage-ByteHrs", "StandardStorage", "kept", 1_000 * seconds(10) + 4_000 * seconds(45)),
        ("TimedStorage-GlacierByteHrs", "GlacierStorage", "kept", 500 * seconds(55)),
        ("TimedStorage-GlacierByteHrs", "GlacierObjectOverhead", "kept", 32_768 * seconds(55)),
        ("TimedStorage-ByteHrs", "GlacierS3ObjectOverhead", "kept", 8_192 * seconds(55)),
        ("ReadCapacityUnit-Hrs", "CommittedThroughput", &table, 7 * seconds(55)),
        ("WriteCapacityUnit-Hrs", "CommittedThroughput", &table, 3 * seconds(55)),
        // Two letters and `a`, a letter and 197: and what each item takes beside itself.
        ("TimedStorage-ByteHrs", "StandardStorage", &table, (3 + 198 + 100) * seconds(55)),
    ] {
        assert_eq!(
            of(&cloud, usage_type, operation, resource),
            amount,
            "{usage_type} {operation} {resource}"
        );
    }
    // A part of it, hour by hour: the clock began at noon.
    let from = START.plus(DAY * 10).minus(Duration::from_secs(3_600));
    let query = Query { from, to: from.plus(Duration::from_secs(3 * 3_600)), account: None };
    let some = usage(&cloud.cloud, &query).unwrap();
    let standard = some.iter().filter(|used| used.operation == "StandardStorage" && used.resource == "kept");
    assert_eq!(standard.map(Used::amount).sum::<u128>(), (1_000 + 2 * 4_000) * 3_600);
    // What is deleted is no longer counted.
    root.call("s3", "DeleteObject", json!({ "Bucket": "kept", "Key": "a" })).ok();
    move_clock(&cloud, DAY);
    let before = of(&cloud, "TimedStorage-ByteHrs", "StandardStorage", "kept");
    assert_eq!(before, 1_000 * seconds(10) + 4_000 * seconds(45));
}

#[test]
fn restores_and_moves_have_their_own_rates() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    root.call("s3", "CreateBucket", json!({ "Bucket": "cold" })).ok();
    put(&root, "cold", "a", 700, "GLACIER");
    let how = json!({ "Days": 1, "GlacierJobParameters": { "Tier": "Bulk" } });
    let restore = json!({ "Bucket": "cold", "Key": "a", "RestoreRequest": how });
    root.call("s3", "RestoreObject", restore).ok();
    assert_eq!(of(&cloud, "Requests-Tier5", "RestoreObject", "cold"), 1);
    assert_eq!(of(&cloud, "Bulk-Retrieval-Bytes", "RestoreObject", "cold"), 700);
    assert_eq!(of(&cloud, "Requests-GLACIER-Tier1", "PutObject", "cold"), 1);
    // While the copy can be read it is stored a second time, as Standard.
    move_clock(&cloud, Duration::from_secs(12 * 3_600));
    move_clock(&cloud, Duration::from_secs(3_600));
    assert_eq!(of(&cloud, "TimedStorage-ByteHrs", "RestoreObject", "cold"), 700 * 3_600);
    put(&root, "cold", "log/b", 200_000, "STANDARD");
    let rule = json!({ "ID": "r", "Status": "Enabled", "Prefix": "log/", "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }] });
    let rules = json!({ "Bucket": "cold", "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", rules).ok();
    move_clock(&cloud, DAY * 32);
    assert_eq!(of(&cloud, "Requests-Tier4", "S3-SIATransition", "cold"), 1);
}

/// Half units of an answer's `ConsumedCapacity`.
fn halves(answer: &Value) -> u128 {
    let consumed = &answer["ConsumedCapacity"];
    let each = |one: &Value| (one["CapacityUnits"].as_f64().unwrap() * 2.0) as u128;
    match consumed.as_array() {
        Some(all) => all.iter().map(each).sum(),
        None => each(consumed),
    }
}

/// One of many requests to a table, and whether it reads.
fn random_request(rng: &Rng, name: &str) -> (&'static str, Value, bool) {
    let key = json!({ "pk": { "S": format!("p{}", rng.below(5)) } });
    let mut item = key.clone();
    item["v"] = json!({ "S": "x".repeat(rng.below(9_000) as usize) });
    if rng.below(2) == 0 {
        item["g"] = json!({ "S": format!("g{}", rng.below(2)) });
    }
    match rng.below(8) {
        0..=2 => ("PutItem", json!({ "TableName": name, "Item": item }), false),
        3 => ("DeleteItem", json!({ "TableName": name, "Key": key }), false),
        4 => {
            let update = json!({
                "TableName": name, "Key": key, "UpdateExpression": "SET w = :w",
                "ExpressionAttributeValues": { ":w": { "S": "y".repeat(rng.below(2_000) as usize) } },
            });
            ("UpdateItem", update, false)
        }
        5 => ("GetItem", json!({ "TableName": name, "Key": key, "ConsistentRead": rng.below(2) == 0 }), true),
        6 => ("Scan", json!({ "TableName": name, "ConsistentRead": rng.below(2) == 0 }), true),
        _ => {
            let twice = json!({ "TransactItems": [{ "Put": { "TableName": name, "Item": item } }] });
            ("TransactWriteItems", twice, false)
        }
    }
}

fn metered_as_consumed(indexed: bool) {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    // Two tables of which the same is asked: only one is asked what it costs, so that it has to look at what was there.
    let names = ["told", "blind"];
    for name in names {
        let mut request = table(name, false);
        if indexed {
            let attributes = request["AttributeDefinitions"].as_array_mut().unwrap();
            attributes.push(json!({ "AttributeName": "g", "AttributeType": "S" }));
            request["GlobalSecondaryIndexes"] = json!([{
                "IndexName": "by-g", "KeySchema": [{ "AttributeName": "g", "KeyType": "HASH" }],
                "Projection": { "ProjectionType": "ALL" },
            }]);
        }
        make(&cloud, &root, request);
    }
    let (mut reads, mut writes) = (0, 0);
    for step in 0..250 {
        let rng = |_: &str| Rng::seeded(step);
        for name in names {
            let (operation, mut request, is_read) = random_request(&rng(name), name);
            if name == "told" {
                request["ReturnConsumedCapacity"] = json!("TOTAL");
            }
            let answer = root.call("dynamodb", operation, request).ok();
            if name == "told" {
                *(if is_read { &mut reads } else { &mut writes }) += halves(&answer);
            }
        }
    }
    assert!(reads > 0 && writes > 0);
    for name in names {
        let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/{name}");
        let counted = |usage_type| of(&cloud, usage_type, "PayPerRequestThroughput", &arn);
        assert_eq!((counted("ReadRequestUnits"), counted("WriteRequestUnits")), (reads, writes), "{name}");
    }
}

#[test]
fn units_on_demand_are_those_that_answers_tell() {
    metered_as_consumed(false);
    metered_as_consumed(true);
}

#[test]
fn a_condition_that_fails_is_paid_for() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("tab", false));
    let put = json!({
        "TableName": "tab", "Item": { "pk": { "S": "a" } }, "ConditionExpression": "attribute_exists(pk)",
    });
    root.call("dynamodb", "PutItem", put).refused(400, "ConditionalCheckFailedException");
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/tab");
    assert_eq!(of(&cloud, "WriteRequestUnits", "PayPerRequestThroughput", &arn), 2);
}

#[test]
fn messages_count_by_chunks_and_kms_for_those_who_use_it_through_others() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let queue = |name: &str, attributes: Value| {
        let made =
            root.call("sqs", "CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).ok();
        made["QueueUrl"].as_str().unwrap().to_owned()
    };
    let (plain, fifo) = (queue("plain", json!({})), queue("f.fifo", json!({ "FifoQueue": "true" })));
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:{ONE}:{name}");
    for size in [10, 65_536, 65_537, 200_000] {
        root.call("sqs", "SendMessage", json!({ "QueueUrl": plain, "MessageBody": "x".repeat(size) })).ok();
    }
    assert_eq!(of(&cloud, "Requests-RBP", "SendMessage", &arn("plain")), 1 + 1 + 2 + 4);
    let message =
        json!({ "QueueUrl": fifo, "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d" });
    root.call("sqs", "SendMessage", message).ok();
    assert_eq!(of(&cloud, "Requests-FIFO-RBP", "SendMessage", &arn("f.fifo")), 1);
    let key = root.call("kms", "CreateKey", json!({})).ok();
    let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    root.call("s3", "CreateBucket", json!({ "Bucket": "sealed" })).ok();
    let put = json!({
        "Bucket": "sealed", "Key": "a", "Body": "x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key,
    });
    root.call("s3", "PutObject", put).ok();
    root.call("s3", "GetObject", json!({ "Bucket": "sealed", "Key": "a" })).ok();
    assert_eq!(of(&cloud, "KMS-Requests", "Decrypt", &key), 1);
    assert_eq!(of(&cloud, "KMS-Requests", "GenerateDataKey", &key), 1);
}

fn over(store: &Store) -> Cloud {
    let settings = Settings { strict: true, seed: Some(7), ..Settings::default() };
    let blobs = Arc::new(blob::Memory::default());
    let (clock, rng) = (Clock::frozen(START), Rng::seeded(7));
    Cloud::around(virga::wiring::cloud(store.clone(), blobs, clock, rng, &MASTER, settings).unwrap())
}

#[test]
fn a_crash_loses_what_was_not_yet_written_and_nothing_else() {
    let store = Store::memory();
    let first = over(&store);
    let root = first.root(ONE);
    make(&first, &root, table("tab", false));
    let put = |cloud: &Cloud| {
        let item = json!({ "TableName": "tab", "Item": { "pk": { "S": "a" } } });
        cloud.root(ONE).call("dynamodb", "PutItem", item).ok();
    };
    put(&first);
    // What the second brings.
    first.reconcile();
    put(&first);
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/tab");
    let counted = |cloud: &Cloud| of(cloud, "WriteRequestUnits", "PayPerRequestThroughput", &arn);
    // The second one was never written.
    let second = over(&store);
    assert_eq!(counted(&second), 2);
    put(&second);
    assert_eq!(counted(&second), 4);
    // An end in good order writes all.
    put(&second);
    second.block_on(second.cloud.close()).unwrap();
}

#[test]
fn a_new_cloud_has_used_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    root.call("s3", "CreateBucket", json!({ "Bucket": "gone" })).ok();
    put(&root, "gone", "a", 10, "STANDARD");
    assert!(!all(&cloud).is_empty());
    root.call("s3", "ListBuckets", json!({})).ok();
    cloud.block_on(cloud.cloud.reset()).unwrap();
    assert_eq!(all(&cloud), []);
}
