//! The toolbox: `cargo xtask <command>`. What CI runs is what a laptop runs.

mod fuzz;
mod models;

use std::process::ExitCode;

/// What a command answers; the message is printed and the exit status is 1.
type Outcome = Result<(), String>;

/// Name, what it does, and the function that gets the remaining arguments.
type Command = (&'static str, &'static str, fn(&[String]) -> Outcome);

const COMMANDS: &[Command] = &[
    ("models", "rebuild models/*.bin: --from BOTOCORE_DATA_DIR; or show one: --print SERVICE", models::run),
    ("fuzz", "run every fuzz target: --seconds N", fuzz::run),
];

#[expect(clippy::print_stdout, reason = "a command-line tool")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((_, _, run)) = COMMANDS.iter().find(|(name, _, _)| args.first().is_some_and(|a| a == name))
    else {
        for (name, what, _) in COMMANDS {
            println!("{name:12} {what}");
        }
        return ExitCode::from(2);
    };
    match run(&args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("xtask {}: {message}", args[0]);
            ExitCode::FAILURE
        }
    }
}
