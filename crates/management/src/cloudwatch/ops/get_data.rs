//! `GetMetricData`: several metrics at once, and what is reckoned from them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use super::get_statistics::checked_period;
use super::{NameValue, dimensions};
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::math::{Expression, Outcome, Points};
use crate::cloudwatch::model::series::{self, Asked};
use crate::cloudwatch::model::statistic::Statistic;
use base::Timestamp;
use kernel::Cx;
use std::collections::BTreeMap;

kernel::ops! { pub(crate) static OPS:
    GetMetricData: get, "cloudwatch:GetMetricData", kernel::access::any;
}

const QUERIES_MAX: usize = 500;
/// AWS: the most that one answer holds. Longer answers would need pages, which are not built: they are refused.
const POINTS_MAX: usize = 100_800;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetMetricData {
        queries: Vec<Query> = "MetricDataQueries",
        start: Timestamp = "StartTime",
        end: Timestamp = "EndTime",
        order: Option<String> = "ScanBy",
    }

    #[derive(Debug)]
    pub(crate) struct Query {
        id: String = "Id",
        metric: Option<MetricStat> = "MetricStat",
        expression: Option<String> = "Expression",
        label: Option<String> = "Label",
        returned: Option<bool> = "ReturnData",
        period: Option<i64> = "Period",
    }

    #[derive(Debug)]
    pub(crate) struct MetricStat {
        metric: OneMetric = "Metric",
        period: i64 = "Period",
        statistic: String = "Stat",
        unit: Option<String> = "Unit",
    }

    #[derive(Debug)]
    pub(crate) struct OneMetric {
        namespace: Option<String> = "Namespace",
        name: Option<String> = "MetricName",
        dimensions: Vec<NameValue> = "Dimensions",
    }

    #[derive(Debug)]
    pub(crate) struct Results { results: Vec<Answered> = "MetricDataResults" }

    #[derive(Debug)]
    pub(crate) struct Answered {
        id: String = "Id",
        label: String = "Label",
        times: Vec<Timestamp> = "Timestamps",
        values: Vec<f64> = "Values",
        status: String = "StatusCode",
    }
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check(req: &GetMetricData) -> Result<(), WatchError> {
    if req.queries.len() > QUERIES_MAX {
        return Err(WatchError::Validation(format!(
            "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
        )));
    }
    if req.start >= req.end {
        return Err(WatchError::Validation(
            "The parameter StartTime must be less than the parameter EndTime.".into(),
        ));
    }
    for (at, query) in req.queries.iter().enumerate() {
        if !is_id(&query.id) {
            return Err(WatchError::Validation(format!(
                "The value {} for parameter MetricDataQueries.member.{}.Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$.",
                query.id,
                at + 1
            )));
        }
        if req.queries[..at].iter().any(|other| other.id == query.id) {
            return Err(WatchError::Validation(format!(
                "The values for parameter Id in MetricDataQueries are not unique: {}.",
                query.id
            )));
        }
        if query.metric.is_some() == query.expression.is_some() {
            return Err(WatchError::Combination(
                "The parameters MetricStat and Expression are mutually exclusive and exactly one of them must be \
                 specified."
                    .into(),
            ));
        }
    }
    Ok(())
}

fn get(cx: &mut Cx<'_>, req: GetMetricData) -> Result<Results, WatchError> {
    check(&req)?;
    let mut known: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for query in &req.queries {
        if let Some(stat) = &query.metric {
            let name = stat.metric.name.clone().unwrap_or_default();
            labels.insert(query.id.clone(), query.label.clone().unwrap_or(name));
            known.insert(query.id.clone(), Outcome::Series(read(cx, stat, req.start, req.end)?));
        }
    }
    // Expressions may name each other in any order; each round reckons those whose parts are known.
    let mut waiting = Vec::new();
    for query in &req.queries {
        if let Some(text) = &query.expression {
            let parsed = Expression::parse(text).map_err(|what| {
                WatchError::Validation(format!("Error in expression '{}': {what}", query.id))
            })?;
            labels.insert(query.id.clone(), query.label.clone().unwrap_or_else(|| query.id.clone()));
            waiting.push((query, parsed));
        }
    }
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for (query, parsed) in waiting {
            if !parsed.names().iter().all(|name| known.contains_key(*name)) {
                later.push((query, parsed));
                continue;
            }
            let outcome = parsed.reckon(&known).map_err(|what| {
                WatchError::Validation(format!("Error in expression '{}': {what}", query.id))
            })?;
            known.insert(query.id.clone(), outcome);
        }
        waiting = later;
        if waiting.len() == before {
            let (query, _) = &waiting[0];
            return Err(WatchError::Validation(format!(
                "Error in expression '{}': it names a metric that is not among the queries, or itself.",
                query.id
            )));
        }
    }
    answer(&req, known, &labels)
}

fn answer(
    req: &GetMetricData,
    known: BTreeMap<String, Outcome>,
    labels: &BTreeMap<String, String>,
) -> Result<Results, WatchError> {
    let mut results = Vec::new();
    let mut total = 0;
    for query in req.queries.iter().filter(|query| query.returned.unwrap_or(true)) {
        let Some(outcome) = known.get(&query.id) else { continue };
        let Outcome::Series(points) = outcome else {
            return Err(WatchError::Validation(format!(
                "Error in expression '{}': the result is a single number or a list, and no time series.",
                query.id
            )));
        };
        let mut pairs: Vec<(i64, f64)> = points.iter().map(|(at, value)| (*at, *value)).collect();
        if req.order.as_deref() != Some("TimestampAscending") {
            pairs.reverse();
        }
        total += pairs.len();
        if total > POINTS_MAX {
            return Err(invalid(format!("More than {POINTS_MAX} data points are not answered at once.")));
        }
        results.push(Answered {
            id: query.id.clone(),
            label: labels.get(&query.id).cloned().unwrap_or_default(),
            times: pairs.iter().map(|(at, _)| Timestamp::from_seconds(*at)).collect(),
            values: pairs.iter().map(|(_, value)| *value).collect(),
            status: "Complete".into(),
        });
    }
    Ok(Results { results })
}

fn read(cx: &Cx<'_>, stat: &MetricStat, start: Timestamp, end: Timestamp) -> Result<Points, WatchError> {
    let statistic = Statistic::parse(&stat.statistic).ok_or_else(|| {
        invalid(format!("The value {} for parameter Stat is not supported.", stat.statistic))
    })?;
    let dimensions = dimensions(stat.metric.dimensions.clone());
    let asked = Asked {
        account: cx.account,
        region: cx.region,
        namespace: stat.metric.namespace.as_deref().unwrap_or_default(),
        name: stat.metric.name.as_deref().unwrap_or_default(),
        dimensions: &dimensions,
        unit: stat.unit.as_deref(),
        period: checked_period(stat.period)?,
        start,
        end,
    };
    let series = series::read(cx.tx, &asked, cx.now)?;
    let points = series.into_iter().filter_map(|((_, at), sums)| Some((at, statistic.of(&sums)?)));
    Ok(points.collect())
}
