//! A group's instance refresh brought on, one move in one step of the group's.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html>

use crate::autoscaling::model::refresh::{
    BAKING, CANCELLED, CANCELLING, FAILED, IN_PROGRESS, Move, ROLLBACK_FAILED, ROLLED_BACK, Refresh,
    SUCCESSFUL, WAITING,
};
use crate::autoscaling::model::{Group, after};
use crate::autoscaling::ops::refresh::{current, keep_refresh};
use base::Timestamp;
use kernel::Cx;
use wire::{Fault, Value};

/// What a refresh asks of its group.
pub(super) enum Turn {
    /// To go its own way; and when to look again.
    Own(Option<Timestamp>),
    End(String),
    EndWarm(String),
    Launch,
    /// It has come on by itself.
    Again,
}

/// One move of the group's refresh, if there is one.
pub(super) fn turn(cx: &mut Cx<'_>, group: &mut Group) -> Result<Turn, Fault> {
    let Some(mut refresh) = current(cx, group)? else { return Ok(Turn::Own(None)) };
    let before = refresh.clone();
    for member in group.warmed.iter_mut().filter(|member| refresh.old.contains(&member.id)) {
        // It went back into the pool before it was replaced.
        member.stale = true;
    }
    refresh.observe(group, cx.now);
    // Nobody is missing, whatever was ended; or nobody is there beforehand.
    if group.size() >= group.desired {
        refresh.owed = refresh.owed.min(0);
    }
    if group.size() <= group.desired {
        refresh.owed = refresh.owed.max(0);
    }
    let turn = match refresh.status.as_str() {
        WAITING => {
            (refresh.status, refresh.moved, refresh.begun) = (IN_PROGRESS.into(), cx.now, Some(cx.now));
            tell(cx, group, &refresh, event::STARTED, Vec::new());
            Turn::Again
        }
        CANCELLING => {
            let settled = group.members.iter().all(|member| !member.is_coming() && !member.is_going());
            if refresh.waits && !settled {
                Turn::Own(None)
            } else {
                finish(cx, group, &mut refresh, CANCELLED, event::CANCELLED);
                Turn::Again
            }
        }
        BAKING => match refresh.rests.filter(|until| *until > cx.now) {
            Some(until) => Turn::Own(Some(until)),
            None => succeed(cx, group, &mut refresh),
        },
        _ => advance(cx, group, &mut refresh),
    };
    if refresh != before {
        keep_refresh(cx, &refresh);
    }
    Ok(turn)
}

/// AWS's words while the new instances of a rollback come into service.
const WAITS: &str = "Waiting for a health check interval to pass before continuing.";

/// Whether the group lacks instances because its refresh has ended some.
pub(super) fn is_owing(cx: &Cx<'_>, group: &Group) -> Result<bool, Fault> {
    Ok(current(cx, group)?.is_some_and(|refresh| refresh.owed > 0 && refresh.is_active()))
}

/// Notes that the refresh owes its group so many units more, or fewer.
pub(super) fn owe(cx: &mut Cx<'_>, group: &Group, units: i64) -> Result<(), Fault> {
    if let Some(mut refresh) = current(cx, group)? {
        refresh.owed += units;
        keep_refresh(cx, &refresh);
    }
    Ok(())
}

/// Whether the group has more instances than it should because some of them are yet to be replaced.
pub(super) fn holds_more(cx: &Cx<'_>, group: &Group) -> Result<bool, Fault> {
    Ok(current(cx, group)?.is_some_and(|refresh| refresh.is_active() && !refresh.old.is_empty()))
}

