//! One program for every target: `VIRGA_FUZZ` names the one that is run.
#![no_main]

mod targets;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use targets::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("VIRGA_FUZZ").expect("VIRGA_FUZZ names a target");
    TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name").1
});

fuzz_target!(|data: &[u8]| TARGET(data));
