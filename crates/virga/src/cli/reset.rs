//! `virga reset`: empties the cloud. A running one forgets everything at once; of a stopped one the data goes.

use super::{Context, Outcome};
use crate::client;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    if !options.yes && !confirmed(cx)? {
        return Err("not reset".into());
    }
    match cx.place.running() {
        Some(running) => {
            client::call(&running.endpoint, "POST", "/_virga/reset", "")?;
        }
        None => remove_store(cx)?,
    }
    super::print(&if cx.json {
        serde_json::json!({ "reset": true }).to_string()
    } else {
        "everything is gone".into()
    });
    Ok(ExitCode::SUCCESS)
}

/// Asks on a terminal; elsewhere only `--yes` will do.
fn confirmed(cx: &Context) -> Result<bool, String> {
    if !std::io::stdin().is_terminal() {
        return Err("reset deletes everything in the cloud; say --yes".into());
    }
    let (mut line, mut out) = (String::new(), std::io::stdout());
    write!(out, "Delete everything in {}? [y/N] ", cx.place.data.display())
        .and_then(|()| out.flush())
        .and_then(|()| std::io::stdin().read_line(&mut line))
        .map_err(|e| e.to_string())?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn remove_store(cx: &Context) -> Result<(), String> {
    for dir in [cx.place.store_dir(), cx.place.contents_dir()] {
        match std::fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{}: {e}", dir.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
