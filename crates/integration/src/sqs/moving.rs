//! Does what move tasks are to do: message by message, each in a transaction that also counts it, so that a crash
//! neither loses nor doubles one.
//!
//! A moved message is a new one: another id, another age, no receives.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>

use super::desk::{self, Desk};
use super::dispatch::{Asked, Lease, Seq};
use super::errors::SqsError;
use super::model::known::{self, Known};
use super::model::message::{self, MESSAGES, Message};
use super::model::queue::{QUEUES, key};
use super::model::redrive;
use super::model::task::{Status, TASKS, Task};
use super::sending;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Read, Tx};
use wire::Fault;

/// Messages that one transaction moves.
const BATCH: usize = 50;
/// A message is held for so long while it is moved: longer than any transaction.
const HOLD: Duration = Duration::from_secs(60);

/// Codes of failed tasks.
mod failure {
    pub(super) const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";
    pub(super) const NO_SOURCE: &str = "CouldNotDetermineMessageSource";
}

#[derive(Debug)]
pub struct Move;

impl Reconciler for Move {
    fn name(&self) -> &'static str {
        "sqs move tasks"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![TASKS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let all: Result<Vec<_>, _> = TASKS.scan(&snapshot, &Key::empty(), Direction::Forward).collect();
        drop(snapshot);
        let mut next = None;
        for (_, task) in all.map_err(|e| e.to_string())?.into_iter().filter(|(_, task)| task.is_active()) {
            let at = advance(cloud, task).map_err(|e| Fault::from(e).to_string())?;
            next = [next, at].into_iter().flatten().min();
        }
        Ok(next)
    }
}

