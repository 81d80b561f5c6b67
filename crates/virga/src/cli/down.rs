//! `virga down`: asks the running cloud to end, and waits until it has.

use super::{Context, Outcome};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::process::ExitCode;
use std::time::Duration;

const WAIT_STEP: Duration = Duration::from_millis(20);
const WAIT_STEPS_MAX: u32 = 1000;
/// A cloud that has closed its store and removed its run file needs moments to exit; a process that is still there
/// after that is a zombie whose parent has not asked for its exit code, and nothing that could be waited for.
const EXIT_STEPS_MAX: u32 = 50;

pub(super) fn run(cx: &Context) -> Outcome {
    let Some(running) = cx.place.running() else {
        say(cx, false, "nothing was running");
        return Ok(ExitCode::SUCCESS);
    };
    let pid = Pid::from_raw(running.pid).ok_or("run.json names no process")?;
    kill_process(pid, Signal::TERM).map_err(|e| format!("process {}: {e}", running.pid))?;
    let mut closed_steps = 0;
    for _ in 0..WAIT_STEPS_MAX {
        closed_steps += u32::from(!cx.place.run_file().exists());
        if test_kill_process(pid).is_err() || closed_steps > EXIT_STEPS_MAX {
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
