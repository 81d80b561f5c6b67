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

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let order = json!({ "instance": options.instance, "command": options.command }).to_string();
    let mut stream = client::stream(&running.endpoint, "POST", "/_virga/exec", &order)?;
    let gone = |e: std::io::Error| format!("{}: {e}", running.endpoint);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).map_err(gone)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut said = vec![0; length as usize];
        stream.read_exact(&mut said).map_err(gone)?;
        // A reader that has gone away ends the command, and with it the one in the machine.
        let pass =
            |to: &mut dyn Write| to.write_all(&said).and_then(|()| to.flush()).map_err(|e| e.to_string());
        match head[0] {
            STDOUT if cx.json => out.extend(said),
            STDERR if cx.json => err.extend(said),
            STDOUT => pass(&mut std::io::stdout().lock())?,
            STDERR => pass(&mut std::io::stderr().lock())?,
            ENDED => {
                let code = said.try_into().map(i32::from_be_bytes).unwrap_or(255);
                if cx.json {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let all = json!({ "exit_code": code, "stdout": text(&out), "stderr": text(&err) });
                    super::print(&all.to_string());
                }
                return Ok(ExitCode::from(u8::try_from(code).unwrap_or(255)));
            }
            _ => {}
        }
    }
}
