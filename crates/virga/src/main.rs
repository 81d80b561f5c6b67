//! The `virga` binary: reads the command line, and either runs the cloud or talks to a running one.

mod cli;
mod client;
mod config;
mod daemon;
mod gateway;

use clap::Parser;
use std::process::ExitCode;
pub(crate) use virga::wiring;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    match cli::run(args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("virga: {message}");
            ExitCode::FAILURE
        }
    }
}
