//! DynamoDB against a model: random operations on one table and its indexes, each answer held against what a map in
//! memory says.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud, Reply};
use base::Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const STEPS: u64 = 700;
const PARTITIONS: u64 = 4;
const SORTS: u64 = 6;
const GROUPS: u64 = 3;

/// The table as it should be: what an item holds beside its key.
#[derive(Clone, Default)]
struct Model(BTreeMap<(u64, i64), Item>);

#[derive(Clone, PartialEq, Debug)]
struct Item {
    v: i64,
    g: Option<u64>,
}

/// What is done to one item, and under which condition.
#[derive(Clone, Copy, Debug)]
enum Write {
    Put { v: i64, g: Option<u64>, fresh: bool },
    Increment { by: i64, expected: Option<i64> },
    Leave,
    Delete { expected: Option<i64> },
}

fn n(number: i64) -> Value {
    json!({ "N": number.to_string() })
}

fn key((p, s): (u64, i64)) -> Value {
    json!({"pk": {"S": format!("p{p}")}, "sk": n(s)})
}

fn group(g: u64) -> Value {
    json!({ "S": format!("g{g}") })
}

fn shown(key_of: (u64, i64), item: &Item) -> Value {
    let mut out = key(key_of);
    out["v"] = n(item.v);
    if let Some(g) = item.g {
        out["g"] = group(g);
    }
    out
}

impl Model {
    /// Whether it was done.
    fn write(&mut self, key: (u64, i64), write: Write) -> bool {
        let old = self.0.get(&key).cloned();
        let holds = |expected: Option<i64>| expected.is_none_or(|v| old.as_ref().is_some_and(|o| o.v == v));
        match write {
            Write::Put { fresh, .. } if fresh && old.is_some() => return false,
            Write::Put { v, g, .. } => drop(self.0.insert(key, Item { v, g })),
            Write::Increment { by, expected } if holds(expected) => {
                let old = old.unwrap_or(Item { v: 0, g: None });
                self.0.insert(key, Item { v: old.v + by, ..old });
            }
            Write::Leave => {
                if let Some(item) = self.0.get_mut(&key) {
                    item.g = None;
                }
            }
            Write::Delete { expected } if holds(expected) => drop(self.0.remove(&key)),
            Write::Increment { .. } | Write::Delete { .. } => return false,
        }
        true
    }
}

fn random_write(rng: &Rng) -> Write {
    let expected = || (rng.below(2) == 0).then(|| rng.below(4) as i64);
    match rng.below(6) {
        0..=2 => {
            let g = (rng.below(4) > 0).then(|| rng.below(GROUPS));
            Write::Put { v: rng.below(4) as i64, g, fresh: rng.below(3) == 0 }
        }
        3 => Write::Increment { by: rng.below(3) as i64 - 1, expected: expected() },
        4 => Write::Leave,
        _ => Write::Delete { expected: expected() },
    }
}

fn random_key(rng: &Rng) -> (u64, i64) {
    (rng.below(PARTITIONS), rng.below(SORTS) as i64 - 2)
}

/// The operation's name and its request.
fn request(at: (u64, i64), write: Write) -> (&'static str, Value) {
    let mut out = json!({"TableName": "model"});
    let condition = |out: &mut Value, expected: Option<i64>| {
        if let Some(v) = expected {
            out["ConditionExpression"] = json!("v = :e");
            out["ExpressionAttributeValues"][":e"] = n(v);
        }
    };
    let name = match write {
        Write::Put { v, g, fresh } => {
            out["Item"] = shown(at, &Item { v, g });
            if fresh {
                out["ConditionExpression"] = json!("attribute_not_exists(pk)");
            }
            "Put"
        }
        Write::Increment { by, expected } => {
            out["Key"] = key(at);
            out["UpdateExpression"] = json!("SET v = if_not_exists(v, :zero) + :by");
            out["ExpressionAttributeValues"] = json!({":by": n(by), ":zero": n(0)});
            condition(&mut out, expected);
            "Update"
        }
        Write::Leave => {
            out["Key"] = key(at);
            out["UpdateExpression"] = json!("REMOVE g");
            "Update"
        }
        Write::Delete { expected } => {
            out["Key"] = key(at);
            condition(&mut out, expected);
            "Delete"
        }
    };
    (name, out)
}

fn one(root: &Caller<'_>, model: &mut Model, rng: &Rng) {
    let (at, write) = (random_key(rng), random_write(rng));
    let (name, request) = request(at, write);
    let reply = root.call("dynamodb", &format!("{name}Item"), request);
    expect(&reply, model.write(at, write), "ConditionalCheckFailedException", &format!("{at:?} {write:?}"));
}

fn expect(reply: &Reply, done: bool, refusal: &str, label: &str) {
    let refused = reply.value["__type"].as_str().is_some_and(|code| code.ends_with(refusal));
    assert_eq!((reply.status == 200, refused), (done, !done), "{label}: {}", reply.value);
}

fn transaction(root: &Caller<'_>, model: &mut Model, rng: &Rng) {
    let mut writes: BTreeMap<(u64, i64), Write> = BTreeMap::new();
    for _ in 0..=rng.below(4) {
        writes.insert(random_key(rng), random_write(rng));
    }
    let mut after = model.clone();
    let done: Vec<bool> = writes.iter().map(|(at, write)| after.write(*at, *write)).collect();
    let items: Vec<Value> = writes
        .iter()
        .map(|(at, write)| {
            let (name, request) = request(*at, *write);
            json!({ name: request })
        })
        .collect();
    let reply = root.call("dynamodb", "TransactWriteItems", json!({ "TransactItems": items }));
    let all = done.iter().all(|done| *done);
    expect(&reply, all, "TransactionCanceledException", &format!("{writes:?}"));
    if all {
        *model = after;
    } else {
        let codes: Vec<&str> =
            done.iter().map(|done| if *done { "None" } else { "ConditionalCheckFailed" }).collect();
        let reasons = reply.value["CancellationReasons"].as_array().unwrap();
        assert_eq!(reasons.iter().map(|r| r["Code"].as_str().unwrap()).collect::<Vec<_>>(), codes);
    }
}

