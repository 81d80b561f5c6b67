//! Many networks one after the other, and what is left of them.

use crate::lab::start;
use host::{Driver, Linux, Place};
use net::sample::{self, Dice, ip};
use std::net::SocketAddr;
use std::time::Duration;

/// The network namespaces and descriptors that the host process and its children have.
fn held(plane: &Linux) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", plane.process_id())).unwrap();
    descriptors.count()
}

#[test]
fn rounds_of_making_and_removing_leave_nothing() {
    let plane = start();
    let mut dice = Dice::new(7);
    let ids = ["vpc-a", "vpc-b", "vpc-c"];
    let before = held(&plane);
    for round in 0..30 {
        let t = sample::random(dice.below(1000) as u64);
        for vpc in ids {
            match dice.below(5) {
                0 => plane.remove_vpc(vpc).unwrap(),
                1 => {
                    let machines = plane.inventory().unwrap().machines;
                    machines.iter().take(2).for_each(|machine| plane.remove_machine(machine).unwrap());
                }
                _ => {}
            }
            plane.apply(&t, vpc).unwrap_or_else(|why| panic!("round {round}: {vpc}: {why}"));
        }
    }
    // It still is a network.
    plane.apply(&sample::two_tier(), "vpc-1").unwrap();
    let db = SocketAddr::new(ip("10.0.2.10"), 5432);
    let _listener = plane.listen(&Place::Machine("db".into()), db).unwrap();
    plane.connect(&Place::Machine("web".into()), db, Duration::from_secs(5)).unwrap();
    ids.iter().chain(&["vpc-1"]).for_each(|vpc| plane.remove_vpc(vpc).unwrap());
    for machine in plane.inventory().unwrap().machines {
        plane.remove_machine(&machine).unwrap();
    }
    assert_eq!(plane.inventory().unwrap(), host::Inventory::default());
    assert_eq!(held(&plane), before);
}

#[test]
fn a_host_process_that_is_killed_is_an_error_and_takes_all_along() {
    let plane = start();
    plane.apply(&sample::two_tier(), "vpc-1").unwrap();
    let child = plane.process_id();
    let status = std::process::Command::new("kill").args(["-9", &child.to_string()]).status().unwrap();
    assert!(status.success());
    let gone = |plane: &Linux| {
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            plane.counters("vpc-1").is_err()
        })
    };
    assert!(gone(&plane));
    assert!(matches!(plane.apply(&sample::random(1), "vpc-a"), Err(host::HostError::Ended)));
    assert!(!std::path::Path::new(&format!("/proc/{child}/fd/0")).exists());
}
