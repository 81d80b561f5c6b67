//! The audit trail: who called what, when, from where, what was decided and why. CloudTrail's event history reads it,
//! `virga why` explains from it, least-privilege policies are written from it.
//!
//! A call that changes something is recorded in its own transaction: both are on disk, or neither. Calls that only
//! read, and calls that were refused, have no transaction; they wait in memory for at most [`FLUSH_AFTER`] and are
//! written together as one block, so that auditing a read costs no disk flush. A `kill -9` may thus lose the record of
//! the last second's reads, never of a change.

use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Direction, Key, StoreError, Table, Tx};

store::record! {
    /// One call.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Entry {
        1 => pub request_id: String,
        2 => pub event_id: String,
        3 => pub time: Timestamp,
        /// The model's id of the service: `iam`.
        4 => pub service: String,
        5 => pub operation: String,
        6 => pub region: String,
        /// CloudTrail's `userIdentity`, as JSON.
        7 => pub identity: String,
        8 => pub principal: String,
        9 => pub username: String,
        10 => pub access_key: String,
        11 => pub source_address: String,
        12 => pub user_agent: String,
        /// JSON; empty where there is nothing to show.
        13 => pub request: String,
        14 => pub response: String,
        15 => pub error_code: String,
        16 => pub error_message: String,
        17 => pub read_only: bool,
        18 => pub resources: Vec<String>,
        19 => pub decisions: Vec<Decided>,
        20 => pub account: AccountId,
    }

    /// One authorization decision of a call.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Decided {
        1 => pub action: String,
        2 => pub resource: String,
        3 => pub allowed: bool,
        4 => pub cause: String,
        5 => pub reasons: Vec<String>,
    }

    /// Calls that were written together.
    #[derive(Clone, PartialEq, Debug)]
    struct Block {
        1 => pub entries: Vec<Entry>,
    }
}

/// By account, region, time of the block's first entry, a number that tells equal times apart.
const TRAIL: Table<Block> = Table::new(0x0001, "kernel/trail");

/// CloudTrail's event history goes back this far.
/// AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
const RETENTION: Duration = Duration::from_secs(90 * 86_400);
const FLUSH_AFTER: Duration = Duration::from_secs(1);
const BLOCK_ENTRIES_MAX: usize = 512;
/// A block holds entries of at most this span, so that a search backwards knows when it has seen all of a time.
const BLOCK_SPAN: Duration = Duration::from_secs(5);
/// Beyond this much waiting (a stalled disk), further reads go unrecorded and are counted instead.
const WAITING_MAX: usize = 64 * BLOCK_ENTRIES_MAX;
const TRIM_BATCH: usize = 512;
const TRIM_EVERY: Duration = Duration::from_secs(3_600);

/// Which part of the trail.
type Shelf = (AccountId, &'static str);

/// The trail's memory: what waits to be written.
#[derive(Debug, Default)]
pub struct Trail {
    waiting: Mutex<BTreeMap<Shelf, Vec<Entry>>>,
    sequence: AtomicU64,
    dropped: AtomicU64,
}

impl Trail {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Shelf, Vec<Entry>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, shelf: Shelf, time: Timestamp) -> Key {
        let number = self.sequence.fetch_add(1, Ordering::Relaxed);
        Key::account(shelf.0).str(shelf.1).time(time).u64(number)
    }

    /// Records a change in its own transaction.
    pub(crate) fn write(&self, tx: &mut Tx, region: Region, entry: Entry) {
        let key = self.key((entry.account, region.name()), entry.time);
        TRAIL.put(tx, &key, &Block { entries: vec![entry] });
    }

    /// Records a call that changed nothing. Returns a full block that is now to be written.
    pub(crate) fn note(&self, region: Region, entry: Entry) -> Option<(Key, Vec<Entry>)> {
        let shelf = (entry.account, region.name());
        let mut waiting = self.waiting();
        let entries = waiting.entry(shelf).or_default();
        if entries.len() >= WAITING_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        // A clock that was moved meanwhile begins a new block.
        let first = entries.first().map_or(entry.time, |first| first.time);
        let ends = entries.len() >= BLOCK_ENTRIES_MAX || entry.time.since(first) > BLOCK_SPAN;
        let block = if ends { std::mem::take(entries) } else { Vec::new() };
        entries.push(entry);
        ends.then(|| (self.key(shelf, first), block))
    }

    /// Everything that waits, as blocks.
    fn drain(&self) -> Vec<(Key, Vec<Entry>)> {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting
            .into_iter()
            .filter_map(|(shelf, entries)| Some((self.key(shelf, entries.first()?.time), entries)))
            .collect()
    }

    /// How many reads went unrecorded because the disk stalled.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Forgets what waits.
    pub(crate) fn clear(&self) {
        self.waiting().clear();
    }
}

