//! `virga mailbox [reply NUMBER WORDS]`: the e-mails, text messages and notifications of devices that would have left the
//! cloud, and what their recipients reply.

use super::table::bold;
use super::{Context, Outcome};
use crate::client;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    order: Option<Order>,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// Reply to the text messages that a number got; by STOP it gets no more
    Reply {
        /// +4915112345678
        number: String,
        /// STOP
        words: String,
    },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    if let Some(Order::Reply { number, words }) = &options.order {
        let order = json!({ "from": number, "words": words }).to_string();
        let answer = client::call(&running.endpoint, "POST", "/_virga/mailbox", &order)?;
        let count = answer["optedOut"].as_u64().unwrap_or_default();
        let told =
            if cx.json { answer.to_string() } else { format!("opted out of {count} accounts and regions") };
        super::print(&told);
        return Ok(ExitCode::SUCCESS);
    }
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
