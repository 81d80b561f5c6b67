//! What volumes and snapshots do by themselves: they become ready, their bytes are copied under another key, and what
//! nobody holds any more goes.

use super::blocks::{self, LOOSE};
use super::copies::{self, COPIES};
use super::fast::{BY_ITSELF, RESTORES};
use super::model::{AVAILABLE, COMPLETED, CREATING, ERROR, PENDING, SNAPSHOTS, Snapshot, VOLUMES};
use super::news::{self, Here};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::collections::BTreeSet;
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

/// Whose a record is.
fn home(at: &Key, now: Timestamp) -> Option<Here> {
    at.reader().regional().map(|(account, region)| Here { account, region, now })
}

/// Volumes that were being made and whose bytes are there.
fn volumes(cloud: &Cloud, tx: &mut Tx, now: Timestamp) -> Result<(), String> {
    let all = VOLUMES.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>();
    for (at, mut volume) in all.map_err(|e| e.to_string())? {
        if volume.state == CREATING && !copies::is_under_way(tx, volume.map).map_err(|e| e.to_string())? {
            volume.state = AVAILABLE.into();
            VOLUMES.put(tx, &at, &volume);
            if let Some(here) = home(&at, now) {
                let what = ("createVolume", "available");
                news::volume(cloud, tx, here, &volume.id, what, &volume.request);
            }
        }
    }
    Ok(())
}

/// Snapshots likewise; when the next one fails, if nobody writes to it.
fn snapshots(cloud: &Cloud, tx: &mut Tx, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let mut next: Option<Timestamp> = None;
    let all = SNAPSHOTS.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>();
    let mut all = all.map_err(|e| e.to_string())?;
    let mut sets = BTreeSet::new();
    for (at, snapshot) in &mut all {
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
            None if snapshot.filling => continue,
            None if copies::is_under_way(tx, snapshot.map).map_err(|e| e.to_string())? => continue,
            None => {
                snapshot.state = COMPLETED.into();
                snapshot.progress = 100;
                snapshot.completed = Some(now);
                if let Some(here) = home(at, now) {
                    news::completed(cloud, tx, here, snapshot);
                }
                sets.extend(snapshot.set.clone());
            }
        }
        SNAPSHOTS.put(tx, at, snapshot);
    }
    for set in &sets {
        let of_set = || all.iter().filter(|(_, snapshot)| snapshot.set.as_ref() == Some(set));
        let here = of_set().find_map(|(at, _)| home(at, now));
        if let Some(here) = here.filter(|_| of_set().all(|(_, snapshot)| snapshot.state == COMPLETED)) {
            let members: Vec<&Snapshot> = of_set().map(|(_, snapshot)| snapshot).collect();
            news::all_completed(cloud, tx, here, &members);
        }
    }
    Ok(next)
}

/// What fast restores have come to is told; when there is more to tell.
fn restores(cloud: &Cloud, tx: &mut Tx, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let mut next: Option<Timestamp> = None;
    let all = RESTORES.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>();
    for (at, mut restore) in all.map_err(|e| e.to_string())? {
        let course = restore.course();
        let told = course.iter().position(|(state, _)| *state == restore.told).unwrap_or(0);
        for (state, when) in course.into_iter().skip(told + 1) {
            if when > now {
                next = Some(next.map_or(when, |next| next.min(when)));
                break;
            }
            restore.told = state.to_owned();
            RESTORES.put(tx, &at, &restore);
            if let Some(here) = home(&at, now) {
                news::restore(cloud, tx, here, &restore, BY_ITSELF);
            }
        }
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
            RESTORES.stored_key(&all),
            LOOSE.stored_key(&all),
            COPIES.stored_key(&all),
        ]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        copies::run(cloud)?;
        blocks::collect(cloud)?;
        loop {
            let mut tx = cloud.store().begin();
            let now = cloud.clock().now();
            volumes(cloud, &mut tx, now)?;
            let next = [snapshots(cloud, &mut tx, now)?, restores(cloud, &mut tx, now)?];
            let next = next.into_iter().flatten().min();
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
