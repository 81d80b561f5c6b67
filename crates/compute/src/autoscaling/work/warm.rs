//! Warm pools kept at their size: instances are launched into them, made ready, drawn from them before others are
//! launched, and come back where that is wanted.

use super::hook::{self, Outcome};
use super::instance::{activity, finish, launch, stop};
use super::look::Seen;
use super::{IMPAIRED, Next, back_off, mixed, tell, unhealthy};
use crate::autoscaling::model::warm::{
    EC2, GROUP, PENDING, PENDING_WAIT, POOL, PROCEED, RUNNING, STOPPED, TERMINATING, TERMINATING_WAIT,
    is_going,
};
use crate::autoscaling::model::{self, Group, Member};
use crate::autoscaling::ops::group::at;
use crate::autoscaling::ops::{call, texts};
use base::Timestamp;
use kernel::Cx;
use kernel::steps::soonest;
use wire::Fault;

const LAUNCHED: &str = "EC2 Instance Launch Successful";
const ENDED: &str = "EC2 Instance Terminate Successful";
const FAILED: &str = "EC2 Instance Launch Unsuccessful";

/// Takes in what has become of the pool's instances; when to look again by time.
pub(super) fn observe(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen) -> Result<Option<Timestamp>, Fault> {
    let mut wait = None;
    let mut kept = Vec::new();
    for mut member in std::mem::take(&mut group.warmed) {
        let state = seen.states.get(&member.id).map(String::as_str);
        if let Some(why) = seen.failed.get(&member.id).filter(|_| member.state == PENDING) {
            finish(cx, group, &member, FAILED, Some(unhealthy(why)))?;
            back_off(cx, group);
            continue;
        }
        if matches!(state, None | Some("terminated")) {
            let event = if is_going(&member) { ENDED } else { FAILED };
            let why = (event == FAILED).then(|| "The instance has ended in the warm pool.".to_owned());
            finish(cx, group, &member, event, why)?;
            continue;
        }
        let is_lost = seen.impaired.contains(&member.id) || !seen.available.contains(&member.zone);
        match member.state.as_str() {
            PENDING if state == Some("running") && !is_lost => {
                // Who comes back waits for the hooks of its end alone.
                if !member.returns && hook::begin(cx, group, &mut member, true, [EC2, POOL]) {
                    (member.state, member.since) = (PENDING_WAIT.into(), cx.now);
                    wait = soonest(wait, member.waits.iter().map(|wait| wait.until).min());
                } else {
                    settle(cx, group, &mut member)?;
                }
            }
            PENDING_WAIT => match hook::outcome(&member, cx.now) {
                Outcome::Waits(until) => wait = soonest(wait, Some(until)),
                Outcome::IsAbandoned(_) if !member.returns => {}
                Outcome::GoesOn | Outcome::IsAbandoned(_) => settle(cx, group, &mut member)?,
            },
            PROCEED if state == Some("stopped") => {
                finish(cx, group, &member, LAUNCHED, None)?;
                (member.state, member.since) = (STOPPED.into(), cx.now);
            }
            RUNNING if is_lost || state != Some("running") => member.flaw = Some(IMPAIRED.into()),
            STOPPED if state != Some("stopped") => {
                member.flaw = Some("a change of its state by others.".into());
            }
            TERMINATING_WAIT => {
                if let Outcome::Waits(until) = hook::outcome(&member, cx.now) {
                    wait = soonest(wait, Some(until));
                }
            }
            _ => {}
        }
        kept.push(member);
    }
    group.warmed = kept;
    Ok(wait)
}

/// It has done what it had to, and is put in the state that the pool is kept in.
fn settle(cx: &mut Cx<'_>, group: &Group, member: &mut Member) -> Result<(), Fault> {
    member.waits.clear();
    member.returns = false;
    if group.pool.as_ref().is_some_and(|pool| pool.running) {
        finish(cx, group, member, LAUNCHED, None)?;
        (member.state, member.since) = (RUNNING.into(), cx.now);
        return Ok(());
    }
    call(cx, "ec2", "StopInstances", [("InstanceIds", texts([&member.id]))])?;
    (member.state, member.since) = (PROCEED.into(), cx.now);
    Ok(())
}

/// Ends one that has waited long enough on its way out, or is given up on its way in; whether there was one.
pub(super) fn release(cx: &mut Cx<'_>, group: &mut Group) -> Result<bool, Fault> {
    let over = |member: &&mut Member| {
        member.state == TERMINATING_WAIT && !matches!(hook::outcome(member, cx.now), Outcome::Waits(_))
    };
    if let Some(member) = group.warmed.iter_mut().find(over) {
        let id = member.id.clone();
        member.waits.clear();
        (member.state, member.since) = (TERMINATING.into(), cx.now);
        stop(cx, &id)?;
        return Ok(true);
    }
    let given_up = |member: &Member| match hook::outcome(member, cx.now) {
        Outcome::IsAbandoned(why) if member.state == PENDING_WAIT && !member.returns => {
            Some((member.clone(), why))
        }
        _ => None,
    };
    let Some((member, why)) = group.warmed.iter().find_map(given_up) else { return Ok(false) };
    let why = format!("Instance failed to complete user's Lifecycle Action: {why}");
    finish(cx, group, &member, FAILED, Some(why))?;
    let cause = at(cx.now, "an instance was taken out of the warm pool in response to a launch failure.");
    end(cx, group, &member.id, cause, false)?;
    Ok(true)
}

