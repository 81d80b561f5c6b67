//! Groups kept at what they should be: one change in one transaction, until nothing is left to change.
//!
//! An instance is launched in the transaction that writes it into its group, so there is never one that nobody knows of,
//! nor one twice.

mod hook;
pub(crate) mod instance;
mod look;
pub mod metrics;
mod mixed;
pub(crate) mod notify;
pub(crate) mod refresh;
pub mod schedule;
pub(crate) mod target;
pub(crate) mod warm;

use super::SELF;
use super::model::{
    self, ACTIVITIES, GROUPS, Group, IN_SERVICE, Member, PENDING, PENDING_WAIT, TERMINATING,
    TERMINATING_WAIT, key,
};
use super::ops::group::{at, remove};
use crate::ec2::model::INSTANCES;
use base::Timestamp;
use ec2::zone::ZONES;
use hook::Outcome;
use instance::{end, end_now, failed, finish, launch, stop};
use kernel::reconcile::Reconciler;
use kernel::steps::{self, soonest};
use kernel::{Cloud, Cx};
use look::{Seen, look};
use refresh::Turn;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key};
use wire::Fault;

/// Changes of one group in one run; what is left then waits for the next.
const STEPS_MAX: usize = 1000;

/// Between two looks at what a refresh cannot do just now.
const AGAIN: Duration = Duration::from_secs(60);

/// What EC2 answers where a zone has no room.
const NO_CAPACITY: &str = "InsufficientInstanceCapacity";

/// Why an instance is not healthy.
const GONE: &str = "an EC2 health check indicating it has been terminated or stopped.";
const IMPAIRED: &str = "an EC2 instance status checks failure.";

/// Keeps groups.
#[derive(Debug)]
pub struct Keep;

/// Refused: EC2 refuses to launch.
type Next = kernel::steps::Next<Fault>;

impl Reconciler for Keep {
    fn name(&self) -> &'static str {
        "auto scaling groups"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        // Of EC2 only that something has changed: what it is, its operations tell.
        vec![GROUPS.stored_key(&all), INSTANCES.stored_key(&all), ZONES.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        steps::each(
            cloud,
            &GROUPS,
            |group| group.name,
            |home, name| {
                let give_up = |cx: &mut Cx<'_>, why: &Fault| give_up(cx, name, why);
                steps::bring_on(cloud, SELF, home, STEPS_MAX, |cx| step(cx, name), give_up)
            },
        )
    }
}

/// Notes a launch that failed, and for how long no other is tried.
fn give_up(cx: &mut Cx<'_>, name: &str, fault: &Fault) -> Result<Next, Fault> {
    let place = key(cx.account, cx.region, name);
    let Some(mut group) = GROUPS.get(cx.tx, &place).map_err(internal)? else { return Ok(Next::Rest(None)) };
    back_off(cx, &mut group);
    failed(cx, &group, fault);
    GROUPS.put(cx.tx, &place, &group);
    Ok(Next::Rest(Some(group.retry)))
}

/// The next launch is tried later than this one was.
pub(super) fn back_off(cx: &Cx<'_>, group: &mut Group) {
    group.failures += 1;
    let seconds = 1u64 << group.failures.min(8);
    group.retry = cx.now.plus(Duration::from_secs(seconds));
}

/// What is told of a launch that EC2 had accepted.
pub(super) fn unhealthy(why: &str) -> String {
    format!(
        "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: {why}"
    )
}

fn internal(_: store::StoreError) -> Fault {
    super::errors::AutoScalingError::Internal.into()
}

fn step(cx: &mut Cx<'_>, name: &str) -> Result<Next, Fault> {
    let place = key(cx.account, cx.region, name);
    let Some(mut group) = GROUPS.get(cx.tx, &place).map_err(internal)? else { return Ok(Next::Rest(None)) };
    let before = group.clone();
    let seen = look(cx, &group)?;
    let wait = soonest(observe(cx, &mut group, &seen)?, warm::observe(cx, &mut group, &seen)?);
    let next = change(cx, &mut group, &seen)?;
    if group.deleting && group.members.is_empty() && group.warmed.is_empty() {
        remove(cx, &group)?;
        return Ok(Next::Rest(None));
    }
    if group != before {
        GROUPS.put(cx.tx, &place, &group);
    }
    Ok(match next {
        Next::Rest(until) => Next::Rest(soonest(until, wait)),
        other => other,
    })
}

