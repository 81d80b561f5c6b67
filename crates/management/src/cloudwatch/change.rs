//! An alarm comes to stand otherwise: its history, its actions, its event.

use super::action::{self, Occasion};
use super::model::alarm::{ALARMS, Alarm, State};
use super::model::history::{self, Item};
use super::telling;
use base::Timestamp;
use kernel::Cloud;
use kernel::bus::News;
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

pub(super) fn text(members: &[(&'static str, &str)]) -> Struct {
    members.iter().map(|(name, value)| (*name, Value::str(*value))).collect()
}

/// Writes the alarm as it now stands; where that is another state, with all that follows.
pub(super) fn apply(cloud: &Arc<Cloud>, tx: &mut Tx, mut alarm: Alarm, change: Change, now: Timestamp) {
    let before = alarm.clone();
    let changes = before.state != change.state;
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
    old.push("stateValue", Value::str(before.state.name()));
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
        summary: format!("Alarm updated from {} to {}", before.state.name(), alarm.state.name()),
        data: wire::json::text(&Value::Struct(data)),
        is_composite: alarm.rule.is_some(),
    };
    history::write(tx, alarm.account, &alarm.region, cloud.rng().u64(), &item);
    tell(cloud, tx, &alarm, &before, now);
    if alarm.enabled {
        for action in alarm.actions(alarm.state) {
            action::act(cloud, tx, &Occasion { alarm: &alarm, before: &before, now }, action);
        }
    }
}

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>
fn tell(cloud: &Cloud, tx: &mut Tx, alarm: &Alarm, before: &Alarm, now: Timestamp) {
    let news = News {
        account: alarm.account,
        region: &alarm.region,
        source: "aws.cloudwatch",
        detail_type: "CloudWatch Alarm State Change",
        resources: vec![alarm.arn()],
        detail: &telling::change(alarm, before, &base::id::uuid(cloud.rng())),
    };
    cloud.emit(tx, now, news);
}