/// Ends an instance of the pool, once it has waited for those hooks that there are.
pub(crate) fn end(
    cx: &mut Cx<'_>,
    group: &mut Group,
    id: &str,
    cause: String,
    waits: bool,
) -> Result<(), Fault> {
    let whole = group.clone();
    let Some(member) = group.warmed.iter_mut().find(|member| member.id == id) else { return Ok(()) };
    let mut told = activity(cx, &whole, format!("Terminating EC2 instance: {id}"), cause, member.place());
    told.way = Some((POOL.into(), EC2.into()));
    tell(cx, &told)?;
    member.waits.clear();
    (member.since, member.acted) = (cx.now, Some(cx.now));
    member.activity.clone_from(&told.id);
    if waits && hook::begin(cx, &whole, member, false, [POOL, EC2]) {
        member.state = TERMINATING_WAIT.into();
        return Ok(());
    }
    member.state = TERMINATING.into();
    stop(cx, id)
}

/// One change towards the pool that should be; nothing where it is so.
pub(super) fn keep(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen) -> Result<Next, Fault> {
    let (may_launch, may_end) = (!group.is_suspended("Launch"), !group.is_suspended("Terminate"));
    let (wanted, size) = (group.warm_wanted(), group.warm_size());
    let flawed = group.warm_live().find(|member| member.flaw.is_some());
    if may_end && let Some((id, flaw)) = flawed.map(|member| (member.id.clone(), member.flaw.clone())) {
        let flaw = flaw.unwrap_or_default();
        let words = format!("an instance was taken out of the warm pool in response to {flaw}");
        end(cx, group, &id, at(cx.now, &words), true)?;
        return Ok(Next::Again);
    }
    if size > wanted && (may_end || group.deleting) {
        // The youngest are the least ready.
        let last = group.warm_live().max_by_key(|member| (member.launched, member.id.clone()));
        let Some(id) = last.map(|member| member.id.clone()) else { return Ok(Next::Rest(None)) };
        let words = format!(
            "an instance was taken out of the warm pool in response to a difference between its desired and actual size, shrinking it from {size} to {wanted}."
        );
        let waits = !group.deleting;
        end(cx, group, &id, at(cx.now, &words), waits)?;
        return Ok(Next::Again);
    }
    if group.pool.as_ref().is_some_and(|pool| pool.deleting) && group.warmed.is_empty() {
        group.pool = None;
        return Ok(Next::Again);
    }
    if size >= wanted || !may_launch {
        return Ok(Next::Rest(None));
    }
    if group.retry > cx.now {
        return Ok(Next::Rest(Some(group.retry)));
    }
    let Some(place) = mixed::choose(cx, group, &seen.available, false)? else { return Ok(Next::Rest(None)) };
    let words = format!(
        "an instance was started in response to a difference between the desired and actual size of the warm pool, increasing it from {size} to {wanted}."
    );
    match launch(cx, group, &place, at(cx.now, &words), Some((EC2, POOL))) {
        Ok(member) => {
            group.warmed.push(Member { state: PENDING.into(), ..member });
            Ok(Next::Again)
        }
        Err(fault) => Ok(Next::Refused(fault)),
    }
}

/// Brings an instance of the pool into the group; whether there was one that could be had.
pub(super) fn draw(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen, cause: &str) -> Result<bool, Fault> {
    let Some(member) = group.next_warm(&seen.available).cloned() else { return Ok(false) };
    let id = member.id.clone();
    if member.state == STOPPED && call(cx, "ec2", "StartInstances", [("InstanceIds", texts([&id]))]).is_err()
    {
        // Another is launched in its stead.
        return Ok(false);
    }
    let description = format!("Launching a new EC2 instance from warm pool: {id}");
    let mut told = activity(cx, group, description, cause.to_owned(), member.place());
    told.way = Some((POOL.into(), GROUP.into()));
    tell(cx, &told)?;
    group.warmed.retain(|other| other.id != id);
    group.members.push(Member {
        state: model::PENDING.into(),
        since: cx.now,
        acted: Some(cx.now),
        activity: told.id,
        drawn: true,
        ..member
    });
    Ok(true)
}

/// Lets an instance of the group go back into the pool, where it waits for the hooks of its end, and is made ready as one
/// that is launched into it. What is said of it there is no matter: it comes back all the same.
// AWS: https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pool-instance-lifecycle.html
pub(super) fn take_back(cx: &mut Cx<'_>, group: &mut Group, id: &str, cause: String) -> Result<(), Fault> {
    let Some(member) = group.members.iter().find(|member| member.id == id).cloned() else { return Ok(()) };
    let description = format!("Returning EC2 instance to warm pool: {id}");
    let mut told = activity(cx, group, description, cause, member.place());
    told.way = Some((GROUP.into(), POOL.into()));
    tell(cx, &told)?;
    group.members.retain(|other| other.id != id);
    let mut member = Member {
        state: PENDING.into(),
        since: cx.now,
        acted: Some(cx.now),
        activity: told.id,
        waits: Vec::new(),
        drawn: false,
        returns: true,
        ..member
    };
    if hook::begin(cx, group, &mut member, false, [GROUP, POOL]) {
        member.state = PENDING_WAIT.into();
    }
    group.warmed.push(member);
    Ok(())
}