/// Takes in what has become of the instances; when to look again by time.
fn observe(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen) -> Result<Option<Timestamp>, Fault> {
    let mut wait = None;
    let grace = Duration::from_secs(u64::try_from(group.grace).unwrap_or_default());
    let checks = !group.is_suspended("HealthCheck");
    let mut kept = Vec::new();
    for mut member in std::mem::take(&mut group.members) {
        member.leaves = group.rebalances && seen.interrupted.contains(&member.id);
        let state = seen.states.get(&member.id).map(String::as_str);
        let is_over = matches!(state, None | Some("terminated"));
        if let Some(why) = seen.failed.get(&member.id).filter(|_| member.state == PENDING) {
            finish(cx, group, &member, "EC2 Instance Launch Unsuccessful", Some(unhealthy(why)))?;
            back_off(cx, group);
            continue;
        }
        match member.state.as_str() {
            TERMINATING if is_over => {
                finish(cx, group, &member, "EC2 Instance Terminate Successful", None)?;
                continue;
            }
            PENDING if state == Some("running") && !seen.impaired.contains(&member.id) => {
                (group.failures, group.retry) = (0, cx.now);
                let from = if member.drawn { model::warm::POOL } else { model::warm::EC2 };
                if hook::begin(cx, group, &mut member, true, [from, model::warm::GROUP]) {
                    (member.state, member.since) = (PENDING_WAIT.into(), cx.now);
                    wait = soonest(wait, member.waits.iter().map(|wait| wait.until).min());
                } else {
                    serve(cx, group, &mut member)?;
                }
            }
            TERMINATING_WAIT => {
                if let Outcome::Waits(until) = hook::outcome(&member, cx.now) {
                    wait = soonest(wait, Some(until));
                }
            }
            PENDING_WAIT if !is_over => match hook::outcome(&member, cx.now) {
                Outcome::Waits(until) => wait = soonest(wait, Some(until)),
                Outcome::GoesOn => serve(cx, group, &mut member)?,
                Outcome::IsAbandoned(_) => {}
            },
            PENDING | PENDING_WAIT | IN_SERVICE if checks && member.flaw.is_none() => {
                let in_grace = member.state == IN_SERVICE && member.since.plus(grace) > cx.now;
                let is_lost = seen.impaired.contains(&member.id) || !seen.available.contains(&member.zone);
                match state {
                    Some("pending" | "running") if is_lost && in_grace => {
                        wait = soonest(wait, Some(member.since.plus(grace)));
                    }
                    Some("pending" | "running") if is_lost => member.flaw = Some(IMPAIRED.into()),
                    Some("pending" | "running") => {}
                    _ => member.flaw = Some(GONE.into()),
                }
            }
            _ => {}
        }
        kept.push(member);
    }
    group.members = kept;
    Ok(wait)
}

/// It is there, and all that it waited for is over.
fn serve(cx: &mut Cx<'_>, group: &Group, member: &mut Member) -> Result<(), Fault> {
    member.waits.clear();
    finish(cx, group, member, "EC2 Instance Launch Successful", None)?;
    (member.state, member.since) = (IN_SERVICE.into(), cx.now);
    Ok(())
}

/// Ends one that has waited long enough on its way out, or is given up on its way in; whether there was one.
fn release(cx: &mut Cx<'_>, group: &mut Group) -> Result<bool, Fault> {
    let over = |member: &&Member| {
        let is_out = member.state == TERMINATING_WAIT;
        let waits = matches!(hook::outcome(member, cx.now), Outcome::Waits(_));
        is_out && (group.deleting || !waits)
    };
    if let Some(id) = group.members.iter().find(over).map(|member| member.id.clone()) {
        stop(cx, &id)?;
        for member in group.members.iter_mut().filter(|member| member.id == id) {
            member.waits.clear();
            (member.state, member.since) = (TERMINATING.into(), cx.now);
        }
        return Ok(true);
    }
    let given_up = |member: &Member| match hook::outcome(member, cx.now) {
        Outcome::IsAbandoned(why) if member.state == PENDING_WAIT => Some((member.clone(), why)),
        _ => None,
    };
    let Some((member, why)) = group.members.iter().find_map(given_up) else { return Ok(false) };
    let why = format!("Instance failed to complete user's Lifecycle Action: {why}");
    finish(cx, group, &member, "EC2 Instance Launch Unsuccessful", Some(why))?;
    let cause = at(cx.now, "an instance was taken out of service in response to a launch failure.");
    end_now(cx, group, &member.id, cause)?;
    Ok(true)
}

