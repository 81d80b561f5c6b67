//! Alarms: put, delete, switch their actions on and off.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>. Not here: alarms on
//! anomaly bands, on logs and on Metrics Insights.

use super::get_statistics::checked_period;
use super::tag::{self, Tag};
use super::{NameValue, describe, dimensions};
use crate::cloudwatch::access;
use crate::cloudwatch::action::Action;
use crate::cloudwatch::change;
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::evaluate::Missing;
use crate::cloudwatch::math::Outcome;
use crate::cloudwatch::model::alarm::{ALARMS, Alarm, Watched};
use crate::cloudwatch::model::history::{self, Item};
use crate::cloudwatch::model::metric::Real;
use crate::cloudwatch::model::statistic::Statistic;
use crate::cloudwatch::queries::{self, Place, Query};
use crate::cloudwatch::rule::Rule;
use kernel::{Cx, Empty};
use std::time::Duration;
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
/// AWS: ten metrics and ten expressions.
const QUERIES_MAX: usize = 20;

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
        queries: Vec<Query> = "Metrics",
    }

    #[derive(Debug)]
    pub(crate) struct AlarmNames { names: Vec<String> = "AlarmNames" }
}

fn required<T>(value: Option<T>, name: &str) -> Result<T, WatchError> {
    value.ok_or_else(|| WatchError::Validation(format!("The parameter {name} is required.")))
}

/// What an alarm looks at: a metric of its own, or what is reckoned.
#[derive(Default)]
struct Sight {
    namespace: String,
    metric: String,
    period: i64,
    queries: Vec<Watched>,
}

fn put(cx: &mut Cx<'_>, mut req: PutMetricAlarm) -> Result<Empty, WatchError> {
    let queries = std::mem::take(&mut req.queries);
    let sight = if queries.is_empty() { of_metric(&req)? } else { of_queries(cx, &req, queries)? };
    let periods = required(req.periods, "EvaluationPeriods")?;
    check(&req, sight.period, periods)?;
    let (old, is_new) = before(cx, &req.name, false, req.tags)?;
    // AWS: an alarm that is put again keeps how it stands, and its tags.
    let alarm = Alarm {
        name: req.name,
        description: req.description,
        enabled: req.enabled.unwrap_or(true),
        ok_actions: req.ok,
        alarm_actions: req.alarm,
        missing_actions: req.insufficient,
        namespace: sight.namespace,
        metric: sight.metric,
        statistic: req.statistic,
        extended: req.extended,
        dimensions: dimensions(req.dimensions),
        period: u32::try_from(sight.period).unwrap_or(u32::MAX),
        unit: req.unit,
        periods: u32::try_from(periods).unwrap_or(u32::MAX),
        to_alarm: req.to_alarm.and_then(|number| u32::try_from(number).ok()),
        threshold: Real(required(req.threshold, "Threshold")?),
        comparison: required(req.comparison, "ComparisonOperator")?,
        missing: req.missing,
        configured: cx.now,
        due: cx.now,
        queries: sight.queries,
        ..old
    };
    save(cx, alarm, is_new)?;
    Ok(Empty)
}

fn of_metric(req: &PutMetricAlarm) -> Result<Sight, WatchError> {
    let period = checked_period(required(req.period, "Period")?)?;
    match (&req.statistic, &req.extended) {
        (Some(_), None) => {}
        (None, Some(name)) => {
            Statistic::extended(name).ok_or_else(|| {
                invalid(format!("The value {name} for parameter ExtendedStatistic is not supported."))
            })?;
        }
        (Some(_), Some(_)) => {
            return Err(WatchError::Combination(
                "Statistic and ExtendedStatistic are mutually exclusive.".into(),
            ));
        }
        (None, None) => {
            return Err(WatchError::Validation(
                "One of Statistic and ExtendedStatistic must be specified.".into(),
            ));
        }
    }
    let namespace = required(req.namespace.clone(), "Namespace")?;
    let metric = required(req.metric.clone(), "MetricName")?;
    Ok(Sight { namespace, metric, period, queries: Vec::new() })
}

