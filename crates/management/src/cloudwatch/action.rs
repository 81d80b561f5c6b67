//! What an alarm does when it comes to stand otherwise: it tells topics and functions, lets policies of Auto Scaling
//! work, and stops, ends or restarts the instance that it watches.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html>. What was tried is told by the
//! alarm's history, with the words of who refused it.

use super::change::text;
use super::model::alarm::Alarm;
use super::model::history::{self, Item};
use super::telling;
use base::arn::Arn;
use base::{Region, Timestamp};
use kernel::{Call, Cloud};
use std::sync::Arc;
use store::Tx;
use wire::{Struct, Value};

/// Who functions of alarms are called by.
const CALLS_FUNCTIONS: &str = "lambda.alarms.cloudwatch.amazonaws.com";
/// AWS: instances are stopped and ended in the name of `AWSServiceRoleForCloudWatchEvents`.
const ACTS_ON_INSTANCES: &str = "events.amazonaws.com";

/// What an action's ARN asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Topic,
    Function,
    ScalingPolicy,
    /// The operation of EC2's.
    Instance(&'static str),
}

impl Action {
    /// None for what is not built.
    pub(super) fn parse(arn: &str) -> Option<Action> {
        let found = Arn::parse(arn)?;
        match found.service.as_str() {
            "sns" => Some(Action::Topic),
            "lambda" => Some(Action::Function),
            "autoscaling" => Some(Action::ScalingPolicy),
            "automate" => Action::on_instance(found.resource.as_str()),
            "swf" => {
                let named = found.resource.strip_prefix("action/actions/AWS_EC2.InstanceId.")?;
                Action::on_instance(&named.strip_suffix("/1.0")?.to_ascii_lowercase())
            }
            _ => None,
        }
    }

    fn on_instance(verb: &str) -> Option<Action> {
        Some(Action::Instance(match verb {
            "stop" => "StopInstances",
            "terminate" => "TerminateInstances",
            // AWS: what is recovered begins again elsewhere, with all that it had but its memory. There is one machine here.
            "reboot" | "recover" => "RebootInstances",
            _ => return None,
        }))
    }

    /// AWS: composite alarms neither scale nor act on instances.
    pub(super) fn is_of_composites(self) -> bool {
        matches!(self, Action::Topic | Action::Function)
    }
}

/// An alarm that stands otherwise than before.
pub(super) struct Occasion<'a> {
    pub(super) alarm: &'a Alarm,
    pub(super) before: &'a Alarm,
    pub(super) now: Timestamp,
}

/// Does what the ARN asks for, and notes how it went.
pub(super) fn act(cloud: &Arc<Cloud>, tx: &mut Tx, occasion: &Occasion<'_>, action: &str) {
    let (alarm, now) = (occasion.alarm, occasion.now);
    let outcome = match Action::parse(action) {
        Some(Action::Topic) => publish(cloud, tx, occasion, action),
        Some(Action::Function) => invoke(cloud, tx, occasion, action),
        Some(Action::ScalingPolicy) => scale(cloud, tx, alarm, action),
        Some(Action::Instance(operation)) => operate(cloud, tx, alarm, operation),
        None => Err("actions of this kind are not built".to_owned()),
    };
    let (summary, state) = match &outcome {
        Ok(()) => (format!("Successfully executed action {action}"), "Succeeded"),
        Err(why) => (format!("Failed to execute action {action}. Received error: \"{why}\""), "Failed"),
    };
    let mut data = text(&[
        ("actionState", state),
        ("stateUpdateTimestamp", &now.iso8601_millis()),
        ("notificationResource", action),
    ]);
    if let Err(why) = &outcome {
        data.push("error", Value::str(why.as_str()));
    }
    let item = Item {
        alarm: alarm.name.clone(),
        time: now,
        kind: "Action".into(),
        summary: summary.chars().take(255).collect(),
        data: wire::json::text(&Value::Struct(data)),
        is_composite: alarm.rule.is_some(),
    };
    history::write(tx, alarm.account, &alarm.region, cloud.rng().u64(), &item);
}

/// AWS: policies of scaling are carried out each minute for as long as the alarm stands so. `data` tells of the newest
/// values.
pub(super) fn scale_again(cloud: &Arc<Cloud>, tx: &mut Tx, alarm: &Alarm, data: Option<String>) {
    if !alarm.enabled {
        return;
    }
    let newest = Alarm { reason_data: data, ..alarm.clone() };
    let actions = alarm.actions(alarm.state).iter();
    for action in actions.filter(|action| Action::parse(action) == Some(Action::ScalingPolicy)) {
        // Its history tells of changes only.
        let _ = scale(cloud, tx, &newest, action);
    }
}

