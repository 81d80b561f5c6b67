//! What stands for a time: looked at every hour, and counted by the hours in between.

use super::keep::credit;
use super::line::{Kind, Line};
use super::{HOUR, LEVELS, Level, SAMPLED, Sampled, hour};
use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, Read};

/// How many rows are read before the state that they are read from is let go.
const ROWS: usize = 20_000;
/// How many levels one transaction counts: each may be a row for each day since the last time.
const BATCH: usize = 64;

/// What a service has standing, that is paid for by the hour.
pub trait Gauge: Send + Sync + std::fmt::Debug {
    /// Looks at all of it: each line with how much there is. What is told of one line several times is added up.
    ///
    /// # Errors
    /// A sentence for the log.
    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String>;
}

/// Reads the rows of a range, so many at a time that no state of the store is held for long.
///
/// # Errors
/// The store's, worded; those of `visit`.
pub fn each_row(
    cloud: &Cloud,
    mut range: KeyRange,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    loop {
        let snapshot = cloud.store().snapshot();
        let (mut read, mut last) = (0, None);
        for pair in snapshot.scan(range.clone(), Direction::Forward).take(ROWS) {
            let (key, row) = pair.map_err(|e| e.to_string())?;
            visit(&key, &row)?;
            (read, last) = (read + 1, Some(key));
        }
        match last {
            Some(last) if read == ROWS => range = range.after(&last),
            _ => return Ok(()),
        }
    }
}

type Standing = BTreeMap<Key, (&'static Kind, u64)>;

/// Counts what stood until now, and looks at what stands.
///
/// # Errors
/// The gauges'; the store's, worded.
pub(crate) fn sample(cloud: &Arc<Cloud>) -> Result<(), String> {
    let _alone = cloud.meter().writing();
    let mut standing = Standing::new();
    for gauge in cloud.gauges() {
        gauge.look(cloud, &mut |line, amount| {
            let level = standing.entry(line.level_key()).or_insert((line.kind, 0));
            level.1 = level.1.saturating_add(amount);
        })?;
    }
    let now = cloud.clock().now().whole_seconds();
    let snapshot = cloud.store().snapshot();
    let before: Vec<(Key, Level)> = LEVELS
        .scan(&snapshot, &Key::empty(), Direction::Forward)
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    drop(snapshot);
    for some in before.chunks(BATCH) {
        let mut tx = cloud.store().begin();
        for (key, level) in some {
            credit(&mut tx, key, level, now).map_err(|e| e.to_string())?;
            match standing.remove(key) {
                Some((kind, amount)) => LEVELS.put(&mut tx, key, &Level::of(kind, amount, now)),
                None => LEVELS.delete(&mut tx, key),
            }
        }
        if !committed(tx)? {
            return Ok(());
        }
    }
    let mut tx = cloud.store().begin();
    for (key, (kind, amount)) in standing.into_iter().filter(|(_, (_, amount))| *amount > 0) {
        LEVELS.put(&mut tx, &key, &Level::of(kind, amount, now));
    }
    SAMPLED.put(&mut tx, &Key::global(), &Sampled { at: now });
    committed(tx).map(drop)
}

/// Only a reset and the forgetting of old rows can come in between; then there is nothing to save.
fn committed(tx: store::Tx) -> Result<bool, String> {
    match tx.commit().wait() {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

impl Level {
    fn of(kind: &Kind, amount: u64, since: Timestamp) -> Level {
        Level { amount, since, unit: kind.unit.to_owned(), per: kind.per }
    }
}

/// Looks when an hour begins.
#[derive(Debug)]
pub(crate) struct Sample;

impl Reconciler for Sample {
    fn name(&self) -> &'static str {
        "usage sample"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        Duration::from_secs(HOUR as u64)
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let last = SAMPLED.get(&cloud.store().begin(), &Key::global()).map_err(|e| e.to_string())?;
        let now = cloud.clock().now();
        if last.is_none_or(|last| hour(last.at) != hour(now)) {
            sample(cloud)?;
        }
        Ok(Some(hour(now).plus(Duration::from_secs(HOUR as u64))))
    }
}
