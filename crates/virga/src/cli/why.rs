//! `virga why <request id>`: which layer and statement decided a call; `virga why --from A --to B`: where a packet goes,
//! and which rule lets it pass or stops it. A script has that by the exit code: 0 where the packet passes, 1 where it does not.

use super::table::{bold, green, yellow};
use super::{Context, Outcome};
use crate::client;
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

const CODES: &str = "Exit codes with --from and --to: 0 where the packet passes and its answer comes back, 1 where something stops one of \
    them (and where the question cannot be answered, which is said on standard error), 2 where the arguments are wrong.";

#[derive(Args, Debug)]
#[command(after_help = CODES)]
pub(super) struct Options {
    /// The request id that the call's answer (or its error) carried
    #[arg(required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    request_id: Option<String>,

    /// Where a packet begins: an instance, a network interface or an address on the internet
    #[arg(long, requires = "to")]
    from: Option<String>,

    /// Where it should arrive: an instance, a network interface or an address
    #[arg(long, requires = "from")]
    to: Option<String>,

    #[arg(long, requires = "from", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    #[arg(long, requires = "from", value_parser = ["tcp", "udp", "icmp"], default_value = "tcp")]
    protocol: String,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    if let (Some(from), Some(to)) = (&options.from, &options.to) {
        return path(cx, &running.endpoint, options, from, to);
    }
    let id = options.request_id.as_deref().unwrap_or_default();
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

fn path(cx: &Context, endpoint: &str, options: &Options, from: &str, to: &str) -> Outcome {
    let order = json!({ "from": from, "to": to, "port": options.port, "protocol": options.protocol });
    let told = client::call(endpoint, "POST", "/_virga/path", &order.to_string())?;
    let works = told["works"] == true;
    let code = if works { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if cx.json {
        super::print(&told.to_string());
        return Ok(code);
    }
    for (arrow, way) in [("->", &told["forward"]), ("<-", &told["back"])] {
        way.as_array().into_iter().flatten().for_each(|step| print_step(arrow, step));
    }
    if let Some(end) = told["ends_at_instead"].as_str() {
        super::print(&yellow(&format!("it ends at {end}, not at {to}")));
    }
    super::print(&if works { green("it works") } else { yellow("it does not work") });
    Ok(code)
}

fn print_step(arrow: &str, step: &Value) {
    let text = step["text"].as_str().unwrap_or_default();
    let text = if step["stopped"].is_null() { text.to_owned() } else { yellow(text) };
    let packets = step["counter"]["packets"].as_u64();
    let counted = packets.map(|n| format!("  [counted {n}]")).unwrap_or_default();
    let experiment = step["experiment"].as_str();
    let by = experiment.map(|id| format!("  [by the experiment {id}]")).unwrap_or_default();
    super::print(&format!("{arrow} {text}{counted}{by}"));
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
