//! Event source mappings at work: each has a poller, which brings its function what comes into a queue or a stream.
//!
//! A poller reads with the permissions of the function's role, through the services' own operations. A queue's waits
//! in a long poll; a stream's is woken by the changes of its table. What was not handled comes again: messages when
//! they become visible, changes from the place that was last noted down ([`super::model::PROGRESS`]), so a crash
//! loses nothing and may repeat something, as documented.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>

pub(crate) mod filter;
mod post;
mod queue;
mod record;
pub(crate) mod settings;
mod stream;
mod verdict;

use super::model::{MAPPINGS, Mapping, PROGRESS, Phase};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use post::Post;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, Direction, Key};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Until a poller that was told to stop is looked at again.
const SOON: Duration = Duration::from_millis(50);
const CONFLICTS_MAX: u32 = 64;

/// What polls now, by the mapping's id.
#[derive(Debug, Default)]
struct Pollers(Mutex<HashMap<String, Poller>>);

#[derive(Debug)]
struct Poller {
    /// Of the mapping that it was made for.
    revision: u64,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Polls {
    No,
    /// As the mapping is.
    Right,
    /// As the mapping was.
    Old,
}

impl Pollers {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Poller>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn look(&self, mapping: &Mapping) -> Polls {
        self.with(|all| match all.get(&mapping.id) {
            // It has stopped, or it panicked: then another begins where that one was.
            Some(poller) if poller.task.is_finished() => {
                all.remove(&mapping.id);
                Polls::No
            }
            Some(poller) if poller.revision == mapping.revision && !*poller.stop.borrow() => Polls::Right,
            Some(_) => Polls::Old,
            None => Polls::No,
        })
    }

    fn start(&self, cloud: &Arc<Cloud>, mapping: &Mapping) -> Result<(), String> {
        let runtime = Handle::try_current().map_err(|e| e.to_string())?;
        let (stop, stopped) = watch::channel(false);
        let post = Arc::new(Post::new(cloud, mapping)?);
        let task = match mapping.is_queue() {
            true => runtime.spawn(queue::run(post, stopped)),
            false => runtime.spawn(stream::run(post, stopped)),
        };
        let poller = Poller { revision: mapping.revision, stop, task };
        self.with(|all| all.insert(mapping.id.clone(), poller));
        Ok(())
    }

    fn stop(&self, mapping: &Mapping) {
        self.with(|all| all.get(&mapping.id).map(|poller| poller.stop.send_replace(true)));
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
            match (pollers.look(&mapping), mapping.works()) {
                (Polls::No, true) => {
                    pollers.start(cloud, &mapping)?;
                    turned(cloud, &key, &mapping, Some(Phase::Enabled))?;
                }
                (Polls::Right, true) => turned(cloud, &key, &mapping, Some(Phase::Enabled))?,
                (Polls::No, false) if mapping.phase == Phase::Deleting => {
                    turned(cloud, &key, &mapping, None)?;
                }
                (Polls::No, false) => turned(cloud, &key, &mapping, Some(Phase::Disabled))?,
                (Polls::Old | Polls::Right, _) => {
                    pollers.stop(&mapping);
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
                let shards: Result<Vec<Key>, _> = PROGRESS
                    .scan(&tx, key, Direction::Forward)
                    .map(|pair| pair.map(|(shard, _)| shard))
                    .collect();
                shards.map_err(|e| e.to_string())?.iter().for_each(|shard| PROGRESS.delete(&mut tx, shard));
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
