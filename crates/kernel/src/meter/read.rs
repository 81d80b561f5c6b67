//! Reading usage.

use super::level::sample;
use super::line::run_key;
use super::{Charge, Counted, DAY, HOUR, LEVELS, Rate, USAGE, hour};
use crate::audit;
use crate::cloud::Cloud;
use base::{AccountId, Region, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, KeyRange};

/// What of it is wanted: the hours that begin in a span of time.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Inclusive; the hour that it lies in is told whole.
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// All of them where it is absent.
    pub account: Option<AccountId>,
}

/// What was used in each of some hours that follow each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Used {
    /// When the first hour began.
    pub hour: Timestamp,
    pub hours: u32,
    pub account: AccountId,
    pub region: Region,
    pub product: String,
    pub usage_type: String,
    pub operation: String,
    pub resource: String,
    /// In each hour, in parts of a unit.
    pub each: u64,
    pub unit: String,
    /// How many parts make a unit.
    pub per: u64,
    /// What AWS's list asks for it, where it has it.
    pub rate: Option<Rate>,
}

impl Used {
    /// What all of it costs.
    pub fn charge(&self) -> Option<Charge> {
        self.rate.map(|rate| rate.charge(self.amount(), self.per))
    }

    /// In all its hours, in parts of a unit.
    pub fn amount(&self) -> u128 {
        u128::from(self.each) * u128::from(self.hours)
    }

    fn of(key: &Key, counted: Counted) -> Option<Used> {
        let mut reader = key.reader();
        reader.scope()?;
        Some(Used {
            hour: reader.time()?,
            account: reader.account_number()?,
            region: reader.region()?,
            product: reader.str()?,
            usage_type: reader.str()?,
            operation: reader.str()?,
            resource: reader.str()?,
            hours: reader.u32()?,
            each: counted.amount,
            unit: counted.unit,
            per: counted.per,
            rate: counted.rate,
        })
    }

    /// The hours of it that begin within a span; `None` where there are none.
    fn clipped(self, from: Timestamp, to: Timestamp) -> Option<Used> {
        let begins = |n: u32| self.hour.plus(Duration::from_secs(u64::from(n) * HOUR as u64));
        let inside = (0..self.hours).filter(|n| from <= begins(*n) && begins(*n) < to);
        let (first, count) = inside.fold((None, 0), |(first, count), n| (first.or(Some(n)), count + 1));
        Some(Used { hour: begins(first?), hours: count, ..self })
    }
}

/// All usage until now, by hour. Blocks: it writes what waits, and looks at what stands.
///
/// # Errors
/// A sentence that says what could not be read.
pub fn usage(cloud: &Arc<Cloud>, query: &Query) -> Result<Vec<Used>, String> {
    audit::flush(cloud)?;
    sample(cloud)?;
    let from = hour(query.from);
    // Runs of hours end with their day.
    let first = Timestamp::from_seconds(from.seconds().div_euclid(DAY) * DAY);
    let (start, end) = (Key::global().time(first), Key::global().time(query.to));
    let whole = KeyRange::prefix(&USAGE.stored_key(&Key::global()));
    let range =
        KeyRange { start: USAGE.stored_key(&start).into(), end: whole.end }.before(&USAGE.stored_key(&end));
    let mut found = Vec::new();
    for pair in USAGE.range(&cloud.store().snapshot(), range, Direction::Forward) {
        let (key, counted) = pair.map_err(|e| e.to_string())?;
        let used = Used::of(&key, counted).ok_or("a row of usage has a key that cannot be read")?;
        if query.account.is_none_or(|account| account == used.account) {
            found.extend(used.clipped(from, query.to));
        }
    }
    Ok(found)
}

/// What an hour more of what stands would be, as it was last looked at: [`usage`] looks.
///
/// # Errors
/// The store's, worded.
pub fn standing(cloud: &Cloud, account: Option<AccountId>) -> Result<Vec<Used>, String> {
    let now = hour(cloud.clock().now());
    let mut found = Vec::new();
    for pair in LEVELS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (key, level) = pair.map_err(|e| e.to_string())?;
        let one = Used::of(&run_key(&key, now, 1), level.counted(HOUR as u64));
        let one = one.ok_or("a level has a key that cannot be read")?;
        if account.is_none_or(|account| account == one.account) {
            found.push(one);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::Used;
    use base::{AccountId, Region, Timestamp};

    #[test]
    fn runs_are_cut_to_what_is_asked_for() {
        let used = Used {
            hour: Timestamp::from_seconds(0),
            hours: 24,
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            product: String::new(),
            usage_type: String::new(),
            operation: String::new(),
            resource: String::new(),
            each: 7,
            unit: String::new(),
            per: 1,
            rate: None,
        };
        let cut = |from, to| {
            let used = used.clone().clipped(Timestamp::from_seconds(from), Timestamp::from_seconds(to))?;
            Some((used.hour.seconds(), used.hours, used.amount()))
        };
        assert_eq!(cut(0, 86_400), Some((0, 24, 168)));
        assert_eq!(cut(7_200, 10_801), Some((7_200, 2, 14)));
        assert_eq!(cut(86_400, 90_000), None);
    }
}
