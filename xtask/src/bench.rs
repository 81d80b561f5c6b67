//! `xtask bench`: builds this cloud and the load generator as they are shipped, and measures them beside the peers that
//! are there. Arguments go to the load generator: `cargo xtask bench --help`.
//!
//! Not here: installing peers. `make bench` does that first and then calls this.

use crate::{Outcome, tidy};
use std::path::Path;
use std::process::Command;

const BUILD: [&str; 6] = ["build", "--release", "--locked", "--package=virga", "--package=bench", "--quiet"];

pub(crate) fn run(args: &[String]) -> Outcome {
    let root = tidy::root();
    succeed(Command::new("cargo").args(BUILD).current_dir(&root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    succeed(Command::new(root.join(Path::new(&target)).join("release/bench")).args(args).current_dir(&root))
}

fn succeed(command: &mut Command) -> Outcome {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|why| format!("{program}: {why}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program}: {status}")) }
}
