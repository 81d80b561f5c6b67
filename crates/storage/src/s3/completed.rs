//! Forgets that uploads were completed, a day after: until then a client that has not heard the answer may ask again.

use super::model::upload::COMPLETED;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key};

const LIFE: Duration = Duration::from_secs(86_400);
const BATCH: usize = 500;

#[derive(Debug)]
pub struct ForgetCompleted;

impl Reconciler for ForgetCompleted {
    fn name(&self) -> &'static str {
        "s3 completed uploads"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        Duration::from_secs(3600)
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        // Read outside of the transaction: deleting needs no agreement.
        let snapshot = cloud.store().snapshot();
        let mut old = Vec::new();
        for pair in COMPLETED.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, completed) = pair.map_err(|e| e.to_string())?;
            if now.since(completed.at) >= LIFE {
                old.push(key);
            }
            if old.len() == BATCH {
                break;
            }
        }
        let mut tx = cloud.store().begin();
        old.iter().for_each(|key| COMPLETED.delete(&mut tx, key));
        match tx.commit().wait() {
            Ok(_) | Err(CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
        Ok((old.len() == BATCH).then_some(now))
    }
}
