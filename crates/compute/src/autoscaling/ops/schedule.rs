//! Scheduled actions: sizes that a group gets at a time.

use super::{find, of_group, page, size};
use crate::autoscaling::access::{any, group as named};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::cron::Cron;
use crate::autoscaling::model::schedule::{ACTIONS, ACTIONS_MAX, Action};
use base::Timestamp;
use base::zone::Zone;
use kernel::{Cx, Empty};
use wire::Fault;

kernel::ops! {
    /// Scheduled actions.
    pub static OPS:
        PutScheduledUpdateGroupAction: put, "autoscaling:PutScheduledUpdateGroupAction", named;
        BatchPutScheduledUpdateGroupAction: put_all, "autoscaling:BatchPutScheduledUpdateGroupAction", named;
        DeleteScheduledAction: delete, "autoscaling:DeleteScheduledAction", named;
        BatchDeleteScheduledAction: delete_all, "autoscaling:BatchDeleteScheduledAction", named;
        DescribeScheduledActions: describe, "autoscaling:DescribeScheduledActions", any;
}

/// AWS: actions of one batch.
const BATCH_MAX: usize = 50;

wire::shape! {
    #[derive(Debug)]
    struct Put {
        group: String = "AutoScalingGroupName",
        name: String = "ScheduledActionName",
        time: Option<Timestamp> = "Time",
        start: Option<Timestamp> = "StartTime",
        end: Option<Timestamp> = "EndTime",
        recurrence: Option<String> = "Recurrence",
        min: Option<i64> = "MinSize",
        max: Option<i64> = "MaxSize",
        desired: Option<i64> = "DesiredCapacity",
        zone: Option<String> = "TimeZone",
    }

    #[derive(Debug)]
    struct Asked {
        name: String = "ScheduledActionName",
        start: Option<Timestamp> = "StartTime",
        end: Option<Timestamp> = "EndTime",
        recurrence: Option<String> = "Recurrence",
        min: Option<i64> = "MinSize",
        max: Option<i64> = "MaxSize",
        desired: Option<i64> = "DesiredCapacity",
        zone: Option<String> = "TimeZone",
    }

    #[derive(Debug)]
    struct PutAll {
        group: String = "AutoScalingGroupName",
        actions: Vec<Asked> = "ScheduledUpdateGroupActions",
    }

    #[derive(Debug)]
    struct Failed {
        name: String = "ScheduledActionName",
        code: Option<String> = "ErrorCode",
        message: Option<String> = "ErrorMessage",
    }

    #[derive(Debug)]
    struct WerePut { failed: Vec<Failed> = "FailedScheduledUpdateGroupActions" }

    #[derive(Debug)]
    struct WereDeleted { failed: Vec<Failed> = "FailedScheduledActions" }

    #[derive(Debug)]
    struct Delete {
        group: String = "AutoScalingGroupName",
        name: String = "ScheduledActionName",
    }

    #[derive(Debug)]
    struct DeleteAll {
        group: String = "AutoScalingGroupName",
        names: Vec<String> = "ScheduledActionNames",
    }

    #[derive(Debug)]
    struct Describe {
        group: Option<String> = "AutoScalingGroupName",
        names: Vec<String> = "ScheduledActionNames",
        from: Option<Timestamp> = "StartTime",
        to: Option<Timestamp> = "EndTime",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxRecords",
    }

    #[derive(Debug)]
    struct Described {
        actions: Vec<View> = "ScheduledUpdateGroupActions",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        group: String = "AutoScalingGroupName",
        name: String = "ScheduledActionName",
        arn: String = "ScheduledActionARN",
        time: Timestamp = "Time",
        start: Timestamp = "StartTime",
        end: Option<Timestamp> = "EndTime",
        recurrence: Option<String> = "Recurrence",
        min: Option<i64> = "MinSize",
        max: Option<i64> = "MaxSize",
        desired: Option<i64> = "DesiredCapacity",
        zone: Option<String> = "TimeZone",
    }
}

fn set(cx: &mut Cx<'_>, group: &str, asked: Asked) -> Result<(), AutoScalingError> {
    let home = (cx.account, cx.region);
    let others = of_group(cx, &ACTIONS, Some(group))?;
    let old = others.iter().find(|action| action.name == asked.name);
    if old.is_none() && others.len() >= ACTIONS_MAX {
        return Err(AutoScalingError::Limit(
            "The maximum number of scheduled actions has been reached.".into(),
        ));
    }
    check(&asked, cx.now)?;
    let mut action = Action {
        id: old.map_or_else(|| base::id::uuid(cx.rng()), |old| old.id.clone()),
        group: group.to_owned(),
        name: asked.name,
        start: asked.start,
        end: asked.end,
        recurrence: asked.recurrence,
        zone: asked.zone,
        min: asked.min,
        max: asked.max,
        desired: asked.desired,
        next: cx.now,
    };
    let next = action.after(cx.now).filter(|next| action.end.is_none_or(|end| *next <= end));
    action.next = next
        .ok_or_else(|| invalid("The scheduled action would never come: its end is before its first time."))?;
    // AWS: no two come at the same time.
    if let Some(same) = others.iter().find(|other| other.next == action.next && other.name != action.name) {
        return Err(AutoScalingError::SameTime(same.name.clone()));
    }
    if let Some(old) = old {
        old.delete(cx.tx, home);
    }
    action.save(cx.tx, home);
    Ok(())
}

