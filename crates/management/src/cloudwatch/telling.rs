//! How a change of an alarm is told: to topics, to functions and on the event bus. Pure.

use super::change::text;
use super::model::alarm::{Alarm, Suppressed, Watched};
use super::model::metric::Dimension;
use super::suppress;
use base::{Region, Timestamp};
use wire::{Struct, Value};

/// `2026-01-15T12:00:00.000+0000`
fn time(at: Timestamp) -> String {
    format!("{}+0000", at.iso8601_millis().trim_end_matches('Z'))
}

fn state(alarm: &Alarm) -> Value {
    let mut state = text(&[("value", alarm.state.name()), ("reason", &alarm.reason)]);
    if let Some(data) = &alarm.reason_data {
        state.push("reasonData", Value::str(data));
    }
    state.push("timestamp", Value::str(time(alarm.updated)));
    let by = alarm.suppressor.as_ref().map_or(Suppressed::Not, |suppressor| suppressor.by);
    if let (Some(name), Some(reason)) = (by.name(), suppress::reason(by)) {
        state.extend(text(&[("actionsSuppressedBy", name), ("actionsSuppressedReason", reason)]));
    }
    Value::Struct(state)
}

/// What the event bus is told. `id` is what the alarm's own metric is called.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>
pub(super) fn change(alarm: &Alarm, before: &Alarm, id: &str) -> Value {
    let mut out = text(&[("alarmName", &alarm.name)]);
    out.push("state", state(alarm));
    out.push("previousState", state(before));
    out.push("configuration", configuration(alarm, id));
    Value::Struct(out)
}

/// What a function gets.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html>
pub(super) fn payload(alarm: &Alarm, before: &Alarm, id: &str, now: Timestamp) -> String {
    let mut out = text(&[
        ("source", "aws.cloudwatch"),
        ("alarmArn", &alarm.arn()),
        ("accountId", alarm.account.as_str()),
        ("time", &time(now)),
        ("region", &alarm.region),
    ]);
    out.push("alarmData", change(alarm, before, id));
    wire::json::text(&Value::Struct(out))
}

fn configuration(alarm: &Alarm, id: &str) -> Value {
    let mut out = Struct::new();
    if let Some(description) = &alarm.description {
        out.push("description", Value::str(description));
    }
    match &alarm.rule {
        Some(rule) => {
            out.push("alarmRule", Value::str(rule));
            if let Some(suppressor) = &alarm.suppressor {
                out.push("actionsSuppressor", Value::str(&suppressor.alarm));
                out.push("actionsSuppressorWaitPeriod", Value::Int(suppressor.wait.into()));
                out.push("actionsSuppressorExtensionPeriod", Value::Int(suppressor.extension.into()));
            }
        }
        None => {
            let own = || Watched {
                id: id.to_owned(),
                namespace: alarm.namespace.clone(),
                metric: alarm.metric.clone(),
                dimensions: alarm.dimensions.clone(),
                period: Some(alarm.period),
                statistic: Some(alarm.statistic().to_owned()),
                unit: alarm.unit.clone(),
                ..Watched::default()
            };
            let queries = if alarm.queries.is_empty() { &vec![own()] } else { &alarm.queries };
            out.push("metrics", Value::List(queries.iter().map(query).collect()));
        }
    }
    Value::Struct(out)
}

fn query(watched: &Watched) -> Value {
    let mut out = text(&[("id", &watched.id)]);
    let period = watched.period.map(|period| Value::Int(period.into()));
    match &watched.statistic {
        Some(statistic) => {
            let mut metric = text(&[("namespace", &watched.namespace), ("name", &watched.metric)]);
            let dimensions = watched.dimensions.iter().map(|own| (own.name.clone(), Value::str(&own.value)));
            metric.push("dimensions", Value::Map(dimensions.collect()));
            let mut stat = Struct::from_iter([("metric", Value::Struct(metric))]);
            stat.extend(period.map(|period| ("period", period)));
            stat.push("stat", Value::str(statistic));
            stat.extend(watched.unit.as_ref().map(|unit| ("unit", Value::str(unit))));
            out.push("metricStat", Value::Struct(stat));
        }
        None => {
            out.extend(watched.expression.as_ref().map(|text| ("expression", Value::str(text))));
            out.extend(period.map(|period| ("period", period)));
        }
    }
    out.extend(watched.label.as_ref().map(|label| ("label", Value::str(label))));
    out.push("returnData", Value::Bool(watched.is_returned.unwrap_or(true)));
    Value::Struct(out)
}

/// What the event bus is told when an alarm is put or deleted.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>
pub(super) fn configured(alarm: &Alarm, operation: &str, before: Option<&Alarm>, id: &str) -> Value {
    let mut out = text(&[("alarmName", &alarm.name), ("operation", operation)]);
    out.push("state", state(alarm));
    out.push("configuration", whole(alarm, id));
    out.extend(before.map(|before| ("previousConfiguration", whole(before, id))));
    Value::Struct(out)
}

