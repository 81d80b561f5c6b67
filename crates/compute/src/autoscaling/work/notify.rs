//! What topics hear of a group's instances.

use super::SELF;
use crate::autoscaling::model::{Activity, Group, TEST};
use kernel::{Call, Cx};
use wire::{Fault, Value};

/// AWS's words for what a topic may hear of, by the event that tells of the same.
fn kind(event: &str) -> &'static str {
    match event {
        "EC2 Instance Launch Successful" => "autoscaling:EC2_INSTANCE_LAUNCH",
        "EC2 Instance Launch Unsuccessful" => "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
        "EC2 Instance Terminate Successful" => "autoscaling:EC2_INSTANCE_TERMINATE",
        _ => "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    }
}

/// What events and topics tell of an activity.
pub(super) fn detail(activity: &Activity, instance: &str, event: &str) -> [(&'static str, Value); 13] {
    let text = |text: &str| Value::str(text);
    let usual = way(event.contains("Launch"));
    let [from, to] = activity.way.as_ref().map_or(usual, |(from, to)| [from.as_str(), to.as_str()]);
    [
        ("StatusCode", text(if event.ends_with("Unsuccessful") { "Failed" } else { "InProgress" })),
        ("Description", text(&activity.description)),
        ("AutoScalingGroupName", text(&activity.group)),
        ("ActivityId", text(&activity.id)),
        ("RequestId", text(&activity.id)),
        ("Details", wire::json::read(&activity.details).unwrap_or(Value::Null)),
        ("StatusMessage", text(activity.message.as_deref().unwrap_or_default())),
        ("StartTime", text(&activity.start.iso8601())),
        ("EndTime", text(&activity.end.unwrap_or(activity.start).iso8601())),
        ("EC2InstanceId", text(instance)),
        ("Cause", text(&activity.cause)),
        ("Origin", text(from)),
        ("Destination", text(to)),
    ]
}

/// Where an instance comes from, and where it goes.
pub(super) fn way(launches: bool) -> [&'static str; 2] {
    if launches { ["EC2", "AutoScalingGroup"] } else { ["AutoScalingGroup", "EC2"] }
}

/// Tells those who want to hear of it. What a topic refuses is no matter to the group.
pub(super) fn tell(cx: &mut Cx<'_>, group: &Group, activity: &Activity, instance: &str, event: &str) {
    let kind = kind(event);
    let text = |text: &str| Value::str(text);
    let message = || {
        let own = [
            ("Progress", Value::Int(50)),
            ("AccountId", text(cx.account.as_str())),
            ("AutoScalingGroupARN", text(&activity.arn)),
            ("Service", text("AWS Auto Scaling")),
            ("Time", text(&cx.now.iso8601())),
            ("Event", text(kind)),
        ];
        Value::map(own.into_iter().chain(detail(activity, instance, event)))
    };
    let short = kind.trim_start_matches("autoscaling:EC2_INSTANCE_").to_lowercase().replace('_', " ");
    let subject = match short.strip_suffix(" error") {
        Some(what) => format!("Auto Scaling: failed {what} for group \"{}\"", group.name),
        None => {
            let what = if short == "launch" { "launch" } else { "termination" };
            format!("Auto Scaling: {what} for group \"{}\"", group.name)
        }
    };
    let wanted = group.topics.iter().filter(|(_, kinds)| kinds.contains(kind)).map(|(topic, _)| topic);
    let topics: Vec<&String> = wanted.collect();
    if topics.is_empty() {
        return;
    }
    let message = message();
    for topic in topics {
        let savepoint = cx.tx.savepoint();
        if publish(cx, group, topic, &subject, &message).is_err() {
            cx.tx.rollback_to(savepoint);
        }
    }
}

/// Tells a topic that it will be told.
///
/// # Errors
/// The topic's.
pub(crate) fn test(cx: &mut Cx<'_>, group: &Group, topic: &str) -> Result<(), Fault> {
    let (subject, message) = trial(cx, group);
    publish(cx, group, topic, &subject, &message)
}

/// The subject and the message of a test.
pub(super) fn trial(cx: &Cx<'_>, group: &Group) -> (String, Value) {
    let id = base::id::uuid(cx.rng());
    let arn = group.arn(cx.account, cx.region);
    let message = Value::map([
        ("AccountId", Value::str(cx.account.as_str())),
        ("RequestId", Value::Str(id)),
        ("AutoScalingGroupARN", Value::Str(arn)),
        ("AutoScalingGroupName", Value::str(&group.name)),
        ("Service", Value::str("AWS Auto Scaling")),
        ("Event", Value::str(TEST)),
        ("Time", Value::Str(cx.now.iso8601())),
    ]);
    (format!("Auto Scaling: test notification for group \"{}\"", group.name), message)
}

/// AWS: a subject has 100 characters at most.
pub(super) fn cut(subject: &str) -> String {
    subject.chars().take(100).collect()
}

fn publish(cx: &mut Cx<'_>, group: &Group, topic: &str, subject: &str, message: &Value) -> Result<(), Fault> {
    let members = [
        ("TopicArn", Value::str(topic)),
        ("Subject", Value::Str(cut(subject))),
        ("Message", Value::Str(wire::json::text(message))),
    ];
    let call =
        Call { service: "sns", operation: "Publish", value: Value::Struct(members.into_iter().collect()) };
    let (arn, account) = (group.arn(cx.account, cx.region), cx.account);
    cx.call_for(&arn, call, SELF, account).map(drop)
}
