//! What a durable change costs: one flush of the disk, which all share who wait for it at the same time.

use crate::harness::{Cloud, MASTER, START};
use base::{Clock, Rng};
use kernel::Settings;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::engine::{Engine, EngineSize, View, Write};
use store::memory::MemoryEngine;
use store::{EngineError, Store};

const ACCOUNT: &str = "123456789012";
const FLUSH: Duration = Duration::from_millis(30);

/// A disk that is slow, counts how often it is waited for, and may be full.
struct Disk {
    inner: MemoryEngine,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    flushes: AtomicUsize,
    full: AtomicBool,
}

impl State {
    fn flushes(&self) -> usize {
        self.flushes.load(Ordering::SeqCst)
    }
}

impl Engine for Disk {
    fn snapshot(&mut self) -> Arc<dyn View> {
        self.inner.snapshot()
    }

    fn apply(&mut self, batch: &[Write], last: u64) -> Result<(), EngineError> {
        if self.state.full.load(Ordering::SeqCst) {
            return Err(EngineError::Full);
        }
        self.state.flushes.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(FLUSH);
        self.inner.apply(batch, last)
    }

    fn witness(&self) -> u64 {
        self.inner.witness()
    }

    fn recover(&mut self) -> Result<(), EngineError> {
        self.inner.recover()
    }

    fn copy_to(&mut self, dir: &Path) -> Result<(), EngineError> {
        self.inner.copy_to(dir)
    }

    fn size(&self) -> EngineSize {
        self.inner.size()
    }
}

fn cloud() -> (Cloud, Arc<State>) {
    let state = Arc::new(State::default());
    let disk = Disk { inner: MemoryEngine::default(), state: Arc::clone(&state) };
    let blobs = Arc::new(blob::Memory::default());
    let (clock, rng) = (Clock::frozen(START), Rng::seeded(7));
    let store = Store::start(Box::new(disk)).unwrap();
    let cloud = virga::wiring::cloud(store, blobs, clock, rng, &MASTER, Settings::default()).unwrap();
    (Cloud::around(cloud), state)
}

#[test]
fn a_user_is_made_by_one_flush_and_read_without_any() {
    let (cloud, disk) = cloud();
    let root = cloud.root(ACCOUNT);
    let before = disk.flushes();
    for n in 1..=5 {
        root.call("iam", "CreateUser", json!({ "UserName": format!("user{n}") })).ok();
        assert_eq!(disk.flushes() - before, n, "after {n} users");
    }
    root.call("iam", "GetUser", json!({ "UserName": "user1" })).ok();
    root.call("iam", "CreateUser", json!({ "UserName": "user1" })).refused(409, "EntityAlreadyExists");
    assert_eq!(disk.flushes() - before, 5, "nothing else was written");
}

#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    let (cloud, disk) = cloud();
    let root = cloud.root(ACCOUNT);
    let create = |name: &str| root.call("iam", "CreateUser", json!({ "UserName": name }));
    create("before").ok();
    disk.full.store(true, Ordering::SeqCst);
    let message = create("meanwhile").refused(503, "ServiceUnavailable");
    assert!(message.contains("disk"), "{message}");
    let names = || {
        let users = root.call("iam", "ListUsers", json!({})).ok()["Users"].take();
        let users = users.as_array().unwrap().iter();
        users.map(|user| user["UserName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["before"]);
    disk.full.store(false, Ordering::SeqCst);
    create("meanwhile").ok();
    assert_eq!(names(), ["before", "meanwhile"]);
}

#[test]
fn a_crowd_shares_its_flushes() {
    const CROWD: usize = 32;
    const EACH: usize = 5;
    let (cloud, disk) = cloud();
    let before = disk.flushes();
    std::thread::scope(|scope| {
        for caller in 0..CROWD {
            let root = cloud.root(ACCOUNT);
            scope.spawn(move || {
                for n in 0..EACH {
                    root.call("iam", "CreateUser", json!({ "UserName": format!("u{caller}-{n}") })).ok();
                }
            });
        }
    });
    let spent = disk.flushes() - before;
    // Each waits for its own before it makes the next.
    assert!((EACH..CROWD * EACH / 2).contains(&spent), "{spent} flushes for {} users", CROWD * EACH);
}
