//! An alarm comes to stand otherwise: its history, its actions, its event.

use super::action::{self, Occasion};
use super::model::alarm::{ALARMS, Alarm, State, Suppressed, Suppressor};
use super::model::history::{self, Item};
use super::suppress;
use super::telling;
use base::{Region, Timestamp};
use kernel::bus::News;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{Read, StoreError, Tx};
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

/// Writes the alarm as it now stands; where that is another state, with all that follows. A composite alarm that is
/// suppressed does not act; once it is no more, it makes up for that.
///
/// # Errors
/// The store's.
pub(super) fn apply(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    mut alarm: Alarm,
    change: Change,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = alarm.clone();
    let changes = before.state != change.state;
    let mut acts = changes;
    if let Some(mut suppressor) = before.suppressor.clone() {
        let holds = holds(tx, &before, &suppressor)?;
        let by = suppress::next(&before, &suppressor, change.state, holds, now);
        (suppressor.by, suppressor.until) = by;
        acts = suppressor.by == Suppressed::Not && change.state != suppressor.acted;
        if suppressor.by == Suppressed::Not {
            suppressor.acted = change.state;
        }
        alarm.suppressor = Some(suppressor);
    }
    (alarm.state, alarm.reason, alarm.reason_data) = (change.state, change.reason, change.data);
    alarm.due = change.due;
    if changes || acts || alarm.suppressor.is_none() {
        alarm.updated = now;
    }
    if changes {
        alarm.transitioned = now;
        note(cloud, tx, &alarm, &before, now);
    }
    ALARMS.put(tx, &alarm.own_key(), &alarm);
    if changes || acts {
        tell(cloud, tx, &alarm, &before, now);
    }
    if acts && alarm.enabled {
        for action in alarm.actions(alarm.state) {
            action::act(cloud, tx, &Occasion { alarm: &alarm, before: &before, now }, action);
        }
    }
    Ok(())
}

/// Whether an alarm's suppressor is in ALARM. One that was deleted is not.
///
/// # Errors
/// The store's.
pub(super) fn holds(from: &dyn Read, alarm: &Alarm, suppressor: &Suppressor) -> Result<bool, StoreError> {
    let Some(region) = Region::parse(&alarm.region) else { return Ok(false) };
    let found = ALARMS.get(from, &Alarm::key(alarm.account, region, suppressor.name()))?;
    Ok(found.is_some_and(|found| found.state == State::Alarm))
}

/// Into its history.
fn note(cloud: &Cloud, tx: &mut Tx, alarm: &Alarm, before: &Alarm, now: Timestamp) {
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
}

/// An alarm is put or deleted, as the event bus hears of it.
pub(super) fn configured(cx: &mut Cx<'_>, alarm: &Alarm, operation: &str, before: Option<&Alarm>) {
    let news = News {
        account: alarm.account,
        region: &alarm.region,
        source: "aws.cloudwatch",
        detail_type: "CloudWatch Alarm Configuration Change",
        resources: vec![alarm.arn()],
        detail: &telling::configured(alarm, operation, before, &base::id::uuid(cx.rng())),
    };
    let (cloud, now) = (Arc::clone(cx.cloud()), cx.now);
    cloud.emit(cx.tx, now, news);
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
