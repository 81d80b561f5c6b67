//! The cloud's clock: moved, stopped and started durably; set back by a reset alone.

use crate::fixture::{parts, wire};
use crate::harness::{Cloud, START};
use base::{Clock, Timestamp};
use kernel::ClockChange;
use serde_json::json;
use std::time::Duration;
use store::{CommitError, Store};

const DAY: Duration = Duration::from_secs(86_400);
/// The tests do not stop the machine's time; this is how far it may have run.
const SLACK: Duration = Duration::from_secs(120);

fn start(store: &Store) -> Cloud {
    wire(store.clone(), Clock::system(), true, parts())
}

fn change(cloud: &Cloud, change: ClockChange) {
    cloud.block_on(cloud.cloud.change_clock(change)).unwrap();
}

fn now(cloud: &Cloud) -> Timestamp {
    cloud.cloud.clock().now()
}

#[track_caller]
fn near(got: Timestamp, expected: Timestamp) {
    assert!(got >= expected && got.since(expected) < SLACK, "{got} is not about {expected}");
}

#[test]
fn a_moved_clock_survives_a_restart() {
    let store = Store::memory();
    let cloud = start(&store);
    let before = now(&cloud);
    change(&cloud, ClockChange { advance: 45 * DAY, ..ClockChange::default() });
    near(now(&cloud), before.plus(45 * DAY));
    let again = start(&store);
    near(now(&again), before.plus(45 * DAY));
    change(&again, ClockChange { advance: DAY, ..ClockChange::default() });
    near(now(&start(&store)), before.plus(46 * DAY));
}

#[test]
fn a_stopped_clock_stands_until_it_is_started() {
    let store = Store::memory();
    let cloud = start(&store);
    change(&cloud, ClockChange { freeze: true, ..ClockChange::default() });
    let stopped = now(&cloud);
    assert_eq!(now(&cloud), stopped);
    let again = start(&store);
    assert_eq!(now(&again), stopped, "after a restart too");
    change(&again, ClockChange { advance: DAY, ..ClockChange::default() });
    assert_eq!(now(&again), stopped.plus(DAY), "it moves only when it is told");
    assert_eq!(now(&start(&store)), stopped.plus(DAY));
    change(&again, ClockChange { thaw: true, ..ClockChange::default() });
    assert!(!again.cloud.clock().is_frozen());
    near(now(&again), stopped.plus(DAY));
    let third = start(&store);
    assert!(!third.cloud.clock().is_frozen());
    near(now(&third), stopped.plus(DAY));
}

#[test]
fn several_orders_at_once_apply_in_their_order() {
    let cloud = start(&Store::memory());
    let before = now(&cloud);
    change(&cloud, ClockChange { advance: DAY, freeze: true, thaw: false });
    let stopped = now(&cloud);
    near(stopped, before.plus(DAY));
    assert!(cloud.cloud.clock().is_frozen());
    change(&cloud, ClockChange { advance: DAY, freeze: true, thaw: true });
    assert!(!cloud.cloud.clock().is_frozen());
    near(now(&cloud), stopped.plus(DAY));
}

#[test]
fn many_orders_at_once_all_count() {
    let store = Store::memory();
    let cloud = start(&store);
    let before = now(&cloud);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| change(&cloud, ClockChange { advance: DAY, ..ClockChange::default() }));
        }
    });
    near(now(&cloud), before.plus(16 * DAY));
    near(now(&start(&store)), before.plus(16 * DAY));
}

#[test]
fn the_clock_ends_with_what_can_be_written() {
    let store = Store::memory();
    let cloud = start(&store);
    let before = now(&cloud);
    let far = ClockChange { advance: 365 * 9_000 * DAY, freeze: true, thaw: false };
    let refused = cloud.block_on(cloud.cloud.change_clock(far));
    assert_eq!(refused, Err(CommitError::Refused("the clock ends with the year 9999")));
    assert!(!cloud.cloud.clock().is_frozen());
    near(now(&cloud), before);
}

#[test]
fn a_reset_leaves_nothing_and_the_machines_time() {
    let store = Store::memory();
    let cloud = wire(store.clone(), Clock::frozen(START), true, parts());
    let root = cloud.root("123456789012");
    let eva = cloud.user(&root, "eva", "");
    root.call("ssm", "PutParameter", json!({ "Name": "a", "Value": "v" })).ok();
    change(&cloud, ClockChange { advance: 45 * DAY, ..ClockChange::default() });
    eva.call("sts", "GetCallerIdentity", json!({})).ok();
    cloud.block_on(cloud.cloud.reset()).unwrap();
    near(now(&cloud), Clock::system().now().minus(SLACK / 2));
    eva.call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");
    root.call("ssm", "GetParameter", json!({ "Name": "a" })).refused(400, "ParameterNotFound");
    assert_eq!(root.call("iam", "ListUsers", json!({})).ok()["Users"], json!(""));
    let again = start(&store);
    near(now(&again), Clock::system().now().minus(SLACK / 2));
    again.root("123456789012").call("ssm", "PutParameter", json!({ "Name": "a", "Value": "v" })).ok();
}
