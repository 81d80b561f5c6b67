//! Limits on what a machine takes, where this machine has control groups to give.

use crate::lab::Lab;
use crate::machines::{Folder, boot, run};
use host::{Driver, HostError, Share, missing_for_limits};
use net::sample;
use std::time::{Duration, Instant};

const SHARE: Share = Share { millicpus: 200, memory_bytes: 64 << 20 };
/// More memory than that.
const HOG: &str = "dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null";
const SPIN: &str = "timeout 2 sh -c 'while :; do :; done'";

#[test]
fn a_machine_gets_its_share_and_no_more() {
    let base = Folder::new("limits");
    let lab = Lab::new(sample::two_tier());
    if let Some(what) = missing_for_limits() {
        let refused = lab.plane.limit("db", SHARE);
        assert!(matches!(refused, Err(HostError::Unable(why)) if why == what));
        return;
    }
    let init = boot(&lab, &base);
    assert_eq!(run(&lab, HOG).0, 0, "without limits it has what it asks for");
    init.signal(9).unwrap();
    init.wait().unwrap();
    lab.plane.limit("db", SHARE).unwrap();
    let _init = boot(&lab, &base);
    assert_ne!(run(&lab, HOG).0, 0, "200 MiB in a machine of 64");
    let began = Instant::now();
    let spent = spun(&lab);
    assert!(spent < began.elapsed() / 3, "{spent:?} of a fifth of {:?}", began.elapsed());
    assert!(spent > Duration::from_millis(100), "{spent:?}");
    // What runs on and on in the machine is seen from outside, too.
    run(&lab, "sh -c 'while :; do :; done' >/dev/null 2>&1 &");
    std::thread::sleep(Duration::from_secs(1));
    let (took, most) = (lab.plane.usage("db").unwrap().processor, Duration::from_millis(700));
    assert!(took > Duration::from_millis(50) && took < most, "{took:?}");
    // More of it, while it runs.
    lab.plane.limit("db", Share { memory_bytes: 512 << 20, ..SHARE }).unwrap();
    assert_eq!(run(&lab, HOG).0, 0, "200 MiB in a machine of 512");
    // Planes of other tests have no limited machines.
    let is_there = || groups().iter().any(|group| group.ends_with("/db"));
    assert!(is_there());
    lab.plane.remove_machine("db").unwrap();
    drop(lab);
    assert!(!is_there());
}

/// What a program in the machine took, as it says itself.
fn spun(lab: &Lab) -> Duration {
    let (_, said) = run(lab, &format!("{SPIN}; cut -d' ' -f16,17 /proc/$$/stat"));
    let ticks: u64 = said.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The groups of this process's machines that the system knows.
fn groups() -> Vec<String> {
    let own = format!("/virga-{}-", std::process::id());
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                found.extend(path.to_str().filter(|text| text.contains(&own)).map(str::to_owned));
                folders.push(path);
            }
        }
    }
    found
}
