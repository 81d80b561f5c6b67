//! Tables that are ordered by time, worked off from the front: what is not yet due costs nothing, however much it is.

use crate::cloud::Cloud;
use base::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Read, Record, StoreError, Table, Tx};

/// Records of one transaction.
const BATCH: usize = 50;
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Takes records out of a table, whose keys begin with a time, as they come due; says when the next one does. `work` may put
/// them back for later.
///
/// # Errors
/// A sentence for the log.
pub fn work_off<R: Record>(
    cloud: &Arc<Cloud>,
    table: &Table<R>,
    work: impl Fn(&mut Tx, &R, Timestamp) -> Result<(), String>,
) -> Result<Option<Timestamp>, String> {
    loop {
        let now = cloud.clock().now();
        let (all, next) = ready(&cloud.store().snapshot(), table, now).map_err(|error| error.to_string())?;
        if all.is_empty() {
            return Ok(next);
        }
        let mut tx = cloud.store().begin();
        for (key, record) in &all {
            table.delete(&mut tx, key);
            work(&mut tx, record, now)?;
        }
        match tx.commit().wait() {
            // After a conflict all of them stand there still.
            Ok(_) | Err(CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Records that are due, and when the next one is.
type Ready<R> = (Vec<(Key, R)>, Option<Timestamp>);

fn ready<R: Record>(from: &dyn Read, table: &Table<R>, now: Timestamp) -> Result<Ready<R>, StoreError> {
    let mut found = Vec::new();
    for pair in table.scan(from, &Key::empty(), Direction::Forward) {
        let (key, record) = pair?;
        let mut reader = key.reader();
        let at = reader.scope().and_then(|_| reader.time()).unwrap_or(now);
        if at > now {
            return Ok((found, Some(at)));
        }
        if found.len() == BATCH {
            return Ok((found, Some(now)));
        }
        found.push((key, record));
    }
    Ok((found, None))
}

/// How long to wait before this attempt.
pub fn pause(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.min(8)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::{BATCH, ready};
    use base::Timestamp;
    use std::time::{Duration, Instant};
    use store::{Key, Store, Table};

    store::record! {
        #[derive(Clone, PartialEq, Debug)]
        struct Waits { 1 => number: u64 }
    }

    const WAITING: Table<Waits> = Table::new(0xFEFF, "tests/waiting");

    /// To look at the first of 100,000 takes as long as to look at the only one.
    #[test]
    fn what_is_not_yet_due_costs_nothing() {
        let store = Store::memory();
        let mut tx = store.begin();
        let start = Timestamp::from_seconds(1_800_000_000);
        for number in 0..100_000 {
            WAITING.put(
                &mut tx,
                &Key::global().time(start.plus(Duration::from_secs(number))).u64(number),
                &Waits { number },
            );
        }
        tx.commit().wait().unwrap();
        let began = Instant::now();
        for _ in 0..1_000 {
            let (due, next) =
                ready(&store.snapshot(), &WAITING, start.minus(Duration::from_secs(1))).unwrap();
            assert_eq!((due.len(), next), (0, Some(start)));
        }
        // Reading all of them just once takes longer than this.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let now = start.plus(Duration::from_secs(60));
        let (due, next) = ready(&store.snapshot(), &WAITING, now).unwrap();
        assert_eq!((due.len(), next), (BATCH, Some(now)));
    }
}
