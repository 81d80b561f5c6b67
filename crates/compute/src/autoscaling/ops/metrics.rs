//! Which of a group's metrics are collected.

use super::{find, keep};
use crate::autoscaling::access::{any, group as named};
use crate::autoscaling::errors::AutoScalingError;
use crate::autoscaling::work::metrics::METRICS;
use kernel::{Cx, Empty, Nothing};

kernel::ops! {
    /// Metrics of groups.
    pub static OPS:
        EnableMetricsCollection: enable, "autoscaling:EnableMetricsCollection", named;
        DisableMetricsCollection: disable, "autoscaling:DisableMetricsCollection", named;
        DescribeMetricCollectionTypes: types, "autoscaling:DescribeMetricCollectionTypes", any;
}

pub(super) const GRANULARITY: &str = "1Minute";

wire::shape! {
    #[derive(Debug)]
    struct Enable {
        name: String = "AutoScalingGroupName",
        metrics: Vec<String> = "Metrics",
        granularity: String = "Granularity",
    }

    #[derive(Debug)]
    struct Disable {
        name: String = "AutoScalingGroupName",
        metrics: Vec<String> = "Metrics",
    }

    #[derive(Debug)]
    struct MetricType { name: String = "Metric" }

    #[derive(Debug)]
    struct Granularity { name: String = "Granularity" }

    #[derive(Debug)]
    struct Types {
        metrics: Vec<MetricType> = "Metrics",
        granularities: Vec<Granularity> = "Granularities",
    }
}

/// Those that are named; all where none is.
fn chosen(asked: Vec<String>) -> Result<Vec<String>, AutoScalingError> {
    match asked.iter().find(|name| !METRICS.contains(&name.as_str())) {
        Some(unknown) => Err(AutoScalingError::Validation(format!("Unknown metric: {unknown}"))),
        None if asked.is_empty() => Ok(METRICS.iter().map(|name| (*name).to_owned()).collect()),
        None => Ok(asked),
    }
}

fn enable(cx: &mut Cx<'_>, req: Enable) -> Result<Empty, AutoScalingError> {
    if req.granularity != GRANULARITY {
        let what = format!("The only valid granularity is {GRANULARITY}, not {}.", req.granularity);
        return Err(AutoScalingError::Validation(what));
    }
    let mut group = find(cx, &req.name)?;
    group.metrics.extend(chosen(req.metrics)?);
    keep(cx, &group);
    Ok(Empty)
}

fn disable(cx: &mut Cx<'_>, req: Disable) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    for name in chosen(req.metrics)? {
        group.metrics.remove(&name);
    }
    keep(cx, &group);
    Ok(Empty)
}

fn types(_: &mut Cx<'_>, _: Nothing) -> Result<Types, AutoScalingError> {
    Ok(Types {
        metrics: METRICS.iter().map(|name| MetricType { name: (*name).to_owned() }).collect(),
        granularities: vec![Granularity { name: GRANULARITY.to_owned() }],
    })
}