/// All that an alarm was told to be.
fn whole(alarm: &Alarm, id: &str) -> Value {
    let mut out = Struct::new();
    if alarm.rule.is_none() {
        out.push("evaluationPeriods", Value::Int(alarm.periods.into()));
        out.extend(alarm.to_alarm.map(|number| ("datapointsToAlarm", Value::Int(number.into()))));
        out.push("threshold", Value::Float(alarm.threshold.0));
        out.push("comparisonOperator", Value::str(&alarm.comparison));
        out.push("treatMissingData", Value::str(alarm.missing.as_deref().unwrap_or("missing")));
    }
    if let Value::Struct(own) = configuration(alarm, id) {
        out.extend(own);
    }
    out.push("alarmName", Value::str(&alarm.name));
    out.push("actionsEnabled", Value::Bool(alarm.enabled));
    out.push("timestamp", Value::str(time(alarm.configured)));
    out.push("okActions", list(&alarm.ok_actions));
    out.push("alarmActions", list(&alarm.alarm_actions));
    out.push("insufficientDataActions", list(&alarm.missing_actions));
    Value::Struct(out)
}

fn list(all: &[String]) -> Value {
    Value::List(all.iter().map(|own| Value::str(own.as_str())).collect())
}

fn or_null(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::str)
}

/// How AWS calls a region in what people read.
pub(super) fn region(alarm: &Alarm) -> &str {
    Region::parse(&alarm.region).map_or(alarm.region.as_str(), |region| region.words())
}

/// The message that SNS carries, as AWS writes it.
pub(super) fn message(alarm: &Alarm, before: &Alarm, now: Timestamp) -> String {
    let mut body = text(&[("AlarmName", &alarm.name)]);
    body.push("AlarmDescription", or_null(alarm.description.as_deref()));
    body.extend(text(&[
        ("AWSAccountId", alarm.account.as_str()),
        ("AlarmConfigurationUpdatedTimestamp", &time(alarm.configured)),
        ("NewStateValue", alarm.state.name()),
        ("NewStateReason", &alarm.reason),
        ("StateChangeTime", &time(now)),
        ("Region", region(alarm)),
        ("AlarmArn", &alarm.arn()),
        ("OldStateValue", before.state.name()),
    ]));
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
    let mut trigger = Struct::new();
    if alarm.queries.is_empty() {
        trigger.extend(text(&[("MetricName", &alarm.metric), ("Namespace", &alarm.namespace)]));
        trigger.extend(match &alarm.extended {
            Some(name) => text(&[("StatisticType", "ExtendedStatistic"), ("ExtendedStatistic", name)]),
            None => {
                let name = alarm.statistic().to_uppercase();
                text(&[("StatisticType", "Statistic"), ("Statistic", &name)])
            }
        });
        trigger.push("Unit", or_null(alarm.unit.as_deref()));
        trigger.push("Dimensions", dimensions(&alarm.dimensions));
    } else {
        trigger.push("Metrics", Value::List(alarm.queries.iter().map(triggering).collect()));
    }
    trigger.push("Period", Value::Int(i64::from(alarm.period)));
    trigger.push("EvaluationPeriods", Value::Int(i64::from(alarm.periods)));
    trigger.extend(alarm.to_alarm.map(|number| ("DatapointsToAlarm", Value::Int(number.into()))));
    trigger.push("ComparisonOperator", Value::str(&alarm.comparison));
    trigger.push("Threshold", Value::Float(alarm.threshold.0));
    trigger.push("TreatMissingData", Value::str(alarm.missing.as_deref().unwrap_or("missing")));
    trigger.push("EvaluateLowSampleCountPercentile", Value::str(""));
    trigger
}

fn dimensions(all: &[Dimension]) -> Value {
    let one = |own: &Dimension| Value::Struct(text(&[("value", &own.value), ("name", &own.name)]));
    Value::List(all.iter().map(one).collect())
}

fn triggering(watched: &Watched) -> Value {
    let mut out = text(&[("Id", &watched.id)]);
    out.extend(watched.label.as_ref().map(|label| ("Label", Value::str(label))));
    let period = watched.period.map(|period| Value::Int(period.into()));
    match &watched.statistic {
        Some(statistic) => {
            let mut metric = Struct::from_iter([("Dimensions", dimensions(&watched.dimensions))]);
            metric.extend(text(&[("MetricName", &watched.metric), ("Namespace", &watched.namespace)]));
            let mut stat = Struct::from_iter([("Metric", Value::Struct(metric))]);
            stat.extend(period.map(|period| ("Period", period)));
            stat.push("Stat", Value::str(statistic));
            out.push("MetricStat", Value::Struct(stat));
        }
        None => {
            out.extend(watched.expression.as_ref().map(|text| ("Expression", Value::str(text))));
            out.extend(period.map(|period| ("Period", period)));
        }
    }
    out.push("ReturnData", Value::Bool(watched.is_returned.unwrap_or(true)));
    Value::Struct(out)
}
