//! `virga logs`: the log of a cloud that was started with `--detach`.

use super::{Context, Outcome};
use clap::Args;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::ExitCode;
use std::time::Duration;

const FOLLOW_STEP: Duration = Duration::from_millis(200);
const TAIL_BYTES_MAX: u64 = 16 << 20;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Go on printing as the log grows
    #[arg(long, short)]
    follow: bool,

    /// How many of the last lines to print
    #[arg(long, short = 'n', default_value_t = 100)]
    lines: usize,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let path = cx.place.log_file();
    let say = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = File::open(&path)
        .map_err(|e| format!("{}: {e} (only `virga up --detach` keeps a log file)", path.display()))?;
    let length = file.metadata().map_err(say)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX))).map_err(say)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(say)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(options.lines)..] {
        print_line(cx, line);
    }
    if !options.follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        std::thread::sleep(FOLLOW_STEP);
        let mut more = String::new();
        file.read_to_string(&mut more).map_err(say)?;
        more.lines().for_each(|line| print_line(cx, line));
        std::io::stdout().flush().map_err(|e| e.to_string())?;
    }
}

fn print_line(cx: &Context, line: &str) {
    super::print(&if cx.json { serde_json::json!({ "line": line }).to_string() } else { line.to_owned() });
}
