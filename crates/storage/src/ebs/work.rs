//! What volumes and snapshots do by themselves: they become ready, their bytes are copied under another key, and what
//! nobody holds any more goes.

use super::blocks::{self, LOOSE};
use super::copies::{self, COPIES};
use super::model::{AVAILABLE, COMPLETED, CREATING, ERROR, PENDING, SNAPSHOTS, VOLUMES};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Tx};

/// Takes volumes and snapshots on.
#[derive(Debug)]
pub struct Life;

/// Minutes in which nothing was written after which a snapshot that is written block by block has failed.
fn due(touched: Timestamp, minutes: i64) -> Timestamp {
    touched.plus(Duration::from_secs(minutes.unsigned_abs() * 60))
}

/// Volumes that were being made and whose bytes are there.
fn volumes(tx: &mut Tx) -> Result<(), String> {
    let all = VOLUMES.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>();
    for (at, mut volume) in all.map_err(|e| e.to_string())? {
        if volume.state == CREATING && !copies::is_under_way(tx, volume.map).map_err(|e| e.to_string())? {
            volume.state = AVAILABLE.into();
            VOLUMES.put(tx, &at, &volume);
        }
    }
    Ok(())
}

/// Snapshots likewise; when the next one fails, if nobody writes to it.
fn snapshots(tx: &mut Tx, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let mut next: Option<Timestamp> = None;
    let all = SNAPSHOTS.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>();
    for (at, mut snapshot) in all.map_err(|e| e.to_string())? {
        if snapshot.state != PENDING {
            continue;
        }
        match &snapshot.direct {
            Some(direct) => {
                let end = due(direct.touched, direct.timeout);
                if end > now {
                    next = Some(next.map_or(end, |next| next.min(end)));
                    continue;
                }
                snapshot.state = ERROR.into();
                snapshot.why = "The snapshot was not completed in time.".into();
            }
            None if copies::is_under_way(tx, snapshot.map).map_err(|e| e.to_string())? => continue,
            None => {
                snapshot.state = COMPLETED.into();
                snapshot.progress = 100;
                snapshot.completed = Some(now);
            }
        }
        SNAPSHOTS.put(tx, &at, &snapshot);
    }
    Ok(next)
}

impl Reconciler for Life {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![
            VOLUMES.stored_key(&all),
            SNAPSHOTS.stored_key(&all),
            LOOSE.stored_key(&all),
            COPIES.stored_key(&all),
        ]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        copies::run(cloud)?;
        blocks::collect(cloud)?;
        loop {
            let mut tx = cloud.store().begin();
            volumes(&mut tx)?;
            let next = snapshots(&mut tx, cloud.clock().now())?;
            if tx.is_read_only() {
                return Ok(next);
            }
            match tx.commit().wait() {
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}
