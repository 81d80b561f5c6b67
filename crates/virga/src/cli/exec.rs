//! `virga exec i-… -- COMMAND`: runs a command in a machine, as its root.

use super::{Context, Outcome};
use crate::client;
use crate::gateway::exec::{ENDED, STDERR, STDOUT};
use clap::Args;
use serde_json::json;
use std::io::{Read, Write};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The instance's id
    instance: String,

    /// The command and its arguments; there is no shell unless it is named
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs a command in a machine and shows each piece of what it says, with its kind, to `each`. The command's exit code.
fn follow(
    endpoint: &str,
    instance: &str,
    command: &[String],
    each: &mut dyn FnMut(u8, Vec<u8>) -> Result<(), String>,
) -> Result<i32, String> {
    let order = json!({ "instance": instance, "command": command }).to_string();
    let mut stream = client::stream(endpoint, "POST", "/_virga/exec", &order)?;
    let gone = |e: std::io::Error| format!("{endpoint}: {e}");
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).map_err(gone)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut said = vec![0; length as usize];
        stream.read_exact(&mut said).map_err(gone)?;
        match head[0] {
            ENDED => return Ok(said.try_into().map(i32::from_be_bytes).unwrap_or(255)),
            kind => each(kind, said)?,
        }
    }
}

/// Runs a command in a machine: its exit code, and all that it has said.
///
/// # Errors
/// A sentence, where it cannot be run.
pub(crate) fn gather(endpoint: &str, instance: &str, command: &[String]) -> Result<(i32, String), String> {
    let mut all = Vec::new();
    let code = follow(endpoint, instance, command, &mut |_, said| {
        all.extend(said);
        Ok(())
    })?;
    Ok((code, String::from_utf8_lossy(&all).into_owned()))
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    // A reader that has gone away ends the command, and with it the one in the machine.
    let pass = |to: &mut dyn Write, said: &[u8]| {
        to.write_all(said).and_then(|()| to.flush()).map_err(|e| e.to_string())
    };
    let code = follow(&running.endpoint, &options.instance, &options.command, &mut |kind, said| {
        match kind {
            STDOUT if cx.json => out.extend(said),
            STDERR if cx.json => err.extend(said),
            STDOUT => pass(&mut std::io::stdout().lock(), &said)?,
            STDERR => pass(&mut std::io::stderr().lock(), &said)?,
            _ => {}
        }
        Ok(())
    })?;
    if cx.json {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = json!({ "exit_code": code, "stdout": text(&out), "stderr": text(&err) });
        super::print(&all.to_string());
    }
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(255)))
}
