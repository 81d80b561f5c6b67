//! The project's toolbox: turns public data into the compact files under `models/`.

mod authorization;
mod managed_policies;
mod pack;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("authorization") => authorization::run(&arguments[1..]),
        Some("managed-policies") => managed_policies::run(&arguments[1..]),
        _ => Err("usage: xtask authorization|managed-policies --from FILE".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
