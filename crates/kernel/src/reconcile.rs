//! Reconcilers: they make intent real, and keep it so.
//!
//! A [`Reconciler`] is idempotent and takes no input: it looks at the store and does what is missing. It is woken by
//! changes under the prefixes that it watches, at the time (of the cloud's clock) that it asked for, whenever the
//! clock is moved, and once at start. So a crash at any line is safe: the next run finds what is left to do.

use crate::cloud::Cloud;
use base::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// After a failure, and as the longest nap: a missed wake-up then costs time, never correctness.
const NAP_MAX: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Between two runs where a reconciler keeps asking for a time that has passed.
const NAP_MIN: Duration = Duration::from_millis(10);

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
        let spawn = |reconciler: &Arc<dyn Reconciler>| {
            tokio::spawn(keep_running(Arc::clone(cloud), Arc::clone(reconciler), stop.subscribe()))
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

async fn keep_running(cloud: Arc<Cloud>, reconciler: Arc<dyn Reconciler>, mut stop: watch::Receiver<bool>) {
    let watches: Vec<_> = reconciler.watches().iter().map(|prefix| cloud.store().watch(prefix)).collect();
    let mut clock_moves = cloud.clock_moves();
    loop {
        // Read before the run: what changes during it wakes the next one.
        let seen: Vec<u64> = watches.iter().map(store::Watch::generation).collect();
        clock_moves.mark_unchanged();
        let next = run_once(&cloud, &reconciler).await;
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
