//! [`Sweep`]: removes contents to which nothing refers any more, and once, at the start, those that a crash left behind.

use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Key;

/// What waits is dated by the machine's clock, so the sweeper looks every so often rather than at a time of the cloud's.
const NAP: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
pub(crate) struct Sweep {
    started: AtomicBool,
}

impl Reconciler for Sweep {
    fn name(&self) -> &'static str {
        "contents"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![blob::refs::GARBAGE.stored_key(&Key::empty())]
    }

    fn nap(&self) -> Duration {
        NAP
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        if !self.started.load(Ordering::Relaxed) {
            let removed = cloud.contents().sweep_orphans(cloud.store())?;
            self.started.store(true, Ordering::Relaxed);
            if removed > 0 {
                crate::log::info(
                    "contents without an owner were removed",
                    &[("count", &removed.to_string())],
                );
            }
        }
        cloud.contents().sweep(cloud.store()).map(|_| None)
    }
}
