//! Writing what waits, and forgetting what is too old or too much.

use super::trail::{Full, age_key};
use super::walk::{block_place, whole};
use super::{AGES, BLOCK_SPAN, RETENTION, TRAIL_BYTES_MAX};
use crate::cloud::Cloud;
use crate::meter;
use crate::reconcile::Reconciler;
use base::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, KeyRange, Read, Slice};

const FLUSH_AFTER: Duration = Duration::from_secs(1);
const TRIM_EVERY: Duration = Duration::from_secs(3_600);
/// How many rows one transaction deletes.
const TRIM_BATCH: usize = 1_024;

/// Writes what waits, and what has been metered meanwhile: one flush of the disk does for both.
///
/// # Errors
/// The store's, worded. What was to be written still waits.
pub(crate) fn flush(cloud: &Cloud) -> Result<(), String> {
    let blocks = cloud.trail().close_all();
    let _alone = cloud.meter().writing();
    let amounts = cloud.meter().take();
    if blocks.is_empty() && amounts.is_empty() {
        return Ok(());
    }
    let mut tx = cloud.store().begin();
    cloud.trail().put_all(&mut tx, &blocks);
    let added = meter::put(&mut tx, &amounts).map_err(|e| e.to_string());
    match added.and_then(|()| tx.commit().wait().map_err(|e| e.to_string())) {
        Ok(_) => {
            cloud.trail().written(&blocks);
            Ok(())
        }
        Err(problem) => {
            cloud.meter().give_back(amounts);
            Err(problem)
        }
    }
}

impl Cloud {
    /// Writes what waits, so that a change is on record before its caller is told of it.
    pub(crate) async fn write_waiting(&self) {
        self.write_blocks(self.trail().close_all()).await;
    }

