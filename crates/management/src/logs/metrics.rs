//! What metric filters make of the events that come in.
//!
//! A filter's value, and those of its dimensions, are fields that its pattern names. An event whose value is no number,
//! or that lacks one of the dimensions, gives nothing. The default value is told for each minute in which a batch has
//! events, and none that match.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html>

use super::errors::LogsError;
use super::model::metric_filter::{MetricFilter, Transformation};
use super::pattern::{Extracted, Pattern};
use base::Timestamp;
use kernel::{As, Cx};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wire::{Struct, Value};

const MINUTE_MILLIS: i64 = 60_000;
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>, as for the next.
const VALUES_MAX: usize = 150;
const DATA_MAX: usize = 1_000;
const PAST: Duration = Duration::from_secs(14 * 86_400);
const DIMENSION_CHARS_MAX: usize = 1_024;
const VALUE_MAX: f64 = 2.348e108;

/// Names and values, by name.
type Dimensions = Vec<(String, String)>;

/// What a batch gives one metric: values by minute, with the time of the minute's first event, and by dimensions.
#[derive(Debug, Default, PartialEq)]
struct Harvest(BTreeMap<(i64, Dimensions), (i64, Vec<f64>)>);

impl Transformation {
    fn value_of(&self, fields: &Extracted) -> Option<f64> {
        let text = field(&self.value, fields)?;
        text.trim().parse().ok().filter(|value: &f64| value.is_finite() && value.abs() <= VALUE_MAX)
    }

    fn dimensions_of(&self, fields: &Extracted) -> Option<Dimensions> {
        let fits = |text: &&str| !text.is_empty() && text.chars().count() <= DIMENSION_CHARS_MAX;
        let one = |(name, path): (&String, &String)| {
            Some((name.clone(), field(path, fields).filter(fits)?.to_owned()))
        };
        self.dimensions.iter().map(one).collect()
    }

    /// `events`: times and messages.
    fn harvest(&self, pattern: &Pattern, events: &[(i64, &str)]) -> Harvest {
        let mut found = Harvest::default();
        let (mut minutes, mut matched) = (BTreeMap::new(), BTreeSet::new());
        for (time, message) in events {
            let minute = time - time.rem_euclid(MINUTE_MILLIS);
            minutes.entry(minute).or_insert(*time);
            let Some(fields) = pattern.extract(message) else { continue };
            matched.insert(minute);
            if let (Some(value), Some(dimensions)) = (self.value_of(&fields), self.dimensions_of(&fields)) {
                found.0.entry((minute, dimensions)).or_insert((*time, Vec::new())).1.push(value);
            }
        }
        if let Some(default) = self.default {
            for (minute, time) in minutes.into_iter().filter(|(minute, _)| !matched.contains(minute)) {
                found.0.insert((minute, Vec::new()), (time, vec![default.0]));
            }
        }
        found
    }
}

/// A literal, or what the event has in the field that `$…` names.
fn field<'t>(text: &'t str, fields: &'t Extracted) -> Option<&'t str> {
    if !text.starts_with('$') {
        return Some(text);
    }
    fields.iter().find(|(name, _)| name == text).map(|(_, value)| value.as_str())
}

impl Harvest {
    /// As `PutMetricData` takes it.
    fn data(self, metric: &Transformation, now: Timestamp) -> Vec<Value> {
        let mut data = Vec::new();
        for ((_, dimensions), (time, values)) in self.0 {
            // An event may be as old as a datum, give or take its last thousandths of a second.
            let at = Timestamp::from_micros(time.saturating_mul(1_000)).max(now.minus(PAST));
            for values in values.chunks(VALUES_MAX) {
                let dimensions = dimensions.iter().map(|(name, value)| {
                    let members = [("Name", Value::str(name)), ("Value", Value::str(value))];
                    Value::Struct(members.into_iter().collect())
                });
                let mut datum = Struct::new();
                datum.push("MetricName", Value::str(&metric.name));
                datum.push("Dimensions", Value::List(dimensions.collect()));
                datum.push("Timestamp", Value::Time(at));
                datum.push("Values", Value::List(values.iter().map(|value| Value::Float(*value)).collect()));
                datum.push("Unit", Value::str(metric.unit.as_deref().unwrap_or("None")));
                data.push(Value::Struct(datum));
            }
        }
        data
    }
}

