//! The toolbox: `cargo xtask <command>`. What CI runs is what a laptop runs. One file or folder per command.

mod authorization;
mod bench;
mod ci;
mod coverage;
mod fuzz;
mod incremental;
mod managed_policies;
mod models;
mod pack;
mod tidy;

use std::process::ExitCode;

/// What a command answers; the message is printed and the exit status is 1.
type Outcome = Result<(), String>;

/// Name, what it does, and the function that gets the remaining arguments.
type Command = (&'static str, &'static str, fn(&[String]) -> Outcome);

const COMMANDS: &[Command] = &[
    ("authorization", "rebuild models/authorization.bin", authorization::run),
    ("bench", "measure beside the peers that are there; --help for its options", bench::run),
    ("ci", "everything that CI runs; --quick leaves out what needs the binary", ci::run),
    ("coverage", "rewrite docs/coverage.md; --check only compares it", coverage::run),
    ("fuzz", "run every fuzz target: --seconds N", fuzz::run),
    (
        "incremental",
        "how long the compiler takes after a handler was changed; fails beyond 15 s",
        incremental::run,
    ),
    ("managed-policies", "rebuild models/managed-policies.bin", managed_policies::run),
    ("models", "rebuild models/*.bin: --from BOTOCORE_DATA_DIR; or show one: --print SERVICE", models::run),
    ("tidy", "hold the tree against the house rules", |_| tidy::run()),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((_, _, run)) = COMMANDS.iter().find(|(name, _, _)| args.first().is_some_and(|a| a == name))
    else {
        for (name, what, _) in COMMANDS {
            eprintln!("{name:16} {what}");
        }
        return ExitCode::from(2);
    };
    match run(&args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {}: {message}", args[0]);
            ExitCode::FAILURE
        }
    }
}
