//! The queues and topics of lifecycle hooks: told, in the name of the role that was passed for it, of each instance that
//! begins to wait.
//!
//! A message leaves in the transaction in which the instance begins to wait: nobody is told of a wait that is none, and no
//! crash comes between the two. What a target refuses is lost, as far as the hook's time is concerned: that ends it all
//! the same.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html>

use super::{SELF, notify};
use crate::autoscaling::errors::invalid;
use crate::autoscaling::model::{Group, Hook, Member};
use crate::autoscaling::ops::text;
use base::Arn;
use kernel::{As, Cx};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// Tells a hook's target that it will be told.
///
/// # Errors
/// The target's, and what says that the role cannot be assumed.
pub(crate) fn test(cx: &mut Cx<'_>, group: &Group, hook: &Hook) -> Result<(), Fault> {
    let (subject, message) = notify::trial(cx, group);
    send(cx, group, hook, &subject, &message)
}

/// Tells a hook's target, where it has one, of an instance that waits for it.
pub(super) fn tell(
    cx: &mut Cx<'_>,
    group: &Group,
    hook: &Hook,
    (member, token): (&Member, &str),
    [from, to]: [&'static str; 2],
) {
    let transition = hook.transition();
    let short = transition.rsplit('_').next().unwrap_or_default();
    // AWS: recorded with two blanks.
    let subject =
        format!("Auto Scaling:  Lifecycle action '{short}' for instance {} in progress.", member.id);
    let mut message = vec![
        ("Origin", Value::str(from)),
        ("LifecycleHookName", Value::str(&hook.name)),
        ("Destination", Value::str(to)),
        ("AccountId", Value::str(cx.account.as_str())),
        ("RequestId", Value::str(&member.activity)),
        ("LifecycleTransition", Value::str(transition)),
        ("AutoScalingGroupName", Value::str(&group.name)),
        ("Service", Value::str("AWS Auto Scaling")),
        ("Time", Value::Str(cx.now.iso8601())),
        ("EC2InstanceId", Value::str(&member.id)),
    ];
    message.extend(hook.metadata.as_ref().map(|metadata| ("NotificationMetadata", Value::str(metadata))));
    message.push(("LifecycleActionToken", Value::str(token)));
    let savepoint = cx.tx.savepoint();
    if send(cx, group, hook, &subject, &Value::map(message)).is_err() {
        cx.tx.rollback_to(savepoint);
    }
}

fn send(cx: &mut Cx<'_>, group: &Group, hook: &Hook, subject: &str, message: &Value) -> Result<(), Fault> {
    let (Some(target), Some(role)) = (&hook.target, &hook.role) else { return Ok(()) };
    let (home, source) = ((cx.account, cx.region), group.arn(cx.account, cx.region));
    let cloud = Arc::clone(cx.cloud());
    let work = |cx: &mut Cx<'_>| publish(cx, target, subject, wire::json::text(message));
    cloud.act_as_role_for(cx.tx, SELF, role, home, Some(&source), work)?
}

/// Tells a queue or a topic of this region, as the role that `cx` is.
fn publish(cx: &mut Cx<'_>, target: &str, subject: &str, message: String) -> Result<(), Fault> {
    let none = || Fault::from(invalid("It is no queue and no topic of the group's region."));
    let arn = Arn::parse(target).filter(|arn| arn.region == cx.region.name()).ok_or_else(none)?;
    let (service, operation, members) = match arn.service.as_str() {
        "sqs" => {
            // AWS: the role needs sqs:GetQueueUrl as well.
            let owner = ("QueueOwnerAWSAccountId", Value::str(&arn.account));
            let found = call(cx, "sqs", "GetQueueUrl", [("QueueName", Value::str(&arn.resource)), owner])?;
            let url = ("QueueUrl", Value::Str(text(&found, "QueueUrl")));
            ("sqs", "SendMessage", vec![url, ("MessageBody", Value::Str(message))])
        }
        "sns" => {
            let subject = ("Subject", Value::Str(notify::cut(subject)));
            (
                "sns",
                "Publish",
                vec![("TopicArn", Value::str(target)), subject, ("Message", Value::Str(message))],
            )
        }
        _ => return Err(none()),
    };
    call(cx, service, operation, members).map(drop)
}

fn call(
    cx: &mut Cx<'_>,
    service: &str,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, Fault> {
    cx.call(service, operation, Value::Struct(members.into_iter().collect::<Struct>()), As::Caller)
}
