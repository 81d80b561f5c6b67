//! `virga mfa [enable SERIAL CODE CODE | deactivate SERIAL]`: the MFA devices of root, which AWS gives and takes in its console.

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
    /// Give root a virtual device that it has made, with two codes in a row
    Enable {
        /// arn:aws:iam::123456789012:mfa/root-account-mfa-device
        serial: String,
        first: String,
        second: String,
    },
    /// Take one back
    Deactivate { serial: String },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let order = match &options.order {
        None => None,
        Some(Order::Enable { serial, first, second }) => {
            Some(json!({ "enable": serial, "codes": [first, second] }))
        }
        Some(Order::Deactivate { serial }) => Some(json!({ "deactivate": serial })),
    };
    let all = match order {
        None => client::call(&running.endpoint, "GET", "/_virga/mfa", "")?,
        Some(order) => client::call(&running.endpoint, "POST", "/_virga/mfa", &order.to_string())?,
    };
    if cx.json {
        super::print(&all.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let all = all["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        super::print("no root user has an MFA device");
    }
    all.iter().filter_map(Value::as_str).for_each(super::print);
    Ok(ExitCode::SUCCESS)
}
