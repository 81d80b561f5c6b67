//! [`Meter`]: what has been counted and is not yet written.

use super::USAGE;
use super::line::{Kind, Line};
use crate::sharded::Sharded;
use base::{Map, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Key, StoreError, Tx};

/// Amounts by the keys of their rows.
pub(crate) type Amounts = Map<Key, (&'static Kind, u64)>;

/// What has been counted and is not yet written.
#[derive(Default, Debug)]
pub struct Meter {
    shards: Sharded<Amounts>,
    /// Held by who writes: rows are read, added to and put back.
    writing: Mutex<()>,
}

impl Meter {
    /// Counts what has happened.
    pub fn add(&self, now: Timestamp, line: &Line<'_>, amount: u64) {
        self.add_at(line.hour_key(now), line.kind, amount);
    }

    /// Counts what a transaction changes, when it commits.
    pub fn add_with(self: &Arc<Self>, tx: &mut Tx, now: Timestamp, line: &Line<'_>, amount: u64) {
        let (meter, key, kind) = (Arc::clone(self), line.hour_key(now), line.kind);
        tx.on_end(move |committed| {
            if committed.is_some() {
                meter.add_at(key, kind, amount);
            }
        });
    }

    pub(crate) fn add_at(&self, key: Key, kind: &'static Kind, amount: u64) {
        if amount > 0 {
            let mut amounts = self.shards.own();
            let counted = amounts.entry(key).or_insert((kind, 0));
            counted.1 = counted.1.saturating_add(amount);
        }
    }

    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out all that waits.
    pub(crate) fn take(&self) -> Amounts {
        let mut all = Amounts::default();
        for taken in self.shards.take() {
            if all.is_empty() {
                all = taken;
                continue;
            }
            for (key, (kind, amount)) in taken {
                let counted = all.entry(key).or_insert((kind, 0));
                counted.1 = counted.1.saturating_add(amount);
            }
        }
        all
    }

    /// Takes back what could not be written.
    pub(crate) fn give_back(&self, amounts: Amounts) {
        amounts.into_iter().for_each(|(key, (kind, amount))| self.add_at(key, kind, amount));
    }

    /// Forgets what waits.
    pub(crate) fn clear(&self) {
        drop(self.take());
    }
}

/// Adds amounts to their rows.
///
/// # Errors
/// The store's.
pub(crate) fn put(tx: &mut Tx, amounts: &Amounts) -> Result<(), StoreError> {
    for (key, (kind, amount)) in amounts {
        let mut counted = USAGE.get(tx, key)?.unwrap_or_default();
        counted.amount = counted.amount.saturating_add(*amount);
        (counted.unit, counted.per, counted.rate) = (kind.unit.to_owned(), kind.per, kind.rate);
        USAGE.put(tx, key, &counted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use crate::meter::{Kind, Line};
    use base::{AccountId, Region, Timestamp};

    #[test]
    fn threads_lose_nothing() {
        static KIND: Kind = Kind::new("AmazonS3", "Requests-Tier2", "Requests");
        let meter = Meter::default();
        let line = |resource| Line {
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            kind: &KIND,
            operation: "GetObject",
            resource,
        };
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for n in 0..1_000 {
                        meter.add(Timestamp::from_seconds(n * 4), &line("a"), 1);
                        meter.add(Timestamp::from_seconds(n * 4), &line("b"), 2);
                    }
                });
            }
        });
        let taken = meter.take();
        // The thousand moments lie in two hours.
        assert_eq!(taken.len(), 4);
        let of = |hour, resource| taken[&line(resource).key(Timestamp::from_seconds(hour))].1;
        assert_eq!([of(0, "a"), of(3_600, "a")], [900 * 20, 100 * 20]);
        assert_eq!([of(0, "b"), of(3_600, "b")], [900 * 40, 100 * 40]);
        assert!(meter.take().is_empty());
        meter.give_back(taken);
        assert_eq!(meter.take().len(), 4);
    }

    /// What a request pays: measured so that nobody makes it ten times as much unnoticed.
    #[test]
    fn adding_costs_next_to_nothing() {
        static KIND: Kind = Kind::new("AmazonDynamoDB", "ReadRequestUnits", "ReadRequestUnits");
        let (meter, began) = (Meter::default(), std::time::Instant::now());
        let resource = "arn:aws:dynamodb:us-east-1:123456789012:table/orders";
        for n in 0..20_000 {
            let line = Line {
                account: AccountId::DEFAULT,
                region: Region::US_EAST_1,
                kind: &KIND,
                operation: "PayPerRequestThroughput",
                resource,
            };
            meter.add(Timestamp::from_seconds(n / 100), &line, 1);
        }
        let each = began.elapsed() / 20_000;
        eprintln!("adding takes {each:?}");
        // Without optimization, on a loaded machine.
        assert!(each < std::time::Duration::from_micros(100), "{each:?}");
    }
}
