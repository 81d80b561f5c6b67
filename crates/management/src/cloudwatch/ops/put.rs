//! `PutMetricData`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>

use super::{NameValue, dimensions};
use crate::cloudwatch::access;
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::model::metric::{DATA, METRICS, Metric, NO_UNIT, Real, Sums, UNITS, data_prefix};
use base::Timestamp;
use kernel::{Cx, Empty};
use std::collections::BTreeSet;
use std::time::Duration;

kernel::ops! { pub(crate) static OPS:
    PutMetricData: [event] put, "cloudwatch:PutMetricData", access::namespace;
}

const DATA_MAX: usize = 1000;
const VALUES_MAX: usize = 150;
const PAST: Duration = Duration::from_secs(14 * 86_400);
const FUTURE: Duration = Duration::from_secs(2 * 3_600);
/// AWS: values beyond 2 to the power of 360 are refused.
const VALUE_MAX: f64 = 2.348_542_582_773_833_3e108;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutMetricData {
        namespace: String = "Namespace",
        data: Vec<Datum> = "MetricData",
    }

    #[derive(Debug)]
    pub(crate) struct Datum {
        name: String = "MetricName",
        dimensions: Vec<NameValue> = "Dimensions",
        at: Option<Timestamp> = "Timestamp",
        value: Option<f64> = "Value",
        statistics: Option<StatisticSet> = "StatisticValues",
        values: Vec<f64> = "Values",
        counts: Vec<f64> = "Counts",
        unit: Option<String> = "Unit",
        resolution: Option<i64> = "StorageResolution",
    }

    #[derive(Debug)]
    pub(crate) struct StatisticSet {
        count: f64 = "SampleCount",
        sum: f64 = "Sum",
        min: f64 = "Minimum",
        max: f64 = "Maximum",
    }
}

fn put(cx: &mut Cx<'_>, req: PutMetricData) -> Result<Empty, WatchError> {
    if req.data.is_empty() {
        return Err(WatchError::Missing("The parameter MetricData is required.".into()));
    }
    if req.data.len() > DATA_MAX {
        return Err(invalid(format!(
            "The collection MetricData must not have a size greater than {DATA_MAX}."
        )));
    }
    // AWS's own services have these namespaces to themselves.
    if req.namespace.starts_with("AWS/")
        && !matches!(cx.caller.principal, auth::policy::Principal::Service { .. })
    {
        return Err(invalid("The value AWS/ for parameter Namespace is invalid."));
    }
    for (at, datum) in (1..).zip(req.data) {
        let what = format!("MetricData.member.{at}");
        keep(cx, &req.namespace, datum, &what)?;
    }
    Ok(Empty)
}

fn keep(cx: &mut Cx<'_>, namespace: &str, datum: Datum, what: &str) -> Result<(), WatchError> {
    let sums = sums(&datum, what)?;
    let time = datum.at.unwrap_or(cx.now);
    if time < cx.now.minus(PAST) || time > cx.now.plus(FUTURE) {
        return Err(invalid(format!(
            "The parameter {what}.Timestamp must specify a time within the past two weeks and no more than two hours \
             in the future."
        )));
    }
    let unit = datum.unit.unwrap_or_else(|| NO_UNIT.to_owned());
    if !UNITS.contains(&unit.as_str()) {
        return Err(invalid(format!("The parameter {what}.Unit must be one of {}", UNITS.join(", "))));
    }
    let fine = match datum.resolution {
        None | Some(60) => false,
        Some(1) => true,
        Some(_) => return Err(invalid(format!("The parameter {what}.StorageResolution must be 1 or 60."))),
    };
    let dimensions = dimensions(datum.dimensions);
    let names: BTreeSet<&str> = dimensions.iter().map(|own| own.name.as_str()).collect();
    if names.len() != dimensions.len() {
        return Err(invalid(format!("The parameter {what}.Dimensions has a name twice.")));
    }
    let key = Metric::key(cx.account, cx.region, namespace, &datum.name, &dimensions);
    let known = METRICS.get(cx.tx, &key)?;
    let mut metric = known.clone().unwrap_or_else(|| Metric {
        id: cx.rng().u64(),
        namespace: namespace.to_owned(),
        name: datum.name,
        dimensions,
        ..Metric::default()
    });
    metric.fine |= fine;
    // To the hour: a metric's own row is then seldom written.
    metric.fed = metric.fed.max(Timestamp::from_seconds(cx.now.seconds().div_euclid(3_600) * 3_600));
    if !metric.units.contains(&unit) {
        metric.units.push(unit.clone());
    }
    if known.as_ref() != Some(&metric) {
        METRICS.put(cx.tx, &key, &metric);
    }
    for resolution in if metric.fine { &[60_u32, 1][..] } else { &[60][..] } {
        let begins = time.seconds().div_euclid(i64::from(*resolution)) * i64::from(*resolution);
        let place = data_prefix(metric.id, *resolution, &unit).i64(begins);
        let mut all = DATA.get(cx.tx, &place)?.unwrap_or_default();
        all.add(&sums);
        DATA.put(cx.tx, &place, &all);
    }
    Ok(())
}

/// A datum is a value, several with their numbers, or sums.
fn sums(datum: &Datum, what: &str) -> Result<Sums, WatchError> {
    let number = |value: f64, member: &str| {
        if value.is_finite() && value.abs() <= VALUE_MAX {
            return Ok(value);
        }
        Err(invalid(format!("The value {value} for parameter {what}.{member} is invalid.")))
    };
    match (datum.value, &datum.statistics, &datum.values[..]) {
        (Some(value), None, []) => number(value, "Value").map(|value| Sums::of(value, 1.0)),
        (None, Some(set), []) => {
            let count = number(set.count, "StatisticValues.SampleCount")?;
            if count <= 0.0 || set.min > set.max {
                return Err(invalid(format!("The parameter {what}.StatisticValues is invalid.")));
            }
            Ok(Sums {
                count: Real(count),
                sum: Real(number(set.sum, "StatisticValues.Sum")?),
                min: Real(number(set.min, "StatisticValues.Minimum")?),
                max: Real(number(set.max, "StatisticValues.Maximum")?),
                values: Vec::new(),
                summed: true,
            })
        }
        (None, None, values @ [_, ..]) => {
            if values.len() > VALUES_MAX {
                return Err(invalid(format!(
                    "The collection {what}.Values must not have a size greater than {VALUES_MAX}."
                )));
            }
            if !datum.counts.is_empty() && datum.counts.len() != values.len() {
                return Err(invalid(format!(
                    "The parameters {what}.Values and {what}.Counts must be of the same size."
                )));
            }
            let mut all = Sums::default();
            for (at, value) in values.iter().enumerate() {
                let count = datum.counts.get(at).copied().unwrap_or(1.0);
                if number(count, "Counts")? > 0.0 {
                    all.add(&Sums::of(number(*value, "Values")?, count));
                }
            }
            Ok(all)
        }
        (None, None, []) => Err(WatchError::Missing(format!(
            "At least one of the parameters {what}.Value, {what}.Values or {what}.StatisticValues must be specified."
        ))),
        _ => Err(WatchError::Combination(format!(
            "The parameters {what}.Value, {what}.Values and {what}.StatisticValues are mutually exclusive and you have \
             specified more than one."
        ))),
    }
}
