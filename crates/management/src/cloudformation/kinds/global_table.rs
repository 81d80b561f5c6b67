//! Global tables, in the words of their own kind: what is one's own of a table stands with its replica.
//!
//! The replica in the stack's region is the table; those in other regions are added to it and taken away one after the
//! other.
//!
//! Not here: provisioned throughput, which AWS scales by itself; classes, policies and limits of replicas in other regions.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html>

use super::on::{KEYS, On, at, items, map, only, pairs, tags_as, text_at};
use super::table::DYNAMODB;
use super::{BASE, Done, Kind, Refusal, look, table};
use crate::cloudformation::template::{alike, get, text};
use base::{Arn, Region};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::DynamoDB::GlobalTable",
    changes: &[
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "Replicas",
        "SSESpecification",
        "StreamSpecification",
        "TimeToLiveSpecification",
        "WriteOnDemandThroughputSettings",
    ],
    fixed: &["KeySchema", "LocalSecondaryIndexes", "TableName"],
    attributes: &["Arn", "StreamArn"],
    named: Some("TableName"),
    create: |on| as_table(on, table::create),
    update: |on| as_table(on, table::update),
    delete: |on| shrink(on).map(drop),
    ready: |on| {
        let Some(attributes) = as_table(on, table::ready)? else { return Ok(None) };
        Ok(spread(on)?.then_some(attributes))
    },
    gone: shrink,
    look: Some(&look::table::GLOBAL),
    ..BASE
}];

/// What both kinds call the same.
const SAME: &[&str] = &[
    "AttributeDefinitions",
    "BillingMode",
    "KeySchema",
    "LocalSecondaryIndexes",
    "StreamSpecification",
    "TableName",
    "TimeToLiveSpecification",
];

/// What stands with a replica there, and with the table here.
pub(super) const REPLICA: &[&str] = &[
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "TableClass",
    "Tags",
];

/// Does what the other kind does, with the same table in its words.
fn as_table<T>(on: &mut On<'_, '_>, act: fn(&mut On<'_, '_>) -> Done<T>) -> Done<T> {
    let (wanted, before) = (table_of(on.wanted, on.region())?, table_of(on.before, on.region())?);
    let (physical, known) = (on.physical, on.known);
    let mut inner = on.beside(&wanted, &before, physical, known);
    let done = act(&mut inner)?;
    inner.fits().map(|()| done)
}

fn table_of(global: &Value, region: &str) -> Done<Value> {
    // Before it is made there was nothing.
    if !matches!(global, Value::Map(entries) if !entries.is_empty()) {
        return Ok(Value::Map(Vec::new()));
    }
    if get(global, "BillingMode").and_then(text).as_deref() != Some("PAY_PER_REQUEST") {
        return Err(Refusal::of("Global tables with provisioned throughput are not built."));
    }
    let all = replicas(global);
    let replica = all.iter().find(|replica| text_of(replica, "Region") == region);
    let missing = || Refusal::of("Replicas of a global table must have one in the region of its stack.");
    let replica = replica.ok_or_else(missing)?;
    all.iter().filter(|other| text_of(other, "Region") != region).try_for_each(|other| only(other, AWAY))?;
    all.iter().try_for_each(|replica| same_indexes(global, replica))?;
    let more = [INDEXES, "Region", "ReadOnDemandThroughputSettings", "SSESpecification"];
    only(replica, &[REPLICA, &more].concat())?;
    let own = |from: &Value, name: &str| get(from, name).cloned().unwrap_or(Value::Null);
    let mut out: Vec<(String, Value)> = Vec::new();
    out.extend(SAME.iter().map(|name| ((*name).to_owned(), own(global, name))));
    out.extend(REPLICA.iter().map(|name| ((*name).to_owned(), own(replica, name))));
    out.push(("GlobalSecondaryIndexes".to_owned(), indexes(own(global, "GlobalSecondaryIndexes"))?));
    out.push(("SSESpecification".to_owned(), encryption(&own(global, "SSESpecification"), replica)?));
    let (reads, writes) =
        (own(replica, "ReadOnDemandThroughputSettings"), own(global, "WriteOnDemandThroughputSettings"));
    out.push(("OnDemandThroughput".to_owned(), throughput(&reads, &writes)?));
    out.retain(|(_, value)| *value != Value::Null);
    Ok(Value::Map(out))
}

