//! Who may: every operation is about snapshots.

use base::tag::Tags;
use ec2::kind::SNAPSHOT;
use ec2::register;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

fn target(cx: &Cx<'_>, id: &str) -> Result<Target, Fault> {
    let target = Target::on(register::arn(cx.account, cx.region, SNAPSHOT.noun, id));
    let entry = register::find(cx.tx, cx.account, cx.region, id).map_err(kernel::Failure::from)?;
    Ok(match entry {
        Some(entry) => target.tagged(entry.tags),
        None => target,
    })
}

/// The snapshot in `SnapshotId`.
pub(super) fn snapshot(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![target(cx, request.str("SnapshotId").unwrap_or_default())?])
}

/// The two that are compared.
pub(super) fn both(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let ids = ["FirstSnapshotId", "SecondSnapshotId"].map(|name| request.str(name).map(str::to_owned));
    ids.iter().flatten().map(|id| target(cx, id)).collect()
}

/// A new one, with its tags.
pub(super) fn new(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut target = Target::on(register::arn(cx.account, cx.region, SNAPSHOT.noun, "*"));
    if let Some(Value::Int(size)) = request.get("VolumeSize") {
        target = target.key("ebs:VolumeSize", size.to_string());
    }
    if let Some(text) = request.str("Description") {
        target = target.key("ebs:Description", text);
    }
    if let Some(parent) = request.str("ParentSnapshotId") {
        let arn = register::arn(cx.account, cx.region, SNAPSHOT.noun, parent);
        target = target.key("ebs:ParentSnapshot", arn);
    }
    let given = request.get("Tags").and_then(Value::as_list).unwrap_or_default();
    let text =
        |tag: &Value, name: &str| tag.member(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let tags: Tags = given.iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect();
    if !tags.is_empty() {
        target = target.keys("aws:TagKeys", tags.keys().cloned().collect());
        for (key, value) in &tags {
            target = target.key(format!("aws:RequestTag/{key}"), value);
        }
    }
    Ok(vec![target])
}
