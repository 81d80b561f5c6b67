//! Where lines wait: in memory for about a second, then in the store until they are delivered.

use crate::s3::configs::LoggingRecord;
use crate::s3::watched::WatchedBucket;
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Key, Table};

/// The most that waits in memory, in bytes: a stalled disk must not take all of it.
const WAITING_BYTES_MAX: usize = 32 << 20;
/// Blocks are closed when they reach this size.
const BLOCK_BYTES: usize = 256 << 10;
const DAY_SECONDS: i64 = 86_400;

store::record! {
    /// Lines of one bucket and one day, written together.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Block {
        /// The bucket whose requests they tell of.
        1 => pub bucket: String,
        2 => pub owner: AccountId,
        3 => pub region: Region,
        /// Where they go: what held when the first of them was made.
        4 => pub to: LoggingRecord,
        /// The time of the first one.
        5 => pub first: Timestamp,
        6 => pub lines: String,
    }
}

/// By the time of the first line, and a number.
pub const BLOCKS: Table<Block> = Table::new(0x2033, "s3/access logs");

/// Lines that wait in memory. Kept by [`Cloud::memory`].
#[derive(Default, Debug)]
pub struct Waiting(Mutex<Lines>);

#[derive(Default, Debug)]
struct Lines {
    /// By bucket and day, the open block last.
    blocks: BTreeMap<(String, i64), Vec<Block>>,
    bytes: usize,
    dropped: u64,
}

/// Takes a line for the log of a bucket.
pub fn note(cloud: &Cloud, bucket: &Arc<WatchedBucket>, time: Timestamp, line: &str) {
    let Some(to) = &bucket.logging else { return };
    let waiting = cloud.memory::<Waiting>();
    let mut lines = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.bytes + line.len() > WAITING_BYTES_MAX {
        lines.dropped += 1;
        return;
    }
    lines.bytes += line.len();
    let day = time.seconds().div_euclid(DAY_SECONDS);
    let blocks = lines.blocks.entry((bucket.name.clone(), day)).or_default();
    match blocks.last_mut().filter(|block| block.lines.len() < BLOCK_BYTES && block.to == *to) {
        Some(open) => open.lines.push_str(line),
        None => blocks.push(Block {
            bucket: bucket.name.clone(),
            owner: bucket.owner,
            region: bucket.region,
            to: to.clone(),
            first: time,
            lines: line.to_owned(),
        }),
    }
}

/// Writes what waits.
///
/// # Errors
/// A sentence for the log. What was to be written still waits.
pub fn write(cloud: &Cloud) -> Result<(), String> {
    let waiting = cloud.memory::<Waiting>();
    let taken = std::mem::take(&mut *waiting.0.lock().unwrap_or_else(PoisonError::into_inner));
    if taken.dropped > 0 {
        let lines = taken.dropped.to_string();
        kernel::log::error(
            "lines of access logs were lost: too many wait for the disk",
            &[("lines", &lines)],
        );
    }
    if taken.blocks.is_empty() {
        return Ok(());
    }
    let mut tx = cloud.store().begin();
    for block in taken.blocks.values().flatten() {
        BLOCKS.put(&mut tx, &Key::global().time(block.first).u64(cloud.rng().u64()), block);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(()),
        Err(problem) => {
            let mut lines = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.bytes += taken.bytes;
            for (key, mut blocks) in taken.blocks {
                let since = lines.blocks.remove(&key);
                blocks.extend(since.into_iter().flatten());
                lines.blocks.insert(key, blocks);
            }
            Err(problem.to_string())
        }
    }
}