/// Feeds the metrics of a group's filters with a batch of events.
///
/// # Errors
/// The store's.
pub(super) fn feed(
    cx: &mut Cx<'_>,
    filters: &[MetricFilter],
    events: &[(i64, &str)],
) -> Result<(), LogsError> {
    for filter in filters {
        // It was read when it was put.
        let Ok(pattern) = Pattern::parse(&filter.pattern) else { continue };
        for metric in &filter.transformations {
            for data in metric.harvest(&pattern, events).data(metric, cx.now).chunks(DATA_MAX) {
                let members = [
                    ("Namespace", Value::str(&metric.namespace)),
                    ("MetricData", Value::List(data.to_vec())),
                ];
                let who = As::Service { name: "logs.amazonaws.com", account: cx.account };
                let put = Value::Struct(members.into_iter().collect());
                cx.call("cloudwatch", "PutMetricData", put, who).map_err(|_| LogsError::Unreadable)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::model::metric::Real;

    fn metric(value: &str, default: Option<f64>, dimensions: &[(&str, &str)]) -> Transformation {
        Transformation {
            name: "m".into(),
            namespace: "n".into(),
            value: value.into(),
            default: default.map(Real),
            dimensions: dimensions.iter().map(|(name, path)| ((*name).into(), (*path).into())).collect(),
            unit: None,
        }
    }

    fn harvest(
        metric: &Transformation,
        pattern: &str,
        events: &[(i64, &str)],
    ) -> Vec<(i64, Dimensions, Vec<f64>)> {
        let found = metric.harvest(&Pattern::parse(pattern).unwrap(), events);
        found.0.into_iter().map(|((minute, dimensions), (_, values))| (minute, dimensions, values)).collect()
    }

    #[test]
    fn literals_count_and_defaults_fill_the_minutes_without_a_match() {
        let metric = metric("1", Some(0.0), &[]);
        let events =
            [(0, "ERROR a"), (59_999, "ERROR b"), (60_000, "fine"), (120_000, "fine"), (120_001, "ERROR")];
        assert_eq!(
            harvest(&metric, "ERROR", &events),
            [(0, vec![], vec![1.0, 1.0]), (60_000, vec![], vec![0.0]), (120_000, vec![], vec![1.0])]
        );
    }

    #[test]
    fn values_and_dimensions_come_from_fields() {
        let metric = metric("$.ms", None, &[("Path", "$.path")]);
        let pattern = r#"{ $.ms = * && $.path = * }"#;
        let events = [
            (0, r#"{"ms": 12.5, "path": "/a"}"#),
            (1, r#"{"ms": 3, "path": "/b"}"#),
            (2, r#"{"ms": "4", "path": "/a"}"#),
            (3, r#"{"ms": "slow", "path": "/a"}"#),
            (4, r#"{"ms": 1}"#),
        ];
        let of = |path: &str| vec![("Path".to_owned(), path.to_owned())];
        assert_eq!(
            harvest(&metric, pattern, &events),
            [(0, of("/a"), vec![12.5, 4.0]), (0, of("/b"), vec![3.0])]
        );
        let bytes = self::metric("$bytes", None, &[]);
        assert_eq!(
            harvest(&bytes, "[ip, status=5*, bytes]", &[(0, "::1 503 70"), (0, "::1 200 9")]),
            [(0, vec![], vec![70.0])]
        );
    }

    #[test]
    fn many_values_are_several_data() {
        let metric = metric("1", None, &[]);
        let events = [(0, "x"); 301];
        let data = metric.harvest(&Pattern::All, &events).data(&metric, Timestamp::from_seconds(0));
        assert_eq!(data.len(), 3);
    }
}
