//! `xtask coverage`: writes docs/coverage.md, what is built of each service; with `--check`, says whether it is current.
//!
//! The page is printed by an example of the `virga` crate, which has the operation tables.

use crate::{Outcome, tidy};
use std::fs;
use std::process::Command;

const PAGE: &str = "docs/coverage.md";

pub(crate) fn run(args: &[String]) -> Outcome {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: coverage [--check]".into()),
    };
    let page = tidy::root().join(PAGE);
    let current = print()?;
    if check {
        let committed = fs::read_to_string(&page).map_err(|e| format!("{PAGE}: {e}"))?;
        let stale = format!("{PAGE} is not what the operation tables say; run `cargo xtask coverage`");
        return if committed == current { Ok(()) } else { Err(stale) };
    }
    fs::write(page, current).map_err(|e| format!("{PAGE}: {e}"))
}

fn print() -> Result<String, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--locked", "--package", "virga", "--example", "coverage"]);
    let done = cargo.current_dir(tidy::root()).output().map_err(|e| format!("cargo: {e}"))?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    String::from_utf8(done.stdout).map_err(|e| e.to_string())
}
