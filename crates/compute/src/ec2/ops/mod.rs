//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub(crate) mod attribute;
pub(crate) mod cpus;
pub(crate) mod credit;
pub(crate) mod describe;
pub(crate) mod disks;
pub(crate) mod fleet;
pub(crate) mod fleet_config;
pub(crate) mod fleet_describe;
pub(crate) mod image;
pub(crate) mod image_make;
pub(crate) mod image_share;
pub(crate) mod interface;
pub(crate) mod key_pair;
pub(crate) mod kinds;
pub(crate) mod metadata;
pub(crate) mod monitoring;
pub(crate) mod names;
pub(crate) mod placement;
pub(crate) mod profile;
pub(crate) mod replace;
pub(crate) mod reservation;
pub(crate) mod run;
pub(crate) mod spot_fleet;
pub(crate) mod spot_fleet_launch;
pub(crate) mod spot_launch;
pub(crate) mod spot_price;
pub(crate) mod spot_request;
pub(crate) mod spot_rules;
pub(crate) mod state;
pub(crate) mod template;
pub(crate) mod template_version;
pub(crate) mod upkeep;

use ec2::Ec2Error;
use kernel::As;
use kernel::Cx;
use wire::{Struct, Value};

/// Who acts where a handler uses the network's operations.
pub(crate) const SELF: &str = "ec2.amazonaws.com";

/// Calls another room's operation as the service.
///
/// # Errors
/// What it answers.
pub(crate) fn call(
    cx: &mut Cx<'_>,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, Ec2Error> {
    call_to(cx, "ec2", operation, members)
}

/// Calls another service's operation as EC2.
///
/// # Errors
/// What it answers.
pub(crate) fn call_to(
    cx: &mut Cx<'_>,
    service: &str,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, Ec2Error> {
    let value = Value::Struct(members.into_iter().collect::<Struct>());
    let account = cx.account;
    Ok(cx.call(service, operation, value, As::Service { name: SELF, account })?)
}

/// A list of texts.
pub(crate) fn texts<'a>(items: impl IntoIterator<Item = &'a String>) -> Value {
    Value::List(items.into_iter().map(Value::str).collect())
}

/// A text within an answer.
pub(crate) fn text(value: &Value, member: &str) -> String {
    value.member(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The same, where it is there and not empty.
pub(crate) fn some(value: &Value, member: &str) -> Option<String> {
    Some(text(value, member)).filter(|text| !text.is_empty())
}

/// The items of a list within an answer.
pub(crate) fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.member(member).and_then(Value::as_list).unwrap_or_default()
}
