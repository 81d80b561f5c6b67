//! What happens by itself: events leave when their retention is over, and what was deleted is swept away.

use super::model::event::{EVENTS, Place, millis, prefix as events};
use super::model::group::{GROUPS, Group};
use super::model::stream::{STREAMS, prefix as streams};
use super::walk::{Span, stream as walk};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, KeyRange, Read, Table, Tx};

/// Groups and streams that nobody can name any more, by their ids.
pub(crate) const RUBBISH: Table<Rubbish> = Table::new(0x1504, "logs/rubbish");

/// How much one transaction deletes.
const BATCH: usize = 1_000;
/// AWS: events are deleted up to 72 hours after they expire; nobody sees them meanwhile.
const RETENTION_EVERY: Duration = Duration::from_secs(3_600);

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Rubbish { 1 => pub(crate) is_stream: bool }
}

/// Sweeps deleted groups and streams away.
#[derive(Debug)]
pub struct Sweep;

impl Reconciler for Sweep {
    fn name(&self) -> &'static str {
        "logs sweep"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![RUBBISH.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        while sweep_some(cloud)? {}
        Ok(None)
    }
}

/// Deletes a part; false once there is nothing left.
fn sweep_some(cloud: &Cloud) -> Result<bool, String> {
    let snapshot = cloud.store().snapshot();
    let first = RUBBISH.scan(&snapshot, &Key::empty(), Direction::Forward).next();
    let Some((place, rubbish)) = first.transpose().map_err(|e| e.to_string())? else { return Ok(false) };
    let mut reader = place.reader();
    let id = reader.scope().and_then(|_| reader.u64()).ok_or("a key of the rubbish cannot be read")?;
    let mut tx = cloud.store().begin();
    let left = if rubbish.is_stream {
        delete(&mut tx, &snapshot, KeyRange::prefix(&EVENTS.stored_key(&events(id))))?
    } else {
        // Each of its streams becomes rubbish of its own.
        let some = STREAMS.page(&snapshot, &streams(id), None, BATCH).map_err(|e| e.to_string())?;
        for (key, stream) in &some.items {
            STREAMS.delete(&mut tx, key);
            RUBBISH.put(&mut tx, &Key::global().u64(stream.id), &Rubbish { is_stream: true });
        }
        some.next.is_some()
    };
    if !left {
        RUBBISH.delete(&mut tx, &place);
    }
    tx.commit().wait().map_err(|e| e.to_string())?;
    Ok(true)
}

/// Deletes at most [`BATCH`] of a range; whether there may be more.
fn delete(tx: &mut Tx, from: &dyn Read, range: KeyRange) -> Result<bool, String> {
    let mut count = 0;
    for pair in from.scan(range, Direction::Forward).take(BATCH) {
        tx.delete(pair.map_err(|e| e.to_string())?.0);
        count += 1;
    }
    Ok(count == BATCH)
}

/// Deletes events whose time is over.
#[derive(Debug)]
pub struct Retain;

impl Reconciler for Retain {
    fn name(&self) -> &'static str {
        "logs retention"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        RETENTION_EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        for pair in GROUPS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, group) = pair.map_err(|e| e.to_string())?;
            if let Some(since) = group.keeps_since(now) {
                expire(cloud, &group, millis(since))?;
            }
        }
        Ok(Some(now.plus(RETENTION_EVERY)))
    }
}

fn expire(cloud: &Cloud, group: &Group, before: i64) -> Result<(), String> {
    let snapshot = cloud.store().snapshot();
    for pair in STREAMS.scan(&snapshot, &streams(group.id), Direction::Forward) {
        let (key, stream) = pair.map_err(|e| e.to_string())?;
        if stream.first.is_none_or(|first| first >= before) {
            continue;
        }
        while expire_some(cloud, &key, before)? {}
    }
    Ok(())
}

/// Deletes a part of a stream's old events, and tells the stream; false once there is nothing left.
fn expire_some(cloud: &Cloud, key: &Key, before: i64) -> Result<bool, String> {
    let mut tx = cloud.store().begin();
    let found = STREAMS.get(&tx, key).map_err(|e| e.to_string())?;
    let Some(mut stream) = found else { return Ok(false) };
    let start = Place { time: i64::MIN, number: 0 };
    let span = Span { since: start, until: Place { time: before, number: 0 } };
    let old: Vec<_> = walk(&tx, stream.id, span, Direction::Forward)
        .take(BATCH)
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    for (place, event) in &old {
        EVENTS.delete(&mut tx, &place.key(stream.id));
        let bytes = (event.message.len() + super::model::event::OVERHEAD_BYTES) as u64;
        stream.bytes = stream.bytes.saturating_sub(bytes);
    }
    let rest = Span { since: Place { time: before, number: 0 }, until: Place { time: i64::MAX, number: 0 } };
    let first =
        walk(&tx, stream.id, rest, Direction::Forward).next().transpose().map_err(|e| e.to_string())?;
    if old.len() < BATCH {
        stream.first = first.map(|(place, _)| place.time);
        stream.last = stream.last.filter(|_| stream.first.is_some());
    }
    STREAMS.put(&mut tx, key, &stream);
    // A writer of the stream wins; the next run finds what is left.
    match tx.commit().wait() {
        Ok(_) => Ok(old.len() == BATCH),
        Err(store::CommitError::Conflict) => Ok(true),
        Err(error) => Err(error.to_string()),
    }
}
