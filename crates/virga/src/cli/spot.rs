//! `virga spot [interrupt INSTANCE]`: spot machines, which are taken back.

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
    /// Give an instance its notice; two minutes later, by the cloud's clock, it is terminated or stopped
    Interrupt {
        /// i-0123456789abcdef0
        instance: String,
    },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let all = match &options.order {
        None => client::call(&running.endpoint, "GET", "/_virga/spot", "")?,
        Some(Order::Interrupt { instance }) => {
            let order = json!({ "interrupt": instance }).to_string();
            client::call(&running.endpoint, "POST", "/_virga/spot", &order)?
        }
    };
    if cx.json {
        super::print(&all.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let all = all["running"].as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        super::print("no Spot Instance is running");
    }
    for one in all {
        let told = |name: &str| one[name].as_str().unwrap_or_default();
        let ends = one["ends"].as_str().map(|at| format!("  interrupted at {at}")).unwrap_or_default();
        super::print(&format!("{}  {}  {}{ends}", told("instance"), told("type"), told("zone")));
    }
    Ok(ExitCode::SUCCESS)
}