/// Calls another service in the alarm's home; what it refuses must not keep the alarm from its state.
fn call(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    name: &'static str,
    alarm: &Alarm,
    call: Call<'_>,
) -> Result<(), String> {
    let region = Region::parse(&alarm.region).ok_or("the region is unknown")?;
    let savepoint = tx.savepoint();
    let outcome = cloud.call_for(tx, name, (alarm.account, region), Some(&alarm.arn()), call);
    outcome.map(drop).map_err(|fault| {
        tx.rollback_to(savepoint);
        format!("{}: {}", fault.code, fault.message)
    })
}

/// Carries out a policy of scaling, which learns by how much the threshold is missed.
fn scale(cloud: &Arc<Cloud>, tx: &mut Tx, alarm: &Alarm, policy: &str) -> Result<(), String> {
    let data = alarm.reason_data.as_deref().and_then(wire::json::read);
    let newest = data.as_ref().and_then(|data| match data.entry("recentDatapoints")?.as_list()?.first()? {
        Value::Int(value) => Some(Value::Float(*value as f64)),
        Value::Float(value) => Some(Value::Float(*value)),
        _ => None,
    });
    let mut members = vec![
        ("PolicyName", Value::str(policy)),
        ("HonorCooldown", Value::Bool(true)),
        ("BreachThreshold", Value::Float(alarm.threshold.0)),
    ];
    members.extend(newest.map(|value| ("MetricValue", value)));
    let value = Value::Struct(members.into_iter().collect());
    let asked = Call { service: "autoscaling", operation: "ExecutePolicy", value };
    call(cloud, tx, "cloudwatch.amazonaws.com", alarm, asked)
}

fn publish(cloud: &Arc<Cloud>, tx: &mut Tx, occasion: &Occasion<'_>, topic: &str) -> Result<(), String> {
    let alarm = occasion.alarm;
    let subject = format!("{}: \"{}\" in {}", alarm.state.name(), alarm.name, telling::region(alarm));
    let members = [
        ("TopicArn", Value::str(topic)),
        ("Subject", Value::str(subject.chars().take(100).collect::<String>())),
        ("Message", Value::str(telling::message(alarm, occasion.before, occasion.now))),
    ];
    let value = Value::Struct(members.into_iter().collect());
    call(cloud, tx, "cloudwatch.amazonaws.com", alarm, Call { service: "sns", operation: "Publish", value })
}

/// Hands a function the change; its policy says whether alarms may.
fn invoke(cloud: &Arc<Cloud>, tx: &mut Tx, occasion: &Occasion<'_>, function: &str) -> Result<(), String> {
    let alarm = occasion.alarm;
    let id = base::id::uuid(cloud.rng());
    let payload = telling::payload(alarm, occasion.before, &id, occasion.now);
    let members = [
        ("FunctionName", Value::str(function)),
        ("InvocationType", Value::str("Event")),
        ("Payload", Value::Blob(payload.into_bytes().into())),
    ];
    let value = Value::Struct(members.into_iter().collect());
    call(cloud, tx, CALLS_FUNCTIONS, alarm, Call { service: "lambda", operation: "Invoke", value })
}

/// AWS: acts on the instance that is a dimension of the alarm's metric.
fn operate(cloud: &Arc<Cloud>, tx: &mut Tx, alarm: &Alarm, operation: &'static str) -> Result<(), String> {
    let of_queries = alarm.queries.iter().flat_map(|query| &query.dimensions);
    let mut all = alarm.dimensions.iter().chain(of_queries);
    let instance = all.find(|dimension| dimension.name == "InstanceId");
    let instance = instance.ok_or("the alarm has no dimension InstanceId")?;
    let ids = Value::List(vec![Value::str(&instance.value)]);
    let value = Value::Struct(Struct::from_iter([("InstanceIds", ids)]));
    call(cloud, tx, ACTS_ON_INSTANCES, alarm, Call { service: "ec2", operation, value })
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn what_arns_ask_for() {
        for (arn, action) in [
            ("arn:aws:sns:us-east-1:123456789012:topic", Some(Action::Topic)),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", Some(Action::Function)),
            ("arn:aws:automate:us-east-1:ec2:stop", Some(Action::Instance("StopInstances"))),
            (
                "arn:aws:swf:us-east-1:123456789012:action/actions/AWS_EC2.InstanceId.Reboot/1.0",
                Some(Action::Instance("RebootInstances")),
            ),
            ("arn:aws:automate:us-east-1:ec2:recover", Some(Action::Instance("RebootInstances"))),
            ("arn:aws:automate:us-east-1:ec2:hibernate", None),
            ("arn:aws:ssm:us-east-1:123456789012:opsitem:3", None),
            ("arn:aws:iam::123456789012:user/u", None),
        ] {
            assert_eq!(Action::parse(arn), action, "{arn}");
        }
    }
}
