//! Alarms: put, delete, switch their actions on and off.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>. Not here: alarms on
//! metric math, on anomaly bands, on logs and on queries.

use super::get_statistics::checked_period;
use super::tag::{self, Tag};
use super::{NameValue, dimensions};
use crate::cloudwatch::access;
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::evaluate::Missing;
use crate::cloudwatch::model::alarm::{ALARMS, Alarm};
use crate::cloudwatch::model::history::{self, Item};
use crate::cloudwatch::model::metric::Real;
use crate::cloudwatch::model::statistic::Statistic;
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(crate) static OPS:
    PutMetricAlarm: put, "cloudwatch:PutMetricAlarm", access::new_alarm;
    DeleteAlarms: delete, "cloudwatch:DeleteAlarms", access::alarms;
    EnableAlarmActions: enable, "cloudwatch:EnableAlarmActions", access::alarms;
    DisableAlarmActions: disable, "cloudwatch:DisableAlarmActions", access::alarms;
}

/// AWS: an alarm looks at no more than a day, or a week in periods of an hour and more.
const DAY: i64 = 86_400;
/// AWS: the service's quotas.
const ALARMS_MAX: usize = 5_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutMetricAlarm {
        name: String = "AlarmName",
        description: Option<String> = "AlarmDescription",
        enabled: Option<bool> = "ActionsEnabled",
        ok: Vec<String> = "OKActions",
        alarm: Vec<String> = "AlarmActions",
        insufficient: Vec<String> = "InsufficientDataActions",
        metric: Option<String> = "MetricName",
        namespace: Option<String> = "Namespace",
        statistic: Option<String> = "Statistic",
        extended: Option<String> = "ExtendedStatistic",
        dimensions: Vec<NameValue> = "Dimensions",
        period: Option<i64> = "Period",
        unit: Option<String> = "Unit",
        periods: Option<i64> = "EvaluationPeriods",
        to_alarm: Option<i64> = "DatapointsToAlarm",
        threshold: Option<f64> = "Threshold",
        comparison: Option<String> = "ComparisonOperator",
        missing: Option<String> = "TreatMissingData",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct AlarmNames { names: Vec<String> = "AlarmNames" }
}

fn required<T>(value: Option<T>, name: &str) -> Result<T, WatchError> {
    value.ok_or_else(|| WatchError::Validation(format!("The parameter {name} is required.")))
}

fn put(cx: &mut Cx<'_>, req: PutMetricAlarm) -> Result<Empty, WatchError> {
    let period = checked_period(required(req.period, "Period")?)?;
    let periods = required(req.periods, "EvaluationPeriods")?;
    check(&req, period, periods)?;
    let (old, is_new) = before(cx, &req.name, false, req.tags)?;
    // AWS: an alarm that is put again keeps how it stands, and its tags.
    let alarm = Alarm {
        name: req.name,
        description: req.description,
        enabled: req.enabled.unwrap_or(true),
        ok_actions: req.ok,
        alarm_actions: req.alarm,
        missing_actions: req.insufficient,
        namespace: required(req.namespace, "Namespace")?,
        metric: required(req.metric, "MetricName")?,
        statistic: req.statistic,
        extended: req.extended,
        dimensions: dimensions(req.dimensions),
        period: u32::try_from(period).unwrap_or(u32::MAX),
        unit: req.unit,
        periods: u32::try_from(periods).unwrap_or(u32::MAX),
        to_alarm: req.to_alarm.and_then(|number| u32::try_from(number).ok()),
        threshold: Real(required(req.threshold, "Threshold")?),
        comparison: required(req.comparison, "ComparisonOperator")?,
        missing: req.missing,
        configured: cx.now,
        due: cx.now,
        ..old
    };
    save(cx, alarm, is_new);
    Ok(Empty)
}

/// What an alarm that is put goes on from: itself, or nothing yet, where there is room for it; and whether it is new.
///
/// # Errors
/// `ValidationError` for one of the other kind, or wrong tags; `LimitExceeded`.
pub(super) fn before(
    cx: &Cx<'_>,
    name: &str,
    is_composite: bool,
    tags: Vec<Tag>,
) -> Result<(Alarm, bool), WatchError> {
    match ALARMS.get(cx.tx, &Alarm::key(cx.account, cx.region, name))? {
        Some(old) if old.rule.is_some() != is_composite => {
            let kind = if is_composite { "metric" } else { "composite" };
            Err(WatchError::Validation(format!("The alarm {name} is a {kind} alarm.")))
        }
        // AWS: it keeps its own tags.
        Some(old) => tag::checked(tags).map(|_| (old, false)),
        None if !cx.has_room(&ALARMS, &Key::regional(cx.account, cx.region), ALARMS_MAX)? => {
            Err(WatchError::Limit("The maximum limit of alarms has been reached.".into()))
        }
        None => {
            let fresh = Alarm::fresh(cx.account, cx.region, cx.now);
            Ok((Alarm { tags: tag::checked(tags)?, ..fresh }, true))
        }
    }
}

