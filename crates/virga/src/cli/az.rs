//! `virga az [fail ZONE | restore ZONE]`: availability zones that fail.

use super::{Context, Outcome};
use crate::client;
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
    /// Cut a zone's power: its machines end, its links go, nothing new starts in it
    Fail {
        /// us-east-1a
        zone: String,
    },
    /// Bring a zone back; its machines boot again under their addresses
    Restore {
        /// us-east-1a
        zone: String,
    },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let zones = match &options.order {
        None => client::call(&running.endpoint, "GET", "/_virga/az", "")?,
        Some(order) => {
            let order = match order {
                Order::Fail { zone } => json!({ "fail": zone }),
                Order::Restore { zone } => json!({ "restore": zone }),
            };
            client::call(&running.endpoint, "POST", "/_virga/az", &order.to_string())?
        }
    };
    if cx.json {
        super::print(&zones.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let failed = zones["failed"].as_array().map(Vec::as_slice).unwrap_or_default();
    if failed.is_empty() {
        super::print("every zone is available");
    }
    for zone in failed {
        let told = |name: &str| zone[name].as_str().map(str::to_owned).unwrap_or_default();
        super::print(&format!("{}  failed since {}", told("zone"), told("since")));
    }
    Ok(ExitCode::SUCCESS)
}
