//! Schedules. When they begin and end is not seen: it is written in many ways.

use super::machine::put;
use super::{Look, PLAIN, Seen, named, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map};
use crate::cloudformation::kinds::scheduler::{SCHEDULER, group_attributes};

pub(in crate::cloudformation::kinds) static SCHEDULE: Look = Look {
    sees: &[
        "Description",
        "FlexibleTimeWindow",
        "GroupName",
        "KmsKeyArn",
        "Name",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "State",
        "Target",
    ],
    read: schedule,
    identifiers: &["Name"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static GROUP: Look = Look {
    sees: &["Name", "Tags"],
    read: |on| {
        let told = on.ask(SCHEDULER, "GetScheduleGroup", map([("Name", on.physical())]))?;
        let (arn, attributes) = (own(&told, "Arn"), group_attributes(&told));
        let mut all = GROUP.rows(on, &told, &[]);
        let tagged = on.ask(SCHEDULER, "ListTagsForResource", map([("ResourceArn", arn)]))?;
        put(&mut all, "Tags", on.tags_as_written(&own(&tagged, "Tags")));
        Ok(Seen::of(all, attributes))
    },
    identifiers: &["Name"],
    ..PLAIN
};

/// In its group, where the template names one.
fn schedule(on: &mut On<'_, '_>) -> Done<Seen> {
    let input = map([("Name", on.physical()), ("GroupName", on.prop("GroupName"))]);
    let told = on.ask(SCHEDULER, "GetSchedule", input)?;
    let names: Vec<(&str, &str)> = SCHEDULE.sees.iter().map(|name| (*name, *name)).collect();
    Ok(Seen::of(named(&told, &names), vec![("Arn", own(&told, "Arn"))]))
}
