//! [`Trail`]: what waits to be written, and the numbers of what is.

use super::entry::{Age, Block, Note};
use super::walk::block_place;
use super::{AGES, BLOCK_BYTES_MAX, BLOCK_SPAN, TRAIL, WAITING_BYTES_MAX, WRITE_BYTES_MIN};
use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use store::field::write_varint;
use store::{Key, Record, Tx};

/// Which part of the trail: an account's, in one region.
pub(super) type Shelf = (AccountId, &'static str);

/// The trail's memory.
#[derive(Debug)]
pub struct Trail {
    waiting: Mutex<Waiting>,
    number: AtomicU64,
    /// Bytes on disk, as far as is known: writes of transactions that then lose are counted until the next count.
    stored: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    open: BTreeMap<Shelf, Open>,
    /// Full, for the next write.
    full: Vec<Arc<Full>>,
    /// On their way to the disk. They stay here until they are on it, so that no search misses them.
    leaving: Vec<Arc<Full>>,
    bytes: usize,
}

/// A block that still grows.
#[derive(Debug)]
struct Open {
    entries: Vec<u8>,
    number: u64,
    earliest: Timestamp,
    latest: Timestamp,
}

/// A block that no longer changes.
#[derive(Debug)]
pub(crate) struct Full {
    pub(super) shelf: Shelf,
    key: Key,
    /// Each with its length before it.
    pub(super) entries: Vec<u8>,
    record: OnceLock<Vec<u8>>,
}

impl Full {
    /// What is kept of it on disk.
    fn record(&self) -> &[u8] {
        self.record.get_or_init(|| Block::of(&self.entries).to_bytes())
    }
}

pub(super) fn shelf_key((account, region): Shelf) -> Key {
    Key::account(account).str(region)
}

/// Under which the age of a block stands, by the block's stored key.
pub(super) fn age_key(block: &[u8]) -> Option<Key> {
    block_place(block).map(|(_, number)| Key::empty().u64(number))
}

impl Open {
    fn closed(self, shelf: Shelf) -> Arc<Full> {
        let key = shelf_key(shelf).time(self.earliest).u64(self.number);
        Arc::new(Full { shelf, key, entries: self.entries, record: OnceLock::new() })
    }

    fn takes(&self, time: Timestamp) -> bool {
        self.latest.max(time).since(self.earliest.min(time)) <= BLOCK_SPAN
    }
}

impl Trail {
    /// `now` by the machine's clock: numbers go on from it, so that those after a restart are above those before.
    pub(crate) fn new(now: Timestamp) -> Trail {
        Trail {
            waiting: Mutex::default(),
            number: AtomicU64::new(u64::try_from(now.micros()).unwrap_or(0)),
            stored: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Records a call in the transaction of its change.
    pub(crate) fn write(&self, tx: &mut Tx, note: &Note<'_>) {
        let number = self.next();
        let key = shelf_key((note.account, note.region)).time(note.time).u64(number);
        let entry = note.encode(number);
        let mut entries = Vec::with_capacity(entry.len() + 3);
        append(&mut entries, &entry);
        self.put(tx, &key, Block::of(&entries).to_bytes());
    }

    fn put(&self, tx: &mut Tx, key: &Key, bytes: Vec<u8>) {
        let (block, size) = (TRAIL.stored_key(key), bytes.len() as u64);
        self.stored.fetch_add(size, Ordering::Relaxed);
        if let Some(age) = age_key(&block) {
            AGES.put(tx, &age, &Age { block: block.clone(), size });
        }
        tx.put(block, bytes);
    }

    /// Records a call that changed nothing. Returns the blocks that are now to be written ([`Trail::put_all`]): none,
    /// or enough of them for a flush of the disk.
    pub(crate) fn note(&self, note: &Note<'_>) -> Vec<Arc<Full>> {
        let number = self.next();
        let entry = note.encode(number);
        let shelf = (note.account, note.region);
        let mut closed = None;
        let mut waiting = self.waiting();
        if waiting.bytes + entry.len() > WAITING_BYTES_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        waiting.bytes += entry.len();
        if waiting.open.get(&shelf).is_some_and(|o| !o.takes(note.time) || o.entries.len() >= BLOCK_BYTES_MAX)
        {
            closed = waiting.open.remove(&shelf).map(|open| open.closed(shelf));
            waiting.full.extend(closed.clone());
        }
        let open = waiting.open.entry(shelf).or_insert_with(|| Open {
            entries: Vec::with_capacity(4 * entry.len()),
            number,
            earliest: note.time,
            latest: note.time,
        });
        append(&mut open.entries, &entry);
        open.earliest = open.earliest.min(note.time);
        open.latest = open.latest.max(note.time);
        let ready: usize = waiting.full.iter().map(|full| full.entries.len()).sum();
        let full = if ready < WRITE_BYTES_MIN { Vec::new() } else { std::mem::take(&mut waiting.full) };
        waiting.leaving.extend_from_slice(&full);
        drop(waiting);
        // By whom it was filled, so that a write of many does not pack them all in one go.
        if let Some(closed) = closed {
            closed.record();
        }
        full
    }

    /// Closes all blocks, and hands out those that are not known to be on disk. A block that is already on its way is
    /// among them: writing it again, under the same key, changes nothing.
    pub(super) fn close_all(&self) -> Vec<Arc<Full>> {
        let mut waiting = self.waiting();
        let Waiting { open, full, leaving, .. } = &mut *waiting;
        leaving.append(full);
        leaving.extend(std::mem::take(open).into_iter().map(|(shelf, open)| open.closed(shelf)));
        leaving.clone()
    }

    pub(crate) fn put_all(&self, tx: &mut Tx, blocks: &[Arc<Full>]) {
        for block in blocks {
            self.put(tx, &block.key, block.record().to_vec());
        }
    }

    /// These are on disk.
    pub(crate) fn written(&self, blocks: &[Arc<Full>]) {
        let mut waiting = self.waiting();
        waiting.leaving.retain(|block| !blocks.iter().any(|done| Arc::ptr_eq(block, done)));
        let open: usize = waiting.open.values().map(|open| open.entries.len()).sum();
        let closed = waiting.full.iter().chain(&waiting.leaving);
        waiting.bytes = open + closed.map(|block| block.entries.len()).sum::<usize>();
    }

    /// What is not known to be on disk, of one shelf or of all.
    pub(super) fn in_memory(&self, shelf: Option<Shelf>) -> Vec<Vec<u8>> {
        let waiting = self.waiting();
        let wanted = |of: Shelf| shelf.is_none_or(|shelf| shelf == of);
        let open = waiting.open.iter().filter(|(of, _)| wanted(**of)).map(|(_, open)| open.entries.clone());
        let closed = waiting.full.iter().chain(&waiting.leaving);
        let closed = closed.filter(|full| wanted(full.shelf)).map(|full| full.entries.clone());
        open.chain(closed).collect()
    }

    /// How many calls went unrecorded because the disk stalled.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// About how many bytes are on disk.
    pub fn stored_bytes(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    pub(super) fn counted(&self, bytes: u64) {
        self.stored.store(bytes, Ordering::Relaxed);
    }

    /// Forgets what waits.
    pub(crate) fn clear(&self) {
        *self.waiting() = Waiting::default();
        self.counted(0);
    }
}

fn append(entries: &mut Vec<u8>, entry: &[u8]) {
    write_varint(entry.len() as u64, entries);
    entries.extend_from_slice(entry);
}
