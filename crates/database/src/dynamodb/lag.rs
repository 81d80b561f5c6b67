//! Reads that need not be consistent, where they lag behind: `virga up --dynamodb-lag MILLISECONDS`.
//!
//! AWS's eventually consistent reads, and all reads of global indexes, may show an item as it was a moment ago. Programs
//! that rely on more work until they meet such a moment. With a lag they meet it here: each such read draws a moment
//! between now and so long ago, by the cloud's seed and clock, and shows the state of that moment, items and entries
//! of indexes alike. So a write of the age *a* is missed by one read in `lag / (lag - a)`, and by none that is consistent;
//! where the clock stands still, by every one. Two reads may go back in time, as in AWS.
//!
//! States are kept as the store's own views, taken before writes: nothing is copied, and what is on the disk is not
//! touched. Of writes that come close together only the first keeps one; reads in between see a little less of the past.
//!
//! Without a lag nothing is kept. Tables that were changed since (a new index, another key) are read as they are.

use super::model::schema::Schema;
use super::model::table::TABLES;
use super::size::Consistency;
use base::{Rng, Timestamp};
use kernel::Cx;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::{Past, Read, StoreError, Tx};

/// Into how many steps the lag falls at most: the bound of what is kept.
const STEPS: u32 = 64;

/// The states that may still be shown, each with the moment up to which it held.
#[derive(Default, Debug)]
pub(crate) struct Memory(Mutex<Kept<Past>>);

#[derive(Debug)]
struct Kept<T> {
    states: VecDeque<(Timestamp, T)>,
    rng: Option<Rng>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { states: VecDeque::new(), rng: None }
    }
}

impl<T: Clone> Kept<T> {
    fn keep(&mut self, now: Timestamp, lag: Duration, state: impl FnOnce() -> T) {
        while self.states.front().is_some_and(|(at, _)| now.since(*at) > lag) {
            self.states.pop_front();
        }
        if self.states.back().is_none_or(|(at, _)| now.since(*at) > lag / STEPS) {
            self.states.push_back((now, state()));
        }
    }

    /// The state of a moment; nothing where that is the latest.
    fn of(&self, moment: Timestamp) -> Option<T> {
        let next = self.states.partition_point(|(at, _)| *at < moment);
        self.states.get(next).map(|(_, state)| state.clone())
    }
}

/// Keeps the state before a write.
pub(crate) fn keep(cx: &Cx<'_>) {
    let lag = cx.cloud().settings().lag;
    if lag > Duration::ZERO {
        let memory = cx.memory::<Memory>();
        let mut kept = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.keep(cx.now, lag, || cx.cloud().store().snapshot().past());
    }
}

/// The past state that a read is to show; nothing where it shows the latest.
///
/// # Errors
/// The store's.
pub(crate) fn state(
    cx: &Cx<'_>,
    schema: &Schema,
    consistency: Consistency,
) -> Result<Option<Past>, StoreError> {
    let settings = cx.cloud().settings();
    if settings.lag == Duration::ZERO || consistency != Consistency::Eventual {
        return Ok(None);
    }
    let memory = cx.memory::<Memory>();
    let drawn = {
        let mut kept = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seeded = || settings.seed.map_or_else(|| cx.rng().split(), Rng::seeded);
        let micros = settings.lag.as_micros().try_into().unwrap_or(u64::MAX);
        let age = Duration::from_micros(kept.rng.get_or_insert_with(seeded).below(micros));
        kept.of(cx.now.minus(age))
    };
    let Some(past) = drawn else { return Ok(None) };
    let table = TABLES.stored_key(&schema.record.own_key());
    let is_same = past.get(&table)? == cx.tx.glance(&table)?;
    Ok(is_same.then_some(past))
}

/// Where a read reads from.
pub(crate) fn from<'r>(past: Option<&'r Past>, tx: &'r Tx) -> &'r dyn Read {
    match past {
        Some(past) => past,
        None => tx,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_millis(640);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn a_state_holds_until_the_next_write() {
        let mut kept = Kept::default();
        kept.keep(at(1_000), LAG, || "before 1000");
        kept.keep(at(1_100), LAG, || "before 1100");
        assert_eq!(kept.of(at(990)), Some("before 1000"));
        assert_eq!(kept.of(at(1_000)), Some("before 1000"));
        assert_eq!(kept.of(at(1_001)), Some("before 1100"));
        assert_eq!(kept.of(at(1_101)), None);
    }

    #[test]
    fn what_is_kept_is_young_and_bounded() {
        let mut kept = Kept::default();
        for millis in 0..5_000 {
            kept.keep(at(millis), LAG, || millis);
            let (oldest, count) = (kept.states[0].0, kept.states.len());
            assert!(at(millis).since(oldest) <= LAG && count <= STEPS as usize + 1, "{millis}: {count}");
        }
    }
}
