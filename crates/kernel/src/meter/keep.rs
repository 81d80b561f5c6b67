//! Writing levels' time into rows, and forgetting what is too old.

use super::line::run_key;
use super::{Counted, DAY, HOUR, Level, RETENTION, USAGE, hour};
use crate::audit;
use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, KeyRange, Read, StoreError, Tx};

const TRIM_EVERY: Duration = Duration::from_secs(86_400);

/// A part of a level's time: when its first hour began, how many hours, and how many seconds of each.
type Run = (Timestamp, u32, u64);

/// The time between two moments, whole seconds both, in parts that are rows: pieces of one hour, and runs of whole
/// hours that do not go beyond a day.
fn runs(from: Timestamp, to: Timestamp) -> Vec<Run> {
    let (mut at, end) = (from.seconds(), to.seconds());
    let mut found = Vec::new();
    while at < end {
        let began = hour(Timestamp::from_seconds(at)).seconds();
        let day_ends = (at.div_euclid(DAY) + 1) * DAY;
        let whole = (end.min(day_ends) - at) / HOUR;
        let (next, hours, seconds) = if at == began && whole > 0 {
            (at + whole * HOUR, whole, HOUR)
        } else {
            let next = end.min(began + HOUR);
            (next, 1, next - at)
        };
        found.push((Timestamp::from_seconds(began), hours as u32, seconds as u64));
        at = next;
    }
    found
}

/// Counts what stood from when it was last counted until now.
///
/// # Errors
/// The store's.
pub(super) fn credit(tx: &mut Tx, key: &Key, level: &Level, now: Timestamp) -> Result<(), StoreError> {
    if level.amount == 0 {
        return Ok(());
    }
    // A clock that was moved by centuries fills no disk with what is to be forgotten at once.
    let from = level.since.max(hour(now.minus(RETENTION)));
    for (first, hours, seconds) in runs(from, now) {
        let key = run_key(key, first, hours);
        let before = USAGE.get(tx, &key)?.map_or(0, |row| row.amount);
        let more = level.counted(seconds);
        USAGE.put(tx, &key, &Counted { amount: before.saturating_add(more.amount), ..more });
    }
    Ok(())
}

/// Forgets usage that is older than [`RETENTION`].
#[derive(Debug)]
pub(crate) struct Trim;

impl Reconciler for Trim {
    fn name(&self) -> &'static str {
        "usage trim"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        TRIM_EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let end = USAGE.stored_key(&Key::global().time(now.minus(RETENTION)));
        let old = KeyRange::prefix(&USAGE.stored_key(&Key::empty())).before(&end);
        let mut keys = Vec::new();
        for pair in cloud.store().snapshot().scan(old, Direction::Forward) {
            keys.push(pair.map_err(|e| e.to_string())?.0);
        }
        audit::delete(cloud, keys)?;
        Ok(Some(now.plus(TRIM_EVERY)))
    }
}

#[cfg(test)]
mod tests {
    use super::{HOUR, runs};
    use base::Timestamp;

    #[test]
    fn time_falls_into_hours_and_days() {
        let of = |from, to| -> Vec<(i64, u32, u64)> {
            let runs = runs(Timestamp::from_seconds(from), Timestamp::from_seconds(to));
            runs.into_iter().map(|(first, hours, seconds)| (first.seconds(), hours, seconds)).collect()
        };
        assert_eq!(of(10, 10), []);
        assert_eq!(of(10, 20), [(0, 1, 10)]);
        assert_eq!(of(10, 3_600), [(0, 1, 3_590)]);
        assert_eq!(of(0, 3_600), [(0, 1, 3_600)]);
        assert_eq!(of(10, 7_300), [(0, 1, 3_590), (3_600, 1, 3_600), (7_200, 1, 100)]);
        assert_eq!(
            of(22 * HOUR, 50 * HOUR + 1),
            [(22 * HOUR, 2, 3_600), (24 * HOUR, 24, 3_600), (48 * HOUR, 2, 3_600), (50 * HOUR, 1, 1)]
        );
    }

    #[test]
    fn no_second_is_lost_or_counted_twice() {
        for (from, to) in [(1, 2), (3_599, 90_000), (86_399, 86_401), (5, 1_000_000), (-7_000, 7_000)] {
            let all = runs(Timestamp::from_seconds(from), Timestamp::from_seconds(to));
            let sum: u64 = all.iter().map(|(_, hours, seconds)| u64::from(*hours) * seconds).sum();
            assert_eq!(sum, (to - from) as u64, "{from} {to}");
        }
    }
}