/// What is handled of a replica in another region.
const AWAY: &[&str] = &[
    "ContributorInsightsSpecification",
    PROTECTED,
    "PointInTimeRecoverySpecification",
    INDEXES,
    "Region",
    "SSESpecification",
    "Tags",
];
const INDEXES: &str = "GlobalSecondaryIndexes";
const PROTECTED: &str = "DeletionProtectionEnabled";

fn replicas(global: &Value) -> Vec<Value> {
    items(get(global, "Replicas").cloned().unwrap_or(Value::Null))
}

/// Those in other regions that there are, with their states.
fn others(told: &Value) -> Vec<(String, String)> {
    let one = |replica: &Value| (text_of(replica, "RegionName"), text_of(replica, "ReplicaStatus"));
    items(at(told, "Table.Replicas").cloned().unwrap_or(Value::Null)).iter().map(one).collect()
}

fn described(on: &mut On<'_, '_>) -> Done<Value> {
    let told = on.call(DYNAMODB, "DescribeTable", map([("TableName", on.physical())]))?;
    Ok(look::plain(&told))
}

fn replicate(on: &mut On<'_, '_>, verb: &str, with: Value) -> Done<()> {
    let updates = Value::List(vec![map([(verb, with)])]);
    let input = map([("TableName", on.physical()), ("ReplicaUpdates", updates)]);
    on.call(DYNAMODB, "UpdateTable", input).map(drop)
}

/// Whether the table is in all regions where it is wanted, and in no other; takes a step towards that.
fn spread(on: &mut On<'_, '_>) -> Done<bool> {
    let there = others(&described(on)?);
    if there.iter().any(|(_, state)| state != "ACTIVE") {
        return Ok(false);
    }
    let home = on.region();
    let away = |global: &Value| {
        let mut all = replicas(global);
        all.retain(|replica| text_of(replica, "Region") != home);
        all
    };
    let (wanted, was) = (away(on.wanted), away(on.before));
    let is_there = |region: &str| there.iter().any(|(own, _)| own == region);
    if let Some(fresh) = wanted.iter().find(|replica| !is_there(&text_of(replica, "Region"))) {
        let key = at(fresh, "SSESpecification.KMSMasterKeyId").cloned().unwrap_or(Value::Null);
        let with = map([("RegionName", Value::Str(text_of(fresh, "Region"))), ("KMSMasterKeyId", key)]);
        return replicate(on, "Create", with).map(|()| false);
    }
    let is_wanted = |region: &str| wanted.iter().any(|replica| text_of(replica, "Region") == region);
    if let Some((gone, _)) = there.iter().find(|(region, _)| !is_wanted(region)) {
        return replicate(on, "Delete", map([("RegionName", Value::str(gone))])).map(|()| false);
    }
    let both = wanted.iter().map(|replica| {
        let region = text_of(replica, "Region");
        let old = was.iter().find(|old| text_of(old, "Region") == region).cloned().unwrap_or(Value::Null);
        (region, replica, old)
    });
    let both: Vec<_> = both.collect();
    for (region, replica, old) in &both {
        if !protect(on, region, replica, old)? {
            return Ok(false);
        }
    }
    for (region, replica, old) in &both {
        settle(on, region, replica, old)?;
    }
    Ok(true)
}

fn place_of(region: &str) -> Done<Region> {
    Region::parse(region).ok_or_else(|| Refusal::of(format!("{region} is no region.")))
}

/// Whether a replica is protected against deletion as is wanted; it is not while that was switched just before.
fn protect(on: &mut On<'_, '_>, region: &str, wanted: &Value, was: &Value) -> Done<bool> {
    if alike(get(wanted, PROTECTED), get(was, PROTECTED)) {
        return Ok(true);
    }
    let is = text_of(wanted, PROTECTED).eq_ignore_ascii_case("true");
    let input = map([("TableName", on.physical()), (PROTECTED, Value::Bool(is))]);
    match on.call_in(place_of(region)?, DYNAMODB, "UpdateTable", input) {
        Err(refusal) if refusal.soon => Ok(false),
        told => told.map(|_| true),
    }
}

