//! What the event bus is told of stacks, of their resources and drift, and of stack sets.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/events-detail-reference.html>

use super::drift::Detection;
use super::model::{Event, STACK, Stack};
use super::sets::model::{Instance, Operation, StackSet};
use base::{AccountId, Region};
use kernel::Cloud;
use kernel::bus::News;
use store::Tx;
use wire::Value;

fn tell(
    cloud: &Cloud,
    tx: &mut Tx,
    (account, region): (AccountId, Region),
    (detail_type, resource): (&'static str, String),
    detail: &Value,
) {
    let (source, resources) = ("aws.cloudformation", vec![resource]);
    let news = News { account, region: region.name(), source, detail_type, resources, detail };
    cloud.emit(tx, cloud.clock().now(), news);
}

fn text(value: Option<&str>) -> Value {
    Value::str(value.unwrap_or_default())
}

/// A stack or a resource of it is in another state.
pub(crate) fn happened(cloud: &Cloud, tx: &mut Tx, stack: &Stack, event: &Event) {
    let arn = stack.arn();
    let status =
        Value::map([("status", Value::str(&event.status)), ("status-reason", text(event.reason.as_deref()))]);
    let token = ("client-request-token", text(event.token.as_deref()));
    let id = ("stack-id", Value::str(&arn));
    let (kind, detail) = if event.kind == STACK && event.physical == arn {
        ("CloudFormation Stack Status Change", Value::map([id, ("status-details", status), token]))
    } else {
        let members = [
            id,
            ("logical-resource-id", Value::str(&event.name)),
            ("physical-resource-id", Value::str(&event.physical)),
            ("status-details", status),
            ("resource-type", Value::str(&event.kind)),
            token,
        ];
        ("CloudFormation Resource Status Change", Value::map(members))
    };
    tell(cloud, tx, (stack.account, stack.region), (kind, arn), &detail);
}

/// A look at a stack has begun or, with what it has found, is over.
pub(crate) fn looked(cloud: &Cloud, tx: &mut Tx, stack: &Stack, detection: &Detection, drifted: Option<u32>) {
    let status = [
        ("stack-drift-status", text(detection.stack_status.as_deref())),
        ("detection-status", Value::str(&detection.status)),
    ];
    // AWS: -1 while it is under way.
    let count = drifted.map_or(-1, i64::from);
    let detail = Value::map([
        ("stack-id", Value::str(&detection.stack)),
        ("stack-drift-detection-id", Value::str(&detection.id)),
        ("status-details", Value::map(status)),
        ("drift-detection-details", Value::map([("drifted-stack-resource-count", Value::Int(count))])),
        // AWS: requests for one have no token.
        ("client-request-token", text(None)),
    ]);
    let said = ("CloudFormation Drift Detection Status Change", detection.stack.clone());
    tell(cloud, tx, (stack.account, stack.region), said, &detail);
}

/// A set is there, or no more.
pub(crate) fn set_changed(cloud: &Cloud, tx: &mut Tx, set: &StackSet) {
    let detail = Value::map([
        ("stack-set-arn", Value::Str(set.arn())),
        ("status-details", Value::map([("status", Value::str(set.status()))])),
    ]);
    let said = ("CloudFormation StackSet Status Change", set.arn());
    tell(cloud, tx, (set.account, set.region), said, &detail);
}

/// An operation on a set is in another state.
pub(crate) fn operated(cloud: &Cloud, tx: &mut Tx, set: &StackSet, operation: &Operation) {
    let detail = Value::map([
        ("stack-set-arn", Value::Str(set.arn())),
        ("stack-set-operation-id", Value::str(&operation.id)),
        ("status-details", Value::map([("status", Value::str(&operation.status))])),
    ]);
    let said = ("CloudFormation StackSet Operation Status Change", set.arn());
    tell(cloud, tx, (set.account, set.region), said, &detail);
}

/// A stack of a set is in another state, by an operation of this kind.
pub(crate) fn settled(cloud: &Cloud, tx: &mut Tx, set: &StackSet, action: &str, instance: &Instance) {
    let status = [
        ("status", Value::str(&instance.status)),
        ("status-reason", text(instance.reason.as_deref())),
        ("detailed-status", Value::str(&instance.detailed)),
    ];
    let detail = Value::map([
        ("stack-set-arn", Value::Str(set.arn())),
        ("stack-id", text(instance.stack.as_deref())),
        ("action", Value::str(action)),
        ("status-details", Value::map(status)),
    ]);
    let said = ("CloudFormation StackSet StackInstance Status Change", set.arn());
    tell(cloud, tx, (set.account, set.region), said, &detail);
}
