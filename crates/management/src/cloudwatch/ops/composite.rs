//! `PutCompositeAlarm`: an alarm on other alarms.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>. A rule
//! that leads back to its own alarm is refused, where AWS accepts it and leaves it unevaluated.

use super::alarm::{before, check_actions, save};
use super::tag::Tag;
use crate::cloudwatch::access;
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::alarm::{ALARMS, Alarm, Suppressor, alarm_arn};
use crate::cloudwatch::rule::Rule;
use kernel::{Cx, Empty};
use std::collections::BTreeSet;

kernel::ops! { pub(crate) static OPS:
    PutCompositeAlarm: put, "cloudwatch:PutCompositeAlarm", access::new_alarm;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutCompositeAlarm {
        name: String = "AlarmName",
        description: Option<String> = "AlarmDescription",
        enabled: Option<bool> = "ActionsEnabled",
        ok: Vec<String> = "OKActions",
        alarm: Vec<String> = "AlarmActions",
        insufficient: Vec<String> = "InsufficientDataActions",
        rule: String = "AlarmRule",
        tags: Vec<Tag> = "Tags",
        suppressor: Option<String> = "ActionsSuppressor",
        wait: Option<i64> = "ActionsSuppressorWaitPeriod",
        extension: Option<i64> = "ActionsSuppressorExtensionPeriod",
    }
}

fn validation(what: impl Into<String>) -> WatchError {
    WatchError::Validation(what.into())
}

/// The alarms that the rule names are there, and none leads back to this one.
fn check_alarms(cx: &Cx<'_>, own: &str, rule: &Rule) -> Result<(), WatchError> {
    let direct: Vec<String> = rule.alarms().into_iter().map(str::to_owned).collect();
    let mut open = direct.clone();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if name == own {
            return Err(validation(format!("AlarmRule leads back to the alarm {own} itself.")));
        }
        if !seen.insert(name.clone()) {
            continue;
        }
        match ALARMS.get(cx.tx, &Alarm::key(cx.account, cx.region, &name))? {
            Some(alarm) => {
                let rule = alarm.rule.as_deref().and_then(|rule| Rule::parse(rule).ok());
                open.extend(rule.iter().flat_map(|rule| rule.alarms()).map(str::to_owned));
            }
            None if direct.contains(&name) => {
                return Err(validation(format!("AlarmRule names the alarm {name}, which does not exist.")));
            }
            None => {}
        }
    }
    Ok(())
}

/// Who suppresses its actions, and for how long it waits.
fn suppressor(cx: &Cx<'_>, req: &PutCompositeAlarm) -> Result<Option<Suppressor>, WatchError> {
    let Some(alarm) = req.suppressor.clone() else {
        return match (req.wait, req.extension) {
            (None, None) => Ok(None),
            _ => Err(validation(
                "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod need an ActionsSuppressor.",
            )),
        };
    };
    let seconds = |given: Option<i64>| given.and_then(|seconds| u32::try_from(seconds).ok());
    let (Some(wait), Some(extension)) = (seconds(req.wait), seconds(req.extension)) else {
        return Err(validation(
            "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with an ActionsSuppressor.",
        ));
    };
    let suppressor = Suppressor { alarm, wait, extension, ..Suppressor::default() };
    let own = alarm_arn(cx.account, cx.region.name(), suppressor.name());
    let is_own = !suppressor.alarm.contains(":alarm:") || suppressor.alarm == own;
    let exists = ALARMS.contains(cx.tx, &Alarm::key(cx.account, cx.region, suppressor.name()))?;
    if !is_own || !exists || suppressor.name() == req.name {
        return Err(validation(format!(
            "ActionsSuppressor {} must be another, existing alarm.",
            suppressor.alarm
        )));
    }
    Ok(Some(suppressor))
}

fn put(cx: &mut Cx<'_>, req: PutCompositeAlarm) -> Result<Empty, WatchError> {
    check_actions(true, req.ok.iter().chain(&req.alarm).chain(&req.insufficient))?;
    let rule = Rule::parse(&req.rule).map_err(|why| validation(format!("Error in AlarmRule: {why}.")))?;
    check_alarms(cx, &req.name, &rule)?;
    let suppressor = suppressor(cx, &req)?;
    let (old, is_new) = before(cx, &req.name, true, req.tags)?;
    let keep = |fresh: Suppressor| match &old.suppressor {
        Some(old) if old.name() == fresh.name() => {
            Suppressor { by: old.by, until: old.until, acted: old.acted, ..fresh }
        }
        _ => Suppressor { acted: old.state, ..fresh },
    };
    let alarm = Alarm {
        suppressor: suppressor.map(keep),
        name: req.name,
        description: req.description,
        enabled: req.enabled.unwrap_or(true),
        ok_actions: req.ok,
        alarm_actions: req.alarm,
        missing_actions: req.insufficient,
        rule: Some(req.rule),
        configured: cx.now,
        ..old
    };
    save(cx, alarm, is_new)?;
    Ok(Empty)
}