pub(crate) fn write_blocks(tx: &mut Tx, blocks: Vec<(Key, Vec<Entry>)>) {
    for (key, entries) in blocks {
        TRAIL.put(tx, &key, &Block { entries });
    }
}

/// Writes what waits. Also called before a search, so that it sees all that was answered.
///
/// # Errors
/// The store's, worded.
pub(crate) fn flush(cloud: &Cloud) -> Result<(), String> {
    let blocks = cloud.trail().drain();
    if blocks.is_empty() {
        return Ok(());
    }
    let entries: usize = blocks.iter().map(|(_, entries)| entries.len()).sum();
    let mut tx = cloud.store().begin();
    write_blocks(&mut tx, blocks);
    tx.commit().wait().map(drop).map_err(|e| {
        cloud.trail().dropped.fetch_add(entries as u64, Ordering::Relaxed);
        e.to_string()
    })
}

/// Walks one account's entries in one region, newest first, from `until` down to `since` (both inclusive), until
/// `visit` says stop by returning false.
///
/// # Errors
/// The store's.
pub fn walk(
    tx: &Tx,
    account: AccountId,
    region: Region,
    since: Timestamp,
    until: Timestamp,
    mut visit: impl FnMut(Entry) -> bool,
) -> Result<(), StoreError> {
    let shelf = Key::account(account).str(region.name());
    let mut held: Vec<Entry> = Vec::new();
    for pair in TRAIL.scan(tx, &shelf, Direction::Backward) {
        let (_, block) = pair?;
        let Some(first) = block.entries.first().map(|e| e.time) else { continue };
        // Whatever is later than this block can begin or reach is complete, and leaves in order.
        let horizon = first.plus(BLOCK_SPAN);
        if !leave(&mut held, horizon, &mut visit) {
            return Ok(());
        }
        held.extend(block.entries.into_iter().filter(|e| e.time >= since && e.time <= until));
        if horizon < since {
            break;
        }
    }
    leave(&mut held, Timestamp::from_micros(i64::MIN), &mut visit);
    Ok(())
}

/// Hands over, newest first, what is later than `horizon`. False: the visitor has enough.
fn leave(held: &mut Vec<Entry>, horizon: Timestamp, visit: &mut impl FnMut(Entry) -> bool) -> bool {
    held.sort_by(|a, b| (a.time, &a.event_id).cmp(&(b.time, &b.event_id)));
    while held.last().is_some_and(|entry| entry.time > horizon) {
        if let Some(entry) = held.pop()
            && !visit(entry)
        {
            return false;
        }
    }
    true
}

/// The call with this request id, wherever it is on record.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx, request_id: &str) -> Result<Option<Entry>, StoreError> {
    for pair in TRAIL.scan(tx, &Key::empty(), Direction::Backward) {
        let (_, block) = pair?;
        if let Some(entry) = block.entries.into_iter().find(|entry| entry.request_id == request_id) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Writes what waits, once a second.
#[derive(Debug)]
pub(crate) struct Flush;

impl Reconciler for Flush {
    fn name(&self) -> &'static str {
        "audit flush"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        FLUSH_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        flush(cloud).map(|()| None)
    }
}

/// Forgets what is older than the event history goes back.
#[derive(Debug)]
pub(crate) struct Trim;

impl Reconciler for Trim {
    fn name(&self) -> &'static str {
        "audit trim"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        while trim(cloud, now.minus(RETENTION))? == TRIM_BATCH {}
        Ok(Some(now.plus(TRIM_EVERY)))
    }
}

fn trim(cloud: &Cloud, before: Timestamp) -> Result<usize, String> {
    // Read outside of the transaction: calls are recorded all the time, and deleting old ones must not lose to that.
    let snapshot = cloud.store().snapshot();
    let mut old = Vec::new();
    for pair in TRAIL.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let (key, block) = pair.map_err(|e| e.to_string())?;
        if block.entries.last().is_none_or(|entry| entry.time < before) {
            old.push(key);
        }
        if old.len() == TRIM_BATCH {
            break;
        }
    }
    if old.is_empty() {
        return Ok(0);
    }
    let mut tx = cloud.store().begin();
    old.iter().for_each(|key| TRAIL.delete(&mut tx, key));
    tx.commit().wait().map_err(|e| e.to_string())?;
    Ok(old.len())
}

/// Bounds that take in the whole trail.
pub fn always() -> (Timestamp, Timestamp) {
    (Timestamp::from_micros(i64::MIN / 2), Timestamp::from_micros(i64::MAX / 2))
}
