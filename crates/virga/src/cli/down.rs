//! `virga down`: asks the running cloud to end, and waits until it has.

use super::{Context, Outcome};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::process::ExitCode;
use std::time::Duration;

const WAIT_STEP: Duration = Duration::from_millis(20);
const WAIT_STEPS_MAX: u32 = 1000;

pub(super) fn run(cx: &Context) -> Outcome {
    let Some(running) = cx.place.running() else {
        say(cx, false, "nothing was running");
        return Ok(ExitCode::SUCCESS);
    };
    let pid = Pid::from_raw(running.pid).ok_or("run.json names no process")?;
    kill_process(pid, Signal::TERM).map_err(|e| format!("process {}: {e}", running.pid))?;
    for _ in 0..WAIT_STEPS_MAX {
        if test_kill_process(pid).is_err() {
            say(cx, true, "stopped");
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(WAIT_STEP);
    }
    Err(format!(
        "process {} was asked to end and has not within {:?}",
        running.pid,
        WAIT_STEP * WAIT_STEPS_MAX
    ))
}

fn say(cx: &Context, stopped: bool, text: &str) {
    if cx.json {
        super::print(&serde_json::json!({ "stopped": stopped }).to_string());
    } else {
        super::print(text);
    }
}
