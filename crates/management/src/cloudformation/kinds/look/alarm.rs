//! Alarms on metrics, also of other alarms.

use super::{Look, gone, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::cloudwatch::{CLOUDWATCH, COMPOSITE_MEMBERS, MEMBERS};
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
    blind: &[],
    whole: &[],
    read: |on| alarm(on, "MetricAlarm", MEMBERS),
    identifier: Some("AlarmName"),
};

pub(in crate::cloudformation::kinds) static COMPOSITE: Look = Look {
    sees: &[
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "AlarmRule",
        "InsufficientDataActions",
        "OKActions",
        "Tags",
    ],
    blind: &[],
    whole: &[],
    read: |on| alarm(on, "CompositeAlarm", COMPOSITE_MEMBERS),
    identifier: Some("AlarmName"),
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