fn advance(cx: &mut Cx<'_>, group: &mut Group, refresh: &mut Refresh) -> Turn {
    let next = match refresh.next(group, cx.now) {
        Move::Done if group.pool.is_some() => refresh.next_warm(group, cx.now).unwrap_or(Move::Done),
        next => next,
    };
    match next {
        Move::EndWarm(id) => {
            refresh.moved = cx.now;
            Turn::EndWarm(id)
        }
        Move::End(id) => {
            refresh.moved = cx.now;
            Turn::End(id)
        }
        Move::Launch => Turn::Launch,
        Move::Checkpoint(percent) => {
            let preferences = &refresh.preferences;
            let (last, delay) = (preferences.checkpoints.last() == Some(&percent), preferences.delay);
            (refresh.reached, refresh.moved) = (percent, cx.now);
            let more = vec![
                ("CheckpointPercentage", Value::Str(percent.to_string())),
                ("CheckpointDelay", Value::Str(delay.to_string())),
            ];
            if !last {
                refresh.rests = Some(after(cx.now, delay));
                refresh.moved = after(cx.now, delay);
            }
            tell(cx, group, refresh, event::CHECKPOINT, more);
            Turn::Again
        }
        Move::Wait(until) => {
            if refresh.is_rolling_back() {
                refresh.reason = Some(WAITS.into());
            }
            Turn::Own(until)
        }
        Move::Done if refresh.is_rolling_back() => {
            refresh.reason = None;
            finish(cx, group, refresh, ROLLED_BACK, event::ROLLBACK_SUCCEEDED);
            Turn::Again
        }
        Move::Done if refresh.preferences.bake > 0 => {
            refresh.status = BAKING.into();
            refresh.rests = Some(after(cx.now, refresh.preferences.bake));
            Turn::Again
        }
        Move::Done => succeed(cx, group, refresh),
        Move::Fail(why) => {
            fail(cx, group, refresh, why);
            Turn::Again
        }
    }
}

/// The group is launched from now on by what the refresh brought.
fn succeed(cx: &mut Cx<'_>, group: &mut Group, refresh: &mut Refresh) -> Turn {
    if let Some(wanted) = &refresh.wanted {
        group.template.clone_from(wanted);
    }
    if refresh.wants_one {
        group.mixed = None;
    }
    if refresh.wanted_mixed.is_some() {
        group.mixed.clone_from(&refresh.wanted_mixed);
    }
    finish(cx, group, refresh, SUCCESSFUL, event::SUCCEEDED);
    Turn::Again
}

fn fail(cx: &mut Cx<'_>, group: &mut Group, refresh: &mut Refresh, why: &str) {
    let reason = format!("The instance refresh did not come on: {why}.");
    if refresh.is_rolling_back() {
        refresh.reason = Some(reason);
        finish(cx, group, refresh, ROLLBACK_FAILED, event::ROLLBACK_FAILED);
    } else if refresh.preferences.rolls_back {
        refresh.roll_back(group, &reason, cx.now);
        group.launch_as_ever();
        tell(cx, group, refresh, event::ROLLBACK_STARTED, Vec::new());
    } else {
        refresh.reason = Some(reason);
        finish(cx, group, refresh, FAILED, event::FAILED);
    }
}

fn finish(cx: &mut Cx<'_>, group: &mut Group, refresh: &mut Refresh, status: &str, event: &'static str) {
    (refresh.status, refresh.end, refresh.rests) = (status.into(), Some(cx.now), None);
    group.refreshes = false;
    group.launch_as_ever();
    group.warmed.iter_mut().for_each(|member| member.stale = false);
    tell(cx, group, refresh, event, Vec::new());
}

/// What the bus is told of.
pub(crate) mod event {
    pub(crate) const STARTED: &str = "EC2 Auto Scaling Instance Refresh Started";
    pub(crate) const SUCCEEDED: &str = "EC2 Auto Scaling Instance Refresh Succeeded";
    pub(crate) const FAILED: &str = "EC2 Auto Scaling Instance Refresh Failed";
    pub(crate) const CANCELLED: &str = "EC2 Auto Scaling Instance Refresh Cancelled";
    pub(crate) const CHECKPOINT: &str = "EC2 Auto Scaling Instance Refresh Checkpoint Reached";
    pub(crate) const ROLLBACK_STARTED: &str = "EC2 Auto Scaling Instance Refresh Rollback Started";
    pub(crate) const ROLLBACK_SUCCEEDED: &str = "EC2 Auto Scaling Instance Refresh Rollback Succeeded";
    pub(crate) const ROLLBACK_FAILED: &str = "EC2 Auto Scaling Instance Refresh Rollback Failed";
}

/// Tells the bus of a refresh.
pub(crate) fn tell(
    cx: &mut Cx<'_>,
    group: &Group,
    refresh: &Refresh,
    event: &'static str,
    more: Vec<(&'static str, Value)>,
) {
    let mut detail = vec![
        ("InstanceRefreshId", Value::str(&refresh.id)),
        ("AutoScalingGroupName", Value::str(&group.name)),
    ];
    detail.extend(more);
    let resources = vec![group.arn(cx.account, cx.region)];
    cx.emit("aws.autoscaling", event, resources, &Value::map(detail));
}
