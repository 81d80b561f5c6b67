//! `virga status`: what runs, where, since when, and what it has done.

use super::table::{green, layout, yellow};
use super::{Context, Outcome};
use crate::client;
use std::process::ExitCode;

pub(super) fn run(cx: &Context) -> Outcome {
    let Some(running) = cx.place.running() else {
        if cx.json {
            super::print(&serde_json::json!({ "running": false }).to_string());
        } else {
            super::print(&format!("{}  {}", yellow("stopped"), cx.place.data.display()));
        }
        return Ok(ExitCode::from(3));
    };
    let status = client::call(&running.endpoint, "GET", "/_virga/status", "")?;
    if cx.json {
        super::print(&status.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    super::print(&format!("{}  {}  pid {}", green("running"), running.endpoint, running.pid));
    super::print(&format!("data     {}", cx.place.data.display()));
    let clock = &status["clock"];
    let frozen = if clock["frozen"].as_bool() == Some(true) { "  (frozen)" } else { "" };
    super::print(&format!("clock    {}{frozen}", clock["now"].as_str().unwrap_or("?")));
    let names: Vec<&str> =
        status["services"].as_object().map(|s| s.keys().map(String::as_str).collect()).unwrap_or_default();
    super::print(&format!("services {}", names.join(" ")));
    let rows = rows(&status["calls"]);
    if !rows.is_empty() {
        super::print("");
        super::print(layout(&["OPERATION", "CALLS", "REFUSED", "FAILED", "MEAN µs"], &rows).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(calls: &serde_json::Value) -> Vec<Vec<String>> {
    let Some(calls) = calls.as_object() else { return Vec::new() };
    let columns = ["calls", "refused", "failed", "mean_micros"];
    let row = |(name, row): (&String, &serde_json::Value)| {
        std::iter::once(name.clone()).chain(columns.iter().map(|c| row[c].to_string())).collect()
    };
    calls.iter().map(row).collect()
}
