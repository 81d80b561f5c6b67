//! Metric filters: put, describe, delete. [`crate::logs::metrics`] is what they do.

use super::{named, position};
use crate::cloudwatch::model::metric::Real;
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::millis;
use crate::logs::model::group::{GROUPS, Group};
use crate::logs::model::metric_filter::{METRIC_FILTERS, MetricFilter, Transformation, of_group};
use crate::logs::pattern::Pattern;
use kernel::{Cx, Empty};
use store::{Direction, Key};
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    PutMetricFilter: put, "logs:PutMetricFilter", access::group;
    DescribeMetricFilters: describe, "logs:DescribeMetricFilters", access::described;
    DeleteMetricFilter: delete, "logs:DeleteMetricFilter", access::group;
}

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const PER_GROUP_MAX: usize = 100;
const DIMENSIONS_MAX: usize = 3;
const PAGE_MAX: i64 = 50;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutMetricFilter {
        group: String = "logGroupName",
        name: String = "filterName",
        pattern: String = "filterPattern",
        transformations: Vec<MetricTransformation> = "metricTransformations",
    }

    #[derive(Debug)]
    pub(crate) struct MetricTransformation {
        name: String = "metricName",
        namespace: String = "metricNamespace",
        value: String = "metricValue",
        default: Option<f64> = "defaultValue",
        dimensions: Option<Pairs<String>> = "dimensions",
        unit: Option<String> = "unit",
    }

    #[derive(Debug)]
    pub(crate) struct DescribeMetricFilters {
        group: Option<String> = "logGroupName",
        prefix: Option<String> = "filterNamePrefix",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
        metric: Option<String> = "metricName",
        namespace: Option<String> = "metricNamespace",
    }

    #[derive(Debug)]
    pub(crate) struct MetricFilters {
        filters: Vec<Shown> = "metricFilters",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        name: String = "filterName",
        pattern: String = "filterPattern",
        transformations: Vec<MetricTransformation> = "metricTransformations",
        created: i64 = "creationTime",
        group: String = "logGroupName",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteMetricFilter {
        group: String = "logGroupName",
        name: String = "filterName",
    }
}

fn checked(given: MetricTransformation, pattern: &Pattern) -> Result<Transformation, LogsError> {
    let wrong = |what: &str| invalid(format!("Invalid metric transformation: {what}"));
    let dimensions = given.dimensions.unwrap_or_default().0;
    let is_field = |text: &str| text.strip_prefix('$').is_some_and(|name| !name.is_empty());
    if !is_field(&given.value) && given.value.parse::<f64>().is_err() {
        return Err(wrong("metricValue must be a number or the name of a field."));
    }
    if given.namespace.starts_with("AWS/") {
        return Err(wrong("namespaces that begin with AWS/ are reserved."));
    }
    if !dimensions.is_empty() && given.default.is_some() {
        return Err(wrong("dimensions and default value are mutually exclusive properties."));
    }
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(wrong("at most 3 dimensions are allowed."));
    }
    if !dimensions.is_empty() && !matches!(pattern, Pattern::Json(_) | Pattern::Fields(_)) {
        return Err(wrong("dimensions are allowed for JSON and space-delimited patterns only."));
    }
    if !dimensions.iter().all(|(_, path)| is_field(path)) {
        return Err(wrong("a dimension's value must be the name of a field."));
    }
    Ok(Transformation {
        name: given.name,
        namespace: given.namespace,
        value: given.value,
        default: given.default.map(Real),
        dimensions: dimensions.into_iter().collect(),
        unit: given.unit,
    })
}