/// Keeps an alarm as it was put, and tells its history.
pub(super) fn save(cx: &mut Cx<'_>, alarm: Alarm, is_new: bool) {
    ALARMS.put(cx.tx, &alarm.own_key(), &alarm);
    let what = if is_new { "created" } else { "updated" };
    let item = Item {
        summary: format!("Alarm \"{}\" {what}", alarm.name),
        is_composite: alarm.rule.is_some(),
        alarm: alarm.name,
        time: cx.now,
        kind: "ConfigurationUpdate".into(),
        data: String::new(),
    };
    let (number, region) = (cx.rng().u64(), cx.region.name());
    history::write(cx.tx, cx.account, region, number, &item);
}

fn check(req: &PutMetricAlarm, period: i64, periods: i64) -> Result<(), WatchError> {
    let invalid_combination = |what: &str| Err(WatchError::Combination(what.to_owned()));
    match (&req.statistic, &req.extended) {
        (Some(_), None) => {}
        (None, Some(name)) => {
            Statistic::extended(name).ok_or_else(|| {
                invalid(format!("The value {name} for parameter ExtendedStatistic is not supported."))
            })?;
        }
        (Some(_), Some(_)) => {
            return invalid_combination("Statistic and ExtendedStatistic are mutually exclusive.");
        }
        (None, None) => {
            return Err(WatchError::Validation(
                "One of Statistic and ExtendedStatistic must be specified.".into(),
            ));
        }
    }
    let days = if period >= 3_600 { 7 } else { 1 };
    if period.saturating_mul(periods) > days * DAY {
        return Err(WatchError::Validation(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or more \
             than a week for periods of an hour and longer."
                .into(),
        ));
    }
    if req.to_alarm.is_some_and(|number| number > periods) {
        return Err(WatchError::Validation(
            "DatapointsToAlarm must be less than or equal to EvaluationPeriods.".into(),
        ));
    }
    if Missing::parse(req.missing.as_deref()).is_none() {
        return Err(WatchError::Validation(
            "TreatMissingData must be one of breaching, notBreaching, ignore, missing.".into(),
        ));
    }
    let threshold_of_band = req.comparison.as_deref().is_some_and(|name| {
        !name.ends_with("ToThreshold") && !matches!(name, "GreaterThanThreshold" | "LessThanThreshold")
    });
    if threshold_of_band {
        return Err(WatchError::Validation("Alarms on anomaly detection bands are not built.".into()));
    }
    check_actions(req.ok.iter().chain(&req.alarm).chain(&req.insufficient))
}

/// # Errors
/// `ValidationError` for what is no ARN.
pub(super) fn check_actions<'a>(mut actions: impl Iterator<Item = &'a String>) -> Result<(), WatchError> {
    match actions.find(|action| !action.starts_with("arn:aws")) {
        Some(action) => Err(WatchError::Validation(format!("Invalid arn syntax: {action}"))),
        None => Ok(()),
    }
}

fn delete(cx: &mut Cx<'_>, req: AlarmNames) -> Result<Empty, WatchError> {
    let keys: Vec<Key> = req.names.iter().map(|name| Alarm::key(cx.account, cx.region, name)).collect();
    // AWS: alarms that do not exist are passed over, and a composite alarm is deleted by itself.
    let found = keys.iter().filter_map(|key| ALARMS.get(cx.tx, key).transpose());
    let found = found.collect::<Result<Vec<_>, _>>()?;
    if keys.len() > 1 && found.iter().any(|alarm| alarm.rule.is_some()) {
        return Err(WatchError::Validation(
            "A composite alarm must be deleted in a request of its own.".into(),
        ));
    }
    keys.iter().for_each(|key| ALARMS.delete(cx.tx, key));
    Ok(Empty)
}

fn switch(cx: &mut Cx<'_>, names: Vec<String>, enabled: bool) -> Result<Empty, WatchError> {
    for name in names {
        let key = Alarm::key(cx.account, cx.region, &name);
        if let Some(mut alarm) = ALARMS.get(cx.tx, &key)? {
            alarm.enabled = enabled;
            ALARMS.put(cx.tx, &key, &alarm);
        }
    }
    Ok(Empty)
}

fn enable(cx: &mut Cx<'_>, req: AlarmNames) -> Result<Empty, WatchError> {
    switch(cx, req.names, true)
}

fn disable(cx: &mut Cx<'_>, req: AlarmNames) -> Result<Empty, WatchError> {
    switch(cx, req.names, false)
}
