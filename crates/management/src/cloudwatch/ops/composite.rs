//! `PutCompositeAlarm`: an alarm on other alarms.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>. Not here: actions
//! suppressors. A rule that leads back to its own alarm is refused, where AWS accepts it and leaves it unevaluated.

use super::alarm::{ALARMS_MAX, check_actions, note};
use super::tag::{self, Tag};
use crate::cloudwatch::access;
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::alarm::{ALARMS, Alarm};
use crate::cloudwatch::model::history::Item;
use crate::cloudwatch::rule::Rule;
use kernel::{Cx, Empty};
use std::collections::BTreeSet;
use store::Key;

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

fn put(cx: &mut Cx<'_>, req: PutCompositeAlarm) -> Result<Empty, WatchError> {
    if req.suppressor.is_some() {
        return Err(validation("Actions suppressors are not built."));
    }
    check_actions(req.ok.iter().chain(&req.alarm).chain(&req.insufficient))?;
    let rule = Rule::parse(&req.rule).map_err(|why| validation(format!("Error in AlarmRule: {why}.")))?;
    check_alarms(cx, &req.name, &rule)?;
    let key = Alarm::key(cx.account, cx.region, &req.name);
    let old = ALARMS.get(cx.tx, &key)?;
    if old.as_ref().is_some_and(|old| old.rule.is_none()) {
        return Err(validation(format!("The alarm {} is a metric alarm.", req.name)));
    }
    if old.is_none() && !cx.has_room(&ALARMS, &Key::regional(cx.account, cx.region), ALARMS_MAX)? {
        return Err(WatchError::Limit("The maximum limit of alarms has been reached.".into()));
    }
    let what = if old.is_none() { "created" } else { "updated" };
    let fresh = Alarm { tags: tag::checked(req.tags)?, ..Alarm::fresh(cx.account, cx.region, cx.now) };
    let alarm = Alarm {
        name: req.name,
        description: req.description,
        enabled: req.enabled.unwrap_or(true),
        ok_actions: req.ok,
        alarm_actions: req.alarm,
        missing_actions: req.insufficient,
        rule: Some(req.rule),
        configured: cx.now,
        ..old.unwrap_or(fresh)
    };
    ALARMS.put(cx.tx, &key, &alarm);
    let item = Item {
        summary: format!("Alarm \"{}\" {what}", alarm.name),
        alarm: alarm.name,
        time: cx.now,
        kind: "ConfigurationUpdate".into(),
        data: String::new(),
        is_composite: true,
    };
    note(cx, item);
    Ok(Empty)
}
