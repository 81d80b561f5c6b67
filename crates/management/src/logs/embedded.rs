//! The embedded metric format: events that are documents with metrics in them feed CloudWatch.
//!
//! A document says under `_aws` which of its members are metrics, and which are their dimensions. One that breaks the rules
//! gives nothing, and is counted in the namespace `AWS/Logs`; as an event it is kept like any other.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use super::errors::LogsError;
use super::model::event::millis;
use super::model::group::Group;
use crate::cloudwatch::model::metric::UNITS;
use base::Timestamp;
use kernel::{As, Cx};
use std::time::Duration;
use wire::{Struct, Value};

/// AWS: the specification, as for the next.
const DIMENSIONS_MAX: usize = 30;
const METRICS_MAX: usize = 100;
const VALUES_MAX: usize = 100;
/// AWS: `PutMetricData`, of names and namespaces, and of values of dimensions.
const NAME_MAX: usize = 255;
const TEXT_MAX: usize = 1_024;
const DIMENSION_NAME_MAX: usize = 250;
const VALUE_MAX: f64 = 2.348e108;
/// AWS: `PutMetricData`.
const DATA_MAX: usize = 1_000;
const PAST: Duration = Duration::from_secs(14 * 86_400);
const FUTURE: Duration = Duration::from_secs(2 * 3_600);

/// What is in an event.
#[derive(Debug, PartialEq)]
enum Found {
    /// A document with metrics: each with its namespace.
    Metrics(Vec<(String, Struct)>),
    /// It wants to be one, and is no JSON.
    Unreadable,
    /// It breaks the rules.
    Wrong,
}

/// What an event has to say; `None` where it is no such document.
fn look(message: &str, now: Timestamp) -> Option<Found> {
    if !(message.contains("\"_aws\"") && message.contains("\"CloudWatchMetrics\"")) {
        return None;
    }
    let message = message.trim_end();
    let Some(document @ Value::Map(_)) = wire::json::read(message) else {
        return message.starts_with('{').then_some(Found::Unreadable);
    };
    let meta = document.entry("_aws")?;
    let directives = meta.entry("CloudWatchMetrics")?;
    Some(metrics(&document, meta, directives, now).map_or(Found::Wrong, Found::Metrics))
}

fn metrics(
    document: &Value,
    meta: &Value,
    directives: &Value,
    now: Timestamp,
) -> Option<Vec<(String, Struct)>> {
    let at = Timestamp::from_micros(meta.entry("Timestamp")?.as_int()?.checked_mul(1_000)?);
    if at < now.minus(PAST) || at > now.plus(FUTURE) {
        return None;
    }
    let mut all = Vec::new();
    for directive in directives.as_list()? {
        let namespace = text(directive, "Namespace", NAME_MAX)?;
        // AWS's own services have these to themselves.
        if namespace.starts_with("AWS/") || namespace.starts_with(':') {
            return None;
        }
        let sets = directive.entry("Dimensions")?.as_list()?;
        let sets: Vec<Value> = sets.iter().map(|set| dimensions(document, set)).collect::<Option<_>>()?;
        let definitions = directive.entry("Metrics")?.as_list()?;
        if sets.is_empty() || definitions.len() > METRICS_MAX {
            return None;
        }
        for definition in definitions {
            let datum = datum(document, definition, at)?;
            all.extend(sets.iter().map(|set| {
                let mut datum = datum.clone();
                datum.push("Dimensions", set.clone());
                (namespace.to_owned(), datum)
            }));
        }
    }
    Some(all)
}

fn text<'v>(from: &'v Value, member: &str, most: usize) -> Option<&'v str> {
    from.entry(member)?.as_str().filter(|text| (1..=most).contains(&text.chars().count()))
}

