//! `virga usage`: what has been used, in the words of AWS's bills.

use super::table::layout;
use super::{Context, Outcome};
use crate::client;
use crate::gateway::By;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// From when on: 2026-01-31 or 2026-01-31T12:00:00Z [default: the beginning of the month]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// What to add up, beside the usage's type
    #[arg(long, value_enum, default_value_t = By::Service)]
    by: By,
    /// Of this account only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
}

impl By {
    /// Headings, and the members under them.
    fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            By::Service => &[("SERVICE", "service"), ("USAGE TYPE", "usageType")],
            By::Resource => &[("SERVICE", "service"), ("RESOURCE", "resource"), ("USAGE TYPE", "usageType")],
            By::UsageType => &[("USAGE TYPE", "usageType"), ("SERVICE", "service")],
            By::Operation => {
                &[("SERVICE", "service"), ("OPERATION", "operation"), ("USAGE TYPE", "usageType")]
            }
        }
    }
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let by = options.by.to_possible_value();
    let by = by.as_ref().map_or("service", clap::builder::PossibleValue::get_name);
    let mut path = format!("/_virga/usage?by={by}");
    for (name, value) in [("from", &options.from), ("to", &options.to), ("account", &options.account)] {
        if let Some(value) = value {
            // What would change the meaning of the address is in no time and in no account.
            if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:.".contains(&b)) {
                return Err(format!("--{name}: {value:?} is not understood"));
            }
            path.push_str(&format!("&{name}={value}"));
        }
    }
    let usage = client::call(&running.endpoint, "GET", &path, "")?;
    if cx.json {
        super::print(&usage.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let rows = rows(&usage, options.by);
    if rows.is_empty() {
        super::print("nothing was used");
    } else {
        let headings: Vec<&str> =
            options.by.columns().iter().map(|(heading, _)| *heading).chain(["USAGE", "UNIT"]).collect();
        super::print(layout(&headings, &rows).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(usage: &Value, by: By) -> Vec<Vec<String>> {
    let all = usage["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or("?").to_owned();
    let members = || by.columns().iter().map(|(_, member)| *member).chain(["usage", "unit"]);
    all.iter().map(|row| members().map(|member| text(row, member)).collect()).collect()
}

/// All usage of one account until now, a line for each type: `AmazonS3  Requests-Tier1  12 Requests`.
pub(super) fn lines(endpoint: &str, account: &str) -> Result<Vec<String>, String> {
    let path = format!("/_virga/usage?from=1970-01-01&account={account}");
    let usage = client::call(endpoint, "GET", &path, "")?;
    let rows = rows(&usage, By::Service);
    let headings = ["SERVICE", "USAGE TYPE", "USAGE", "UNIT"];
    Ok(layout(&headings, &rows).trim_end().lines().map(str::to_owned).collect())
}
