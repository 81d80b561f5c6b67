//! CloudWatch's alarms, also of other alarms, and dashboards.

use super::on::{KEYS, On, Tagger, map};
use super::{BASE, Done, Kind, Made, look};
use wire::Value;

pub(super) const CLOUDWATCH: &str = "cloudwatch";
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
pub(super) const MEMBERS: &[&str] = &[
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
    "Metrics",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
    "Tags",
];

/// The same of composite alarms.
pub(super) const COMPOSITE_MEMBERS: &[&str] = &[
    "ActionsEnabled",
    "ActionsSuppressor",
    "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod",
    "AlarmActions",
    "AlarmDescription",
    "AlarmRule",
    "InsufficientDataActions",
    "OKActions",
    "Tags",
];

pub(super) static KINDS: &[Kind] = &[
    alarm(
        "AWS::CloudWatch::Alarm",
        MEMBERS,
        &look::alarm::METRIC,
        |on| look::alarm::METRIC.taken(on),
        |on| create(on, "PutMetricAlarm", MEMBERS),
        |on| update(on, "PutMetricAlarm", MEMBERS),
    ),
    alarm(
        "AWS::CloudWatch::CompositeAlarm",
        COMPOSITE_MEMBERS,
        &look::alarm::COMPOSITE,
        |on| look::alarm::COMPOSITE.taken(on),
        |on| create(on, "PutCompositeAlarm", COMPOSITE_MEMBERS),
        |on| update(on, "PutCompositeAlarm", COMPOSITE_MEMBERS),
    ),
    Kind {
        name: "AWS::CloudWatch::Dashboard",
        changes: &["DashboardBody", "Tags"],
        fixed: &["DashboardName"],
        named: Some("DashboardName"),
        create: |on| {
            let name = on.name("DashboardName", 255);
            draw(on, &name)?;
            Ok(on.made(name, Vec::new()))
        },
        update: |on| {
            if on.changed("DashboardBody") {
                draw(on, on.physical)?;
            }
            on.retag(&TAGGER, dashboard_arn(on))?;
            Ok(on.same())
        },
        delete: |on| {
            let names = Value::List(vec![on.physical()]);
            on.end(CLOUDWATCH, "DeleteDashboards", map([("DashboardNames", names)]))
        },
        mark: Some(|on| on.mark(&TAGGER, dashboard_arn(on))),
        look: Some(&look::alarm::DASHBOARD),
        taken: Some(|on| look::alarm::DASHBOARD.taken(on)),
        ..BASE
    },
];

/// A dashboard is of no region.
pub(super) fn dashboard_arn(on: &On<'_, '_>) -> Value {
    Value::Str(format!("arn:aws:cloudwatch::{}:dashboard/{}", on.account(), on.physical))
}

fn draw(on: &mut On<'_, '_>, name: &str) -> Done<()> {
    let input = map([
        ("DashboardName", Value::str(name)),
        ("DashboardBody", on.document("DashboardBody")),
        ("Tags", on.tags(KEYS)),
    ]);
    on.call(CLOUDWATCH, "PutDashboard", input).map(drop)
}

type Hook = fn(&mut On<'_, '_>) -> Done<Made>;

const fn alarm(
    name: &'static str,
    changes: &'static [&'static str],
    look: &'static look::Look,
    taken: super::Taken,
    create: Hook,
    update: Hook,
) -> Kind {
    Kind {
        name,
        changes,
        fixed: &["AlarmName"],
        attributes: &["Arn"],
        named: Some("AlarmName"),
        create,
        update,
        delete: |on| {
            let names = Value::List(vec![on.physical()]);
            on.end(CLOUDWATCH, "DeleteAlarms", map([("AlarmNames", names)]))
        },
        mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("Arn")))),
        look: Some(look),
        taken: Some(taken),
        ..BASE
    }
}

fn create(on: &mut On<'_, '_>, operation: &str, members: &[&str]) -> Done<Made> {
    let name = on.name("AlarmName", 255);
    put(on, &name, operation, members, true)?;
    let arn = on.arn(CLOUDWATCH, &format!("alarm:{name}"));
    Ok(on.made(name, vec![("Arn", arn)]))
}

fn put(on: &mut On<'_, '_>, name: &str, operation: &str, members: &[&str], fresh: bool) -> Done<()> {
    let mut input = vec![("AlarmName".to_owned(), Value::str(name))];
    input.extend(
        members
            .iter()
            .filter(|member| **member != "Tags")
            .map(|member| ((*member).to_owned(), on.prop(member))),
    );
    if fresh {
        input.push(("Tags".into(), on.tags(KEYS)));
    }
    input.retain(|(_, value)| !matches!(value, Value::Null));
    on.call(CLOUDWATCH, operation, Value::Map(input)).map(drop)
}

fn update(on: &mut On<'_, '_>, operation: &str, members: &[&str]) -> Done<Made> {
    // An alarm that is put anew is another, whose tags alone have changed is not.
    if members.iter().any(|member| *member != "Tags" && on.changed(member)) {
        put(on, on.physical, operation, members, false)?;
    }
    let arn = Value::Str(on.attribute("Arn"));
    on.retag(&TAGGER, arn)?;
    Ok(on.same())
}
