//! How a composite alarm comes to stand: by its rule, and by how the alarms stand that it names.

use super::change::{self, Change};
use super::model::alarm::{ALARMS, Alarm, State, Suppressed};
use super::rule::Rule;
use super::suppress;
use base::{Region, Timestamp};
use kernel::Cloud;
use std::sync::Arc;
use store::{CommitError, Key, Read};
use wire::{Struct, Value};

/// What came of it.
pub(super) enum Looked {
    /// The next time is when its actions are no longer suppressed.
    Same(Option<Timestamp>),
    Changed,
    /// Somebody else has changed it meanwhile.
    Again,
}

/// Evaluates one composite alarm.
pub(super) fn look_at(cloud: &Arc<Cloud>, key: &Key, now: Timestamp) -> Result<Looked, String> {
    let mut tx = cloud.store().begin();
    let none = Ok(Looked::Same(None));
    let Some(alarm) = ALARMS.get(&tx, key).map_err(|e| e.to_string())? else { return none };
    let change = match judge(&tx, &alarm, now)? {
        Some(change) => change,
        None => {
            let Some(suppressor) = &alarm.suppressor else { return none };
            let holds = change::holds(&tx, &alarm, suppressor).map_err(|e| e.to_string())?;
            let (by, until) = suppress::next(&alarm, suppressor, alarm.state, holds, now);
            let is_timed = matches!(by, Suppressed::Wait | Suppressed::Extension);
            if by == suppressor.by && (by != Suppressed::Not || alarm.state == suppressor.acted) {
                return Ok(Looked::Same(is_timed.then_some(until)));
            }
            let (reason, data) = (alarm.reason.clone(), alarm.reason_data.clone());
            Change { state: alarm.state, reason, data, due: alarm.due }
        }
    };
    change::apply(cloud, &mut tx, alarm, change, now).map_err(|e| e.to_string())?;
    match tx.commit().wait() {
        Ok(_) => Ok(Looked::Changed),
        Err(CommitError::Conflict) => Ok(Looked::Again),
        Err(error) => Err(error.to_string()),
    }
}

/// The change that is due, if any. A rule that holds is an alarm, and any other is fine.
fn judge(from: &dyn Read, alarm: &Alarm, now: Timestamp) -> Result<Option<Change>, String> {
    let Some(rule) = alarm.rule.as_deref().and_then(|rule| Rule::parse(rule).ok()) else { return Ok(None) };
    let region = Region::parse(&alarm.region).ok_or("the region is unknown")?;
    let named = rule.alarms().into_iter();
    let load = |name: &str| ALARMS.get(from, &Alarm::key(alarm.account, region, name)).transpose();
    let children: Vec<Alarm> = named.filter_map(load).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let state = |name: &str| children.iter().find(|child| child.name == name).map(|child| child.state);
    let state = if rule.holds(&state) { State::Alarm } else { State::Ok };
    if state == alarm.state {
        return Ok(None);
    }
    let latest = children.iter().max_by_key(|child| child.transitioned);
    let reason = match latest {
        Some(child) if alarm.transitioned < child.transitioned => format!(
            "{} transitioned to {} at {}",
            child.arn(),
            child.state.name(),
            child.transitioned.http_date().replace("GMT", "UTC")
        ),
        _ => format!("{} was created and its alarm rule evaluates to {}", alarm.arn(), state.name()),
    };
    Ok(Some(Change { state, reason, data: Some(data(&children)), due: now }))
}

fn data(children: &[Alarm]) -> String {
    let text = |members: [(&'static str, String); 2]| {
        Value::Struct(members.into_iter().map(|(name, value)| (name, Value::str(value))).collect())
    };
    let one = |child: &Alarm| {
        let stands =
            [("value", child.state.name().to_owned()), ("timestamp", child.transitioned.iso8601_millis())];
        Value::Struct([("arn", Value::str(child.arn())), ("state", text(stands))].into_iter().collect())
    };
    let mut out = Struct::new();
    out.push("triggeringAlarms", Value::List(children.iter().map(one).collect()));
    wire::json::text(&Value::Struct(out))
}
