//! `xtask incremental`: how long a developer waits for the compiler after changing one handler. That is a promise of
//! this repository, so it is measured, and it fails beyond the limit.
//!
//! The handler is touched, not changed: cargo goes by the time of a file.

#![allow(clippy::print_stdout, reason = "a tool for people: its output is its purpose")]
#![allow(clippy::disallowed_methods, reason = "a file is touched at the machine's time")]

use crate::{Outcome, tidy};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// On two cores with nothing else to do.
const SECONDS_MAX: u64 = 15;
/// One in the largest service's crate, upon which the binary waits.
const HANDLER: &str = "crates/security/src/iam/ops/user.rs";
/// The best of these counts: what is measured is the work, not what else the machine does.
const ROUNDS: usize = 3;

pub(crate) fn run(args: &[String]) -> Outcome {
    let limit = match args {
        [] => SECONDS_MAX,
        [flag, n] if flag == "--seconds" => n.parse().map_err(|_| "--seconds takes a number")?,
        _ => return Err("usage: [--seconds N]".into()),
    };
    let (first, _) = check()?;
    println!("check of what was not up to date: {:.1} s", first.as_secs_f64());
    let mut best = Duration::MAX;
    for round in 1..=ROUNDS {
        let handler = std::fs::File::options().append(true).open(tidy::root().join(HANDLER));
        handler
            .and_then(|file| file.set_modified(SystemTime::now()))
            .map_err(|why| format!("{HANDLER}: {why}"))?;
        let (took, said) = check()?;
        if !said.contains("Checking security") {
            return Err(format!("touching {HANDLER} had nothing checked:\n{said}"));
        }
        println!("round {round}, one handler touched: {:.1} s", took.as_secs_f64());
        best = best.min(took);
        if best <= Duration::from_secs(limit) {
            return Ok(());
        }
    }
    Err(format!("{:.1} s is more than the {limit} s that a developer should wait", best.as_secs_f64()))
}

/// The whole binary; how long it took, and what cargo said.
fn check() -> Result<(Duration, String), String> {
    let begun = Instant::now();
    let output = Command::new("cargo")
        .args(["check", "--package", "virga", "--locked"])
        // As developers have it, whatever the surroundings say.
        .env("CARGO_INCREMENTAL", "1")
        .current_dir(tidy::root())
        .output()
        .map_err(|why| format!("cargo: {why}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok((begun.elapsed(), said)) } else { Err(said) }
}
