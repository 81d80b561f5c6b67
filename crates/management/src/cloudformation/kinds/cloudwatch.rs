//! CloudWatch's alarms.

use super::on::{KEYS, On, Tagger, map};
use super::{BASE, Done, Kind, Made};
use wire::Value;

const CLOUDWATCH: &str = "cloudwatch";
const TAGGER: Tagger = Tagger {
    service: CLOUDWATCH,
    tag: "TagResource",
    untag: "UntagResource",
    id: "ResourceARN",
    tags: "Tags",
    keys: "TagKeys",
    form: KEYS,
};

/// What the property and the operation's member both are called.
const MEMBERS: &[&str] = &[
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "ExtendedStatistic",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
    "Tags",
];

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::CloudWatch::Alarm",
    changes: MEMBERS,
    fixed: &["AlarmName"],
    attributes: &["Arn"],
    named: Some("AlarmName"),
    create: |on| {
        let name = on.name("AlarmName", 255);
        put(on, &name, true)?;
        let arn = on.arn(CLOUDWATCH, &format!("alarm:{name}"));
        Ok(on.made(name, vec![("Arn", arn)]))
    },
    update,
    delete: |on| {
        let names = Value::List(vec![on.physical()]);
        on.end(CLOUDWATCH, "DeleteAlarms", map([("AlarmNames", names)]))
    },
    ..BASE
}];

fn put(on: &mut On<'_, '_>, name: &str, fresh: bool) -> Done<()> {
    let mut input = vec![("AlarmName".to_owned(), Value::str(name))];
    input.extend(
        MEMBERS
            .iter()
            .filter(|member| **member != "Tags")
            .map(|member| ((*member).to_owned(), on.prop(member))),
    );
    if fresh {
        input.push(("Tags".into(), on.tags(KEYS)));
    }
    input.retain(|(_, value)| !matches!(value, Value::Null));
    on.call(CLOUDWATCH, "PutMetricAlarm", Value::Map(input)).map(drop)
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    put(on, on.physical, false)?;
    let arn = Value::Str(on.attribute("Arn"));
    on.retag(&TAGGER, arn)?;
    Ok(on.same())
}
