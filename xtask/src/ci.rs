//! `cargo xtask ci`: everything that decides whether a change may land, in the order in which mistakes are cheapest
//! to find, with a table of what took how long. A laptop and the CI machine run the same thing.
//!
//! Not here: installing anything. `make test` does that first and then calls this.

#![allow(clippy::print_stdout, reason = "a tool for people: its output is its purpose")]

use crate::tidy;
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

struct Step {
    name: &'static str,
    command: &'static [&'static str],
    /// Part of `--quick` too.
    quick: bool,
    /// Run only when this program is on the machine.
    needs: Option<&'static str>,
}

const fn step(name: &'static str, command: &'static [&'static str], quick: bool) -> Step {
    Step { name, command, quick, needs: None }
}

const STEPS: &[Step] = &[
    step("format", &["cargo", "fmt", "--all", "--check"], true),
    step("python", &[".venv/bin/ruff", "check", "--quiet", "tests"], false),
    step("python format", &[".venv/bin/ruff", "format", "--check", "--quiet", "tests"], false),
    Step {
        // `tidy` has already held licences, sources and bans by the same deny.toml; this compares licence texts too.
        needs: Some("cargo-deny"),
        ..step("deny", &["cargo", "deny", "check", "licenses", "bans", "sources"], false)
    },
    step(
        "clippy",
        &["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"],
        true,
    ),
    step("unit tests", &["cargo", "test", "--workspace", "--locked", "--quiet"], true),
    step(
        "coverage",
        &["cargo", "run", "--package", "xtask", "--quiet", "--locked", "--", "coverage", "--check"],
        true,
    ),
    step(
        "incremental",
        &["cargo", "run", "--package", "xtask", "--quiet", "--locked", "--", "incremental"],
        false,
    ),
    // Bounded: every parser for a few seconds, enough for what a careless change breaks.
    step(
        "fuzz",
        &["cargo", "run", "--package", "xtask", "--quiet", "--locked", "--", "fuzz", "--seconds", "8"],
        false,
    ),
    // All is there already from the unit tests: of one package alone, half of the libraries would be built anew with fewer
    // features.
    step("build", &["cargo", "build", "--workspace", "--tests", "--locked", "--quiet"], false),
    step(
        "end to end",
        &[".venv/bin/python", "-m", "pytest", "tests", "--numprocesses", "auto", "--quiet", "--color", "no"],
        false,
    ),
];

/// What all of it should take, on two cores that do nothing else.
const TOTAL_WANTED: Duration = Duration::from_secs(30 * 60);
/// Whoever waits longer for an answer stops asking.
const TOTAL_MAX: Duration = Duration::from_secs(50 * 60);
/// What nobody looks at in a run that is thrown away, and what costs a tenth of it.
const ENVIRONMENT: [(&str, &str); 2] = [("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")];

struct Outcome {
    name: &'static str,
    took: Duration,
    result: &'static str,
}

/// Runs every step and stops at the first that fails, which the error names.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let mut outcomes = vec![timed("tidy", || tidy::run().is_ok())];
    for step in STEPS.iter().filter(|step| step.quick || !quick) {
        if outcomes.iter().any(|outcome| outcome.result == "FAILED") {
            break;
        }
        outcomes.push(match step.needs {
            Some(program) if !on_path(program) => {
                Outcome { name: step.name, took: Duration::ZERO, result: "left out: not installed" }
            }
            _ => timed(step.name, || succeeds(step.command)),
        });
    }
    report(&outcomes)
}

fn timed(name: &'static str, work: impl FnOnce() -> bool) -> Outcome {
    println!("\n--> {name}");
    let begun = Instant::now();
    let result = if work() { "ok" } else { "FAILED" };
    Outcome { name, took: begun.elapsed(), result }
}

fn succeeds(command: &[&str]) -> bool {
    println!("    {}", command.join(" "));
    let mut command_line = Command::new(command[0]);
    match command_line.args(&command[1..]).envs(ENVIRONMENT).current_dir(tidy::root()).status() {
        Ok(status) => status.success(),
        Err(why) => {
            println!("    {}: {why}", command[0]);
            false
        }
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

fn report(outcomes: &[Outcome]) -> Result<(), String> {
    println!();
    for Outcome { name, took, result } in outcomes {
        println!("  {name:<14} {:>8.1} s  {result}", took.as_secs_f64());
    }
    let total: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    println!("  {:<14} {:>8.1} s", "total", total.as_secs_f64());
    if total > TOTAL_WANTED {
        println!("  MISSED: all of it should take at most {} s", TOTAL_WANTED.as_secs());
    }
    match outcomes.iter().find(|outcome| outcome.result == "FAILED") {
        Some(failed) => Err(format!("{} failed", failed.name)),
        None if total > TOTAL_MAX => Err(format!("all of it takes at most {} s", TOTAL_MAX.as_secs())),
        None => Ok(()),
    }
}
