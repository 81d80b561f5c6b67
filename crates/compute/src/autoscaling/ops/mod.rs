//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub(crate) mod activity;
pub(crate) mod attachment;
pub(crate) mod capacity;
pub(crate) mod execute;
mod fit;
pub(crate) mod group;
pub(crate) mod hook;
pub(crate) mod instance;
pub(crate) mod limits;
pub(crate) mod linked;
pub(crate) mod metrics;
pub(crate) mod mixed;
pub(crate) mod notification;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod refresh;
pub(crate) mod schedule;
pub(crate) mod standby;
pub(crate) mod tag;
pub(crate) mod warm_pool;

use super::SELF;
use super::errors::AutoScalingError;
use super::model::{GROUPS, Group, key};
use kernel::{As, Cx};
use store::{Direction, Key, Record, Table};
use wire::{Struct, Value};

/// Calls another service's operation as Auto Scaling.
pub(crate) fn call(
    cx: &mut Cx<'_>,
    service: &str,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, wire::Fault> {
    let account = cx.account;
    let value = Value::Struct(members.into_iter().collect::<Struct>());
    cx.call(service, operation, value, As::Service { name: SELF, account })
}

/// A text within an answer.
pub(crate) fn text(value: &Value, member: &str) -> String {
    value.member(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The items of a list within an answer.
pub(crate) fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.member(member).and_then(Value::as_list).unwrap_or_default()
}

pub(crate) fn structure(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Struct(members.into_iter().collect::<Struct>())
}

/// What one group has in a table, or what all have.
pub(crate) fn of_group<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    group: Option<&str>,
) -> Result<Vec<R>, AutoScalingError> {
    let all = Key::regional(cx.account, cx.region);
    let place = group.map_or(all.clone(), |group| all.str(group));
    let found = table.scan(cx.tx, &place, Direction::Forward);
    Ok(found.map(|pair| pair.map(|(_, record)| record)).collect::<Result<_, _>>()?)
}

pub(crate) fn texts<'a>(items: impl IntoIterator<Item = &'a String>) -> Value {
    Value::List(items.into_iter().map(Value::str).collect())
}

/// # Errors
/// `ValidationError`.
pub(crate) fn find(cx: &Cx<'_>, name: &str) -> Result<Group, AutoScalingError> {
    let found = GROUPS.get(cx.tx, &key(cx.account, cx.region, name))?.filter(|group| !group.deleting);
    found.ok_or_else(|| AutoScalingError::NoGroup(name.to_owned()))
}

pub(crate) fn all(cx: &Cx<'_>) -> Result<Vec<Group>, AutoScalingError> {
    of_group(cx, &GROUPS, None)
}

pub(crate) fn keep(cx: &mut Cx<'_>, group: &Group) {
    GROUPS.put(cx.tx, &key(cx.account, cx.region, &group.name), group);
}

/// The page that is asked for of a list in its order.
///
/// # Errors
/// `InvalidNextToken`.
pub(crate) fn page<V>(
    cx: &Cx<'_>,
    items: Vec<V>,
    max: usize,
    token: Option<&String>,
) -> Result<(Vec<V>, Option<String>), AutoScalingError> {
    let list = format!("{}/{}/{}", cx.request.operation, cx.account, cx.region);
    let token = token.map(String::as_str);
    // The list is at hand: nothing but the token can be wrong.
    cx.cut(items, &list, token, max).map_err(|_| AutoScalingError::InvalidNextToken)
}

/// How many items a page has: what is asked for, within AWS's bounds.
///
/// # Errors
/// `ValidationError`.
pub(crate) fn size(asked: Option<i64>, default: usize, max: usize) -> Result<usize, AutoScalingError> {
    let Some(asked) = asked else { return Ok(default) };
    let fits = usize::try_from(asked).ok().filter(|size| (1..=max).contains(size));
    fits.ok_or_else(|| AutoScalingError::Validation(format!("MaxRecords must be from 1 to {max}.")))
}
