//! `virga mailbox`: the e-mails and text messages that would have left the cloud.

use super::table::bold;
use super::{Context, Outcome};
use crate::client;
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(cx: &Context) -> Outcome {
    let running = cx.place.must_run()?;
    let mailbox = client::call(&running.endpoint, "GET", "/_virga/mailbox", "")?;
    if cx.json {
        super::print(&mailbox.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for letter in mailbox["letters"].as_array().into_iter().flatten() {
        print_letter(letter);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_letter(letter: &Value) {
    let text = |name: &str| letter[name].as_str().unwrap_or("-").to_owned();
    super::print(&format!("{}  {}  {}", text("time"), text("protocol"), bold(&text("to"))));
    if let Some(subject) = letter["subject"].as_str() {
        super::print(&format!("  {}", bold(subject)));
    }
    for line in text("body").lines() {
        super::print(&format!("  {line}"));
    }
}
