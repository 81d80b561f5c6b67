//! What happens by itself: schedules come due, targets are called, groups that leave take their schedules along.

use super::errors::{SchedulerError, is_throttled};
use super::metering;
use super::model::{DUE, Due, GROUPS, Group, RUNS, Run, SCHEDULES, Schedule};
use super::target::{self, Failed};
use super::{payload, token};
use base::{Rng, Timestamp};
use kernel::reconcile::Reconciler;
use kernel::{Cloud, due};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, StoreError, Table, Tx};
use wire::Fault;

fn prefix<R: store::Record>(table: &Table<R>) -> Vec<u8> {
    table.stored_key(&Key::empty())
}

/// Schedules come due.
#[derive(Debug)]
pub struct Tick;

impl Reconciler for Tick {
    fn name(&self) -> &'static str {
        "scheduler schedules"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![prefix(&DUE)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &DUE, |tx, due, now| {
            tick(cloud.rng(), tx, due, now).map_err(|error| error.to_string())
        })
    }
}

/// A schedule that was missed while nobody ran it comes once, and then at its next time.
fn tick(rng: &Rng, tx: &mut Tx, due: &Due, now: Timestamp) -> Result<(), StoreError> {
    let key = Schedule::key((due.account, due.region), &due.group, &due.name);
    let Some(schedule) = SCHEDULES.get(tx, &key)? else { return Ok(()) };
    let planned = schedule.planned.unwrap_or(now);
    let (next, at) = plan(rng, &schedule, missed(&schedule, planned, now), now);
    let run = Run {
        account: schedule.account,
        region: schedule.region,
        group: schedule.group.clone(),
        name: schedule.name.clone(),
        target: schedule.target.clone(),
        planned,
        taken: now,
        attempts: 0,
        number: rng.u64(),
        ends: (schedule.delete_after && next.is_none()).then_some(schedule.modified),
    };
    run.put(tx, now);
    schedule.save(tx, next, at);
    Ok(())
}

/// Up to which of its times a schedule has come: those whose window is over are not made up for.
fn missed(schedule: &Schedule, planned: Timestamp, now: Timestamp) -> Timestamp {
    planned.max(now.minus(window(schedule)))
}

fn window(schedule: &Schedule) -> Duration {
    Duration::from_secs(60 * u64::from(schedule.window_minutes.unwrap_or_default()))
}

/// The schedule's next time after `after`, and when within its window it comes.
pub(super) fn plan(
    rng: &Rng,
    schedule: &Schedule,
    after: Timestamp,
    now: Timestamp,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(next) = schedule.next(after).filter(|_| schedule.enabled) else { return (None, None) };
    let at = match window(schedule).as_secs() {
        0 => next,
        seconds => next.plus(Duration::from_secs(rng.below(seconds))),
    };
    (Some(next), Some(at.max(now)))
}

/// Calls targets.
#[derive(Debug)]
pub struct Deliver;

impl Reconciler for Deliver {
    fn name(&self) -> &'static str {
        "scheduler targets"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![prefix(&RUNS)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &RUNS, |tx, run, now| {
            deliver(cloud, tx, run, now).map_err(|error| error.to_string())
        })
    }
}

/// Calls one target; where that fails it is put for later, or into the dead-letter queue.
fn deliver(cloud: &Arc<Cloud>, tx: &mut Tx, run: &Run, now: Timestamp) -> Result<(), StoreError> {
    let execution = format!("{:016x}", cloud.rng().u64());
    let input = payload::of(run, &execution);
    let savepoint = tx.savepoint();
    let Err(fault) = target::reach(cloud, tx, run, &input) else {
        metering::note(cloud, tx, run, &[metering::ATTEMPT]);
        return end(tx, run);
    };
    tx.rollback_to(savepoint);
    let error = if is_throttled(&fault) { metering::THROTTLED } else { metering::ERROR };
    metering::note(cloud, tx, run, &[metering::ATTEMPT, error]);
    // What the target refuses is not tried again.
    let may_help = !fault.is_sender() || is_throttled(&fault);
    let exhausted = if may_help { exhausted(run, now) } else { None };
    if may_help && exhausted.is_none() {
        let attempts = run.attempts + 1;
        Run { attempts, ..run.clone() }.put(tx, now.plus(due::pause(attempts)));
        return Ok(());
    }
    let failed = Failed { fault: &fault, execution: &execution, input: &input, exhausted };
    let savepoint = tx.savepoint();
    let buried = match run.target.dead_letters.as_deref() {
        Some(queue) => target::bury(cloud, tx, run, queue, &failed),
        None => Err(fault.clone()),
    };
    let how = match (&run.target.dead_letters, &buried) {
        (_, Ok(())) => metering::BURIED,
        (Some(_), Err(_)) => metering::NOT_BURIED,
        (None, Err(_)) => metering::DROPPED,
    };
    if let Err(why) = buried {
        tx.rollback_to(savepoint);
        let (arn, problem) = (run.schedule_arn(), why.to_string());
        let fields = [("schedule", arn.as_str()), ("target", run.target.arn.as_str()), ("problem", &problem)];
        kernel::log::warn("a schedule's target was not reached", &fields);
    }
    metering::note(cloud, tx, run, &[how]);
    end(tx, run)
}

/// AWS: a schedule that is to go after its completion goes after its last call.
fn end(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    let Some(as_of) = run.ends else { return Ok(()) };
    let found = SCHEDULES.get(tx, &Schedule::key(run.home(), &run.group, &run.name))?;
    if let Some(schedule) = found.filter(|schedule| schedule.modified == as_of) {
        schedule.delete(tx);
    }
    Ok(())
}

/// Which of the retry policy's bounds is reached, as AWS names it.
fn exhausted(run: &Run, now: Timestamp) -> Option<&'static str> {
    if run.attempts >= run.target.retries {
        return Some("MaximumRetryAttempts");
    }
    let age = Duration::from_secs(run.target.age_seconds.into());
    (now.since(run.taken) >= age).then_some("MaximumEventAgeInSeconds")
}

/// Groups that are being deleted go, with what is in them; client tokens are forgotten.
#[derive(Debug)]
pub struct Leave;

/// Schedules of one transaction.
const AT_ONCE: usize = 200;

impl Reconciler for Leave {
    fn name(&self) -> &'static str {
        "scheduler groups"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![prefix(&GROUPS)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let groups = GROUPS.scan(&snapshot, &Key::empty(), Direction::Forward);
        let groups = groups.map(|pair| pair.map(|(_, group)| group)).collect::<Result<Vec<_>, _>>();
        for group in groups.map_err(|error| error.to_string())?.iter().filter(|group| group.is_deleting) {
            while !leave(cloud, group).map_err(|error| Fault::from(error).to_string())? {}
        }
        due::work_off(cloud, &token::ENDS, |tx, end, _| {
            token::forget(tx, end).map_err(|error| error.to_string())
        })
    }
}

/// Deletes some schedules of a group, and the group with the last; whether it is gone.
fn leave(cloud: &Arc<Cloud>, group: &Group) -> Result<bool, SchedulerError> {
    let mut tx = cloud.store().begin();
    let key = Group::key(group.home(), &group.name);
    let page = SCHEDULES.page(&tx, &key, None, AT_ONCE)?;
    page.items.iter().for_each(|(_, schedule)| schedule.delete(&mut tx));
    let is_last = page.next.is_none();
    if is_last {
        GROUPS.delete(&mut tx, &key);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(is_last),
        Err(store::CommitError::Conflict) => Ok(false),
        Err(_) => Err(SchedulerError::Internal),
    }
}
