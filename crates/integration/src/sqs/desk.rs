//! [`Desk`]: the running side of a queue: its [`Dispatcher`], and who waits for messages.
//!
//! A desk is set up from the store when a queue is first used, and follows every commit from then on: whoever writes a
//! message has taken its place at the desk before, and the end of the transaction tells the desk
//! ([`store::Tx::on_end`]). A restart forgets desks and nothing else: receives are written beside their messages.

use super::dispatch::{Dispatcher, Lease, Seq};
use super::errors::SqsError;
use super::metering::{Happened, Tally};
use super::model::message::{self, MESSAGES, Message, RECEIVES};
use super::model::queue::Queue;
use base::Timestamp;
use kernel::Cloud;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use store::{Direction, Tx};
use tokio::sync::Notify;

/// AWS: `ReceiveMessage`: for so long a receive can be repeated by its attempt id.
const ATTEMPT_LIFE: Duration = Duration::from_secs(300);
/// Attempts that are remembered; then those that are over are forgotten.
const ATTEMPTS_MAX: usize = 4096;

/// What a receive of a FIFO queue gave, by which it can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    at: Timestamp,
    given: Vec<(Seq, Lease)>,
}

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) queue: u64,
    fifo: bool,
    dispatcher: Mutex<Dispatcher>,
    attempts: Mutex<HashMap<String, Attempt>>,
    /// What is too old and still on the disk.
    expired: Mutex<Vec<Seq>>,
    /// What CloudWatch is told.
    tally: Mutex<Tally>,
    /// One waiting receive is woken for each message that becomes visible.
    pub(crate) arrivals: Notify,
}

