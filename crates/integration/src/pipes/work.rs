//! What happens by itself: pipes begin to be fed, and end.

use super::consumer::{Fed, INITIATED, NAME, REASON_MAX};
use super::errors::is_passing;
use super::model::{PIPES, PROGRESS, Phase, Pipe};
use super::target::{members, queue_url};
use base::{Arn, Timestamp};
use feed::{Feed, Pollers, Polls};
use kernel::outbound::Client;
use kernel::reconcile::Reconciler;
use kernel::{As, Cloud, Cx};
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key};
use wire::{Fault, Value};

/// Until a poller that was told to stop is looked at again.
const SOON: Duration = Duration::from_millis(50);
/// AWS: the concurrency of a pipe from a queue.
const CONCURRENCY: u32 = 1_250;

/// Starts and stops what feeds pipes.
#[derive(Debug)]
pub struct Pipes(pub Arc<Client>);

fn feed(pipe: &Pipe) -> Feed {
    let source = &pipe.source;
    Feed {
        account: pipe.account,
        region: pipe.region,
        source: source.arn.clone(),
        batch: pipe.batch(),
        window: source.window.unwrap_or_default(),
        filters: source.filters.clone(),
        concurrency: CONCURRENCY,
        start: source.start.clone(),
        created: pipe.created,
        bisects: source.bisects,
        retries: source.retries,
        age: source.age,
        parallel: source.parallel,
        on_failure: source.dead_letters.clone(),
        progress: &PROGRESS,
        place: pipe.progress(),
    }
}

impl Reconciler for Pipes {
    fn name(&self) -> &'static str {
        "pipes"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![PIPES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let pollers = cloud.memory::<Pollers>();
        let snapshot = cloud.store().snapshot();
        let mut waits = false;
        for pair in PIPES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, pipe) = pair.map_err(|e| e.to_string())?;
            match (pollers.look(&pipe.id, pipe.revision), pipe.phase) {
                (Polls::Right, Phase::Running) => {}
                (Polls::No, Phase::Running) => {
                    let fed = Box::new(Fed { pipe: pipe.clone(), client: Arc::clone(&self.0) });
                    pollers.start(cloud, (&pipe.id, pipe.revision), feed(&pipe), fed)?;
                }
                (Polls::Old | Polls::Right, _) => {
                    pollers.stop(&pipe.id);
                    waits = true;
                }
                (Polls::No, phase) if phase.is_passing() => waits |= !settle(cloud, &pipe)?,
                (Polls::No, _) => {}
            }
        }
        Ok(waits.then(|| cloud.clock().now().plus(SOON)))
    }
}

/// Makes a pipe what it was to become; whether it did.
fn settle(cloud: &Arc<Cloud>, seen: &Pipe) -> Result<bool, String> {
    let mut tx = cloud.store().begin();
    let key = Pipe::key(seen.home(), &seen.name);
    let now = PIPES.get(&tx, &key).map_err(|e| e.to_string())?;
    let is_same = |pipe: &Pipe| pipe.id == seen.id && pipe.revision == seen.revision;
    let Some(mut pipe) = now.filter(is_same) else { return Ok(true) };
    if pipe.phase == Phase::Deleting {
        Feed::forget(&mut tx, &PROGRESS, &pipe.progress()).map_err(|e| e.to_string())?;
        PIPES.delete(&mut tx, &key);
    } else {
        let checked = match pipe.runs {
            true => {
                let look = |cx: &mut Cx<'_>| look(cx, &pipe.source.arn);
                let source = pipe.arn();
                let asked =
                    cloud.act_as_role_for(&mut tx, NAME, &pipe.role, pipe.home(), Some(&source), look);
                asked.and_then(|answer| answer)
            }
            false => Ok(()),
        };
        match checked {
            Ok(()) => {
                pipe.phase = if pipe.runs { Phase::Running } else { Phase::Stopped };
                pipe.reason = Some(INITIATED.to_owned());
            }
            Err(fault) if is_passing(&fault) => return Ok(false),
            Err(fault) => {
                pipe.phase = match pipe.phase {
                    Phase::Creating => Phase::CreateFailed,
                    Phase::Starting => Phase::StartFailed,
                    _ => Phase::UpdateFailed,
                };
                let why = format!("{}: {}", fault.code, fault.message);
                pipe.reason = Some(why.chars().take(REASON_MAX).collect());
            }
        }
        PIPES.put(&mut tx, &key, &pipe);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(why) => Err(why.to_string()),
    }
}

/// Whether the source is there, and the role may look at it.
fn look(cx: &mut Cx<'_>, source: &str) -> Result<(), Fault> {
    let Some(arn) = Arn::parse(source) else { return Ok(()) };
    let call = match feed::is_queue(source) {
        true => ("sqs", "GetQueueAttributes", members([queue_url(&arn)])),
        false => ("dynamodbstreams", "DescribeStream", members([("StreamArn", Value::str(source))])),
    };
    cx.call(call.0, call.1, call.2, As::Caller).map(drop)
}
