//! Alarms, listed: all of them, and those of a metric.

use super::{NameValue, dimensions, position, shown};
use crate::cloudwatch::access;
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::alarm::{ALARMS, Alarm, Suppressed};
use crate::cloudwatch::queries::Query;
use crate::cloudwatch::rule::Rule;
use crate::cloudwatch::suppress;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    DescribeAlarms: describe, "cloudwatch:DescribeAlarms", access::every_alarm;
    DescribeAlarmsForMetric: of_metric, "cloudwatch:DescribeAlarmsForMetric", kernel::access::any;
}

const PAGE_DEFAULT: i64 = 50;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct DescribeAlarms {
        names: Vec<String> = "AlarmNames",
        prefix: Option<String> = "AlarmNamePrefix",
        types: Vec<String> = "AlarmTypes",
        children: Option<String> = "ChildrenOfAlarmName",
        parents: Option<String> = "ParentsOfAlarmName",
        state: Option<String> = "StateValue",
        action: Option<String> = "ActionPrefix",
        max: Option<i64> = "MaxRecords",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Alarms {
        metric: Vec<MetricAlarm> = "MetricAlarms",
        composite: Vec<CompositeAlarm> = "CompositeAlarms",
        token: Option<String> = "NextToken",
    }

    #[derive(Default, Debug)]
    pub(crate) struct CompositeAlarm {
        name: String = "AlarmName",
        arn: String = "AlarmArn",
        description: Option<String> = "AlarmDescription",
        configured: Option<Timestamp> = "AlarmConfigurationUpdatedTimestamp",
        enabled: Option<bool> = "ActionsEnabled",
        ok: Vec<String> = "OKActions",
        alarm: Vec<String> = "AlarmActions",
        insufficient: Vec<String> = "InsufficientDataActions",
        state: Option<String> = "StateValue",
        reason: Option<String> = "StateReason",
        data: Option<String> = "StateReasonData",
        updated: Option<Timestamp> = "StateUpdatedTimestamp",
        transitioned: Option<Timestamp> = "StateTransitionedTimestamp",
        rule: Option<String> = "AlarmRule",
        suppressor: Option<String> = "ActionsSuppressor",
        wait: Option<i64> = "ActionsSuppressorWaitPeriod",
        extension: Option<i64> = "ActionsSuppressorExtensionPeriod",
        suppressed_by: Option<String> = "ActionsSuppressedBy",
        suppressed_reason: Option<String> = "ActionsSuppressedReason",
    }

    #[derive(Default, Debug)]
    pub(crate) struct MetricAlarm {
        name: String = "AlarmName",
        arn: String = "AlarmArn",
        description: Option<String> = "AlarmDescription",
        configured: Option<Timestamp> = "AlarmConfigurationUpdatedTimestamp",
        enabled: Option<bool> = "ActionsEnabled",
        ok: Vec<String> = "OKActions",
        alarm: Vec<String> = "AlarmActions",
        insufficient: Vec<String> = "InsufficientDataActions",
        state: Option<String> = "StateValue",
        reason: Option<String> = "StateReason",
        data: Option<String> = "StateReasonData",
        updated: Option<Timestamp> = "StateUpdatedTimestamp",
        metric: Option<String> = "MetricName",
        namespace: Option<String> = "Namespace",
        statistic: Option<String> = "Statistic",
        extended: Option<String> = "ExtendedStatistic",
        dimensions: Vec<NameValue> = "Dimensions",
        period: Option<i64> = "Period",
        unit: Option<String> = "Unit",
        periods: Option<i64> = "EvaluationPeriods",
        to_alarm: Option<i64> = "DatapointsToAlarm",
        threshold: Option<f64> = "Threshold",
        comparison: Option<String> = "ComparisonOperator",
        missing: Option<String> = "TreatMissingData",
        transitioned: Option<Timestamp> = "StateTransitionedTimestamp",
        queries: Vec<Query> = "Metrics",
    }

    #[derive(Debug)]
    pub(crate) struct OfMetric {
        metric: String = "MetricName",
        namespace: String = "Namespace",
        statistic: Option<String> = "Statistic",
        extended: Option<String> = "ExtendedStatistic",
        dimensions: Vec<NameValue> = "Dimensions",
        period: Option<i64> = "Period",
        unit: Option<String> = "Unit",
    }

    #[derive(Debug)]
    pub(crate) struct MetricAlarms { alarms: Vec<MetricAlarm> = "MetricAlarms" }
}

