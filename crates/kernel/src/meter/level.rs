//! What stands for a time: looked at every hour, and counted by the hours in between.

use super::keep::credit;
use super::line::{Kind, Line};
use super::{Counted, HOUR, LEVELS, Level, SAMPLED, Sampled, hour};
use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{CommitError, Direction, Key, KeyRange, Read, Record, Table};

/// How many rows are read before the state that they are read from is let go.
const ROWS: usize = 20_000;
/// How many levels one transaction counts: each may be a row for each day since the last time.
const BATCH: usize = 64;

/// What a service has standing, that is paid for by the hour.
pub trait Gauge: Send + Sync + std::fmt::Debug {
    /// Of this gauge alone.
    fn name(&self) -> &'static str;

    /// Looks at all of it: each line with how much there is. What is told of one line several times is added up.
    ///
    /// # Errors
    /// A sentence for the log.
    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String>;

    /// Key prefixes after whose changes it is looked at, so that it is exact to the second and not only to the hour. For
    /// what is quickly looked at and seldom changes.
    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }
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

/// Visits the rows of a table that lie under an account and a region each: for what is not much.
///
/// # Errors
/// The store's, worded; those of `visit`.
pub fn each<R: Record>(
    cloud: &Cloud,
    table: &Table<R>,
    mut visit: impl FnMut((AccountId, Region), R) -> Result<(), String>,
) -> Result<(), String> {
    for pair in table.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (key, row) = pair.map_err(|e| e.to_string())?;
        if let Some(home) = key.reader().regional() {
            visit(home, row)?;
        }
    }
    Ok(())
}

/// A line's kind, how much of it there is, and whose gauge has said so.
type Standing = BTreeMap<Key, (&'static Kind, u64, &'static str)>;

fn look(cloud: &Arc<Cloud>, gauges: &[&Arc<dyn Gauge>]) -> Result<Standing, String> {
    let mut standing = Standing::new();
    for gauge in gauges {
        gauge.look(cloud, &mut |line, amount| {
            let level = standing.entry(line.level_key()).or_insert((line.kind, 0, gauge.name()));
            level.1 = level.1.saturating_add(amount);
        })?;
    }
    standing.retain(|_, (_, amount, _)| *amount > 0);
    Ok(standing)
}

fn levels(cloud: &Cloud) -> Result<Vec<(Key, Level)>, String> {
    let snapshot = cloud.store().snapshot();
    let all = LEVELS.scan(&snapshot, &Key::empty(), Direction::Forward);
    all.collect::<Result<_, _>>().map_err(|e| e.to_string())
}

/// Counts what stood until now, and looks at what stands.
///
/// # Errors
/// The gauges'; the store's, worded.
pub(crate) fn sample(cloud: &Arc<Cloud>) -> Result<(), String> {
    let _alone = cloud.meter().writing();
    let standing = look(cloud, &cloud.gauges().iter().collect::<Vec<_>>())?;
    let now = cloud.clock().now().whole_seconds();
    if !settle(cloud, &levels(cloud)?, standing, now)? {
        return Ok(());
    }
    let mut tx = cloud.store().begin();
    SAMPLED.put(&mut tx, &Key::global(), &Sampled { at: now });
    committed(tx).map(drop)
}

/// Counts what stood and has changed, and looks at what stands in its place; of the gauges that watch.
fn sample_changes(cloud: &Arc<Cloud>) -> Result<(), String> {
    let _alone = cloud.meter().writing();
    let watching: Vec<&Arc<dyn Gauge>> =
        cloud.gauges().iter().filter(|gauge| !gauge.watches().is_empty()).collect();
    let mut standing = look(cloud, &watching)?;
    let now = cloud.clock().now().whole_seconds();
    let mut changed = levels(cloud)?;
    changed.retain(|(key, level)| {
        let is_watched = watching.iter().any(|gauge| gauge.name() == level.gauge);
        let is_as_before = standing.get(key).is_some_and(|(_, amount, _)| *amount == level.amount);
        if is_as_before {
            standing.remove(key);
        }
        is_watched && !is_as_before
    });
    settle(cloud, &changed, standing, now).map(drop)
}

/// Counts levels until now, and puts what stands in their place; whether that could be saved.
fn settle(
    cloud: &Cloud,
    before: &[(Key, Level)],
    mut standing: Standing,
    now: Timestamp,
) -> Result<bool, String> {
    for some in before.chunks(BATCH) {
        let mut tx = cloud.store().begin();
        for (key, level) in some {
            credit(&mut tx, key, level, now).map_err(|e| e.to_string())?;
            match standing.remove(key) {
                Some(found) => LEVELS.put(&mut tx, key, &Level::of(found, now)),
                None => LEVELS.delete(&mut tx, key),
            }
        }
        if !committed(tx)? {
            return Ok(false);
        }
    }
    let mut tx = cloud.store().begin();
    for (key, found) in standing {
        LEVELS.put(&mut tx, &key, &Level::of(found, now));
    }
    if tx.is_read_only() { Ok(true) } else { committed(tx) }
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
    /// What it is counted as in so many seconds.
    pub(super) fn counted(&self, seconds: u64) -> Counted {
        let amount = self.amount.saturating_mul(seconds);
        Counted { amount, unit: self.unit.clone(), per: self.per, rate: self.rate }
    }

    fn of((kind, amount, gauge): (&Kind, u64, &str), since: Timestamp) -> Level {
        let unit = kind.unit.to_owned();
        Level { amount, since, unit, per: kind.per, rate: kind.rate, gauge: gauge.to_owned() }
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

/// Looks when what is paid for by the second has changed.
#[derive(Debug)]
pub(crate) struct Changes {
    watches: Vec<Vec<u8>>,
    last: Mutex<Option<Instant>>,
}

/// As it is counted in whole seconds.
const CHANGES_EVERY: Duration = Duration::from_secs(1);

impl Changes {
    pub(crate) fn of(gauges: &[Arc<dyn Gauge>]) -> Changes {
        Changes { watches: gauges.iter().flat_map(|gauge| gauge.watches()).collect(), last: Mutex::default() }
    }
}

impl Reconciler for Changes {
    fn name(&self) -> &'static str {
        "usage changes"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        self.watches.clone()
    }

    fn nap(&self) -> Duration {
        Duration::from_secs(HOUR as u64)
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = last.and_then(|last| CHANGES_EVERY.checked_sub(last.elapsed()));
        if let Some(rest) = rest {
            return Ok(Some(cloud.clock().now().plus(rest)));
        }
        sample_changes(cloud)?;
        *last = Some(Instant::now());
        Ok(None)
    }
}
