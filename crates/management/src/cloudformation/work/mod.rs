//! The work on stacks: a reconciler that takes each operation under way as far as it goes, step by step.
//!
//! A step is one resource: its service's operation, the record of what came of it and the event are one transaction,
//! so that after a crash nothing is made twice and nothing that was made is forgotten. What takes its time (a table
//! that becomes active) is asked for again a little later.

mod back;
pub mod follow;
mod forward;
pub(crate) mod import;
pub mod inquire;
pub mod inspect;
pub mod notify;
pub(crate) mod phase;
pub(crate) mod plan;
mod removal;
pub(crate) mod roll;
pub mod sets;
pub(crate) mod step;

use super::asked::{ASKED, SIGNALS};
use super::drift::{self, DETECTIONS};
use super::model::{BODIES, EVENTS, JOBS, RESOURCES, STACKS};
use super::operation::OPERATIONS;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key};

/// Between two looks at what is not ready yet.
const POLL: Duration = Duration::from_millis(250);
/// AWS: deleted stacks are shown for ninety days.
const SHOWN: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Moves every operation under way on.
#[derive(Debug)]
pub struct Deploy;

impl Reconciler for Deploy {
    fn name(&self) -> &'static str {
        "cloudformation stacks"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        // What stacks wait for, too.
        let all = Key::empty();
        vec![JOBS.stored_key(&all), ASKED.stored_key(&all), SIGNALS.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let jobs = JOBS.scan(&snapshot, &Key::empty(), Direction::Forward);
        let jobs: Result<Vec<_>, _> = jobs.map(|entry| entry.map(|(_, job)| job.stack)).collect();
        let (mut next, mut problem) = (None, None);
        for stack in jobs.map_err(|e| e.to_string())? {
            // One that cannot go on does not hold up the others.
            match catch_unwind(AssertUnwindSafe(|| phase::advance(cloud, &stack))) {
                Ok(Ok(true)) => next = Some(cloud.clock().now().plus(POLL)),
                Ok(Ok(false)) => {}
                Ok(Err(why)) => drop(problem.get_or_insert(why)),
                Err(_) => drop(problem.get_or_insert_with(|| format!("the work on {stack} panicked"))),
            }
        }
        problem.map_or(Ok(next), Err)
    }
}

/// Forgets stacks that were deleted long ago, and looks at drift that are as old.
#[derive(Debug)]
pub struct Forget;

impl Reconciler for Forget {
    fn name(&self) -> &'static str {
        "deleted stacks"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let (snapshot, now) = (cloud.store().snapshot(), cloud.clock().now());
        for entry in STACKS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, stack) = entry.map_err(|e| e.to_string())?;
            if stack.deleted.is_none_or(|deleted| deleted.plus(SHOWN) > now) {
                continue;
            }
            let mut tx = cloud.store().begin();
            STACKS.delete(&mut tx, &key);
            let failed = |e: store::StoreError| e.to_string();
            drift::forget(&mut tx, &stack).map_err(failed)?;
            for entry in BODIES.scan(&snapshot, &key, Direction::Forward) {
                BODIES.delete(&mut tx, &entry.map_err(failed)?.0);
            }
            for entry in RESOURCES.scan(&snapshot, &key, Direction::Forward) {
                RESOURCES.delete(&mut tx, &entry.map_err(failed)?.0);
            }
            for entry in EVENTS.scan(&snapshot, &key, Direction::Forward) {
                let (own, event) = entry.map_err(failed)?;
                EVENTS.delete(&mut tx, &own);
                if let Some(id) = event.operation {
                    OPERATIONS.delete(&mut tx, &Key::regional(stack.account, stack.region).str(&id));
                }
            }
            for entry in ASKED.scan(&snapshot, &key, Direction::Forward) {
                ASKED.delete(&mut tx, &entry.map_err(failed)?.0);
            }
            for entry in SIGNALS.scan(&snapshot, &key, Direction::Forward) {
                SIGNALS.delete(&mut tx, &entry.map_err(failed)?.0);
            }
            step::commit(tx)?;
        }
        for entry in DETECTIONS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, detection) = entry.map_err(|e| e.to_string())?;
            if detection.started.plus(SHOWN) <= now {
                let mut tx = cloud.store().begin();
                DETECTIONS.delete(&mut tx, &key);
                step::commit(tx)?;
            }
        }
        Ok(None)
    }
}
