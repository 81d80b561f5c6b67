//! Which members of a value are written, in which order and under which name.

use crate::model::{Location, MemberModel, Protocol, Structure};
use crate::value::{Struct, Value};

/// What S3 tells in headers beside its models: listings where the bucket is, writes and copies of which class the object is.
pub(crate) const BESIDE: &[(&str, &str)] =
    &[("BucketRegion", "x-amz-bucket-region"), ("StorageClass", "x-amz-storage-class")];

/// The set members of a structure.
pub(crate) type Fields<'a> = Vec<(&'a MemberModel, &'a Value)>;

/// Every member that `value` holds, in the model's order.
pub(crate) fn all<'a>(structure: &'a Structure, value: &'a Struct) -> Fields<'a> {
    in_order(given(structure, value))
}

fn in_order(mut found: Fields<'_>) -> Fields<'_> {
    // All of them lie in one slice, so their order in memory is the model's.
    let place = |(member, _): &(&MemberModel, &Value)| std::ptr::from_ref::<MemberModel>(*member);
    if !found.is_sorted_by_key(place) {
        found.sort_unstable_by_key(place);
    }
    found
}

/// The same in the value's own order, where a member may come again.
pub(crate) fn given<'a>(structure: &'a Structure, value: &'a Struct) -> Fields<'a> {
    let mut found = Fields::with_capacity(value.len());
    each(structure, value, |member, value| found.push((member, value)));
    found
}

/// Visits every member that `value` holds, in the value's own order.
pub(crate) fn each<'a>(
    structure: &'a Structure,
    value: &'a Struct,
    visit: impl FnMut(&'a MemberModel, &'a Value),
) {
    let unknown = |name: &str| {
        let beside = BESIDE.iter().any(|(own, _)| *own == name);
        debug_assert!(beside, "a handler sets {name}, which its model does not have");
    };
    look(structure, value, visit, unknown);
}

/// Handlers mostly write in the model's order, so looking goes on from the last find.
fn look<'a>(
    structure: &'a Structure,
    value: &'a Struct,
    mut visit: impl FnMut(&'a MemberModel, &'a Value),
    unknown: impl Fn(&str),
) {
    let models = &structure.members;
    let mut from = 0;
    for (name, value) in value.iter() {
        let at = models[from..].iter().position(|m| m.name == name).map(|n| n + from);
        let Some(at) = at.or_else(|| models[..from].iter().position(|m| m.name == name)) else {
            unknown(name);
            continue;
        };
        from = at + 1;
        if !matches!(value, Value::Null) {
            visit(&models[at], value);
        }
    }
}

/// The members that travel in the status and in headers, in the model's order. An error may hold others beside them.
pub(crate) fn in_head<'a>(structure: &'a Structure, value: &'a Struct) -> Fields<'a> {
    let mut found = Fields::new();
    let visit = |member: &'a MemberModel, value: &'a Value| {
        if !matches!(member.location, Location::Body | Location::Uri | Location::QueryString) {
            found.push((member, value));
        }
    };
    look(structure, value, visit, |_| ());
    in_order(found)
}

/// The members that travel in the body.
pub(crate) fn body<'a>(structure: &'a Structure, value: &'a Struct) -> Fields<'a> {
    let mut fields = all(structure, value);
    fields.retain(|(member, _)| member.location == Location::Body);
    fields
}

/// The member's name in a body or header.
///
/// The RPC protocols without XML know no other name than the member's own, so that a service of two protocols (SQS)
/// may carry the names of its query protocol in the model.
pub(crate) fn name(protocol: Protocol, member: &MemberModel) -> &'static str {
    let target = &member.target;
    let candidates = match protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor => ["", ""],
        Protocol::Query => [target.query_name, target.wire_name],
        Protocol::Ec2Query | Protocol::RestJson | Protocol::RestXml => [target.wire_name, ""],
    };
    candidates.into_iter().find(|n| !n.is_empty()).unwrap_or(member.name)
}
