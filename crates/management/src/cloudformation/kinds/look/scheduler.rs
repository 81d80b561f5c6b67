//! Schedules. When they begin and end is not seen: it is written in many ways.

use super::{Look, Seen, named, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map};
use crate::cloudformation::kinds::scheduler::SCHEDULER;

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
    blind: &[],
    whole: &[],
    read: schedule,
    identifier: Some("Name"),
};

/// In its group, where the template names one.
fn schedule(on: &mut On<'_, '_>) -> Done<Seen> {
    let input = map([("Name", on.physical()), ("GroupName", on.prop("GroupName"))]);
    let told = on.ask(SCHEDULER, "GetSchedule", input)?;
    let names: Vec<(&str, &str)> = SCHEDULE.sees.iter().map(|name| (*name, *name)).collect();
    Ok(Seen::of(named(&told, &names), vec![("Arn", own(&told, "Arn"))]))
}
