//! Instances that wait on their way in or out, until somebody says that they may go on, or their time is over.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html>

use super::target;
use crate::autoscaling::model::{Group, Hook, Member, Wait, after};
use base::Timestamp;
use kernel::Cx;
use kernel::steps::soonest;
use wire::Value;

/// How a member stands that waits.
pub(super) enum Outcome {
    Waits(Timestamp),
    GoesOn,
    /// Why it is given up.
    IsAbandoned(String),
}

/// Lets a member wait for the hooks of its way, and tells of each; whether there are any.
pub(super) fn begin(
    cx: &mut Cx<'_>,
    group: &Group,
    member: &mut Member,
    launches: bool,
    way: [&'static str; 2],
) -> bool {
    let hooks: Vec<&Hook> = group.hooks.iter().filter(|hook| hook.launches == launches).collect();
    for hook in &hooks {
        let token = base::id::uuid(cx.rng());
        let most = after(cx.now, hook.most());
        let until = after(cx.now, hook.timeout).min(most);
        let wait = Wait {
            hook: hook.name.clone(),
            token,
            until,
            most,
            timeout: hook.timeout,
            result: None,
            goes_on: hook.goes_on,
        };
        tell(cx, group, hook, (&member.id, &wait.token), way);
        target::tell(cx, group, hook, (member, &wait.token), way);
        member.waits.push(wait);
    }
    !hooks.is_empty()
}

fn tell(
    cx: &mut Cx<'_>,
    group: &Group,
    hook: &Hook,
    (instance, token): (&str, &str),
    [from, to]: [&'static str; 2],
) {
    let event = match hook.launches {
        true => "EC2 Instance-launch Lifecycle Action",
        false => "EC2 Instance-terminate Lifecycle Action",
    };
    let mut detail = vec![
        ("LifecycleActionToken", Value::str(token)),
        ("AutoScalingGroupName", Value::str(&group.name)),
        ("LifecycleHookName", Value::str(&hook.name)),
        ("EC2InstanceId", Value::str(instance)),
        ("LifecycleTransition", Value::str(hook.transition())),
    ];
    detail.extend(hook.metadata.as_ref().map(|text| ("NotificationMetadata", embedded(text))));
    detail.extend([("Origin", Value::str(from)), ("Destination", Value::str(to))]);
    let resources = vec![group.arn(cx.account, cx.region)];
    cx.emit("aws.autoscaling", event, resources, &Value::map(detail));
}

/// What a hook says, within an event.
// AWS: recorded as an object where it is the JSON of one; queues and topics get the text.
fn embedded(text: &str) -> Value {
    match wire::json::read(text) {
        Some(object @ Value::Map(_)) => object,
        _ => Value::str(text),
    }
}

/// AWS: one that is abandoned decides for all.
pub(super) fn outcome(member: &Member, now: Timestamp) -> Outcome {
    let mut until: Option<Timestamp> = None;
    for wait in &member.waits {
        let (goes_on, why) = match &wait.result {
            Some(result) => (*result == "CONTINUE", "Lifecycle Action Completed with ABANDON Result"),
            None if wait.until <= now => (wait.goes_on, "Heartbeat Timeout"),
            None => {
                until = soonest(until, Some(wait.until));
                continue;
            }
        };
        if !goes_on {
            let token = &wait.token;
            return Outcome::IsAbandoned(format!("Lifecycle Action with token {token} was abandoned: {why}"));
        }
    }
    until.map_or(Outcome::GoesOn, Outcome::Waits)
}

#[cfg(test)]
mod tests {
    use super::embedded;

    #[test]
    fn events_hold_what_is_the_json_of_an_object() {
        for (text, json) in
            [("more", "\"more\""), (r#"{"a":["b"]}"#, r#"{"a":["b"]}"#), ("[1]", "\"[1]\""), ("{", "\"{\"")]
        {
            assert_eq!(wire::json::text(&embedded(text)), json, "{text}");
        }
    }
}
