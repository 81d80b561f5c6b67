//! EventBridge Scheduler's groups and schedules.

use super::on::{KEYS, On, Tagger, map, text_at};
use super::{Attributes, BASE, Done, Kind, look};
use wire::Value;

pub(super) const SCHEDULER: &str = "scheduler";
const TAGGER: Tagger = Tagger {
    service: SCHEDULER,
    tag: "TagResource",
    untag: "UntagResource",
    id: "ResourceArn",
    tags: "Tags",
    keys: "TagKeys",
    form: KEYS,
};

pub(super) static KINDS: &[Kind] = &[GROUP, SCHEDULE];

const GROUP: Kind = Kind {
    name: "AWS::Scheduler::ScheduleGroup",
    changes: &["Tags"],
    fixed: &["Name"],
    attributes: GROUP_ATTRIBUTES,
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 64);
        let input = map([("Name", Value::str(&name)), ("Tags", on.tags(KEYS))]);
        on.call(SCHEDULER, "CreateScheduleGroup", input)?;
        let told = on.call(SCHEDULER, "GetScheduleGroup", map([("Name", Value::str(&name))]))?;
        Ok(on.made(name, group_attributes(&told)))
    },
    update: |on| {
        let arn = Value::Str(on.attribute("Arn"));
        on.retag(&TAGGER, arn)?;
        Ok(on.same())
    },
    delete: |on| on.end(SCHEDULER, "DeleteScheduleGroup", map([("Name", on.physical())])),
    mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("Arn")))),
    gone: |on| match on.call(SCHEDULER, "GetScheduleGroup", map([("Name", on.physical())])) {
        Ok(_) => Ok(false),
        Err(refusal) if refusal.gone => Ok(true),
        Err(refusal) => Err(refusal),
    },
    look: Some(&look::scheduler::GROUP),
    ..BASE
};

const GROUP_ATTRIBUTES: &[&str] = &["Arn", "CreationDate", "LastModificationDate", "State"];

pub(super) fn group_attributes(told: &Value) -> Attributes {
    let one = |name: &&'static str| (*name, look::plain(&look::own(told, name)));
    GROUP_ATTRIBUTES.iter().map(one).collect()
}

const SCHEDULE: Kind = Kind {
    name: "AWS::Scheduler::Schedule",
    changes: &[
        "Description",
        "EndDate",
        "FlexibleTimeWindow",
        "KmsKeyArn",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "StartDate",
        "State",
        "Target",
    ],
    fixed: &["GroupName", "Name"],
    attributes: &["Arn"],
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 64);
        let arn = put(on, "CreateSchedule", &name)?;
        Ok(on.made(name, vec![("Arn", Value::Str(arn))]))
    },
    update: |on| {
        put(on, "UpdateSchedule", on.physical)?;
        Ok(on.same())
    },
    delete: |on| {
        let input = map([("Name", on.physical()), ("GroupName", on.was("GroupName"))]);
        on.end(SCHEDULER, "DeleteSchedule", input)
    },
    look: Some(&look::scheduler::SCHEDULE),
    ..BASE
};

fn put(on: &mut On<'_, '_>, operation: &str, name: &str) -> Done<String> {
    let input = map([
        ("Name", Value::str(name)),
        ("GroupName", on.prop("GroupName")),
        ("Description", on.prop("Description")),
        ("EndDate", on.prop("EndDate")),
        ("FlexibleTimeWindow", on.prop("FlexibleTimeWindow")),
        ("KmsKeyArn", on.prop("KmsKeyArn")),
        ("ScheduleExpression", on.prop("ScheduleExpression")),
        ("ScheduleExpressionTimezone", on.prop("ScheduleExpressionTimezone")),
        ("StartDate", on.prop("StartDate")),
        ("State", on.prop("State")),
        ("Target", on.prop("Target")),
    ]);
    Ok(text_at(&on.call(SCHEDULER, operation, input)?, "ScheduleArn"))
}
