//! Global tables, in the words of their own kind: what is one's own of a table stands with its replica.
//!
//! Not here: replicas in other regions, and provisioned throughput, which AWS scales by itself.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html>

use super::on::{On, at, map, only};
use super::{BASE, Done, Kind, Refusal, look, table};
use crate::cloudformation::template::{get, text};
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
    delete: table::delete,
    ready: |on| as_table(on, table::ready),
    gone: table::gone,
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
    let mut inner = On {
        cx: &mut *on.cx,
        who: on.who,
        whole: on.whole,
        job: on.job,
        stack: on.stack,
        logical: on.logical,
        wanted: &wanted,
        before: &before,
        physical: on.physical,
        known: on.known,
        told: None,
        misfit: Default::default(),
    };
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
    let replica = match get(global, "Replicas") {
        Some(Value::List(all)) if all.len() == 1 && text_of(&all[0], "Region") == region => &all[0],
        _ => return Err(Refusal::of("Global tables with replicas in other regions are not built.")),
    };
    let more = ["Region", "ReadOnDemandThroughputSettings", "SSESpecification"];
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

fn text_of(value: &Value, name: &str) -> String {
    get(value, name).and_then(text).unwrap_or_default()
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
