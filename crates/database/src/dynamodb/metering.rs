//! What tables are used, for what later has a price: the request units of each hour, by table.
//!
//! Requests add to counters in memory; [`Metering`] brings them into the store each minute, so a crash loses at most
//! that. A request whose transaction met another and was run again counts each time. What is stored costs too: see
//! [`super::census`].

use super::model::schema::Schema;
use super::size::Units;
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, Key, Table};

const EVERY: Duration = Duration::from_secs(60);
const HOUR: i64 = 3_600;

store::record! {
    /// A table's request units within an hour, its indexes' among them, in half units.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Usage {
        1 => pub read: u64,
        2 => pub write: u64,
        3 => pub table: String,
        /// Whether they are what is paid for; otherwise it is what is provisioned.
        4 => pub on_demand: bool,
    }
}

/// By account, region, when the hour began, the table's number.
pub const USAGE: Table<Usage> = Table::new(0x100F, "dynamodb/usage");

/// Half units that were not brought into the store yet.
#[derive(Default, Debug)]
pub struct Counter {
    read: AtomicU64,
    write: AtomicU64,
}

impl Counter {
    pub(crate) fn read(&self, units: Units) {
        self.read.fetch_add(units.half_units(), Ordering::Relaxed);
    }

    pub(crate) fn write(&self, units: Units) {
        self.write.fetch_add(units.half_units(), Ordering::Relaxed);
    }

    fn take(&self) -> (u64, u64) {
        (self.read.swap(0, Ordering::Relaxed), self.write.swap(0, Ordering::Relaxed))
    }
}

/// The counters of a cloud, by their tables' numbers.
#[derive(Default, Debug)]
pub struct Counters(Mutex<HashMap<u64, Counted>>);

#[derive(Clone, Debug)]
struct Counted {
    account: AccountId,
    region: Region,
    table: String,
    on_demand: bool,
    counter: Arc<Counter>,
}

impl Counters {
    /// The counter of a table, the same however often its schema is made anew.
    pub(crate) fn of(&self, schema: &Schema) -> Arc<Counter> {
        let table = &schema.record;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all.entry(table.number).or_insert_with(|| Counted {
            account: table.account,
            region: table.region,
            table: table.name.clone(),
            on_demand: table.on_demand,
            counter: Arc::default(),
        });
        counted.on_demand = table.on_demand;
        Arc::clone(&counted.counter)
    }

    fn all(&self) -> Vec<(u64, Counted)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(number, counted)| (*number, counted.clone())).collect()
    }
}

/// When the hour of a moment began.
pub fn hour(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds().div_euclid(HOUR) * HOUR)
}

/// Where the usage of a table within an hour lies.
pub fn key(account: AccountId, region: Region, hour: Timestamp, number: u64) -> Key {
    Key::regional(account, region).time(hour).u64(number)
}

/// Brings counters into the store.
#[derive(Debug)]
pub struct Metering;

impl Reconciler for Metering {
    fn name(&self) -> &'static str {
        "dynamodb metering"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let hour = hour(cloud.clock().now());
        let mut tx = cloud.store().begin();
        let mut taken = Vec::new();
        for (number, counted) in cloud.memory::<Counters>().all() {
            let (read, write) = counted.counter.take();
            if (read, write) == (0, 0) {
                continue;
            }
            let key = key(counted.account, counted.region, hour, number);
            let mut usage = USAGE.get(&tx, &key).map_err(|e| e.to_string())?.unwrap_or_default();
            (usage.read, usage.write) = (usage.read + read, usage.write + write);
            (usage.table, usage.on_demand) = (counted.table, counted.on_demand);
            USAGE.put(&mut tx, &key, &usage);
            taken.push((counted.counter, read, write));
        }
        if taken.is_empty() {
            return Ok(None);
        }
        match tx.commit().wait() {
            Ok(_) => Ok(None),
            Err(error) => {
                for (counter, read, write) in taken {
                    counter.read.fetch_add(read, Ordering::Relaxed);
                    counter.write.fetch_add(write, Ordering::Relaxed);
                }
                match error {
                    CommitError::Conflict => Ok(Some(cloud.clock().now())),
                    error => Err(error.to_string()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Counters, hour};
    use crate::dynamodb::model::schema::Schema;
    use crate::dynamodb::model::table::TableRecord;
    use crate::dynamodb::size::Units;
    use base::Timestamp;
    use std::sync::Arc;

    #[test]
    fn counters_survive_their_schemas() {
        let counters = Counters::default();
        let table = TableRecord { number: 7, on_demand: true, ..TableRecord::default() };
        let first = counters.of(&Schema::of(table.clone()).unwrap());
        first.write(Units::write(1025, false));
        let second = counters.of(&Schema::of(TableRecord { on_demand: false, ..table.clone() }).unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((second.take(), second.take()), ((0, 4), (0, 0)));
        assert!(!counters.all()[0].1.on_demand);
        let other = counters.of(&Schema::of(TableRecord { number: 8, ..table }).unwrap());
        assert!(!Arc::ptr_eq(&first, &other));
        assert_eq!(Counter::default().take(), (0, 0));
    }

    #[test]
    fn hours() {
        let at = |seconds| Timestamp::from_seconds(seconds);
        assert_eq!([3_599, 3_600, 7_199, -1].map(|s| hour(at(s))), [0, 3_600, 3_600, -3_600].map(at));
    }
}
