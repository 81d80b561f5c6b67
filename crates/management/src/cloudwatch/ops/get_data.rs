//! `GetMetricData`: several metrics at once, and what is reckoned from them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use super::position;
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::label::{self, Facts};
use crate::cloudwatch::math::{Line, Outcome, Points};
use crate::cloudwatch::queries::{self, Place, Query};
use base::Timestamp;
use kernel::Cx;
use std::collections::BTreeMap;

kernel::ops! { pub(crate) static OPS:
    GetMetricData: get, "cloudwatch:GetMetricData", kernel::access::any;
}

const QUERIES_MAX: usize = 500;
/// AWS: the most that one answer holds; longer ones come in pages.
const POINTS_MAX: usize = 100_800;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetMetricData {
        queries: Vec<Query> = "MetricDataQueries",
        start: Timestamp = "StartTime",
        end: Timestamp = "EndTime",
        order: Option<String> = "ScanBy",
        max: Option<i64> = "MaxDatapoints",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Results {
        results: Vec<Answered> = "MetricDataResults",
        token: Option<String> = "NextToken",
    }

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
    if req.max.is_some_and(|max| max < 1) {
        return Err(WatchError::Validation("The parameter MaxDatapoints must be greater than 0.".into()));
    }
    queries::check(&req.queries)
}

/// The last point of a page: the place of its series, and its time.
type Last = (usize, i64);

fn get(cx: &mut Cx<'_>, req: GetMetricData) -> Result<Results, WatchError> {
    check(&req)?;
    let asked = (&req.queries, req.start, req.end, &req.order);
    let list = format!("cloudwatch:GetMetricData {} {} {asked:?}", cx.account, cx.region.name());
    let after = position(cx, &list, req.token.as_deref())?.and_then(|after| {
        let (query, at) = std::str::from_utf8(&after).ok()?.split_once(' ')?;
        Some((query.parse().ok()?, at.parse().ok()?))
    });
    let place = Place { from: &*cx.tx, account: cx.account, region: cx.region, now: cx.now };
    let known = place.reckon(&req.queries, req.start, req.end)?;
    let (results, last) = answer(&req, &known, after, (cx.account.as_str(), cx.region.name()))?;
    let token = last.map(|(query, at)| cx.pager().token(&list, format!("{query} {at}").as_bytes()));
    Ok(Results { results, token })
}

/// Every series that is to be told, and what it is called by itself.
fn asked_for<'a>(
    req: &'a GetMetricData,
    known: &'a BTreeMap<String, Outcome>,
) -> Result<Vec<(&'a Query, String, &'a Points)>, WatchError> {
    let mut out = Vec::new();
    for query in req.queries.iter().filter(|query| query.is_returned()) {
        match known.get(&query.id) {
            None => {}
            Some(Outcome::Series(points)) => out.push((query, query.own_label(), points)),
            Some(Outcome::Many(lines)) => {
                let own = |line: &Line| match line.label.as_str() {
                    "" => query.own_label(),
                    label => label.to_owned(),
                };
                out.extend(lines.iter().map(|line| (query, own(line), &line.points)));
            }
            Some(Outcome::Number(_)) => {
                return Err(WatchError::Validation(format!(
                    "Error in expression '{}': the result is a single number, and no time series.",
                    query.id
                )));
            }
        }
    }
    if out.len() > QUERIES_MAX {
        let what = format!("The expressions come to more than {QUERIES_MAX} time series.");
        return Err(WatchError::Validation(what));
    }
    Ok(out)
}

/// AWS: several series of one expression have their own names behind its label.
fn labelled(facts: &Facts<'_>) -> Result<String, String> {
    let Some(label) = &facts.query.label else { return Ok(facts.own.to_owned()) };
    let filled = label::fill(label, facts)?;
    let is_one = facts.own == facts.query.own_label();
    Ok(match (is_one || label.contains("${"), filled.is_empty()) {
        (true, _) => filled,
        (false, true) => facts.own.to_owned(),
        (false, false) => format!("{filled} {}", facts.own),
    })
}

/// A page, and its last point where there are more.
fn answer(
    req: &GetMetricData,
    known: &BTreeMap<String, Outcome>,
    after: Option<Last>,
    (account, region): (&str, &str),
) -> Result<(Vec<Answered>, Option<Last>), WatchError> {
    let mut results = Vec::new();
    let mut left = req.max.and_then(|max| usize::try_from(max).ok()).unwrap_or(POINTS_MAX).min(POINTS_MAX);
    let mut last = after;
    let is_ascending = req.order.as_deref() == Some("TimestampAscending");
    for (place, (query, own, points)) in asked_for(req, known)?.into_iter().enumerate() {
        let facts = Facts { query, own: &own, points, account, region };
        let label = labelled(&facts)
            .map_err(|why| WatchError::Validation(format!("Error in the label of '{}': {why}.", query.id)))?;
        let mut pairs: Vec<(i64, f64)> = points.iter().map(|(at, value)| (*at, *value)).collect();
        if !is_ascending {
            pairs.reverse();
        }
        match after {
            Some((before, _)) if place < before => continue,
            Some((before, time)) if place == before => {
                pairs.retain(|(at, _)| if is_ascending { *at > time } else { *at < time });
                if pairs.is_empty() {
                    continue;
                }
            }
            _ => {}
        }
        let is_whole = pairs.len() <= left;
        pairs.truncate(left);
        left -= pairs.len();
        last = pairs.last().map(|(at, _)| (place, *at)).or(last);
        if is_whole || !pairs.is_empty() {
            results.push(Answered {
                id: query.id.clone(),
                label,
                times: pairs.iter().map(|(at, _)| Timestamp::from_seconds(*at)).collect(),
                values: pairs.iter().map(|(_, value)| *value).collect(),
                status: if is_whole { "Complete" } else { "PartialData" }.into(),
            });
        }
        if !is_whole {
            return Ok((results, last));
        }
    }
    Ok((results, None))
}
