//! Reconcilers: woken by a change, by the clock, by their nap; tried again after a failure; alone when they fail.

use crate::fixture::{PARAMETERS, cloud, parts};
use crate::harness::{Cloud, START};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use store::Key;

/// Nothing here waits so long but where a wake-up was lost.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Counter {
    watches: bool,
    nap: Option<Duration>,
    /// What each run asks for.
    next: Option<Timestamp>,
    failures: AtomicU32,
    panics: AtomicU32,
    runs: Mutex<u32>,
    ran: Condvar,
}

impl Counter {
    fn runs(&self) -> u32 {
        *self.runs.lock().unwrap()
    }

    #[track_caller]
    fn wait_for(&self, runs: u32) {
        let guard = self.runs.lock().unwrap();
        let (guard, _) = self.ran.wait_timeout_while(guard, PATIENCE, |n| *n < runs).unwrap();
        assert!(*guard >= runs, "{} runs, not {runs}", *guard);
    }
}

fn take(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

impl Reconciler for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        if self.watches { vec![PARAMETERS.stored_key(&Key::empty())] } else { Vec::new() }
    }

    fn nap(&self) -> Duration {
        self.nap.unwrap_or(Duration::from_secs(3_600))
    }

    fn run(&self, _: &Arc<kernel::Cloud>) -> Result<Option<Timestamp>, String> {
        *self.runs.lock().unwrap() += 1;
        self.ran.notify_all();
        if take(&self.panics) {
            panic!("as it was told");
        }
        if take(&self.failures) { Err("as it was told".into()) } else { Ok(self.next) }
    }
}

/// Runs the cloud with this reconciler in the background while `test` looks on.
fn running(counter: Counter, test: impl Fn(&Cloud, &Counter)) {
    let counter = Arc::new(counter);
    let mut parts = parts();
    parts.reconcilers.push(Arc::clone(&counter) as Arc<dyn Reconciler>);
    let cloud = cloud(parts);
    let background = cloud.block_on(async { cloud.cloud.start_background() });
    counter.wait_for(1);
    test(&cloud, &counter);
    cloud.block_on(background.stop());
    let after = counter.runs();
    cloud.root("123456789012").call("ssm", "PutParameter", json!({ "Name": "late", "Value": "v" })).ok();
    assert_eq!(counter.runs(), after, "stopped is stopped");
}

#[test]
fn a_change_wakes_those_who_watch_it() {
    running(Counter { watches: true, ..Counter::default() }, |cloud, counter| {
        for n in 0..5 {
            let before = counter.runs();
            let put = json!({ "Name": format!("p{n}"), "Value": "v" });
            cloud.root("123456789012").call("ssm", "PutParameter", put).ok();
            counter.wait_for(before + 1);
        }
    });
}

#[test]
fn a_change_elsewhere_wakes_nobody() {
    running(Counter::default(), |cloud, counter| {
        cloud.root("123456789012").call("ssm", "PutParameter", json!({ "Name": "a", "Value": "v" })).ok();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(counter.runs(), 1);
    });
}

#[test]
fn a_moved_clock_wakes_everybody() {
    running(
        Counter { next: Some(START.plus(Duration::from_secs(86_400))), ..Counter::default() },
        |cloud, counter| {
            for n in 2..5 {
                let change = kernel::ClockChange { advance: Duration::from_secs(60), ..Default::default() };
                cloud.block_on(cloud.cloud.change_clock(change)).unwrap();
                counter.wait_for(n);
            }
        },
    );
}

#[test]
fn a_nap_ends() {
    running(Counter { nap: Some(Duration::from_millis(5)), ..Counter::default() }, |_, counter| {
        counter.wait_for(5);
    });
}

#[test]
fn a_time_that_has_passed_does_not_spin() {
    running(
        Counter { next: Some(START.minus(Duration::from_secs(1))), ..Counter::default() },
        |_, counter| {
            std::thread::sleep(Duration::from_millis(200));
            let runs = counter.runs();
            assert!((2..=25).contains(&runs), "{runs} runs in a fifth of a second");
        },
    );
}

#[test]
fn a_failure_and_a_panic_are_tried_again() {
    let counter = Counter { failures: 1.into(), panics: 1.into(), ..Counter::default() };
    running(counter, |_, counter| {
        counter.wait_for(3);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(counter.runs(), 3, "and then no more");
    });
}
