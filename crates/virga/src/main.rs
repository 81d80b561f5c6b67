//! The `virga` binary: reads the command line, and either runs the cloud or talks to a running one.

mod allocator;
mod apps;
mod authority;
mod bucket;
mod cli;
mod client;
mod config;
mod daemon;
mod demo;
mod gateway;
mod lab;
mod listener;
mod pages;

use clap::Parser;
use std::process::ExitCode;
pub(crate) use virga::wiring;

fn main() -> ExitCode {
    // Before anything else, and without an environment: the process in which the networks live.
    if std::env::args_os().nth(1).is_some_and(|word| word == "host") {
        return host::run_child(std::env::args_os().skip(2));
    }
    let args = cli::Args::parse();
    match cli::run(args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("virga: {message}");
            ExitCode::FAILURE
        }
    }
}
