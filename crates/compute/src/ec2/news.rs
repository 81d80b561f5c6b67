//! What the event bus is told of instances and images.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>

use super::image::Image;
use super::model::{Instance, state};
use base::{AccountId, Region, Timestamp};
use ec2::kind::{IMAGE, INSTANCE};
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

/// An image is available, has failed or is no more.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitor-ami-events.html>
pub(crate) fn imaged(
    cloud: &Cloud,
    tx: &mut Tx,
    (account, region): (AccountId, Region),
    at: Timestamp,
    (image, state, request): (&Image, &str, &str),
) {
    let why = image.why.as_ref().map_or("", |(_, why)| why.as_str());
    let members = [
        ("RequestId", Value::str(request)),
        ("ImageId", Value::str(&image.id)),
        ("State", Value::str(state)),
        ("ErrorMessage", Value::str(why)),
    ];
    let news = News {
        account,
        region: region.name(),
        source: "aws.ec2",
        detail_type: "EC2 AMI State Change",
        resources: vec![register::arn(account, region, IMAGE.noun, &image.id)],
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
