//! `make bench`: this cloud beside its peers, in one run, on one machine, under the same load from the same client.
//!
//! Each contestant is started on an empty folder, given the same preparation and asked the same signed requests over
//! kept-alive connections on loopback. What is measured, and why these numbers:
//! - requests per second and latency: what a test suite feels;
//! - CPU of the server per request, from the kernel's accounting: what does not depend on the client beside it;
//! - memory, time from exec to the first answer (empty, and with many records), size of the program.
//!
//! Not here: remote targets (only loopback is ever addressed), and judging whether an answer is right: that is what
//! `tests/` is for. An answer that is not a success fails its scenario.
#![allow(clippy::print_stdout, reason = "a tool for people: its output is its purpose")]

mod bars;
mod begin;
mod client;
mod clockwork;
mod contestants;
mod flush;
mod http;
mod load;
mod machines;
mod measure;
mod options;
mod process;
mod readme;
mod report;
mod scenario;
mod sign;
mod stack;
mod stock;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let options = options::parse(arguments)?;
    let plan = scenario::load(&options.root.join("bench/scenarios.json"), &options.scenarios)?;
    let mut results = Vec::new();
    for contestant in contestants::all(&options.root).into_iter().filter(|one| options.wants(one.name)) {
        match contestant.program() {
            Ok(program) => results.push(measure::contestant(&contestant, &program, &plan, &options)),
            Err(why) => println!("{}: left out: {why}", contestant.name),
        }
    }
    if results.is_empty() {
        return Err("nothing was measured".to_owned());
    }
    print!("{}", report::terminal(&results));
    let written = report::write_json(&results, &options.root)?;
    println!("\nresults: {}", written.display());
    if options.readme {
        readme::refresh(&options.root, &report::markdown(&results))?;
        println!("README.md: the section on speed is refreshed");
    }
    let bars = bars::all(&results);
    println!();
    for bar in &bars {
        println!("{} {}", if bar.is_met { "met   " } else { "MISSED" }, bar.text);
    }
    match bars.iter().filter(|bar| !bar.is_met).count() {
        0 => Ok(()),
        _ if !options.hold => Ok(()),
        missed => Err(format!("{missed} bars were missed")),
    }
}
