//! `virga console i-…`: what an instance has said on its console.

use super::{Context, Outcome};
use crate::client;
use clap::Args;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The instance's id
    instance: String,

    /// Go on printing what it says
    #[arg(short, long, conflicts_with = "json")]
    follow: bool,
}

const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    if !options.instance.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(format!("{:?} is not the id of an instance (i-…)", options.instance));
    }
    let mut from = 0;
    loop {
        let path = format!("/_virga/console/{}?from={from}", options.instance);
        let said = client::call(&running.endpoint, "GET", &path, "")?;
        if cx.json {
            super::print(&said.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        let text = said["output"].as_str().unwrap_or_default();
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() || !options.follow {
            return Ok(ExitCode::SUCCESS);
        }
        drop(out);
        from = said["end"].as_u64().unwrap_or(from);
        std::thread::sleep(LOOK);
    }
}
