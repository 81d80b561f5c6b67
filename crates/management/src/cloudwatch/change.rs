//! An alarm comes to stand otherwise: its history, its actions, its event.
//!
//! Actions: SNS topics and policies of Auto Scaling. Others (instances, functions) are tried in no way and recorded as
//! failed, as AWS records an action that it could not take.

use super::model::alarm::{ALARMS, Alarm, State};
use super::model::history::{self, Item};
use base::{Region, Timestamp};
use kernel::bus::News;
use kernel::{Call, Cloud};
use std::sync::Arc;
use store::Tx;
use wire::{Struct, Value};

/// How an alarm is to stand.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) data: Option<String>,
    pub(super) due: Timestamp,
}

fn text(members: &[(&'static str, &str)]) -> Struct {
    members.iter().map(|(name, value)| (*name, Value::str(*value))).collect()
}

/// Writes the alarm as it now stands; where that is another state, with all that follows.
pub(super) fn apply(cloud: &Arc<Cloud>, tx: &mut Tx, mut alarm: Alarm, change: Change, now: Timestamp) {
    let before = alarm.state;
    let changes = before != change.state;
    (alarm.state, alarm.reason, alarm.reason_data) = (change.state, change.reason, change.data);
    (alarm.updated, alarm.due) = (now, change.due);
    if changes {
        alarm.transitioned = now;
    }
    ALARMS.put(tx, &alarm.own_key(), &alarm);
    if !changes {
        return;
    }
    let mut old = Struct::new();
    old.push("stateValue", Value::str(before.name()));
    let mut new = text(&[("stateValue", alarm.state.name()), ("stateReason", &alarm.reason)]);
    if let Some(data) = &alarm.reason_data {
        new.push("stateReasonData", Value::str(data.as_str()));
    }
    let mut data = text(&[("version", "1.0")]);
    data.push("oldState", Value::Struct(old));
    data.push("newState", Value::Struct(new));
    let item = Item {
        alarm: alarm.name.clone(),
        time: now,
        kind: "StateUpdate".into(),
        summary: format!("Alarm updated from {} to {}", before.name(), alarm.state.name()),
        data: wire::json::text(&Value::Struct(data)),
        is_composite: alarm.rule.is_some(),
    };
    history::write(tx, alarm.account, &alarm.region, cloud.rng().u64(), &item);
    tell(cloud, tx, &alarm, before, now);
    if alarm.enabled {
        for action in alarm.actions(alarm.state) {
            act(cloud, tx, &alarm, before, action, now);
        }
    }
}

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>
fn tell(cloud: &Cloud, tx: &mut Tx, alarm: &Alarm, before: State, now: Timestamp) {
    let state = |value: &str, reason: &str| {
        Value::Struct(text(&[("value", value), ("reason", reason), ("timestamp", &now.iso8601_millis())]))
    };
    let mut detail = text(&[("alarmName", &alarm.name)]);
    detail.push("state", state(alarm.state.name(), &alarm.reason));
    detail.push("previousState", Value::Struct(text(&[("value", before.name())])));
    let news = News {
        account: alarm.account,
        region: &alarm.region,
        source: "aws.cloudwatch",
        detail_type: "CloudWatch Alarm State Change",
        resources: vec![alarm.arn()],
        detail: &Value::Struct(detail),
    };
    cloud.emit(tx, now, news);
}

fn act(cloud: &Arc<Cloud>, tx: &mut Tx, alarm: &Alarm, before: State, action: &str, now: Timestamp) {
    let outcome = match action.split(':').nth(2) {
        Some("sns") => publish(cloud, tx, alarm, before, action, now),
        Some("autoscaling") => scale(cloud, tx, alarm, action),
        _ => Err("actions of this kind are not built".to_owned()),
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
    for action in alarm.actions(alarm.state).iter().filter(|action| is_policy(action)) {
        // Its history tells of changes only.
        let _ = scale(cloud, tx, &newest, action);
    }
}

pub(super) fn is_policy(action: &str) -> bool {
    action.split(':').nth(2) == Some("autoscaling")
}

/// Carries out a policy of scaling, which learns by how much the threshold is missed.
fn scale(cloud: &Arc<Cloud>, tx: &mut Tx, alarm: &Alarm, policy: &str) -> Result<(), String> {
    let region = Region::parse(&alarm.region).ok_or("the region is unknown")?;
    if alarm.rule.is_some() {
        return Err("a composite alarm does not scale".to_owned());
    }
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
    let call = Call { service: "autoscaling", operation: "ExecutePolicy", value };
    let savepoint = tx.savepoint();
    let home = (alarm.account, region);
    let outcome = cloud.call_for(tx, "cloudwatch.amazonaws.com", home, Some(&alarm.arn()), call);
    outcome.map(drop).map_err(|fault| {
        tx.rollback_to(savepoint);
        fault.message
    })
}

fn publish(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    alarm: &Alarm,
    before: State,
    topic: &str,
    now: Timestamp,
) -> Result<(), String> {
    let region = Region::parse(&alarm.region).ok_or("the region is unknown")?;
    let subject = format!("{}: \"{}\" in {}", alarm.state.name(), alarm.name, alarm.region);
    let members = [
        ("TopicArn", Value::str(topic)),
        ("Subject", Value::str(subject.chars().take(100).collect::<String>())),
        ("Message", Value::str(message(alarm, before, now))),
    ];
    let value = Value::Struct(members.into_iter().collect());
    let call = Call { service: "sns", operation: "Publish", value };
    // What the topic refuses must not keep the alarm from its state.
    let savepoint = tx.savepoint();
    let outcome = cloud.call(tx, "cloudwatch.amazonaws.com", alarm.account, region, call);
    outcome.map(|_| ()).map_err(|fault| {
        tx.rollback_to(savepoint);
        format!("{}: {}", fault.code, fault.message)
    })
}

/// The message that SNS carries, as AWS writes it.
fn message(alarm: &Alarm, before: State, now: Timestamp) -> String {
    let mut body = text(&[
        ("AlarmName", &alarm.name),
        ("AlarmDescription", alarm.description.as_deref().unwrap_or_default()),
        ("AWSAccountId", alarm.account.as_str()),
        ("NewStateValue", alarm.state.name()),
        ("NewStateReason", &alarm.reason),
        ("StateChangeTime", &now.iso8601_millis()),
        ("Region", &alarm.region),
        ("AlarmArn", &alarm.arn()),
        ("OldStateValue", before.name()),
    ]);
    let list = |all: &[String]| Value::List(all.iter().map(|own| Value::str(own.as_str())).collect());
    body.push("OKActions", list(&alarm.ok_actions));
    body.push("AlarmActions", list(&alarm.alarm_actions));
    body.push("InsufficientDataActions", list(&alarm.missing_actions));
    match &alarm.rule {
        Some(rule) => body.push("AlarmRule", Value::str(rule.as_str())),
        None => body.push("Trigger", Value::Struct(trigger(alarm))),
    }
    wire::json::text(&Value::Struct(body))
}

fn trigger(alarm: &Alarm) -> Struct {
    let mut trigger = text(&[
        ("MetricName", &alarm.metric),
        ("Namespace", &alarm.namespace),
        ("StatisticType", if alarm.extended.is_some() { "ExtendedStatistic" } else { "Statistic" }),
        ("Statistic", &alarm.statistic.as_deref().unwrap_or_default().to_uppercase()),
        ("ComparisonOperator", &alarm.comparison),
        ("TreatMissingData", alarm.missing.as_deref().unwrap_or("missing")),
    ]);
    let dimensions =
        alarm.dimensions.iter().map(|own| Value::Struct(text(&[("value", &own.value), ("name", &own.name)])));
    trigger.push("Dimensions", Value::List(dimensions.collect()));
    trigger.push("Period", Value::Int(i64::from(alarm.period)));
    trigger.push("EvaluationPeriods", Value::Int(i64::from(alarm.periods)));
    if let Some(number) = alarm.to_alarm {
        trigger.push("DatapointsToAlarm", Value::Int(i64::from(number)));
    }
    trigger.push("Threshold", Value::Float(alarm.threshold.0));
    trigger
}
