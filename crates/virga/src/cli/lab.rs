//! `virga lab [start NAME | check NAME | stop NAME]`: exercises of ten minutes, graded by real packets and calls.

use super::table::{bold, green, layout, yellow};
use super::trials::{clear_line, documents, progress, show};
use super::{Context, Outcome};
use crate::lab::{LABS, Lab};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    order: Option<Order>,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// Deploy a lab's stack and print the task
    Start {
        /// nat, least-policy or zone
        name: String,
    },
    /// Grade what has been done; the exit code is 0 when nothing is missing
    Check {
        /// nat, least-policy or zone
        name: String,
    },
    /// Take a lab away again, with what was made in it
    Stop {
        /// nat, least-policy or zone
        name: String,
    },
}

fn find(name: &str) -> Result<&'static Lab, String> {
    let names: Vec<&str> = LABS.iter().map(|lab| lab.name).collect();
    let found = LABS.iter().find(|lab| lab.name == name);
    found.ok_or_else(|| format!("there is no lab {name:?}: {}", names.join(", ")))
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    match &options.order {
        None => list(cx),
        Some(Order::Start { name }) => start(cx, find(name)?),
        Some(Order::Check { name }) => check(cx, find(name)?),
        Some(Order::Stop { name }) => stop(cx, find(name)?),
    }
}

fn list(cx: &Context) -> Outcome {
    if cx.json {
        let all: Vec<_> = LABS.iter().map(|lab| json!({ "name": lab.name, "title": lab.title })).collect();
        super::print(&json!({ "labs": all }).to_string());
    } else {
        let rows: Vec<_> = LABS.iter().map(|lab| vec![lab.name.into(), lab.title.into()]).collect();
        super::print(layout(&["LAB", "TASK"], &rows).trim_end());
        super::print("\nvirga lab start NAME");
    }
    Ok(ExitCode::SUCCESS)
}

fn start(cx: &Context, lab: &Lab) -> Outcome {
    let endpoint = cx.place.must_run()?.endpoint;
    let made = lab.stack.deploy(&endpoint, &progress("created"));
    clear_line();
    let made = made?;
    if cx.json {
        super::print(&json!({ "lab": lab.name, "outputs": made.outputs, "task": lab.task }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    super::print(lab.task.trim_end());
    super::print("");
    let rows: Vec<_> = made.outputs.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
    super::print(layout(&["WHAT", "IS"], &rows).trim_end());
    super::print(&format!("\n{}  virga lab check {}", bold("when done"), lab.name));
    Ok(ExitCode::SUCCESS)
}

fn check(cx: &Context, lab: &Lab) -> Outcome {
    let endpoint = cx.place.must_run()?.endpoint;
    let there = lab.stack.found(&endpoint)?;
    let there = there.ok_or_else(|| format!("the lab is not there yet: virga lab start {}", lab.name))?;
    let proofs = (lab.check)(&endpoint, &there, &|proof| {
        if !cx.json {
            show(proof);
        }
    });
    let done = proofs.iter().all(|proof| proof.good);
    if cx.json {
        let told = json!({ "lab": lab.name, "done": done, "proofs": documents(&proofs) });
        super::print(&told.to_string());
    } else {
        super::print(&if done { green("done") } else { yellow("not yet") });
    }
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stop(cx: &Context, lab: &Lab) -> Outcome {
    let endpoint = cx.place.must_run()?.endpoint;
    let gone = lab.end(&endpoint, &progress("deleted"));
    clear_line();
    let gone = gone?;
    if cx.json {
        super::print(&json!({ "deleted": gone }).to_string());
    } else {
        super::print(if gone { "the lab is gone" } else { "the lab was not there" });
    }
    Ok(ExitCode::SUCCESS)
}
