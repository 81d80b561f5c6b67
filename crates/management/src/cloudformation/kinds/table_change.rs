//! What of a table changes by a call that changes nothing else: the first of them that is not yet as wanted.

use super::Done;
use super::on::{On, at, items, map, text_at};
use super::table::{DYNAMODB, limits, stream};
use crate::cloudformation::template::{alike, get};
use wire::Value;

/// Asks for the next change of the table that DescribeTable answered; whether there was one to ask for.
pub(super) fn next(on: &mut On<'_, '_>, table: &Value) -> Done<bool> {
    if !matches!(on.before, Value::Map(entries) if !entries.is_empty()) {
        return Ok(false);
    }
    let change = match billing(on, table)? {
        Some(change) => Some(change),
        None => on_demand(on, table)?,
    };
    let change = match change {
        Some(change) => change,
        None => {
            let indexes = indexes(on, table)?;
            if !indexes.is_empty() {
                vec![("GlobalSecondaryIndexUpdates", Value::List(indexes))]
            } else if let Some(change) = protection(on, table).or_else(|| streaming(on, table)) {
                vec![change]
            } else {
                return Ok(false);
            }
        }
    };
    let mut input = vec![("TableName".to_owned(), on.physical())];
    input.extend(change.into_iter().map(|(name, value)| (name.to_owned(), value)));
    // Protection that has just been switched stays for a while.
    match on.call(DYNAMODB, "UpdateTable", Value::Map(input)) {
        Err(refusal) if !refusal.soon => Err(refusal),
        _ => Ok(true),
    }
}

type Change = Vec<(&'static str, Value)>;

const PROVISIONED: &str = "PROVISIONED";

/// How the table is paid for. A table that becomes provisioned needs the units of its indexes by the same call.
fn billing(on: &On<'_, '_>, table: &Value) -> Done<Option<Change>> {
    if !on.changed("BillingMode") && !on.changed("ProvisionedThroughput") {
        return Ok(None);
    }
    let mode = on.text("BillingMode").unwrap_or_else(|| PROVISIONED.into());
    let same_mode = mode == mode_of(table);
    let provisioned = mode == PROVISIONED;
    let units = on.prop("ProvisionedThroughput");
    if same_mode && (!provisioned || !units_differ(&units, table)) {
        return Ok(None);
    }
    let mut change = vec![("BillingMode", Value::Str(mode))];
    if units != Value::Null {
        change.push(("ProvisionedThroughput", units));
    }
    let indexes = if provisioned { indexes(on, table)? } else { Vec::new() };
    if !indexes.is_empty() {
        change.push(("GlobalSecondaryIndexUpdates", Value::List(indexes)));
    }
    Ok(Some(change))
}

fn mode_of(table: &Value) -> String {
    match text_at(table, "BillingModeSummary.BillingMode") {
        mode if mode.is_empty() => PROVISIONED.to_owned(),
        mode => mode,
    }
}

/// `of` is the table or the index, as it was described.
fn units_differ(wanted: &Value, of: &Value) -> bool {
    ["ReadCapacityUnits", "WriteCapacityUnits"]
        .iter()
        .any(|member| text_at(wanted, member) != text_at(of, &format!("ProvisionedThroughput.{member}")))
}

/// Where no limit is described there is none, which is asked for as `-1`.
fn limits_differ(wanted: &Value, of: &Value) -> bool {
    let is = |name: &str| match text_at(of, &format!("OnDemandThroughput.{name}")) {
        limit if limit.is_empty() => "-1".to_owned(),
        limit => limit,
    };
    match wanted {
        Value::Map(entries) => entries.iter().any(|(name, _)| text_at(wanted, name) != is(name)),
        _ => false,
    }
}

fn on_demand(on: &On<'_, '_>, table: &Value) -> Done<Option<Change>> {
    if !on.changed("OnDemandThroughput") {
        return Ok(None);
    }
    let wanted = limits(on, on.wanted, on.before)?;
    Ok(limits_differ(&wanted, table).then(|| vec![("OnDemandThroughput", wanted)]))
}

/// The indexes that stay and whose throughput does not.
fn indexes(on: &On<'_, '_>, table: &Value) -> Done<Vec<Value>> {
    let there = at(table, "GlobalSecondaryIndexes").cloned().map(items).unwrap_or_default();
    let was = items(on.was("GlobalSecondaryIndexes"));
    let mut all = Vec::new();
    for index in &items(on.prop("GlobalSecondaryIndexes")) {
        let name = text_at(index, "IndexName");
        let named = |all: &[Value]| all.iter().find(|one| text_at(one, "IndexName") == name).cloned();
        let (Some(old), Some(is)) = (named(&was), named(&there)) else { continue };
        let changed = |member: &str| !alike(get(&old, member), get(index, member));
        let mut change = vec![("IndexName".to_owned(), Value::str(&name))];
        if let Some(units) = get(index, "ProvisionedThroughput")
            && changed("ProvisionedThroughput")
            && units_differ(units, &is)
        {
            change.push(("ProvisionedThroughput".to_owned(), units.clone()));
        }
        if changed("OnDemandThroughput") {
            let wanted = limits(on, index, &old)?;
            if limits_differ(&wanted, &is) {
                change.push(("OnDemandThroughput".to_owned(), wanted));
            }
        }
        if change.len() > 1 {
            all.push(map([("Update", Value::Map(change))]));
        }
    }
    Ok(all)
}

fn protection(on: &On<'_, '_>, table: &Value) -> Option<(&'static str, Value)> {
    const PROTECTED: &str = "DeletionProtectionEnabled";
    let wanted = on.flag(PROTECTED);
    let is = text_at(table, PROTECTED).eq_ignore_ascii_case("true");
    (on.changed(PROTECTED) && wanted != is).then(|| (PROTECTED, Value::Bool(wanted)))
}

/// A stream that shows something else is another stream: the one there ends first.
fn streaming(on: &On<'_, '_>, table: &Value) -> Option<(&'static str, Value)> {
    const STREAM: &str = "StreamSpecification";
    if !on.changed(STREAM) {
        return None;
    }
    let wanted = stream(on);
    let is = at(table, STREAM).map(|is| text_at(is, "StreamViewType")).unwrap_or_default();
    if text_at(&wanted, "StreamViewType") == is {
        return None;
    }
    let off = map([("StreamEnabled", Value::Bool(false))]);
    Some((STREAM, if is.is_empty() { wanted } else { off }))
}
