//! What the event bus is told of instances.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>

use super::model::{Instance, state};
use base::{AccountId, Region, Timestamp};
use ec2::kind::INSTANCE;
use ec2::register;
use kernel::bus::News;
use kernel::{Cloud, Cx};
use store::Tx;
use wire::Value;

/// An instance has entered a state.
pub(crate) fn entered(
    cloud: &Cloud,
    tx: &mut Tx,
    (account, region): (AccountId, Region),
    at: Timestamp,
    instance: &Instance,
) {
    let arn = register::arn(account, region, INSTANCE.noun, &instance.id);
    let members =
        [("instance-id", Value::str(&instance.id)), ("state", Value::str(state::word(instance.state)))];
    let news = News {
        account,
        region: region.name(),
        source: "aws.ec2",
        detail_type: "EC2 Instance State-change Notification",
        resources: vec![arn],
        detail: &Value::Struct(members.into_iter().collect()),
    };
    cloud.emit(tx, at, news);
}

/// A spot machine will be interrupted.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>
pub(crate) fn warned(
    cloud: &Cloud,
    tx: &mut Tx,
    (account, region): (AccountId, Region),
    at: Timestamp,
    instance: &Instance,
) {
    let stops = instance.notice.as_ref().is_some_and(|notice| notice.stops);
    let members = [
        ("instance-id", Value::str(&instance.id)),
        ("instance-action", Value::str(if stops { "stop" } else { "terminate" })),
    ];
    let news = News {
        account,
        region: region.name(),
        source: "aws.ec2",
        detail_type: "EC2 Spot Instance Interruption Warning",
        resources: vec![register::arn(account, region, INSTANCE.noun, &instance.id)],
        detail: &Value::Struct(members.into_iter().collect()),
    };
    cloud.emit(tx, at, news);
}

/// A spot request has its machine.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html#spot-request-fulfillment-event>
pub(crate) fn fulfilled(cx: &mut Cx<'_>, request: &str, instance: &str) {
    let members = [("spot-instance-request-id", Value::str(request)), ("instance-id", Value::str(instance))];
    let resources = vec![register::arn(cx.account, cx.region, INSTANCE.noun, instance)];
    let detail = Value::Struct(members.into_iter().collect());
    cx.emit("aws.ec2", "EC2 Spot Instance Request Fulfillment", resources, &detail);
}
