//! Which groups and schedules each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html>

use super::errors::{SchedulerError, invalid};
use super::model::{DEFAULT, Group, group_arn, schedule_arn};
use super::target::NAME;
use base::{AccountId, Arn};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

fn group_target(cx: &Cx<'_>, name: &str) -> Result<Target, SchedulerError> {
    let home = (cx.account, cx.region);
    let target = Target::on(group_arn(home, name)).owned_by(cx.account);
    Ok(match Group::load(cx.tx, home, name)? {
        Some(group) => target.tagged(group.tags),
        None => target,
    })
}

/// The group that `Name` tells.
///
/// # Errors
/// The store's.
pub(super) fn group(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![group_target(cx, request.str("Name").unwrap_or_default())?])
}

/// A group that is to be made; its tags want their own right.
///
/// # Errors
/// The store's.
pub(super) fn new_group(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = group(cx, request)?;
    if request.get("Tags").is_some() {
        targets.extend(group(cx, request)?.into_iter().map(|target| target.doing("scheduler:TagResource")));
    }
    Ok(targets)
}

/// A group with all that is in it.
///
/// # Errors
/// The store's.
pub(super) fn whole_group(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("Name").unwrap_or_default();
    let within = Target::on(schedule_arn((cx.account, cx.region), name, "*")).owned_by(cx.account);
    Ok(vec![group_target(cx, name)?, within.doing("scheduler:DeleteSchedule")])
}

/// The schedule that `Name` and `GroupName` tell.
///
/// # Errors
/// Never.
pub(super) fn schedule(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let group = request.str("GroupName").unwrap_or(DEFAULT);
    let arn = schedule_arn((cx.account, cx.region), group, request.str("Name").unwrap_or_default());
    Ok(vec![Target::on(arn).owned_by(cx.account)])
}

/// A schedule that is put, with the role that it is given.
///
/// # Errors
/// Never.
pub(super) fn put_schedule(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = schedule(cx, request)?;
    let role = request.get("Target").and_then(|target| target.member("RoleArn")).and_then(Value::as_str);
    let passed = |role: &str| Target::on(role).doing("iam:PassRole").key("iam:PassedToService", NAME);
    targets.extend(role.map(passed));
    Ok(targets)
}

/// What tags are about: a group.
///
/// # Errors
/// `ValidationException` for what is no ARN of one.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = request.str("ResourceArn").unwrap_or_default();
    let wrong = || invalid(format!("The ARN {text} is not valid."));
    let arn = Arn::parse(text).ok_or_else(wrong)?;
    let owner = AccountId::parse(&arn.account).ok_or_else(wrong)?;
    let target = Target::on(text).owned_by(owner);
    Ok(vec![match super::ops::tag::find(cx, text) {
        Ok(group) => target.tagged(group.tags),
        Err(_) => target,
    }])
}