/// A set of dimensions with their values.
fn dimensions(document: &Value, set: &Value) -> Option<Value> {
    let names = set.as_list()?;
    if names.len() > DIMENSIONS_MAX {
        return None;
    }
    let one = |name: &Value| {
        let name = name.as_str().filter(|name| (1..=DIMENSION_NAME_MAX).contains(&name.chars().count()))?;
        let value = text(document, name, TEXT_MAX)?;
        let members = [("Name", Value::str(name)), ("Value", Value::str(value))];
        Some(Value::Struct(members.into_iter().collect()))
    };
    let is_twice = |(at, name): (usize, &Value)| names[..at].contains(name);
    if names.iter().enumerate().any(is_twice) {
        return None;
    }
    names.iter().map(one).collect::<Option<_>>().map(Value::List)
}

/// One metric, still without dimensions.
fn datum(document: &Value, definition: &Value, at: Timestamp) -> Option<Struct> {
    let name = text(definition, "Name", NAME_MAX)?;
    let unit = match definition.entry("Unit") {
        None => "None",
        Some(unit) => unit.as_str().filter(|unit| UNITS.contains(unit))?,
    };
    let resolution = match definition.entry("StorageResolution") {
        None => 60,
        Some(resolution) => resolution.as_int().filter(|seconds| matches!(seconds, 1 | 60))?,
    };
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => {
            Some(*number).filter(|number| number.is_finite() && number.abs() <= VALUE_MAX)
        }
        _ => None,
    };
    let values: Vec<f64> = match document.entry(name)? {
        Value::List(values) if (1..=VALUES_MAX).contains(&values.len()) => {
            values.iter().map(number).collect::<Option<_>>()?
        }
        one => vec![number(one)?],
    };
    let mut datum = Struct::new();
    datum.push("MetricName", Value::str(name));
    datum.push("Timestamp", Value::Time(at));
    datum.push("Values", Value::List(values.into_iter().map(Value::Float).collect()));
    datum.push("Unit", Value::str(unit));
    datum.push("StorageResolution", Value::Int(resolution));
    Some(datum)
}

/// One of AWS's own metrics of how documents are taken.
fn count(group: &Group, name: &str, now: Timestamp) -> (String, Struct) {
    let dimension = [("Name", Value::str("LogGroupName")), ("Value", Value::str(&group.name))];
    let mut datum = Struct::new();
    datum.push("MetricName", Value::str(name));
    datum.push("Dimensions", Value::List(vec![Value::Struct(dimension.into_iter().collect())]));
    datum.push("Timestamp", Value::Time(now));
    datum.push("Value", Value::Float(1.0));
    ("AWS/Logs".to_owned(), datum)
}