fn put(cx: &mut Cx<'_>, req: PutMetricFilter) -> Result<Empty, LogsError> {
    let mut group = named(cx, &req.group)?;
    if group.is_infrequent() {
        return Err(LogsError::OfStandard("Metric filters"));
    }
    let pattern = Pattern::parse(&req.pattern).map_err(LogsError::Invalid)?;
    let transformations = req.transformations.into_iter().map(|given| checked(given, &pattern));
    let transformations = transformations.collect::<Result<_, _>>()?;
    let before = of_group(cx.tx, group.id)?;
    let known = before.iter().find(|filter| filter.name == req.name);
    if known.is_none() && before.len() >= PER_GROUP_MAX {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    let created = known.map_or(cx.now, |filter| filter.created);
    if known.is_none() {
        group.metric_filters = before.len() as u32 + 1;
        group.save(cx.tx);
    }
    let filter = MetricFilter { name: req.name, pattern: req.pattern, transformations, created };
    filter.save(cx.tx, group.id);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: DeleteMetricFilter) -> Result<Empty, LogsError> {
    let mut group = named(cx, &req.group)?;
    let key = MetricFilter::key(group.id, &req.name);
    if !METRIC_FILTERS.contains(cx.tx, &key)? {
        return Err(LogsError::NoMetricFilter);
    }
    METRIC_FILTERS.delete(cx.tx, &key);
    group.metric_filters -= 1;
    group.save(cx.tx);
    Ok(Empty)
}

fn shown(group: &Group, filter: MetricFilter) -> Shown {
    let transformation = |own: Transformation| MetricTransformation {
        name: own.name,
        namespace: own.namespace,
        value: own.value,
        default: own.default.map(|default| default.0),
        dimensions: (!own.dimensions.is_empty()).then(|| Pairs(own.dimensions.into_iter().collect())),
        unit: own.unit,
    };
    Shown {
        name: filter.name,
        pattern: filter.pattern,
        transformations: filter.transformations.into_iter().map(transformation).collect(),
        created: millis(filter.created),
        group: group.name.clone(),
    }
}

/// The groups that have filters: the one that is named, or all.
fn groups(cx: &Cx<'_>, name: Option<&str>) -> Result<Vec<Group>, LogsError> {
    if let Some(name) = name {
        return Ok(vec![named(cx, name)?]);
    }
    let all = GROUPS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let with_some = all.filter(|pair| pair.as_ref().map_or(true, |(_, group)| group.metric_filters > 0));
    Ok(with_some.map(|pair| pair.map(|(_, group)| group)).collect::<Result<_, _>>()?)
}

fn describe(cx: &mut Cx<'_>, req: DescribeMetricFilters) -> Result<MetricFilters, LogsError> {
    if req.metric.is_some() != req.namespace.is_some() {
        return Err(invalid("metricName and metricNamespace must be specified together."));
    }
    if req.prefix.is_some() && req.group.is_none() {
        return Err(invalid("filterNamePrefix can only be used with logGroupName."));
    }
    let about = (&req.group, &req.prefix, &req.metric, &req.namespace);
    let list = format!("logs:DescribeMetricFilters {} {} {about:?}", cx.account, cx.region.name());
    // Names of groups and filters hold no colon.
    let after = position(cx, &list, req.token.as_deref())?;
    let limit = req.limit.unwrap_or(PAGE_MAX) as usize;
    let holds = |filter: &MetricFilter| {
        req.prefix.as_ref().is_none_or(|prefix| filter.name.starts_with(prefix))
            && req.metric.as_ref().is_none_or(|name| {
                let named = |own: &Transformation| {
                    own.name == *name && Some(&own.namespace) == req.namespace.as_ref()
                };
                filter.transformations.iter().any(named)
            })
    };
    let mut found: Vec<Shown> = Vec::new();
    for group in groups(cx, req.group.as_deref())? {
        for filter in of_group(cx.tx, group.id)?.into_iter().filter(&holds) {
            let place = |group: &str, filter: &str| format!("{group}:{filter}");
            let is_seen = |after: &String| {
                after
                    .split_once(':')
                    .is_some_and(|after| (group.name.as_str(), filter.name.as_str()) <= after)
            };
            if after.as_ref().is_some_and(is_seen) {
                continue;
            }
            if found.len() == limit {
                let last = found.last().map(|last| place(&last.group, &last.name)).unwrap_or_default();
                return Ok(MetricFilters {
                    filters: found,
                    token: Some(cx.pager().token(&list, last.as_bytes())),
                });
            }
            found.push(shown(&group, filter));
        }
    }
    Ok(MetricFilters { filters: found, token: None })
}