    /// Writes full blocks, if there are any. A failure is logged; they stay for the next flush.
    pub(crate) async fn write_blocks(&self, blocks: Vec<Arc<Full>>) {
        if blocks.is_empty() {
            return;
        }
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
    delete(cloud, with_ages(old))
}

/// Counts the trail and, where it is larger than `most` bytes, deletes what was recorded first, down to three
/// quarters of that. Reads no block: under load it runs every few seconds, and the cache is for others.
fn shrink(cloud: &Cloud, most: u64) -> Result<(), String> {
    let snapshot = cloud.store().snapshot();
    let ages = || AGES.scan(&snapshot, &Key::empty(), Direction::Forward);
    let mut total = 0;
    for row in ages() {
        total += row.map_err(|e| e.to_string())?.1.size;
    }
    let mut excess = if total > most { total - most / 4 * 3 } else { 0 };
    let mut doomed = Vec::new();
    for row in ages() {
        if excess == 0 {
            break;
        }
        let age = row.map_err(|e| e.to_string())?.1;
        excess = excess.saturating_sub(age.size);
        total -= age.size;
        doomed.push(Slice::from(age.block));
    }
    cloud.trail().counted(total);
    if doomed.is_empty() {
        return Ok(());
    }
    crate::log::warn("the audit trail reached its size; the oldest records were dropped", &[]);
    delete(cloud, with_ages(doomed))
}

/// Blocks, and the rows of their ages.
fn with_ages(blocks: Vec<Slice>) -> Vec<Slice> {
    let age = |block: &Slice| age_key(block).map(|age| Slice::from(AGES.stored_key(&age)));
    blocks.into_iter().flat_map(|block| [age(&block), Some(block)]).flatten().collect()
}

/// Deletes rows, so many in one transaction.
pub(crate) fn delete(cloud: &Cloud, keys: Vec<Slice>) -> Result<(), String> {
    let mut keys = keys.into_iter().peekable();
    while keys.peek().is_some() {
        // Reads nothing, so it conflicts with nobody.
        let mut tx = cloud.store().begin();
        keys.by_ref().take(TRIM_BATCH).for_each(|key| tx.delete(key));
        tx.commit().wait().map_err(|e| e.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Note, Query, caller_fields, walk};
    use crate::cx::Request;
    use crate::identity::{Bound, Caller, ControlLevel, Directory, Known, Membership, Names, Proof, Unknown};
    use crate::seal::Sealer;
    use crate::{Parts, Settings};
    use base::{AccountId, Clock, Region, Rng};
    use store::{Store, StoreError, Tx};

    const ACCOUNT: AccountId = AccountId::DEFAULT;
    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    #[derive(Debug)]
    struct Nobody;

    impl Directory for Nobody {
        fn look_up(&self, _: &Tx, _: &str, _: Option<&str>, _: Timestamp) -> Result<Known, Unknown> {
            Err(Unknown::NoSuchKey)
        }

        fn root(&self, account: AccountId, access_key: &str) -> Result<Caller, StoreError> {
            Ok(Caller::root(account, access_key))
        }

        fn resource_control(&self, _: AccountId, _: &str) -> Result<Arc<Vec<ControlLevel>>, StoreError> {
            Ok(Arc::default())
        }

        fn organization(&self, _: AccountId) -> Result<Option<Membership>, StoreError> {
            Ok(None)
        }

        fn used(&self, _: &Caller, _: &'static str, _: &'static str, _: &'static str, _: Timestamp) {}

        fn prove(
            &self,
            _: &mut Tx,
            _: &Sealer,
            _: &Caller,
            _: (&str, &str),
            _: Timestamp,
        ) -> Result<Proof, StoreError> {
            Ok(Proof::NotTheirs)
        }

        fn bind(&self, _: &Tx, policy: &str) -> Result<Result<Bound, String>, StoreError> {
            Ok(Ok((policy.to_owned(), Names::new())))
        }

        fn unbind(&self, _: &Tx, policy: &str, _: &Names) -> Result<String, StoreError> {
            Ok(policy.to_owned())
        }

        fn watched(&self) -> Vec<Vec<u8>> {
            Vec::new()
        }
    }

    fn cloud(store: &Store) -> Arc<Cloud> {
        let parts = Parts {
            services: Vec::new(),
            directory: Arc::new(Nobody),
            reconcilers: Vec::new(),
            subscribers: Vec::new(),
            recorder: None,
            sagas: Vec::new(),
            sites: Vec::new(),
            witnesses: Vec::new(),
            tariffs: Vec::new(),
            gauges: Vec::new(),
            gates: Vec::new(),
            blobs: Arc::new(blob::Memory::default()),
        };
        let (clock, rng) = (Clock::frozen(START), Rng::seeded(1));
        Cloud::new(store.clone(), clock, rng, &[0; 32], Settings::default(), parts).unwrap()
    }

    /// Records calls `range`, each a step after the other, and writes them `each` at a time.
    fn record(cloud: &Cloud, range: std::ops::Range<i64>, step: Duration, each: i64) {
        let caller = caller_fields(&Caller::root(ACCOUNT, "AKID"));
        for n in range {
            let request = Request {
                id: n.to_string(),
                service: "iam",
                operation: "ListUsers",
                peer: None,
                user_agent: String::new(),
                referer: None,
                chain: None,
                host: None,
                secure: false,
                via: Vec::new(),
                source: None,
                session_keys: Vec::new(),
                signed: None,
                form: false,
                trace: None,
            };
            cloud.trail().note(&Note {
                request: &request,
                event_id: "",
                time: START.plus(step * n as u32),
                region: "us-east-1",
                account: ACCOUNT,
                caller: &caller,
                parameters: "",
                response: "",
                fault: None,
                resources: &[],
                decisions: &[],
                nested: false,
            });
            if n % each == 0 {
                flush(cloud).unwrap();
            }
        }
    }

    fn all(cloud: &Cloud) -> Vec<i64> {
        let mut found = Vec::new();
        walk(cloud, &Query::all(ACCOUNT, Region::US_EAST_1), &mut |entry| {
            found.push(entry.request_id.parse().unwrap());
            true
        })
        .unwrap();
        found
    }

    /// Each block on disk has the row of its age, and no row is left of a block that is gone.
    fn are_told_apart(cloud: &Cloud) {
        let snapshot = cloud.store().snapshot();
        let blocks = snapshot.scan(whole(), Direction::Forward).map(|pair| pair.unwrap().0.to_vec());
        let mut blocks: Vec<_> = blocks.collect();
        let ages = AGES.scan(&snapshot, &Key::empty(), Direction::Forward);
        let mut aged: Vec<_> = ages.map(|row| row.unwrap().1.block).collect();
        blocks.sort();
        aged.sort();
        assert_eq!(aged, blocks);
    }

    #[test]
    fn a_frozen_clock_and_a_restart_lose_nothing_and_keep_the_order() {
        let store = Store::memory();
        let first = cloud(&store);
        record(&first, 0..10, Duration::ZERO, 3);
        flush(&first).unwrap();
        let second = cloud(&store);
        record(&second, 10..20, Duration::ZERO, 4);
        assert_eq!(all(&second), (0..20).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_block_written_twice_is_read_once() {
        let cloud = cloud(&Store::memory());
        record(&cloud, 1..5, Duration::ZERO, 10);
        let blocks = cloud.trail().close_all();
        let mut tx = cloud.store().begin();
        cloud.trail().put_all(&mut tx, &blocks);
        tx.commit().wait().unwrap();
        // On disk, and not yet known to be.
        assert_eq!(all(&cloud), [4, 3, 2, 1]);
        flush(&cloud).unwrap();
        assert_eq!(all(&cloud), [4, 3, 2, 1]);
        assert!(cloud.trail().in_memory(None).is_empty());
    }

    #[test]
    fn what_is_old_is_forgotten_and_nothing_else() {
        let cloud = cloud(&Store::memory());
        record(&cloud, 0..100, Duration::from_secs(10), 1);
        forget_before(&cloud, START.plus(Duration::from_secs(500))).unwrap();
        let kept = all(&cloud);
        // A block is kept until all that it could hold is old.
        assert_eq!((kept.first(), kept.last()), (Some(&99), Some(&50)));
        are_told_apart(&cloud);
    }

    #[test]
    fn a_trail_that_is_too_large_loses_what_was_recorded_first() {
        let cloud = cloud(&Store::memory());
        record(&cloud, 0..1_000, Duration::from_secs(1), 1);
        shrink(&cloud, u64::MAX).unwrap();
        let size = cloud.trail().stored_bytes();
        shrink(&cloud, size).unwrap();
        assert_eq!(all(&cloud).len(), 1_000);
        shrink(&cloud, size - 1).unwrap();
        let kept = all(&cloud);
        assert!((600..=750).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept, (1_000 - kept.len() as i64..1_000).rev().collect::<Vec<_>>());
        assert!(cloud.trail().stored_bytes() <= size / 4 * 3 + 1);
        are_told_apart(&cloud);
    }

    /// Records a call whose record has so many bytes.
    fn large(cloud: &Cloud, bytes: usize) -> Vec<Arc<Full>> {
        let request = Request {
            id: String::new(),
            service: "iam",
            operation: "ListUsers",
            peer: None,
            user_agent: String::new(),
            referer: None,
            chain: None,
            host: None,
            secure: false,
            via: Vec::new(),
            source: None,
            session_keys: Vec::new(),
            signed: None,
            form: false,
            trace: None,
        };
        cloud.trail().note(&Note {
            request: &request,
            event_id: "",
            time: START,
            region: "us-east-1",
            account: ACCOUNT,
            caller: &vec![0; bytes],
            parameters: "",
            response: "",
            fault: None,
            resources: &[],
            decisions: &[],
            nested: false,
        })
    }

    #[test]
    fn memory_is_bounded() {
        let cloud = cloud(&Store::memory());
        for _ in 0..40 {
            large(&cloud, 1 << 20);
        }
        assert_eq!(cloud.trail().dropped(), 9);
    }

    #[test]
    fn full_blocks_are_written_together() {
        let cloud = cloud(&Store::memory());
        let handed: Vec<usize> = (0..100).map(|_| large(&cloud, 64 << 10).len()).collect();
        // Two records fill a block, and sixteen blocks of them are worth a write.
        let writes: Vec<(usize, usize)> =
            handed.iter().copied().enumerate().filter(|(_, blocks)| *blocks > 0).collect();
        assert_eq!(writes.iter().map(|(_, blocks)| *blocks).collect::<Vec<_>>(), [16, 16, 16], "{writes:?}");
    }
}
