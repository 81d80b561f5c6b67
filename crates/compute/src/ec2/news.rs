//! What the event bus is told of instances.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>

use super::model::{Instance, state};
use base::{AccountId, Region, Timestamp};
use ec2::kind::INSTANCE;
use ec2::register;
use kernel::Cloud;
use kernel::bus::News;
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