fn check(asked: &Asked, now: Timestamp) -> Result<(), AutoScalingError> {
    let sizes = [asked.min, asked.max, asked.desired];
    if sizes.iter().all(Option::is_none) {
        return Err(invalid("At least one of MinSize, MaxSize and DesiredCapacity must be specified."));
    }
    if sizes.into_iter().flatten().any(|size| size < 0) {
        return Err(invalid("Sizes may not be negative."));
    }
    let (min, max) = (asked.min.unwrap_or(0), asked.max.unwrap_or(i64::MAX));
    if min > max {
        return Err(invalid("Min bound must be less than or equal to max bound"));
    }
    if asked.desired.is_some_and(|desired| desired < min || desired > max) {
        return Err(invalid("Desired capacity must be between the specified min size and max size"));
    }
    if asked.start.is_some_and(|start| start <= now) {
        return Err(invalid("Given start time is in the past"));
    }
    if asked.end.is_some_and(|end| end <= now) {
        return Err(invalid("Given end time is in the past"));
    }
    if asked.start.zip(asked.end).is_some_and(|(start, end)| end <= start) {
        return Err(invalid("Given end time is not after the start time"));
    }
    match &asked.recurrence {
        None if asked.start.is_none() => return Err(invalid("StartTime or Recurrence must be specified.")),
        Some(text) if Cron::read(text).is_none() => {
            return Err(invalid(format!("Given recurrence string:{text} is invalid")));
        }
        _ => {}
    }
    match asked.zone.as_deref().filter(|zone| Zone::named(zone).is_none()) {
        Some(unknown) => Err(invalid(format!("Given time zone:{unknown} is invalid"))),
        None => Ok(()),
    }
}

fn put(cx: &mut Cx<'_>, req: Put) -> Result<Empty, AutoScalingError> {
    find(cx, &req.group)?;
    // AWS: the older member is the start by another name.
    if req.time.zip(req.start).is_some_and(|(time, start)| time != start) {
        return Err(invalid("Time and StartTime must be the same where both are specified."));
    }
    let asked = Asked {
        name: req.name,
        start: req.start.or(req.time),
        end: req.end,
        recurrence: req.recurrence,
        min: req.min,
        max: req.max,
        desired: req.desired,
        zone: req.zone,
    };
    set(cx, &req.group, asked)?;
    Ok(Empty)
}

fn failed(name: String, error: AutoScalingError) -> Failed {
    let fault = Fault::from(error);
    Failed { name, code: Some(fault.code.to_string()), message: Some(fault.message) }
}

fn put_all(cx: &mut Cx<'_>, req: PutAll) -> Result<WerePut, AutoScalingError> {
    find(cx, &req.group)?;
    few(req.actions.len())?;
    let mut all = Vec::new();
    for asked in req.actions {
        let name = asked.name.clone();
        if let Err(error) = set(cx, &req.group, asked) {
            all.push(failed(name, error));
        }
    }
    Ok(WerePut { failed: all })
}

fn few(count: usize) -> Result<(), AutoScalingError> {
    match count > BATCH_MAX {
        true => Err(invalid(format!("A batch has up to {BATCH_MAX} scheduled actions."))),
        false => Ok(()),
    }
}

fn end(cx: &mut Cx<'_>, group: &str, name: &str) -> Result<(), AutoScalingError> {
    let home = (cx.account, cx.region);
    let found = ACTIONS.get(cx.tx, &Action::key(home, group, name))?;
    found.ok_or_else(|| AutoScalingError::NoAction(name.to_owned()))?.delete(cx.tx, home);
    Ok(())
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, AutoScalingError> {
    find(cx, &req.group)?;
    end(cx, &req.group, &req.name)?;
    Ok(Empty)
}

fn delete_all(cx: &mut Cx<'_>, req: DeleteAll) -> Result<WereDeleted, AutoScalingError> {
    find(cx, &req.group)?;
    few(req.names.len())?;
    let mut all = Vec::new();
    for name in req.names {
        if let Err(error) = end(cx, &req.group, &name) {
            all.push(failed(name, error));
        }
    }
    Ok(WereDeleted { failed: all })
}

/// AWS: where names are given, times are no matter.
fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut found = of_group(cx, &ACTIONS, req.group.as_deref())?;
    found.retain(|action| match req.names.is_empty() {
        true => req.from.is_none_or(|from| action.next >= from) && req.to.is_none_or(|to| action.next <= to),
        false => req.names.contains(&action.name) || req.names.contains(&action.arn((cx.account, cx.region))),
    });
    let (found, next) = page(cx, found, size(req.max, 50, 100)?, req.next.as_ref())?;
    let view = |action: Action| View {
        arn: action.arn((cx.account, cx.region)),
        time: action.next.whole_seconds(),
        start: action.next.whole_seconds(),
        group: action.group,
        name: action.name,
        end: action.end,
        recurrence: action.recurrence,
        min: action.min,
        max: action.max,
        desired: action.desired,
        zone: action.zone,
    };
    Ok(Described { actions: found.into_iter().map(view).collect(), next })
}
