//! Writing what waits, and forgetting what is too old or too much.

use super::trail::Full;
use super::walk::{block_place, whole};
use super::{BLOCK_SPAN, RETENTION, TRAIL_BYTES_MAX};
use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, KeyRange, Read, Slice};

const FLUSH_AFTER: Duration = Duration::from_secs(1);
const TRIM_EVERY: Duration = Duration::from_secs(3_600);
/// How many blocks one transaction deletes.
const TRIM_BATCH: usize = 512;
/// When blocks are dropped for size, their ages are told apart in steps of this many numbers.
const AGE_STEP: u64 = 64;

/// Writes what waits.
///
/// # Errors
/// The store's, worded. What was to be written still waits.
pub(crate) fn flush(cloud: &Cloud) -> Result<(), String> {
    let blocks = cloud.trail().close_all();
    if blocks.is_empty() {
        return Ok(());
    }
    let mut tx = cloud.store().begin();
    cloud.trail().put_all(&mut tx, &blocks);
    tx.commit().wait().map_err(|e| e.to_string())?;
    cloud.trail().written(&blocks);
    Ok(())
}

impl Cloud {
    /// Writes one block that is full. A failure is logged; the block stays for the next flush.
    pub(crate) async fn write_block(&self, block: Arc<Full>) {
        let blocks = [block];
        let mut tx = self.store().begin();
        self.trail().put_all(&mut tx, &blocks);
        match tx.commit().await {
            Ok(_) => self.trail().written(&blocks),
            Err(error) => {
                crate::log::error("audit records could not be written", &[("problem", &error.to_string())]);
            }
        }
    }
}

/// Writes what waits, once a second, and keeps the trail within its size.
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
        flush(cloud)?;
        if cloud.trail().stored_bytes() > TRAIL_BYTES_MAX {
            shrink(cloud, TRAIL_BYTES_MAX)?;
        }
        Ok(None)
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

    fn nap(&self) -> Duration {
        TRIM_EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        forget_before(cloud, now.minus(RETENTION))?;
        shrink(cloud, TRAIL_BYTES_MAX)?;
        Ok(Some(now.plus(TRIM_EVERY)))
    }
}

/// Deletes blocks all of whose entries are older than `before`. Reads the old blocks and one more of each shelf.
fn forget_before(cloud: &Cloud, before: Timestamp) -> Result<(), String> {
    let snapshot = cloud.store().snapshot();
    let mut range = whole();
    let mut old = Vec::new();
    loop {
        let mut next = None;
        for pair in snapshot.scan(range.clone(), Direction::Forward) {
            let (key, _) = pair.map_err(|e| e.to_string())?;
            if block_place(&key).is_none_or(|(earliest, _)| earliest.plus(BLOCK_SPAN) < before) {
                old.push(key);
            } else {
                next = Some(key);
                break;
            }
        }
        let Some(young) = next else { break };
        // The rest of its shelf is younger still: go on with the next shelf.
        let Some(shelf) = young.len().checked_sub(16) else { break };
        let Some(end) = KeyRange::prefix(&young[..shelf]).end else { break };
        range = KeyRange { start: end, end: range.end };
    }
    delete(cloud, old)
}

/// Counts the trail and, where it is larger than `most` bytes, deletes what was recorded first, down to three
/// quarters of that.
fn shrink(cloud: &Cloud, most: u64) -> Result<(), String> {
    let snapshot = cloud.store().snapshot();
    // By age, so that memory is bounded by the number of steps rather than of blocks.
    let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
    let mut total = 0;
    for pair in snapshot.scan(whole(), Direction::Forward) {
        let (key, value) = pair.map_err(|e| e.to_string())?;
        let age = block_place(&key).map_or(0, |(_, number)| number / AGE_STEP);
        *sizes.entry(age).or_default() += value.len() as u64;
        total += value.len() as u64;
    }
    let mut excess = if total > most { total - most / 4 * 3 } else { 0 };
    cloud.trail().counted(total - excess);
    let mut youngest = None;
    for (age, bytes) in sizes {
        if excess == 0 {
            break;
        }
        youngest = Some(age);
        excess = excess.saturating_sub(bytes);
    }
    let Some(youngest) = youngest else { return Ok(()) };
    let mut doomed = Vec::new();
    for pair in snapshot.scan(whole(), Direction::Forward) {
        let (key, _) = pair.map_err(|e| e.to_string())?;
        if block_place(&key).is_none_or(|(_, number)| number / AGE_STEP <= youngest) {
            doomed.push(key);
        }
    }
    crate::log::warn("the audit trail reached its size; the oldest records were dropped", &[]);
    delete(cloud, doomed)
}

fn delete(cloud: &Cloud, keys: Vec<Slice>) -> Result<(), String> {
    let mut keys = keys.into_iter().peekable();
    while keys.peek().is_some() {
        // Reads nothing, so it conflicts with nobody.
        let mut tx = cloud.store().begin();
        keys.by_ref().take(TRIM_BATCH).for_each(|key| tx.delete(key));
        tx.commit().wait().map_err(|e| e.to_string())?;
    }
    Ok(())
}