/// What became of a step.
enum Step {
    Moved,
    Nothing,
    Failed(&'static str),
    /// Somebody changed the task or a queue: look again.
    Again,
}

/// Works on a task as far as its rate lets it; says when it may go on.
fn advance(cloud: &Arc<Cloud>, mut task: Task) -> Result<Option<Timestamp>, SqsError> {
    loop {
        if task.status == Status::Cancelling {
            return end(cloud, &task, Status::Cancelled, None).map(|()| None);
        }
        let now = cloud.clock().now();
        let allowed = allowance(&task, now);
        if allowed == 0 {
            return Ok(task.rate.map(|rate| due(&task, rate)));
        }
        match step(cloud, &task, allowed.min(BATCH as u64), now)? {
            Step::Moved | Step::Again => {}
            Step::Nothing => return end(cloud, &task, Status::Completed, None).map(|()| None),
            Step::Failed(why) => return end(cloud, &task, Status::Failed, Some(why)).map(|()| None),
        }
        match TASKS.get(&cloud.store().snapshot(), &task.key())? {
            Some(current) if current.is_active() => task = current,
            _ => return Ok(None),
        }
    }
}

/// How many more the rate allows by now.
fn allowance(task: &Task, now: Timestamp) -> u64 {
    let Some(rate) = task.rate else { return u64::MAX };
    let elapsed = u64::try_from(now.since(task.started).as_micros()).unwrap_or(u64::MAX);
    (elapsed.saturating_mul(rate.into()) / 1_000_000).saturating_sub(task.moved)
}

/// When the rate allows the next one.
fn due(task: &Task, rate: u32) -> Timestamp {
    let micros = (task.moved + 1).saturating_mul(1_000_000).div_ceil(rate.max(1).into());
    task.started.plus(Duration::from_micros(micros))
}

fn find(cloud: &Cloud, from: &dyn Read, arn: &str) -> Result<Option<Arc<Known>>, SqsError> {
    let Some((account, region, name)) = redrive::queue_of(arn) else { return Ok(None) };
    known::load(cloud, from, &QUEUES.stored_key(&key(account, region, &name)))
}

fn step(cloud: &Arc<Cloud>, task: &Task, count: u64, now: Timestamp) -> Result<Step, SqsError> {
    let mut tx = cloud.store().begin();
    match TASKS.get(&tx, &task.key())? {
        Some(current) if current.status == Status::Running => {}
        _ => return Ok(Step::Again),
    }
    let source_key = key(task.account, task.region, &task.source);
    let Some(source) = known::load(cloud, &tx, &QUEUES.stored_key(&source_key))? else {
        return Ok(Step::Failed(failure::NO_QUEUE));
    };
    let fixed = match &task.destination_arn {
        None => None,
        Some(arn) => match find(cloud, &tx, arn)? {
            Some(known) => Some(known),
            None => return Ok(Step::Failed(failure::NO_QUEUE)),
        },
    };
    let desk = desk::of(cloud, &source)?;
    desk.expire(now.minus(source.retention()));
    let max = usize::try_from(count).unwrap_or(BATCH);
    let asked = Asked { max, now, visibility: HOLD, receives_max: None, in_flight_max: usize::MAX };
    let taken = desk.with(|dispatcher| dispatcher.take(&asked, || cloud.rng().u64())).given;
    if taken.is_empty() {
        return Ok(Step::Nothing);
    }
    let outcome = shift(cloud, &mut tx, (&source, &desk), fixed.as_ref(), &taken, now);
    let done = match outcome {
        Ok(Ok(())) => {
            let moved = task.moved + taken.len() as u64;
            TASKS.put(&mut tx, &task.key(), &Task { moved, ..task.clone() });
            match tx.commit().wait() {
                Ok(_) => return Ok(Step::Moved),
                Err(CommitError::Conflict) => Step::Again,
                Err(error) => {
                    kernel::log::error("messages could not be moved", &[("problem", &error.to_string())]);
                    give_back(&desk, &taken, now);
                    return Err(SqsError::Internal);
                }
            }
        }
        Ok(Err(why)) => Step::Failed(why),
        Err(error) => {
            give_back(&desk, &taken, now);
            return Err(error);
        }
    };
    give_back(&desk, &taken, now);
    Ok(done)
}

fn give_back(desk: &Desk, taken: &[(Seq, Lease)], now: Timestamp) {
    desk.with(|dispatcher| taken.iter().for_each(|(seq, lease)| dispatcher.give_back(*seq, lease, now)));
    desk.arrivals.notify_one();
}

/// Writes the messages where they belong, and deletes them where they were.
fn shift(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    (source, desk): (&Known, &Arc<Desk>),
    fixed: Option<&Arc<Known>>,
    taken: &[(Seq, Lease)],
    now: Timestamp,
) -> Result<Result<(), &'static str>, SqsError> {
    for (seq, _) in taken {
        let snapshot = cloud.store().snapshot();
        if let Some(message) = MESSAGES.get(&snapshot, &message::key(source.uid, *seq))? {
            let target = match (fixed, &message.dead_letter_source) {
                (Some(fixed), _) => Arc::clone(fixed),
                (None, None) => return Ok(Err(failure::NO_SOURCE)),
                (None, Some(arn)) => match find(cloud, &*tx, arn)? {
                    Some(known) => known,
                    None => return Ok(Err(failure::NO_QUEUE)),
                },
            };
            let id = base::id::uuid(cloud.rng());
            let fresh = Message { id, sent: now, visible_at: now, dead_letter_source: None, ..message };
            sending::enter(tx, cloud, &target, fresh, now)?;
        }
        desk.delete(tx, *seq);
    }
    Ok(Ok(()))
}

/// Ends a task, unless it has changed.
fn end(cloud: &Cloud, task: &Task, status: Status, failure: Option<&str>) -> Result<(), SqsError> {
    let mut tx = cloud.store().begin();
    let Some(mut current) = TASKS.get(&tx, &task.key())?.filter(Task::is_active) else { return Ok(()) };
    // Who cancelled meanwhile has the last word.
    current.status = if current.status == Status::Cancelling { Status::Cancelled } else { status };
    current.failure = failure.map(str::to_owned);
    TASKS.put(&mut tx, &current.key(), &current);
    match tx.commit().wait() {
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => {
            kernel::log::error("a move task could not be ended", &[("problem", &error.to_string())]);
            Err(SqsError::Internal)
        }
    }
}