/// One change towards what the group should be.
fn change(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen) -> Result<Next, Fault> {
    let (may_launch, may_end) = (!group.is_suspended("Launch"), !group.is_suspended("Terminate"));
    if release(cx, group)? || warm::release(cx, group)? {
        return Ok(Next::Again);
    }
    if group.deleting {
        let left = group.members.iter().find(|member| !member.is_going());
        let Some(id) = left.map(|member| member.id.clone()) else {
            return warm::keep(cx, group, seen);
        };
        let cause = shrinking(cx, group, &id);
        end(cx, group, &id, cause)?;
        return Ok(Next::Again);
    }
    let flawed = |member: &Member| member.flaw.clone().map(|flaw| (member.id.clone(), flaw));
    let flawed = group.present().find_map(flawed);
    if may_end
        && !group.is_suspended("ReplaceUnhealthy")
        && let Some((id, flaw)) = flawed
    {
        let cause = at(cx.now, &format!("an instance was taken out of service in response to {flaw}"));
        end(cx, group, &id, cause)?;
        return Ok(Next::Again);
    }
    let wake = match refresh::turn(cx, group)? {
        Turn::Own(until) => until,
        Turn::Again => return Ok(Next::Again),
        Turn::End(id) if may_end => {
            let cause =
                at(cx.now, "an instance was taken out of service in response to an instance refresh.");
            let units = group.units_of(std::slice::from_ref(&id));
            end(cx, group, &id, cause)?;
            refresh::owe(cx, group, units)?;
            return Ok(Next::Again);
        }
        Turn::EndWarm(id) if may_end => {
            let cause =
                at(cx.now, "an instance was taken out of the warm pool in response to an instance refresh.");
            warm::end(cx, group, &id, cause, true)?;
            return Ok(Next::Again);
        }
        Turn::Launch if may_launch && group.retry <= cx.now => {
            return start_for_refresh(cx, group, seen);
        }
        // What is suspended, or was refused a moment ago, waits; it gives up in its time.
        Turn::End(_) | Turn::EndWarm(_) | Turn::Launch => Some(group.retry.max(cx.now.plus(AGAIN))),
    };
    Ok(match keep_size(cx, group, seen)? {
        // The pool comes after the group itself.
        Next::Rest(until) => match warm::keep(cx, group, seen)? {
            Next::Rest(then) => Next::Rest(soonest(soonest(until, wake), then)),
            other => other,
        },
        other => other,
    })
}

/// One change towards the size and the balance that the group should have.
fn keep_size(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen) -> Result<Next, Fault> {
    let (may_launch, may_end) = (!group.is_suspended("Launch"), !group.is_suspended("Terminate"));
    let (size, desired) = (group.size(), group.desired);
    let settled = group.live().all(|member| member.state == IN_SERVICE);
    if size < desired && may_launch {
        if group.retry > cx.now {
            return Ok(Next::Rest(Some(group.retry)));
        }
        if refresh::is_owing(cx, group)? {
            return start_for_refresh(cx, group, seen);
        }
        let words = format!(
            "an instance was started in response to a difference between desired and actual capacity, increasing the capacity from {size} to {desired}."
        );
        let cause = format!("{}  {}", group.cause, at(cx.now, &words));
        return start(cx, group, seen, &cause);
    }
    // What a refresh has too many of goes with those that it replaces.
    if size > desired && may_end && settled && !refresh::holds_more(cx, group)? {
        let chosen = group.victim(cx.now).map(|member| member.id.clone());
        match chosen {
            Some(id) => {
                let cause = shrinking(cx, group, &id);
                retire(cx, group, &id, cause)?;
                return Ok(Next::Again);
            }
            // What is too much is less than any of them counts: it stays.
            None if group.mixed.is_some() => {}
            None => return Ok(Next::Rest(None)),
        }
    }
    let balances = may_launch
        && may_end
        && !group.refreshes
        && !group.is_suspended("AZRebalance")
        && group.retry <= cx.now;
    if size >= desired && settled && balances && group.is_out_of_balance(&seen.available) {
        let zone = group.place(&seen.available).map(|(zone, _)| zone.clone()).unwrap_or_default();
        let words = format!(
            "instances were launched to balance instances in zones {zone} with other zones resulting in more than desired number of instances in the group."
        );
        let cause = at(cx.now, &words);
        // It comes in the stead of the one that goes then, and is of its market.
        let is_spot = group.crowded().is_some_and(|member| member.spot);
        return start_of(cx, group, seen, is_spot, cause);
    }
    if may_end && let Some(id) = group.leaver().map(|member| member.id.clone()) {
        let cause = at(
            cx.now,
            "an instance was taken out of service in response to an EC2 instance rebalance recommendation.",
        );
        end(cx, group, &id, cause)?;
        return Ok(Next::Again);
    }
    Ok(Next::Rest(None))
}