fn batch(root: &Caller<'_>, model: &mut Model, rng: &Rng) {
    let mut writes: BTreeMap<(u64, i64), Option<Item>> = BTreeMap::new();
    for _ in 0..=rng.below(6) {
        let item = Item { v: rng.below(4) as i64, g: Some(rng.below(GROUPS)) };
        writes.insert(random_key(rng), (rng.below(3) > 0).then_some(item));
    }
    let requests: Vec<Value> = writes
        .iter()
        .map(|(at, item)| match item {
            Some(item) => json!({"PutRequest": {"Item": shown(*at, item)}}),
            None => json!({"DeleteRequest": {"Key": key(*at)}}),
        })
        .collect();
    let answer = root.call("dynamodb", "BatchWriteItem", json!({"RequestItems": {"model": requests}})).ok();
    assert_eq!(answer["UnprocessedItems"], json!({}));
    for (at, item) in writes {
        match item {
            Some(item) => drop(model.0.insert(at, item)),
            None => drop(model.0.remove(&at)),
        }
    }
}

/// All pages of a query or scan.
fn pages(root: &Caller<'_>, operation: &str, mut request: Value) -> Vec<Value> {
    let mut out = Vec::new();
    loop {
        let answer = root.call("dynamodb", operation, request.clone()).ok();
        out.extend(answer["Items"].as_array().unwrap().clone());
        match answer.get("LastEvaluatedKey") {
            None => return out,
            Some(last) => request["ExclusiveStartKey"] = last.clone(),
        }
    }
}

fn query(root: &Caller<'_>, model: &Model, rng: &Rng) {
    let (p, low, back) = (rng.below(PARTITIONS), rng.below(SORTS) as i64 - 2, rng.below(2) == 0);
    let request = json!({
        "TableName": "model", "KeyConditionExpression": "pk = :p AND sk >= :low", "ScanIndexForward": !back,
        "ExpressionAttributeValues": {":p": {"S": format!("p{p}")}, ":low": n(low)}, "Limit": 1 + rng.below(4),
    });
    let mut expected: Vec<Value> =
        model.0.range((p, low)..=(p, i64::MAX)).map(|(at, item)| shown(*at, item)).collect();
    if back {
        expected.reverse();
    }
    assert_eq!(pages(root, "Query", request), expected);
}

/// Entries with one partition key in no order that the model knows.
fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| (item["pk"].to_string(), item["sk"].to_string()));
    items
}

fn everything(root: &Caller<'_>, model: &Model, rng: &Rng) {
    let all = || model.0.iter().map(|(at, item)| shown(*at, item));
    let total = 1 + rng.below(4);
    let mut scanned = Vec::new();
    for segment in 0..total {
        let request = json!({"TableName": "model", "Segment": segment, "TotalSegments": total, "Limit": 1 + rng.below(5)});
        scanned.extend(pages(root, "Scan", request));
    }
    assert_eq!(sorted(scanned), sorted(all().collect()));
    for g in 0..GROUPS {
        let request = json!({
            "TableName": "model", "IndexName": "by-g", "KeyConditionExpression": "g = :g",
            "ExpressionAttributeValues": {":g": group(g)}, "Limit": 1 + rng.below(5),
        });
        let expected = sorted(all().filter(|item| item["g"] == group(g)).collect());
        assert_eq!(sorted(pages(root, "Query", request)), expected, "group {g}");
    }
    // By `v` within a partition: a local index of keys only, from which the items are fetched.
    let p = rng.below(PARTITIONS);
    let request = json!({
        "TableName": "model", "IndexName": "by-v", "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": format!("p{p}")}}, "Select": "ALL_ATTRIBUTES", "Limit": 2,
    });
    let mut expected: Vec<(i64, i64, Value)> = model
        .0
        .range((p, i64::MIN)..=(p, i64::MAX))
        .map(|(at, item)| (item.v, at.1, shown(*at, item)))
        .collect();
    expected.sort_by_key(|(v, s, _)| (*v, *s));
    assert_eq!(
        pages(root, "Query", request),
        expected.into_iter().map(|(_, _, item)| item).collect::<Vec<_>>()
    );
}

fn run(seed: u64) {
    let rng = Rng::seeded(seed);
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("model", true);
    let define = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    request["AttributeDefinitions"].as_array_mut().unwrap().extend([define("g", "S"), define("v", "N")]);
    request["GlobalSecondaryIndexes"] = json!([{"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}]);
    let local =
        json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "v", "KeyType": "RANGE"}]);
    request["LocalSecondaryIndexes"] =
        json!([{"IndexName": "by-v", "KeySchema": local, "Projection": {"ProjectionType": "KEYS_ONLY"}}]);
    make(&cloud, &root, request);
    let mut model = Model::default();
    for _ in 0..STEPS {
        match rng.below(12) {
            0..=5 => one(&root, &mut model, &rng),
            6 | 7 => transaction(&root, &mut model, &rng),
            8 => batch(&root, &mut model, &rng),
            9 | 10 => query(&root, &model, &rng),
            _ => everything(&root, &model, &rng),
        }
    }
    everything(&root, &model, &rng);
    assert!(!model.0.is_empty());
}

#[test]
fn random_operations_agree_with_the_model() {
    for seed in 1..=3 {
        run(seed);
    }
}
