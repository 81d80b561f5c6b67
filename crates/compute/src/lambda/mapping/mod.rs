//! Event source mappings at work: each feeds its function what comes into a queue or a stream ([`feed`]).
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>

mod event;
pub(crate) mod settings;

use super::model::{MAPPINGS, Mapping, PROGRESS, Phase};
use base::Timestamp;
use event::Fed;
use feed::{Feed, Pollers, Polls};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key};

/// Until a poller that was told to stop is looked at again.
const SOON: Duration = Duration::from_millis(50);
const CONFLICTS_MAX: u32 = 64;
/// AWS: the scaling guide of standard queues: as many batches are handled at once where nothing less is asked for.
const CONCURRENCY: u32 = 1_000;

fn feed(mapping: &Mapping) -> Feed {
    Feed {
        account: mapping.account,
        region: mapping.region,
        source: mapping.source.clone(),
        batch: mapping.batch,
        window: mapping.window,
        filters: mapping.filters.clone(),
        concurrency: mapping.concurrency.unwrap_or(CONCURRENCY),
        start: mapping.start.clone(),
        created: mapping.created,
        bisects: mapping.bisects,
        retries: mapping.retries,
        age: mapping.age,
        parallel: mapping.parallel,
        on_failure: mapping.on_failure.clone(),
        progress: &PROGRESS,
        place: mapping.key(),
    }
}

/// Starts and stops pollers.
#[derive(Debug)]
pub struct Mappings;

impl Reconciler for Mappings {
    fn name(&self) -> &'static str {
        "event source mappings"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![MAPPINGS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let pollers = cloud.memory::<Pollers>();
        let snapshot = cloud.store().snapshot();
        let mut next = None;
        for pair in MAPPINGS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, mapping) = pair.map_err(|e| e.to_string())?;
            match (pollers.look(&mapping.id, mapping.revision), mapping.works()) {
                (Polls::No, true) => {
                    let fed = Box::new(Fed(mapping.clone()));
                    pollers.start(cloud, (&mapping.id, mapping.revision), feed(&mapping), fed)?;
                    turned(cloud, &key, &mapping, Some(Phase::Enabled))?;
                }
                (Polls::Right, true) => turned(cloud, &key, &mapping, Some(Phase::Enabled))?,
                (Polls::No, false) if mapping.phase == Phase::Deleting => {
                    turned(cloud, &key, &mapping, None)?;
                }
                (Polls::No, false) => turned(cloud, &key, &mapping, Some(Phase::Disabled))?,
                (Polls::Old | Polls::Right, _) => {
                    pollers.stop(&mapping.id);
                    next = Some(cloud.clock().now().plus(SOON));
                }
            }
        }
        Ok(next)
    }
}

/// Notes down that a mapping has become what it was to become; `None`: that it is gone.
fn turned(cloud: &Arc<Cloud>, key: &Key, seen: &Mapping, phase: Option<Phase>) -> Result<(), String> {
    if phase == Some(seen.phase) {
        return Ok(());
    }
    for _ in 0..CONFLICTS_MAX {
        let mut tx = cloud.store().begin();
        let now = MAPPINGS.get(&tx, key).map_err(|e| e.to_string())?;
        let Some(mut mapping) = now.filter(|now| now.revision == seen.revision) else { return Ok(()) };
        match phase {
            Some(phase) => {
                mapping.phase = phase;
                MAPPINGS.put(&mut tx, key, &mapping);
            }
            None => {
                Feed::forget(&mut tx, &PROGRESS, key).map_err(|e| e.to_string())?;
                MAPPINGS.delete(&mut tx, key);
            }
        }
        match tx.commit().wait() {
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(why) => return Err(why.to_string()),
        }
    }
    Err("too many conflicts".into())
}