/// What is a replica's own becomes what is wanted, where it is.
fn settle(on: &mut On<'_, '_>, region: &str, wanted: &Value, was: &Value) -> Done<()> {
    let place = place_of(region)?;
    let table = ("TableName", on.physical());
    let own = |from: &Value, name: &str| get(from, name).cloned().unwrap_or(Value::Null);
    let changed = |name: &str| !alike(get(wanted, name), get(was, name));
    let recovery = "PointInTimeRecoverySpecification";
    if changed(recovery) {
        let given = match own(wanted, recovery) {
            Value::Null => map([("PointInTimeRecoveryEnabled", Value::Bool(false))]),
            given => given,
        };
        on.call_in(place, DYNAMODB, "UpdateContinuousBackups", map([table.clone(), (recovery, given)]))?;
    }
    if changed("ContributorInsightsSpecification") {
        let is =
            text_of(&own(wanted, "ContributorInsightsSpecification"), "Enabled").eq_ignore_ascii_case("true");
        let action = ("ContributorInsightsAction", Value::str(if is { "ENABLE" } else { "DISABLE" }));
        on.call_in(place, DYNAMODB, "UpdateContributorInsights", map([table, action]))?;
    }
    let (fresh, old) = (pairs(get(wanted, "Tags")), pairs(get(was, "Tags")));
    let arn = Arn::new(DYNAMODB, region, on.account(), &format!("table/{}", on.physical)).to_string();
    let arn = ("ResourceArn", Value::Str(arn));
    let dropped = old.iter().filter(|(key, _)| fresh.iter().all(|(own, _)| own != key));
    let dropped: Vec<Value> = dropped.map(|(key, _)| Value::str(key)).collect();
    if !dropped.is_empty() {
        on.call_in(place, DYNAMODB, "UntagResource", map([arn.clone(), ("TagKeys", Value::List(dropped))]))?;
    }
    let fresh: Vec<_> = fresh.into_iter().filter(|pair| !old.contains(pair)).collect();
    if !fresh.is_empty() {
        on.call_in(place, DYNAMODB, "TagResource", map([arn, ("Tags", tags_as(fresh, KEYS))]))?;
    }
    Ok(())
}

/// Takes a table away, its replicas first; whether it is gone.
fn shrink(on: &mut On<'_, '_>) -> Done<bool> {
    let told = match described(on) {
        Err(refusal) if refusal.gone => return Ok(true),
        told => told?,
    };
    let there = others(&told);
    if there.iter().any(|(_, state)| state != "ACTIVE") {
        return Ok(false);
    }
    match there.first() {
        Some((region, _)) => replicate(on, "Delete", map([("RegionName", Value::str(region))]))?,
        None if text_at(&told, "Table.TableStatus") == "ACTIVE" => table::delete(on)?,
        None => {}
    }
    Ok(false)
}

fn text_of(value: &Value, name: &str) -> String {
    get(value, name).and_then(text).unwrap_or_default()
}

/// Of an index a replica may say what is its own there, of which nothing is handled but its name.
fn same_indexes(global: &Value, replica: &Value) -> Done<()> {
    let of = |from: &Value| items(get(from, INDEXES).cloned().unwrap_or(Value::Null));
    let all: Vec<String> = of(global).iter().map(|index| text_of(index, "IndexName")).collect();
    for own in of(replica) {
        only(&own, &["IndexName"])?;
        let name = text_of(&own, "IndexName");
        if !all.contains(&name) {
            return Err(Refusal::of(format!("The table does not have the specified index: {name}")));
        }
    }
    Ok(())
}

fn indexes(given: Value) -> Done<Value> {
    let Value::List(items) = &given else { return Ok(given) };
    items.iter().try_for_each(|item| only(item, &["IndexName", "KeySchema", "Projection"]))?;
    Ok(given)
}

/// Whether there is encryption is the table's, by which key is the replica's.
fn encryption(given: &Value, replica: &Value) -> Done<Value> {
    only(given, &["SSEEnabled", "SSEType"])?;
    let with = get(replica, "SSESpecification").cloned().unwrap_or(Value::Null);
    only(&with, &["KMSMasterKeyId"])?;
    let part = |from: &Value, name: &str| at(from, name).cloned().unwrap_or(Value::Null);
    let all = map([
        ("SSEEnabled", part(given, "SSEEnabled")),
        ("SSEType", part(given, "SSEType")),
        ("KMSMasterKeyId", part(&with, "KMSMasterKeyId")),
    ]);
    Ok(if all == Value::Map(Vec::new()) { Value::Null } else { all })
}

fn throughput(reads: &Value, writes: &Value) -> Done<Value> {
    only(reads, &["MaxReadRequestUnits"])?;
    only(writes, &["MaxWriteRequestUnits"])?;
    let part = |from: &Value, name: &str| at(from, name).cloned().unwrap_or(Value::Null);
    let all = map([
        ("MaxReadRequestUnits", part(reads, "MaxReadRequestUnits")),
        ("MaxWriteRequestUnits", part(writes, "MaxWriteRequestUnits")),
    ]);
    Ok(if all == Value::Map(Vec::new()) { Value::Null } else { all })
}