fn view(alarm: Alarm) -> MetricAlarm {
    let of_metric = alarm.queries.is_empty();
    MetricAlarm {
        arn: alarm.arn(),
        description: alarm.description,
        configured: Some(alarm.configured),
        enabled: Some(alarm.enabled),
        ok: alarm.ok_actions,
        alarm: alarm.alarm_actions,
        insufficient: alarm.missing_actions,
        state: Some(alarm.state.name().to_owned()),
        reason: Some(alarm.reason),
        data: alarm.reason_data,
        updated: Some(alarm.updated),
        metric: of_metric.then_some(alarm.metric),
        namespace: of_metric.then_some(alarm.namespace),
        statistic: alarm.statistic,
        extended: alarm.extended,
        dimensions: shown(alarm.dimensions),
        period: of_metric.then_some(i64::from(alarm.period)),
        unit: alarm.unit,
        periods: Some(i64::from(alarm.periods)),
        to_alarm: alarm.to_alarm.map(i64::from),
        threshold: Some(alarm.threshold.0),
        comparison: Some(alarm.comparison),
        missing: alarm.missing,
        transitioned: Some(alarm.transitioned),
        queries: alarm.queries.into_iter().map(Query::of).collect(),
        name: alarm.name,
    }
}

fn composite(alarm: Alarm) -> CompositeAlarm {
    let suppressor = alarm.suppressor.as_ref();
    let by = suppressor.map_or(Suppressed::Not, |suppressor| suppressor.by);
    CompositeAlarm {
        suppressor: suppressor.map(|suppressor| suppressor.alarm.clone()),
        wait: suppressor.map(|suppressor| suppressor.wait.into()),
        extension: suppressor.map(|suppressor| suppressor.extension.into()),
        suppressed_by: by.name().map(str::to_owned),
        suppressed_reason: suppress::reason(by).map(str::to_owned),
        arn: alarm.arn(),
        description: alarm.description,
        configured: Some(alarm.configured),
        enabled: Some(alarm.enabled),
        ok: alarm.ok_actions,
        alarm: alarm.alarm_actions,
        insufficient: alarm.missing_actions,
        state: Some(alarm.state.name().to_owned()),
        reason: Some(alarm.reason),
        data: alarm.reason_data,
        updated: Some(alarm.updated),
        transitioned: Some(alarm.transitioned),
        rule: alarm.rule,
        name: alarm.name,
    }
}

pub(super) fn all(cx: &Cx<'_>, prefix: &str) -> Result<Vec<Alarm>, WatchError> {
    let prefix = Key::regional(cx.account, cx.region).str_prefix(prefix);
    let found = ALARMS.scan(cx.tx, &prefix, Direction::Forward).map(|pair| pair.map(|(_, alarm)| alarm));
    Ok(found.collect::<Result<_, _>>()?)
}

fn describe(cx: &mut Cx<'_>, req: DescribeAlarms) -> Result<Alarms, WatchError> {
    if req.prefix.is_some() && !req.names.is_empty() {
        return Err(WatchError::Validation(
            "AlarmNames and AlarmNamePrefix are mutually exclusive; only one can be specified.".into(),
        ));
    }
    if let Some(kin) = Kin::asked(&req)? {
        return related(cx, &req, &kin);
    }
    let list = format!(
        "cloudwatch:DescribeAlarms {} {} {:?} {:?} {:?} {:?} {:?}",
        cx.account,
        cx.region.name(),
        req.names,
        req.prefix,
        req.types,
        req.state,
        req.action
    );
    let after = position(cx, &list, req.token.as_deref())?;
    let mut alarms = all(cx, req.prefix.as_deref().unwrap_or_default())?;
    alarms.retain(|alarm| {
        // AWS: who names no types gets metric alarms.
        let wanted = match (&alarm.rule, &req.types[..]) {
            (None, []) => true,
            (None, types) => types.iter().any(|kind| kind == "MetricAlarm"),
            (Some(_), types) => types.iter().any(|kind| kind == "CompositeAlarm"),
        };
        let has_action = |prefix: &String| {
            let mut actions =
                alarm.ok_actions.iter().chain(&alarm.alarm_actions).chain(&alarm.missing_actions);
            actions.any(|action| action.starts_with(prefix.as_str()))
        };
        wanted
            && (req.names.is_empty() || req.names.contains(&alarm.name))
            && req.state.as_ref().is_none_or(|state| state == alarm.state.name())
            && req.action.as_ref().is_none_or(has_action)
            && after.as_ref().is_none_or(|after| alarm.name.as_bytes() > after.as_slice())
    });
    let token = cut(cx, &req, &list, &mut alarms);
    let (composites, metric): (Vec<_>, Vec<_>) = alarms.into_iter().partition(|alarm| alarm.rule.is_some());
    Ok(Alarms {
        metric: metric.into_iter().map(view).collect(),
        composite: composites.into_iter().map(composite).collect(),
        token,
    })
}

