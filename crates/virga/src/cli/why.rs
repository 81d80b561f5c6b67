//! `virga why <request id>`: which layer and statement decided a call.

use super::table::{bold, green, yellow};
use super::{Context, Outcome};
use crate::client;
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The request id that the call's answer (or its error) carried
    request_id: String,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let id = &options.request_id;
    if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(format!("{id:?} is not a request id"));
    }
    let why = client::call(&running.endpoint, "GET", &format!("/_virga/why/{id}"), "")?;
    if cx.json {
        super::print(&why.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    print_call(&why);
    Ok(ExitCode::SUCCESS)
}

fn print_call(why: &Value) {
    let text = |name: &str| why[name].as_str().unwrap_or("-").to_owned();
    super::print(&format!("{}  {}  {}", text("time"), bold(&text("operation")), text("region")));
    let caller = why["caller"].as_str().unwrap_or("not known: the call was refused before that");
    super::print(&format!("caller    {caller}"));
    if let Some(error) = why["error"].as_str() {
        super::print(&format!("answered  {}  {}", yellow(error), text("message")));
    } else {
        super::print(&format!("answered  {}", green("success")));
    }
    for decision in why["decisions"].as_array().into_iter().flatten() {
        print_decision(decision);
    }
}

fn print_decision(decision: &Value) {
    let allowed = decision["allowed"].as_bool() == Some(true);
    let word = if allowed { green("allowed") } else { yellow("denied ") };
    let action = decision["action"].as_str().unwrap_or("?");
    let resource = decision["resource"].as_str().unwrap_or("?");
    super::print(&format!("{word}   {action} on {resource}"));
    super::print(&format!("          {}", decision["cause"].as_str().unwrap_or("")));
    for reason in decision["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        super::print(&format!("          · {reason}"));
    }
}
