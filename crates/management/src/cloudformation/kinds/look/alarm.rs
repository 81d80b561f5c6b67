//! Alarms on metrics, also of other alarms.

use super::machine::put;
use super::{Look, PLAIN, gone, own, parsed, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::cloudwatch::{CLOUDWATCH, COMPOSITE_MEMBERS, MEMBERS, dashboard_arn};
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map};
use wire::Value;

pub(in crate::cloudformation::kinds) static METRIC: Look = Look {
    sees: &[
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluationPeriods",
        "ExtendedStatistic",
        "InsufficientDataActions",
        "MetricName",
        "Metrics",
        "Namespace",
        "OKActions",
        "Period",
        "Statistic",
        "Tags",
        "Threshold",
        "TreatMissingData",
        "Unit",
    ],
    read: |on| alarm(on, "MetricAlarm", MEMBERS),
    identifiers: &["AlarmName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static COMPOSITE: Look = Look {
    sees: &[
        "ActionsEnabled",
        "ActionsSuppressor",
        "ActionsSuppressorExtensionPeriod",
        "ActionsSuppressorWaitPeriod",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "AlarmRule",
        "InsufficientDataActions",
        "OKActions",
        "Tags",
    ],
    read: |on| alarm(on, "CompositeAlarm", COMPOSITE_MEMBERS),
    identifiers: &["AlarmName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static DASHBOARD: Look = Look {
    sees: &["DashboardBody", "DashboardName", "Tags"],
    whole: &["DashboardBody"],
    read: |on| {
        let told = on.ask(CLOUDWATCH, "GetDashboard", map([("DashboardName", on.physical())]))?;
        let mut all = DASHBOARD.rows(on, &told, &[]);
        put(&mut all, "DashboardBody", parsed(&own(&told, "DashboardBody")));
        let tagged = on.ask(CLOUDWATCH, "ListTagsForResource", map([("ResourceARN", dashboard_arn(on))]))?;
        put(&mut all, "Tags", tags(&own(&tagged, "Tags")));
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["DashboardName"],
    ..PLAIN
};

fn alarm(on: &mut On<'_, '_>, noun: &str, members: &[&str]) -> Done<Seen> {
    let input = map([
        ("AlarmNames", Value::List(vec![on.physical()])),
        ("AlarmTypes", Value::List(vec![Value::str(noun)])),
    ]);
    let told = on.ask(CLOUDWATCH, "DescribeAlarms", input)?;
    let told = own(&told, &format!("{noun}s.0"));
    if told == Value::Null {
        return Err(gone(on.physical));
    }
    let mut all: Vec<(String, Value)> =
        members.iter().chain(&["AlarmName"]).map(|name| ((*name).to_owned(), own(&told, name))).collect();
    all.retain(|(name, _)| name != "Tags");
    let tagged = on.ask(CLOUDWATCH, "ListTagsForResource", map([("ResourceARN", own(&told, "AlarmArn"))]))?;
    all.push(("Tags".into(), tags(&own(&tagged, "Tags"))));
    Ok(Seen::of(all, vec![("Arn", own(&told, "AlarmArn"))]))
}
