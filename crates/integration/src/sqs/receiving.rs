//! How messages leave a queue: to a receiver, or to the dead-letter queue.
//!
//! The dispatcher has already given them to this receive alone, so what is written here meets no other writer. The
//! receive is written beside each message: its count, its name in the receipt handle, and until when it holds. A
//! standard queue's receiver does not wait for the disk: a crash within the moment that the write takes makes the
//! message visible early, which a queue that delivers at least once may do. A FIFO queue's receiver waits, so that a
//! group stays closed whatever happens. What goes to the dead-letter queue goes in one transaction.

use super::desk::Desk;
use super::dispatch::{Lease, Seq};
use super::errors::SqsError;
use super::model::known::{self, Known};
use super::model::message::{self, Content, MESSAGES, Message, RECEIVES, Receive};
use super::model::place::Place;
use super::model::queue::QUEUES;
use super::{sealing, sending};
use kernel::{Cx, Dx};
use std::sync::Arc;
use wire::Fault;

/// A message on its way to its receiver.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) queue: u64,
    pub(crate) seq: Seq,
    pub(crate) lease: Lease,
    pub(crate) message: Message,
    pub(crate) content: Content,
}

/// A message for the dead-letter queue.
pub(crate) type Dead = (Arc<Known>, Seq, Lease);

/// Where a queue's dead letters go, and after how many receives; none while that queue does not exist.
///
/// # Errors
/// The store's.
pub(crate) fn dead_letter_queue(cx: &Cx<'_>, known: &Known) -> Result<Option<(Arc<Known>, u32)>, SqsError> {
    let Some(target) = &known.dead_letters else { return Ok(None) };
    let place = Place { account: target.account, region: target.region, name: target.name.clone() };
    Ok(known::find(cx, &place)?.map(|queue| (queue, target.receives_max)))
}

/// Reads what was taken, writes the receives, and moves the dead letters.
///
/// None when a dead-letter queue has changed meanwhile: everything is given back, to be taken again.
///
/// # Errors
/// Those of KMS and of the store; then everything is given back, too.
pub(crate) async fn give(
    dx: &Dx,
    known: &Known,
    desk: &Arc<Desk>,
    taken: Vec<(Seq, Lease)>,
    dead: Vec<Dead>,
) -> Result<Option<Vec<Given>>, Fault> {
    let mut hold = Hold { desk: Arc::clone(desk), now: dx.now, given: taken.clone(), dead: leases(&dead) };
    let given = dx.read(|cx| read(cx, known, desk, &taken))?;
    let mut tx = dx.cloud().store().begin();
    for Given { seq, lease, .. } in &given {
        RECEIVES.put(&mut tx, &message::key(known.uid, *seq), &Receive::of(lease));
    }
    for (target, seq, _) in &dead {
        bury(&mut tx, dx, known, desk, target, *seq)?;
    }
    let waits = known.is_fifo() || !dead.is_empty();
    let back = std::mem::take(&mut hold.given);
    hold.dead.clear();
    let (holder, at, lost) = (Arc::clone(desk), dx.now, leases(&dead));
    tx.on_end(move |commit| {
        if commit.is_none() {
            drop(Hold { desk: holder, now: at, given: back, dead: lost });
        }
    });
    let commit = tx.commit();
    if waits {
        match commit.await {
            Ok(_) => {}
            Err(store::CommitError::Conflict) => return Ok(None),
            Err(error) => {
                kernel::log::error("a receive could not be saved", &[("problem", &error.to_string())]);
                return Err(SqsError::Internal.into());
            }
        }
    }
    Ok(Some(given))
}

fn leases(dead: &[Dead]) -> Vec<(Seq, Lease)> {
    dead.iter().map(|(_, seq, lease)| (*seq, *lease)).collect()
}

/// Gives back what it still holds when it is dropped.
struct Hold {
    desk: Arc<Desk>,
    now: base::Timestamp,
    given: Vec<(Seq, Lease)>,
    dead: Vec<(Seq, Lease)>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.given.is_empty() && self.dead.is_empty() {
            return;
        }
        self.desk.with(|dispatcher| {
            self.given.iter().for_each(|(seq, lease)| dispatcher.give_back(*seq, lease, self.now));
            self.dead.iter().for_each(|(seq, lease)| dispatcher.hold(*seq, lease.nonce, self.now, self.now));
        });
        self.desk.arrivals.notify_one();
    }
}

fn read(cx: &mut Cx<'_>, known: &Known, desk: &Desk, taken: &[(Seq, Lease)]) -> Result<Vec<Given>, SqsError> {
    let mut given = Vec::with_capacity(taken.len());
    for (seq, lease) in taken {
        match MESSAGES.get(cx.tx, &message::key(known.uid, *seq))? {
            Some(message) => {
                let content = sealing::open(cx, known, &message)?;
                given.push(Given { queue: known.uid, seq: *seq, lease: *lease, message, content });
            }
            // Deleted by somebody who had received it before.
            None => desk.with(|dispatcher| dispatcher.remove(*seq)),
        }
    }
    Ok(given)
}

/// Moves a message to the dead-letter queue. It keeps its id, and in a standard queue its age.
///
/// AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
fn bury(
    tx: &mut store::Tx,
    dx: &Dx,
    known: &Known,
    desk: &Arc<Desk>,
    target: &Known,
    seq: Seq,
) -> Result<(), SqsError> {
    let now = dx.cloud().clock().now();
    // Read in this transaction: it fails if that queue is deleted meanwhile.
    QUEUES.contains(tx, &target.key())?;
    if let Some(message) = MESSAGES.get(&dx.cloud().store().snapshot(), &message::key(known.uid, seq))? {
        let sent = if target.is_fifo() { now } else { message.sent };
        let source = Some(known.arn.clone());
        let letter = Message { sent, visible_at: now, dead_letter_source: source, ..message };
        sending::enter(tx, dx.cloud(), target, letter, now)?;
    }
    desk.delete(tx, seq);
    Ok(())
}
