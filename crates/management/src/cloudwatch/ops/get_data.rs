//! `GetMetricData`: several metrics at once, and what is reckoned from them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::math::Outcome;
use crate::cloudwatch::queries::{self, Place, Query};
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
    queries::check(&req.queries)
}

fn get(cx: &mut Cx<'_>, req: GetMetricData) -> Result<Results, WatchError> {
    check(&req)?;
    let place = Place { from: &*cx.tx, account: cx.account, region: cx.region, now: cx.now };
    answer(&req, &place.reckon(&req.queries, req.start, req.end)?)
}

fn answer(req: &GetMetricData, known: &BTreeMap<String, Outcome>) -> Result<Results, WatchError> {
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
            label: query.label(),
            times: pairs.iter().map(|(at, _)| Timestamp::from_seconds(*at)).collect(),
            values: pairs.iter().map(|(_, value)| *value).collect(),
            status: "Complete".into(),
        });
    }
    Ok(Results { results })
}