/// All desks of a cloud.
#[derive(Default, Debug)]
pub(crate) struct Desks {
    all: RwLock<HashMap<u64, Arc<Desk>>>,
    /// One desk is set up at a time.
    setting_up: Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desks {
    pub(crate) fn find(&self, queue: u64) -> Option<Arc<Desk>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(&queue).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Desk>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn remove(&self, queue: u64) -> Option<Arc<Desk>> {
        self.all.write().unwrap_or_else(PoisonError::into_inner).remove(&queue)
    }
}

/// The desk of a queue.
///
/// # Errors
/// The store's, when it has to be set up.
pub(crate) fn of(cloud: &Cloud, queue: &Queue) -> Result<Arc<Desk>, SqsError> {
    let desks = cloud.memory::<Desks>();
    if let Some(desk) = desks.find(queue.uid) {
        return Ok(desk);
    }
    let alone = locked(&desks.setting_up);
    if let Some(desk) = desks.find(queue.uid) {
        return Ok(desk);
    }
    let desk = Arc::new(set_up(cloud, queue)?);
    desks.all.write().unwrap_or_else(PoisonError::into_inner).insert(queue.uid, Arc::clone(&desk));
    drop(alone);
    Ok(desk)
}

fn set_up(cloud: &Cloud, queue: &Queue) -> Result<Desk, SqsError> {
    let now = cloud.clock().now();
    let mut dispatcher = Dispatcher::new(queue.is_fifo(), now);
    let snapshot = cloud.store().snapshot();
    let mut leases = HashMap::new();
    let prefix = message::prefix(queue.uid);
    let seq_of = |key: &store::Key| {
        let mut reader = key.reader();
        reader.scope();
        reader.u64();
        reader.u64().unwrap_or_default()
    };
    for entry in RECEIVES.scan(&snapshot, &prefix, Direction::Forward) {
        let (key, receive) = entry?;
        leases.insert(seq_of(&key), receive.lease());
    }
    for entry in MESSAGES.scan(&snapshot, &prefix, Direction::Forward) {
        let (key, message) = entry?;
        let seq = seq_of(&key);
        let lease = leases.remove(&seq);
        if seq > queue.purged_to {
            dispatcher.arrive(&message.arrival(seq, lease), now);
        }
    }
    forget_orphans(cloud, queue.uid, leases.into_keys());
    Ok(Desk {
        queue: queue.uid,
        fifo: queue.is_fifo(),
        dispatcher: Mutex::new(dispatcher),
        attempts: Mutex::default(),
        expired: Mutex::default(),
        tally: Mutex::new(Tally::new(queue, now)),
        arrivals: Notify::new(),
    })
}

/// Receives that were written while their message was being deleted.
fn forget_orphans(cloud: &Cloud, queue: u64, orphans: impl Iterator<Item = Seq>) {
    let mut tx = cloud.store().begin();
    orphans.for_each(|seq| RECEIVES.delete(&mut tx, &message::key(queue, seq)));
    // Nobody waits for it: what stays is found the next time.
    drop(tx.commit());
}

impl Desk {
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Dispatcher) -> T) -> T {
        work(&mut locked(&self.dispatcher))
    }

    pub(crate) fn tally<T>(&self, work: impl FnOnce(&mut Tally) -> T) -> T {
        work(&mut locked(&self.tally))
    }

    pub(crate) fn note(&self, what: Happened, now: Timestamp) {
        self.tally(|tally| tally.note(what, now));
    }

    /// Notes what has happened once the transaction commits.
    pub(crate) fn note_after(self: &Arc<Self>, tx: &mut Tx, what: Happened, now: Timestamp) {
        let desk = Arc::clone(self);
        tx.on_end(move |commit| {
            if commit.is_some() {
                desk.note(what, now);
            }
        });
    }

    /// Takes the next place, for a message that `tx` is to write; it arrives when the transaction commits. The place
    /// is what the message's key is made of.
    pub(crate) fn send(
        self: &Arc<Self>,
        tx: &mut Tx,
        now: Timestamp,
        group: Option<&str>,
        message: impl FnOnce(Seq) -> Message,
    ) -> Seq {
        let group = group.map(Arc::from);
        let seq = self.with(|dispatcher| dispatcher.reserve(group.as_ref(), now));
        let message = message(seq);
        MESSAGES.put(tx, &message::key(self.queue, seq), &message);
        let mut arrival = message.arrival(seq, None);
        arrival.group = group;
        let desk = Arc::clone(self);
        tx.on_end(move |commit| {
            match commit {
                Some(_) => desk.with(|dispatcher| dispatcher.arrive(&arrival, now)),
                None => desk.with(|dispatcher| dispatcher.abandon(seq)),
            }
            desk.arrivals.notify_one();
        });
        seq
    }

    /// Deletes a message; it leaves the desk when the transaction commits.
    pub(crate) fn delete(self: &Arc<Self>, tx: &mut Tx, seq: Seq) {
        message::delete(tx, self.queue, seq);
        let desk = Arc::clone(self);
        tx.on_end(move |commit| {
            if commit.is_some() {
                desk.with(|dispatcher| dispatcher.remove(seq));
                // What stood behind it in its group may come.
                if desk.fifo {
                    desk.arrivals.notify_one();
                }
            }
        });
    }

    /// What an earlier receive of this attempt gave, if all of it still holds.
    pub(crate) fn repeat(
        &self,
        attempt: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Vec<(Seq, Lease)>> {
        let found = locked(&self.attempts).get(attempt).cloned()?;
        if found.at.plus(ATTEMPT_LIFE) <= now {
            return None;
        }
        self.with(|dispatcher| {
            let holds = |(seq, lease): &(Seq, Lease), d: &mut Dispatcher| {
                d.held(*seq, lease.nonce, now).is_ok_and(|held| held == *lease)
            };
            if !found.given.iter().all(|given| holds(given, dispatcher)) {
                return None;
            }
            found.given.iter().for_each(|(seq, lease)| dispatcher.hold(*seq, lease.nonce, until, now));
            Some(found.given.iter().map(|(seq, lease)| (*seq, Lease { until, ..*lease })).collect())
        })
    }

    /// Remembers what a receive gave.
    pub(crate) fn remember(&self, attempt: &str, at: Timestamp, given: Vec<(Seq, Lease)>) {
        let mut attempts = locked(&self.attempts);
        if attempts.len() >= ATTEMPTS_MAX {
            attempts.retain(|_, attempt| attempt.at.plus(ATTEMPT_LIFE) > at);
        }
        attempts.insert(attempt.to_owned(), Attempt { at, given });
    }

    /// Takes out what was sent before `horizon`; its bytes are deleted in the background.
    pub(crate) fn expire(&self, horizon: Timestamp) {
        let gone = self.with(|dispatcher| dispatcher.expire(horizon));
        if !gone.is_empty() {
            locked(&self.expired).extend(gone);
        }
    }

    /// What has expired since this was last asked.
    pub(crate) fn take_expired(&self) -> Vec<Seq> {
        std::mem::take(&mut locked(&self.expired))
    }

    /// Everybody who waits looks again: the queue has changed as a whole.
    pub(crate) fn stir(&self) {
        self.arrivals.notify_waiters();
    }
}

/// Closes the desk of a queue that is gone.
pub(crate) fn close(cloud: &Cloud, queue: u64) {
    if let Some(desk) = cloud.memory::<Desks>().remove(queue) {
        desk.stir();
    }
}
