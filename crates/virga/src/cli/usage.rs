//! `virga usage`: what has been used, in the words of AWS's bills, and what that costs.

use super::table::{bold, layout};
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
    if usage["rows"].as_array().is_none_or(Vec::is_empty) {
        super::print("nothing was used");
    } else {
        lines(&usage, options.by).iter().for_each(|line| super::print(line));
    }
    Ok(ExitCode::SUCCESS)
}

/// A table of one member of the answer, with what each row costs.
fn table(usage: &Value, member: &str, by: By, headings: [&str; 3]) -> Vec<String> {
    let all = usage[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or("-").to_owned();
    let members = || by.columns().iter().map(|(_, member)| *member).chain(["usage", "unit", "charge"]);
    let rows: Vec<Vec<String>> =
        all.iter().map(|row| members().map(|member| text(row, member)).collect()).collect();
    let headings: Vec<&str> = by.columns().iter().map(|(heading, _)| *heading).chain(headings).collect();
    layout(&headings, &rows).trim_end().lines().map(str::to_owned).collect()
}

/// What was used, what stands, and what both cost; for people.
fn lines(usage: &Value, by: By) -> Vec<String> {
    let mut lines = table(usage, "rows", by, ["USAGE", "UNIT", "USD"]);
    let dollars = |member: &str| bold(&format!("${}", usage[member].as_str().unwrap_or("?")));
    lines.push(format!("until now: {}", dollars("charge")));
    if usage["hourly"].as_array().is_some_and(|rows| !rows.is_empty()) {
        lines.push(String::new());
        lines.extend(table(usage, "hourly", by, ["EACH HOUR", "UNIT", "USD"]));
        lines.push(format!(
            "as it stands: {} an hour, {} a month",
            dollars("hourlyCharge"),
            dollars("monthlyCharge")
        ));
    }
    lines.push("at AWS's list prices on demand in us-east-1, with nothing taken off that is free".to_owned());
    lines
}

/// All usage of one account until now, by service.
///
/// # Errors
/// A sentence for people.
pub(super) fn of_account(endpoint: &str, account: &str) -> Result<Value, String> {
    client::call(endpoint, "GET", &format!("/_virga/usage?from=1970-01-01&account={account}"), "")
}

/// The same for people: `AmazonS3  Requests-Tier1  12  Requests  0.000060`.
pub(super) fn account_lines(usage: &Value) -> Vec<String> {
    lines(usage, By::Service)
}