/// Feeds metrics with what a batch of events has in it.
///
/// # Errors
/// The store's.
pub(super) fn feed<'e>(
    cx: &mut Cx<'_>,
    group: &Group,
    messages: impl Iterator<Item = &'e str>,
) -> Result<(), LogsError> {
    if group.is_infrequent() {
        return Ok(());
    }
    let mut all: Vec<(String, Vec<Value>)> = Vec::new();
    // Events tell their times to the thousandth of a second.
    let now = Timestamp::from_micros(millis(cx.now) * 1_000);
    for found in messages.filter_map(|message| look(message, now)) {
        let data = match found {
            Found::Metrics(data) => data,
            Found::Unreadable => vec![count(group, "EMFParsingErrors", now)],
            Found::Wrong => vec![count(group, "EMFValidationErrors", now)],
        };
        for (namespace, datum) in data {
            match all.iter_mut().find(|(own, _)| *own == namespace) {
                Some((_, data)) => data.push(Value::Struct(datum)),
                None => all.push((namespace, vec![Value::Struct(datum)])),
            }
        }
    }
    for (namespace, data) in all {
        for data in data.chunks(DATA_MAX) {
            let members = [("Namespace", Value::str(&namespace)), ("MetricData", Value::List(data.to_vec()))];
            let who = As::Service { name: "logs.amazonaws.com", account: cx.account };
            let put = Value::Struct(members.into_iter().collect());
            let savepoint = cx.tx.savepoint();
            match cx.call("cloudwatch", "PutMetricData", put, who) {
                Ok(_) => {}
                // Whatever else CloudWatch does not take of it: the events are kept.
                Err(fault) if fault.is_sender() => {
                    cx.tx.rollback_to(savepoint);
                    kernel::log::warn("embedded metrics were not taken", &[("problem", &fault.to_string())]);
                }
                Err(_) => return Err(LogsError::Unreadable),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Found, look};
    use base::Timestamp;
    use wire::{Struct, Value};

    const NOW: i64 = 1_800_000_000;

    fn of(metrics: &str, rest: &str) -> Option<Found> {
        let message = format!(
            r#"{{"_aws":{{"Timestamp":{NOW}000,"CloudWatchMetrics":[{{"Namespace":"n","Dimensions":[["a"],[]],"Metrics":[{metrics}]}}]}},"a":"x",{rest}}}"#
        );
        look(&message, Timestamp::from_seconds(NOW))
    }

    fn given(found: Option<Found>) -> Vec<Struct> {
        let Some(Found::Metrics(data)) = found else { panic!("{found:?}") };
        data.into_iter().map(|(_, datum)| datum).collect()
    }

    #[test]
    fn metrics_are_found_with_each_set_of_dimensions() {
        let data = given(of(r#"{"Name":"m","Unit":"Count","StorageResolution":1}"#, r#""m":[1,2.5]"#));
        assert_eq!(data.len(), 2);
        assert_eq!(data[0].get("Values"), Some(&Value::List(vec![Value::Float(1.0), Value::Float(2.5)])));
        assert_eq!(
            (data[0].str("Unit"), data[0].get("StorageResolution")),
            (Some("Count"), Some(&Value::Int(1)))
        );
        let counted = |datum: &Struct| datum.get("Dimensions").and_then(Value::as_list).map(<[_]>::len);
        assert_eq!((counted(&data[0]), counted(&data[1])), (Some(1), Some(0)));
        assert_eq!(given(of(r#"{"Name":"m"}"#, r#""m":3"#))[0].str("Unit"), Some("None"));
    }

    #[test]
    fn what_breaks_the_rules_gives_nothing() {
        for (metrics, rest) in [
            (r#"{"Name":"m"}"#, r#""b":3"#),
            (r#"{"Name":"m"}"#, r#""m":"3""#),
            (r#"{"Name":"m"}"#, r#""m":[]"#),
            (r#"{"Name":"m","Unit":"Apples"}"#, r#""m":3"#),
            (r#"{"Name":"m","StorageResolution":5}"#, r#""m":3"#),
            (r#"{"Unit":"None"}"#, r#""m":3"#),
            (
                r#"{"Name":"m"}]},{"Namespace":"n","Dimensions":[["a","a"]],"Metrics":[{"Name":"m"}"#,
                r#""m":3"#,
            ),
        ] {
            assert_eq!(of(metrics, rest), Some(Found::Wrong), "{metrics} {rest}");
        }
        let many = format!("\"m\":[{}]", vec!["1"; 101].join(","));
        assert_eq!(of(r#"{"Name":"m"}"#, &many), Some(Found::Wrong));
        let old = Timestamp::from_seconds(NOW + 15 * 86_400);
        let whole = |text: &str| look(text, old);
        let early = r#"{"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[]}}"#;
        assert_eq!(whole(early), Some(Found::Wrong));
        assert_eq!(whole(r#"{"_aws":{"CloudWatchMetrics":[]}}"#), Some(Found::Wrong));
        assert_eq!(whole(r#"{"_aws":{"CloudWatchMetrics":[}}"#), Some(Found::Unreadable));
        assert_eq!(whole(r#"it has "_aws" and "CloudWatchMetrics" in it"#), None);
        assert_eq!(whole(r#"{"_aws":{"x":"CloudWatchMetrics"}}"#), None);
        assert_eq!(whole("plain"), None);
    }
}
