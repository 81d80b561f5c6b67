//! `GetMetricStatistics`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>

use super::{NameValue, dimensions};
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::model::series::{self, Asked};
use crate::cloudwatch::model::statistic::Statistic;
use base::Timestamp;
use kernel::Cx;
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    GetMetricStatistics: get, "cloudwatch:GetMetricStatistics", kernel::access::any;
}

const POINTS_MAX: i64 = 1_440;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetMetricStatistics {
        namespace: String = "Namespace",
        name: String = "MetricName",
        dimensions: Vec<NameValue> = "Dimensions",
        start: Timestamp = "StartTime",
        end: Timestamp = "EndTime",
        period: i64 = "Period",
        statistics: Vec<String> = "Statistics",
        extended: Vec<String> = "ExtendedStatistics",
        unit: Option<String> = "Unit",
    }

    #[derive(Debug)]
    pub(crate) struct Statistics {
        label: String = "Label",
        points: Vec<Point> = "Datapoints",
    }

    #[derive(Debug)]
    pub(crate) struct Point {
        at: Timestamp = "Timestamp",
        count: Option<f64> = "SampleCount",
        average: Option<f64> = "Average",
        sum: Option<f64> = "Sum",
        min: Option<f64> = "Minimum",
        max: Option<f64> = "Maximum",
        unit: String = "Unit",
        extended: Option<Pairs<f64>> = "ExtendedStatistics",
    }
}

/// # Errors
/// `InvalidParameterValue` for a period that no metric has.
pub(crate) fn checked_period(period: i64) -> Result<i64, WatchError> {
    if matches!(period, 1 | 5 | 10 | 20 | 30) || period > 0 && period % 60 == 0 {
        return Ok(period);
    }
    Err(invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."))
}

fn get(cx: &mut Cx<'_>, req: GetMetricStatistics) -> Result<Statistics, WatchError> {
    let period = checked_period(req.period)?;
    if req.statistics.is_empty() && req.extended.is_empty() {
        return Err(WatchError::Missing("Must specify either Statistics or ExtendedStatistics".into()));
    }
    if req.start >= req.end {
        return Err(WatchError::Combination(
            "The parameter StartTime must be less than the parameter EndTime.".into(),
        ));
    }
    if (req.end.seconds() - req.start.seconds()) / period > POINTS_MAX {
        return Err(WatchError::Combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {POINTS_MAX}. You may reduce the \
             datapoints requested by increasing Period, or decreasing the time range.",
            (req.end.seconds() - req.start.seconds()) / period
        )));
    }
    let mut extended = Vec::new();
    for name in &req.extended {
        let statistic = Statistic::extended(name).ok_or_else(|| {
            invalid(format!("The value {name} for parameter ExtendedStatistics is not supported."))
        })?;
        extended.push((name.clone(), statistic));
    }
    let dimensions = dimensions(req.dimensions);
    let asked = Asked {
        account: cx.account,
        region: cx.region,
        namespace: &req.namespace,
        name: &req.name,
        dimensions: &dimensions,
        unit: req.unit.as_deref(),
        period,
        start: req.start,
        end: req.end,
    };
    let series = series::read(cx.tx, &asked, cx.now)?;
    let wants = |name: &str| req.statistics.iter().any(|asked| asked == name);
    let points = series.into_iter().map(|((unit, begins), sums)| {
        let value = |name: &str, statistic: Statistic| wants(name).then(|| statistic.of(&sums)).flatten();
        let more: Vec<_> =
            extended.iter().filter_map(|(name, own)| Some((name.clone(), own.of(&sums)?))).collect();
        Point {
            at: Timestamp::from_seconds(begins),
            count: value("SampleCount", Statistic::SampleCount),
            average: value("Average", Statistic::Average),
            sum: value("Sum", Statistic::Sum),
            min: value("Minimum", Statistic::Minimum),
            max: value("Maximum", Statistic::Maximum),
            unit,
            extended: (!more.is_empty()).then_some(Pairs(more)),
        }
    });
    Ok(Statistics { points: points.collect(), label: req.name })
}