/// One that is too many goes: into the warm pool where that takes it back.
fn retire(cx: &mut Cx<'_>, group: &mut Group, id: &str, cause: String) -> Result<(), Fault> {
    if !group.takes_back() {
        return end(cx, group, id, cause).map(drop);
    }
    warm::take_back(cx, group, id, cause)
}

/// Launches one in the stead of what the group's refresh has ended, or will end.
fn start_for_refresh(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen) -> Result<Next, Fault> {
    let before = group.size();
    let cause = at(cx.now, "an instance was launched in response to an instance refresh.");
    let next = start(cx, group, seen, &cause)?;
    let more = group.size() - before;
    if more > 0 {
        refresh::owe(cx, group, -more)?;
    }
    Ok(next)
}

fn start(cx: &mut Cx<'_>, group: &mut Group, seen: &Seen, cause: &str) -> Result<Next, Fault> {
    if warm::draw(cx, group, seen, cause)? {
        return Ok(Next::Again);
    }
    let is_spot = group.next_is_spot();
    let mut zones = seen.available.clone();
    loop {
        let Some(place) = mixed::choose(cx, group, &zones, is_spot)? else { return Ok(Next::Rest(None)) };
        match launch(cx, group, &place, cause.to_owned(), None) {
            Ok(member) => {
                group.members.push(member);
                return Ok(Next::Again);
            }
            // AWS: another zone of the group is tried.
            Err(fault) if fault.code == NO_CAPACITY => {
                zones.remove(&place.zone);
                if mixed::choose(cx, group, &zones, is_spot)?.is_none() {
                    return Ok(Next::Refused(fault));
                }
                failed(cx, group, &fault);
            }
            Err(fault) => return Ok(Next::Refused(fault)),
        }
    }
}

fn start_of(
    cx: &mut Cx<'_>,
    group: &mut Group,
    seen: &Seen,
    is_spot: bool,
    cause: String,
) -> Result<Next, Fault> {
    // No zone is there: the next that comes back is news.
    let Some(place) = mixed::choose(cx, group, &seen.available, is_spot)? else {
        return Ok(Next::Rest(None));
    };
    Ok(match launch(cx, group, &place, cause, None) {
        Ok(member) => {
            group.members.push(member);
            Next::Again
        }
        Err(fault) => Next::Refused(fault),
    })
}

fn shrinking(cx: &Cx<'_>, group: &Group, id: &str) -> String {
    let (size, desired) = (group.size(), group.desired);
    let words = format!(
        "an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from {size} to {desired}."
    );
    let selected = at(cx.now, &format!("instance {id} was selected for termination."));
    format!("{}  {}  {selected}", group.cause, at(cx.now, &words))
}

/// Writes an activity, and forgets those of the group whose time is over.
pub(crate) fn tell(cx: &mut Cx<'_>, activity: &super::model::Activity) -> Result<(), Fault> {
    let place = key(cx.account, cx.region, &activity.group);
    let mut over = Vec::new();
    for pair in ACTIVITIES.scan(cx.tx, &place, Direction::Forward) {
        let (key, old) = pair.map_err(internal)?;
        if !old.is_over(cx.now) {
            break;
        }
        over.push(key);
    }
    over.iter().for_each(|key| ACTIVITIES.delete(cx.tx, key));
    ACTIVITIES.put(cx.tx, &place.time(activity.start).str(&activity.id), activity);
    Ok(())
}
