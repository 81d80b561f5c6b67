//! `virga least-privilege <principal ARN>`: the least policy that allows what it was seen to do.

use super::{Context, Outcome};
use crate::client;
use clap::Args;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The ARN of a role or user, or `role/NAME`, `user/NAME` in the default account
    principal: String,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let principal = match &options.principal {
        arn if arn.starts_with("arn:") => arn.clone(),
        short => base::Arn::new("iam", "", base::AccountId::DEFAULT.as_str(), short).to_string(),
    };
    let body = serde_json::json!({ "principal": principal }).to_string();
    let answer = client::call(&running.endpoint, "POST", "/_virga/least-privilege", &body)?;
    let calls = answer["calls"].as_u64().unwrap_or(0);
    // A policy without statements is none: IAM refuses it, and whoever asked has most likely mistyped the name.
    if calls == 0 {
        return Err(format!("no call by {principal} that was allowed is on record"));
    }
    if cx.json {
        super::print(&answer.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let noun = if calls == 1 { "call" } else { "calls" };
    eprintln!("# {principal}: {calls} allowed {noun} on record");
    super::print(answer["document"].as_str().unwrap_or("{}"));
    Ok(ExitCode::SUCCESS)
}