/// AWS: one of the queries returns its values, and those are watched; beside them, nothing is said of a metric.
fn of_queries(cx: &Cx<'_>, req: &PutMetricAlarm, queries: Vec<Query>) -> Result<Sight, WatchError> {
    let beside = [
        ("MetricName", req.metric.is_some()),
        ("Namespace", req.namespace.is_some()),
        ("Dimensions", !req.dimensions.is_empty()),
        ("Period", req.period.is_some()),
        ("Unit", req.unit.is_some()),
        ("Statistic", req.statistic.is_some()),
        ("ExtendedStatistic", req.extended.is_some()),
    ];
    if let Some((name, _)) = beside.into_iter().find(|(_, is_given)| *is_given) {
        return Err(WatchError::Combination(format!(
            "The parameters Metrics and {name} are mutually exclusive."
        )));
    }
    if queries.len() > QUERIES_MAX {
        return Err(WatchError::Validation(format!(
            "The collection Metrics must not have a size greater than {QUERIES_MAX}."
        )));
    }
    queries::check(&queries)?;
    if queries.iter().any(Query::searches) {
        return Err(WatchError::Validation("SEARCH is not supported on Metric Alarms.".into()));
    }
    let mut returned = queries.iter().filter(|query| query.is_returned());
    let (Some(watched), None) = (returned.next(), returned.next()) else {
        return Err(WatchError::Validation(
            "Exactly one element of the metrics list should return data.".into(),
        ));
    };
    let longest = || queries.iter().filter_map(Query::seconds).max();
    let period = checked_period(required(watched.seconds().or_else(longest), "Period")?)?;
    let place = Place { from: &*cx.tx, account: cx.account, region: cx.region, now: cx.now };
    let known = place.reckon(&queries, cx.now.minus(Duration::from_secs(period.unsigned_abs())), cx.now)?;
    if !matches!(known.get(&watched.id), Some(Outcome::Series(_))) {
        return Err(WatchError::Validation(format!(
            "Error in expression '{}': the result is a single number or a list, and no time series.",
            watched.id
        )));
    }
    let queries = queries.into_iter().map(Query::watched).collect();
    Ok(Sight { period, queries, ..Sight::default() })
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
///
/// # Errors
/// The store's.
pub(super) fn save(cx: &mut Cx<'_>, alarm: Alarm, is_new: bool) -> Result<(), WatchError> {
    let before = ALARMS.get(cx.tx, &alarm.own_key())?;
    ALARMS.put(cx.tx, &alarm.own_key(), &alarm);
    change::configured(cx, &alarm, if is_new { "create" } else { "update" }, before.as_ref());
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
    Ok(())
}

fn check(req: &PutMetricAlarm, period: i64, periods: i64) -> Result<(), WatchError> {
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
    check_actions(false, req.ok.iter().chain(&req.alarm).chain(&req.insufficient))
}

/// # Errors
/// `ValidationError` for what is no ARN, and for what would never be done.
pub(super) fn check_actions<'a>(
    is_composite: bool,
    mut actions: impl Iterator<Item = &'a String>,
) -> Result<(), WatchError> {
    actions.try_for_each(|action| {
        if !action.starts_with("arn:aws") {
            return Err(WatchError::Validation(format!("Invalid arn syntax: {action}")));
        }
        match Action::parse(action) {
            Some(found) if !is_composite || found.is_of_composites() => Ok(()),
            Some(_) => Err(WatchError::Validation(format!(
                "The action {action} is not supported by composite alarms."
            ))),
            None => Err(WatchError::Validation(format!("Actions of this kind are not built: {action}"))),
        }
    })
}

fn delete(cx: &mut Cx<'_>, req: AlarmNames) -> Result<Empty, WatchError> {
    let keys: Vec<Key> = req.names.iter().map(|name| Alarm::key(cx.account, cx.region, name)).collect();
    // AWS: alarms that do not exist are passed over, and of composite alarms there may be one.
    let found = keys.iter().filter_map(|key| ALARMS.get(cx.tx, key).transpose());
    let found = found.collect::<Result<Vec<_>, _>>()?;
    if found.iter().filter(|alarm| alarm.rule.is_some()).count() > 1 {
        return Err(WatchError::Validation(
            "No more than one composite alarm can be deleted in a request.".into(),
        ));
    }
    let mut rules = describe::all(cx, "")?;
    rules.retain(|alarm| !req.names.contains(&alarm.name));
    let rules: Vec<Rule> =
        rules.iter().filter_map(|alarm| Rule::parse(alarm.rule.as_deref()?).ok()).collect();
    let is_named = |alarm: &&Alarm| rules.iter().any(|rule| rule.alarms().contains(&alarm.name.as_str()));
    let needed: Vec<&str> = found.iter().filter(is_named).map(|alarm| alarm.name.as_str()).collect();
    if !needed.is_empty() {
        let them = if needed.len() == 1 { "it" } else { "them" };
        return Err(WatchError::Validation(format!(
            "Cannot delete {} as there are composite alarm(s) depending on {them}.",
            needed.join(",")
        )));
    }
    keys.iter().for_each(|key| ALARMS.delete(cx.tx, key));
    found.iter().for_each(|alarm| change::configured(cx, alarm, "delete", None));
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
