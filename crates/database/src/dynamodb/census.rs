//! How many items a table or an index has, and how large they are.
//!
//! AWS: the page of DescribeTable: these figures are brought up to date about every six hours. Here a table of up to
//! [`COUNTED_AT_ONCE`] rows is counted when it is asked for, and larger ones at that pace by a reconciler, so that no
//! write ever touches a counter. A restart does not begin anew: reading all of a large table is felt.

use super::model::keys;
use super::model::rows;
use super::model::table::{TABLES, TableRecord};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, Read, StoreError, Table, Tx};

const COUNTED_AT_ONCE: usize = 5_000;
const EVERY: Duration = Duration::from_secs(6 * 3_600);
/// How many rows a round reads before it lets go of the state that it looks at.
const BATCH: usize = 20_000;

store::record! {
    /// What the rows that begin alike come to.
    #[derive(Clone, Copy, PartialEq, Debug)]
    pub struct Count {
        1 => pub items: i64,
        2 => pub bytes: i64,
        3 => at: Timestamp,
    }
}

/// By what the rows' keys begin with.
const COUNTS: Table<Count> = Table::new(0x1006, "dynamodb/counts");

fn counts_key(prefix: &[u8]) -> Key {
    Key::global().bytes(prefix)
}

/// # Errors
/// The store's.
pub fn count(tx: &Tx, prefix: &[u8]) -> Result<Count, StoreError> {
    let mut count = Count::default();
    for pair in tx.scan(KeyRange::prefix(prefix), Direction::Forward).take(COUNTED_AT_ONCE + 1) {
        count.add(&pair?.1);
    }
    if count.items as usize <= COUNTED_AT_ONCE {
        return Ok(count);
    }
    // Before the first census: at least this many.
    Ok(COUNTS.get(tx, &counts_key(prefix))?.unwrap_or(count))
}

impl Count {
    fn add(&mut self, row: &[u8]) {
        self.items += 1;
        self.bytes += rows::size(row).map_or(0, |size| size as i64);
    }
}

/// Forgets the figures of a table or an index that is gone.
pub fn forget(tx: &mut Tx, prefix: &[u8]) {
    COUNTS.delete(tx, &counts_key(prefix));
}

/// Counts the large tables.
#[derive(Debug)]
pub struct Census;

impl Reconciler for Census {
    fn name(&self) -> &'static str {
        "dynamodb census"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let tables: Result<Vec<_>, _> =
            TABLES.scan(&cloud.store().begin(), &Key::empty(), Direction::Forward).collect();
        let now = cloud.clock().now();
        let mut next = now.plus(EVERY);
        for (_, table) in tables.map_err(|e| e.to_string())? {
            for prefix in prefixes(&table) {
                match due(cloud, &prefix)? {
                    Some(due) if due > now => next = next.min(due),
                    _ => take(cloud, &prefix, now)?,
                }
            }
        }
        Ok(Some(next))
    }
}

/// When what was counted before is to be counted again.
fn due(cloud: &Cloud, prefix: &[u8]) -> Result<Option<Timestamp>, String> {
    let counted = COUNTS.get(&cloud.store().begin(), &counts_key(prefix)).map_err(|e| e.to_string())?;
    Ok(counted.map(|count| count.at.plus(EVERY)))
}

fn prefixes(table: &TableRecord) -> Vec<Vec<u8>> {
    let (account, region, number) = (table.account, table.region, table.number);
    let indexes = table.indexes.iter().map(|i| keys::index_entries(account, region, number, i.number));
    std::iter::once(keys::items(account, region, number)).chain(indexes).collect()
}

fn take(cloud: &Cloud, prefix: &[u8], now: Timestamp) -> Result<(), String> {
    let mut count = Count { at: now, ..Count::default() };
    let mut range = KeyRange::prefix(prefix);
    loop {
        let tx = cloud.store().begin();
        let (mut read, mut last) = (0, None);
        for pair in Read::scan(&tx, range.clone(), Direction::Forward).take(BATCH) {
            let (key, row) = pair.map_err(|e| e.to_string())?;
            count.add(&row);
            (read, last) = (read + 1, Some(key));
        }
        match last {
            Some(last) if read == BATCH => range = range.after(&last),
            _ => break,
        }
    }
    if count.items as usize <= COUNTED_AT_ONCE {
        return Ok(());
    }
    let mut tx = cloud.store().begin();
    COUNTS.put(&mut tx, &counts_key(prefix), &count);
    match tx.commit().wait() {
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
