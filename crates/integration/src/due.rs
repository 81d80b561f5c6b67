//! Tables that are ordered by time, worked off from the front: what is not yet due costs nothing, however much it is.

use base::Timestamp;
use kernel::Cloud;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Record, Table, Tx};

/// Records of one transaction.
const BATCH: usize = 50;
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Takes records out of a table, whose keys begin with a time, as they come due; says when the next one does. `work` may put
/// them back for later.
///
/// # Errors
/// A sentence for the log.
pub(crate) fn work_off<R: Record>(
    cloud: &Arc<Cloud>,
    table: &Table<R>,
    work: impl Fn(&mut Tx, &R, Timestamp) -> Result<(), String>,
) -> Result<Option<Timestamp>, String> {
    loop {
        let now = cloud.clock().now();
        let (all, next) = ready(cloud, table, now).map_err(|error| error.to_string())?;
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

fn ready<R: Record>(cloud: &Cloud, table: &Table<R>, now: Timestamp) -> Result<Ready<R>, store::StoreError> {
    let mut found = Vec::new();
    for pair in table.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
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
pub(crate) fn pause(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.min(8)).min(PAUSE_MAX)
}
