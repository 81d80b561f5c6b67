//! `virga partner [register ACCOUNT | template ACCOUNT NAME FILE | boundary ACCOUNT NAME FILE]`: product providers, which may
//! ask other accounts for temporary delegation. AWS registers its partners by mail; here whoever runs the cloud does.

use super::table::bold;
use super::{Context, Outcome};
use crate::client;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    order: Option<Order>,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// Let an account create delegation requests, or give it another name
    Register {
        account: String,
        /// What customers see
        #[arg(long)]
        name: String,
        /// example.com
        #[arg(long)]
        domain: String,
    },
    /// Register a policy template, and print its ARN
    Template { account: String, name: String, file: PathBuf },
    /// Register a permissions boundary for the roles that the provider makes, and print its ARN; its name ends with a date
    Boundary { account: String, name: String, file: PathBuf },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let order = match &options.order {
        None => {
            let all = client::call(&running.endpoint, "GET", "/_virga/partner", "")?;
            if cx.json {
                super::print(&all.to_string());
            } else {
                all["partners"].as_array().into_iter().flatten().for_each(print_partner);
            }
            return Ok(ExitCode::SUCCESS);
        }
        Some(Order::Register { account, name, domain }) => {
            json!({ "account": account, "name": name, "domain": domain })
        }
        Some(Order::Template { account, name, file }) => policy("template", account, name, file)?,
        Some(Order::Boundary { account, name, file }) => policy("boundary", account, name, file)?,
    };
    let answer = client::call(&running.endpoint, "POST", "/_virga/partner", &order.to_string())?;
    match answer["arn"].as_str().filter(|_| !cx.json) {
        Some(arn) => super::print(arn),
        None if cx.json => super::print(&answer.to_string()),
        None => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn policy(kind: &str, account: &str, name: &str, file: &Path) -> Result<Value, String> {
    let document = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(json!({ "account": account, "kind": kind, "name": name, "document": document }))
}

fn print_partner(partner: &Value) {
    let text = |name: &str| partner[name].as_str().unwrap_or("-").to_owned();
    super::print(&format!("{}  {}  {}", text("account"), bold(&text("name")), text("domain")));
    for list in ["templates", "boundaries"] {
        for arn in partner[list].as_array().into_iter().flatten().filter_map(Value::as_str) {
            super::print(&format!("  {arn}"));
        }
    }
}
