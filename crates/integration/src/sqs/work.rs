//! What happens to queues by themselves: messages grow too old, ids are forgotten, what was deleted leaves the disk.

pub use super::moving::Move;

use super::desk::{self, Desks};
use super::dispatch::Seq;
use super::errors::SqsError;
use super::model::message::{self, FORGET, MESSAGES, RECEIVES, USED, used_key};
use super::model::queue::{GRAVES, QUEUES, Queue, RUBBISH};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Record, Table, Tx};
use wire::Fault;

/// Rows that one transaction deletes.
const BATCH: usize = 500;
/// A grave is of no use after this.
const GRAVE_LIFE: Duration = Duration::from_secs(120);

fn commit(tx: Tx) -> Result<(), SqsError> {
    tx.commit().wait().map(drop).map_err(|error| {
        kernel::log::error("a queue could not be cleaned up", &[("problem", &error.to_string())]);
        SqsError::Internal
    })
}

/// Deletes messages whose retention period is over.
#[derive(Debug)]
pub struct Expire;

impl Reconciler for Expire {
    fn name(&self) -> &'static str {
        "sqs retention"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![QUEUES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        expire_all(cloud).map_err(|error| Fault::from(error).to_string())
    }
}

fn expire_all(cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, SqsError> {
    let now = cloud.clock().now();
    let snapshot = cloud.store().snapshot();
    let mut next = None;
    for entry in QUEUES.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let queue = entry?.1;
        let at = expire(cloud, &queue, now)?;
        next = [next, at].into_iter().flatten().min();
    }
    let mut tx = cloud.store().begin();
    for entry in GRAVES.scan(&snapshot, &Key::empty(), Direction::Forward).take(BATCH) {
        let (key, grave) = entry?;
        if grave.deleted.plus(GRAVE_LIFE) <= now {
            GRAVES.delete(&mut tx, &key);
        }
    }
    commit(tx)?;
    Ok(next)
}

/// When the queue's oldest message expires, after those that have were deleted.
fn expire(cloud: &Arc<Cloud>, queue: &Queue, now: Timestamp) -> Result<Option<Timestamp>, SqsError> {
    let horizon = now.minus(queue.retention());
    let desk = match cloud.memory::<Desks>().find(queue.uid) {
        Some(desk) => desk,
        None => {
            // A queue that nobody has used since the start is left alone while its first message is young.
            let first = MESSAGES
                .scan(&cloud.store().snapshot(), &message::prefix(queue.uid), Direction::Forward)
                .next()
                .transpose()?;
            match first {
                None => return Ok(None),
                Some((_, message)) if message.sent > horizon => {
                    return Ok(Some(message.sent.plus(queue.retention())));
                }
                Some(_) => desk::of(cloud, queue)?,
            }
        }
    };
    desk.expire(horizon);
    for part in desk.take_expired().chunks(BATCH) {
        let mut tx = cloud.store().begin();
        part.iter().for_each(|seq| message::delete(&mut tx, queue.uid, *seq));
        commit(tx)?;
    }
    Ok(desk.with(|dispatcher| dispatcher.oldest()).map(|sent| sent.plus(queue.retention())))
}

/// Forgets deduplication ids whose time is over.
#[derive(Debug)]
pub struct ForgetIds;

impl Reconciler for ForgetIds {
    fn name(&self) -> &'static str {
        "sqs deduplication"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        forget_ids(cloud).map_err(|error| Fault::from(error).to_string())
    }
}

fn forget_ids(cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, SqsError> {
    loop {
        let now = cloud.clock().now();
        let page = FORGET.page(&cloud.store().snapshot(), &Key::empty(), None, BATCH)?;
        let mut tx = cloud.store().begin();
        for (key, forget) in &page.items {
            if forget.at.plus(super::sending::DEDUPLICATION_LIFE) > now {
                let at = forget.at.plus(super::sending::DEDUPLICATION_LIFE);
                commit(tx)?;
                return Ok(Some(at));
            }
            let used = used_key(forget.queue, &forget.group, &forget.id);
            // It may have been used again since.
            if USED.get(&cloud.store().snapshot(), &used)?.is_some_and(|used| used.at == forget.at) {
                USED.delete(&mut tx, &used);
            }
            FORGET.delete(&mut tx, key);
        }
        commit(tx)?;
        if page.next.is_none() {
            return Ok(None);
        }
    }
}

/// Deletes what purged and deleted queues have left behind.
#[derive(Debug)]
pub struct Sweep;

impl Reconciler for Sweep {
    fn name(&self) -> &'static str {
        "sqs sweeping"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![RUBBISH.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        sweep(cloud).map_err(|error| Fault::from(error).to_string())?;
        Ok(None)
    }
}

fn sweep(cloud: &Arc<Cloud>) -> Result<(), SqsError> {
    let all: Result<Vec<_>, _> =
        RUBBISH.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
    for (key, rubbish) in all? {
        let Some(queue) = queue_of(&key) else { continue };
        clear(cloud, &MESSAGES, queue, rubbish.to)?;
        clear(cloud, &RECEIVES, queue, rubbish.to)?;
        if rubbish.whole {
            clear(cloud, &USED, queue, Seq::MAX)?;
        }
        let mut tx = cloud.store().begin();
        RUBBISH.delete(&mut tx, &key);
        commit(tx)?;
    }
    Ok(())
}

fn queue_of(key: &Key) -> Option<u64> {
    let mut reader = key.reader();
    reader.scope()?;
    reader.u64()
}

/// Deletes a queue's rows up to `to`; all of them where rows are not numbered.
fn clear<R: Record>(cloud: &Cloud, table: &Table<R>, queue: u64, to: Seq) -> Result<(), SqsError> {
    loop {
        let page = table.page(&cloud.store().snapshot(), &message::prefix(queue), None, BATCH)?;
        let is_due = |key: &Key| {
            let mut reader = key.reader();
            reader.scope();
            reader.u64();
            to == Seq::MAX || reader.u64().is_some_and(|seq| seq <= to)
        };
        let due: Vec<&Key> = page.items.iter().map(|(key, _)| key).filter(|key| is_due(key)).collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = cloud.store().begin();
        due.into_iter().for_each(|key| table.delete(&mut tx, key));
        commit(tx)?;
    }
}