/// Alarms by what their rules name.
#[derive(Debug)]
enum Kin {
    ChildrenOf(String),
    ParentsOf(String),
}

impl Kin {
    /// AWS: beside it, only the page may be said.
    fn asked(req: &DescribeAlarms) -> Result<Option<Kin>, WatchError> {
        let children = req.children.clone().map(|name| ("ChildrenOfAlarmName", Kin::ChildrenOf(name)));
        let parents = req.parents.clone().map(|name| ("ParentsOfAlarmName", Kin::ParentsOf(name)));
        let Some((member, kin)) = children.or(parents) else { return Ok(None) };
        let has_more = !req.names.is_empty()
            || req.prefix.is_some()
            || !req.types.is_empty()
            || req.state.is_some()
            || req.action.is_some()
            || (req.children.is_some() && req.parents.is_some());
        if has_more {
            return Err(WatchError::Validation(format!(
                "{member} can be specified only with MaxRecords and NextToken."
            )));
        }
        Ok(Some(kin))
    }
}

fn related(cx: &Cx<'_>, req: &DescribeAlarms, kin: &Kin) -> Result<Alarms, WatchError> {
    let list = format!("cloudwatch:DescribeAlarms {} {} {kin:?}", cx.account, cx.region.name());
    let after = position(cx, &list, req.token.as_deref())?;
    let rule = |alarm: &Alarm| Rule::parse(alarm.rule.as_deref()?).ok();
    let names = |rule: &Rule, name: &str| rule.alarms().contains(&name);
    let mut alarms = all(cx, "")?;
    match kin {
        Kin::ChildrenOf(parent) => {
            let parent = alarms.iter().find(|alarm| alarm.name == *parent).and_then(rule);
            alarms.retain(|alarm| parent.as_ref().is_some_and(|parent| names(parent, &alarm.name)));
        }
        Kin::ParentsOf(child) => {
            alarms.retain(|alarm| rule(alarm).is_some_and(|rule| names(&rule, child)));
        }
    }
    alarms.retain(|alarm| after.as_ref().is_none_or(|after| alarm.name.as_bytes() > after.as_slice()));
    let token = cut(cx, req, &list, &mut alarms);
    let (composites, metric): (Vec<_>, Vec<_>) = alarms.into_iter().partition(|alarm| alarm.rule.is_some());
    // AWS: of parents, not even how they stand is told.
    let stands = matches!(kin, Kin::ChildrenOf(_));
    let state = |alarm: &Alarm| stands.then(|| alarm.state.name().to_owned());
    let updated = |alarm: &Alarm| stands.then_some(alarm.updated);
    let one = |alarm: Alarm| MetricAlarm {
        arn: alarm.arn(),
        state: state(&alarm),
        updated: updated(&alarm),
        name: alarm.name,
        ..MetricAlarm::default()
    };
    let composite = |alarm: Alarm| CompositeAlarm {
        arn: alarm.arn(),
        state: state(&alarm),
        updated: updated(&alarm),
        name: alarm.name,
        ..CompositeAlarm::default()
    };
    Ok(Alarms {
        metric: metric.into_iter().map(one).collect(),
        composite: composites.into_iter().map(composite).collect(),
        token,
    })
}

/// Leaves one page of a list, and says where the next begins.
fn cut(cx: &Cx<'_>, req: &DescribeAlarms, list: &str, alarms: &mut Vec<Alarm>) -> Option<String> {
    let max = req.max.unwrap_or(PAGE_DEFAULT) as usize;
    let more = alarms.len() > max;
    alarms.truncate(max);
    alarms.last().filter(|_| more).map(|last| cx.pager().token(list, last.name.as_bytes()))
}

fn of_metric(cx: &mut Cx<'_>, req: OfMetric) -> Result<MetricAlarms, WatchError> {
    let mut wanted = dimensions(req.dimensions);
    wanted.sort();
    let mut alarms = all(cx, "")?;
    alarms.retain(|alarm| {
        let mut own = alarm.dimensions.clone();
        own.sort();
        alarm.rule.is_none()
            && alarm.queries.is_empty()
            && alarm.metric == req.metric
            && alarm.namespace == req.namespace
            && own == wanted
            && (req.statistic.is_none() || req.statistic == alarm.statistic)
            && (req.extended.is_none() || req.extended == alarm.extended)
            && req.period.is_none_or(|period| period == i64::from(alarm.period))
            && (req.unit.is_none() || req.unit == alarm.unit)
    });
    Ok(MetricAlarms { alarms: alarms.into_iter().map(view).collect() })
}
