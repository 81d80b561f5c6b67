//! Reconcilers: they make intent real, and keep it so.
//!
//! A [`Reconciler`] is idempotent and takes no input: it looks at the store and does what is missing. It is woken by
//! changes under the prefixes that it watches, at the time (of the cloud's clock) that it asked for, whenever the
//! clock is moved, and once at start. So a crash at any line is safe: the next run finds what is left to do.

use crate::cloud::Cloud;
use base::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// After a failure, and as the longest nap: a missed wake-up then costs time, never correctness.
const NAP_MAX: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Between two runs where a reconciler keeps asking for a time that has passed.
const NAP_MIN: Duration = Duration::from_millis(10);
/// So many run at once where they are quick: each takes a thread, and all of them wake together when the clock moves
/// and whenever their naps end.
const TURNS: usize = 12;
/// One that others, which wait for disks and drivers, keep from its turn runs without: none starves.
const TURN_WAIT_MAX: Duration = Duration::from_millis(20);

/// One kind of convergence.
pub trait Reconciler: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &'static str;

    /// Key prefixes whose changes wake it.
    fn watches(&self) -> Vec<Vec<u8>>;

    /// The longest it sleeps without being woken, by the machine's time.
    fn nap(&self) -> Duration {
        NAP_MAX
    }

    /// Converges, and says when (by the cloud's clock) it next has something to do of which no change will tell.
    ///
    /// # Errors
    /// A sentence for the log; it is run again shortly after.
    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String>;

    /// Before the cloud closes, once no request runs any more: what waits in memory goes to the store.
    ///
    /// # Errors
    /// A sentence that says what was not written.
    fn last(&self, _: &Arc<Cloud>) -> Result<(), String> {
        Ok(())
    }
}

/// The running reconcilers of a cloud.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(cloud: &Arc<Cloud>) -> Background {
        let (stop, _) = watch::channel(false);
        let turns = Arc::new(Semaphore::new(TURNS));
        let spawn = |reconciler: &Arc<dyn Reconciler>| {
            let (cloud, reconciler) = (Arc::clone(cloud), Arc::clone(reconciler));
            tokio::spawn(keep_running(cloud, reconciler, Arc::clone(&turns), stop.subscribe()))
        };
        let tasks = cloud.reconcilers().iter().map(spawn).collect();
        Background { stop, tasks }
    }

    /// Waits until every reconciler has finished its run.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn keep_running(
    cloud: Arc<Cloud>,
    reconciler: Arc<dyn Reconciler>,
    turns: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    let watches: Vec<_> = reconciler.watches().iter().map(|prefix| cloud.store().watch(prefix)).collect();
    let mut clock_moves = cloud.clock_moves();
    loop {
        // Read before the run: what changes during it wakes the next one.
        let seen: Vec<u64> = watches.iter().map(store::Watch::generation).collect();
        clock_moves.mark_unchanged();
        let next = in_turn(&turns, run_once(&cloud, &reconciler)).await;
        let nap = match next {
            Ok(Some(at)) => at.since(cloud.clock().now()).max(NAP_MIN).min(reconciler.nap()),
            Ok(None) => reconciler.nap(),
            Err(()) => {
                // Whatever changes: it may be what the failed run itself has written.
                tokio::select! {
                    () = tokio::time::sleep(RETRY_AFTER) => continue,
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        };
        tokio::select! {
            () = changed(&watches, &seen) => {}
            _ = clock_moves.changed() => {}
            () = tokio::time::sleep(nap) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn changed(watches: &[store::Watch], seen: &[u64]) {
    if watches.is_empty() {
        return std::future::pending().await;
    }
    let waits = watches.iter().zip(seen).map(|(watch, seen)| Box::pin(watch.changed(*seen)));
    let mut waits: Vec<_> = waits.collect();
    std::future::poll_fn(|cx| {
        let woken = waits.iter_mut().any(|wait| std::future::Future::poll(wait.as_mut(), cx).is_ready());
        if woken { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// What `run` gives, once it is its turn or others have kept it for too long.
async fn in_turn<T>(turns: &Semaphore, run: impl Future<Output = T>) -> T {
    let _turn = tokio::time::timeout(TURN_WAIT_MAX, turns.acquire()).await;
    run.await
}

/// Runs off the request threads: a reconciler may wait for disks and drivers.
async fn run_once(cloud: &Arc<Cloud>, reconciler: &Arc<dyn Reconciler>) -> Result<Option<Timestamp>, ()> {
    let (cloud, again) = (Arc::clone(cloud), Arc::clone(reconciler));
    let outcome = tokio::task::spawn_blocking(move || again.run(&cloud)).await;
    let problem = match outcome {
        Ok(Ok(next)) => return Ok(next),
        Ok(Err(problem)) => problem,
        Err(panic) => panic.to_string(),
    };
    crate::log::error("a reconciler failed", &[("name", reconciler.name()), ("problem", &problem)]);
    Err(())
}

#[cfg(test)]
mod tests {
    use super::{TURN_WAIT_MAX, in_turn};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn one_waits_for_its_turn_but_not_for_long() {
        let turns = Semaphore::new(1);
        let mut cx = Context::from_waker(Waker::noop());
        let mut slow = pin!(in_turn(&turns, std::future::pending::<()>()));
        assert_eq!(slow.as_mut().poll(&mut cx), Poll::Pending);
        let (begun, mut next) = (Instant::now(), pin!(in_turn(&turns, async { 7 })));
        assert_eq!(next.as_mut().poll(&mut cx), Poll::Pending, "it is another's turn");
        assert_eq!(next.await, 7);
        assert!(begun.elapsed() >= TURN_WAIT_MAX, "it went on without its turn too early");
    }

    #[tokio::test]
    async fn a_turn_ends_with_its_run() {
        let turns = Semaphore::new(1);
        assert_eq!(in_turn(&turns, async { 1 }).await, 1);
        assert_eq!(turns.available_permits(), 1);
        let mut next = pin!(in_turn(&turns, async { 2 }));
        assert_eq!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(2));
    }
}
