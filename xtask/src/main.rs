//! The project's toolbox: `cargo xtask COMMAND`. One file or folder per command; this one only tells them apart.

mod ci;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("ci") => ci::run(&arguments[1..]),
        Some("tidy") => tidy::run(),
        _ => Err("usage: cargo xtask ci [--quick] | tidy".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
