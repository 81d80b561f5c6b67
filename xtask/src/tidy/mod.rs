//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy knows, each with its reason, so that a
//! reader of the message learns why. The rules that are patterns are data (`rules.rs`); the others have a file each.
//!
//! Not here: style that rustfmt decides, and lints that clippy has.

#![allow(clippy::print_stdout, reason = "a tool for people: its output is its purpose")]

mod docs;
mod licences;
mod patterns;
mod rules;
mod rust;
mod table_numbers;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A file under version control, or about to be: its path from the root with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

/// What is wrong, and where; `line` is 1-based, 0 when the whole file is meant.
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(source: &Source, line: usize, what: String) -> Finding {
        Finding { path: source.path.clone(), line, what }
    }
}

/// Prints every finding and every file that grows too long. An error when there is a finding.
pub(crate) fn run() -> Result<(), String> {
    let sources = sources()?;
    let mut findings = Vec::new();
    let mut taken = table_numbers::Taken::default();
    for source in &sources {
        patterns::check(source, &mut findings);
        rust::check(source, &mut findings);
        docs::check_links(source, &mut findings);
        taken.check(source, &mut findings);
    }
    docs::check_papers(&mut findings);
    licences::check(&mut findings);
    for Finding { path, line, what } in &findings {
        println!("{path}:{line}: {what}");
    }
    for (path, lines) in sources.iter().filter_map(rust::grows_long) {
        println!(
            "{path}: warning: {lines} lines; split it by noun before it reaches {}",
            rust::FILE_LINES_MAX
        );
    }
    println!("tidy: {} files, {} findings", sources.len(), findings.len());
    if findings.is_empty() { Ok(()) } else { Err(format!("{} findings", findings.len())) }
}

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// All text files that git knows or would add. Binary data is left out.
fn sources() -> Result<Vec<Source>, String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|why| format!("git: {why}"))?;
    if !listed.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr)));
    }
    let names = String::from_utf8_lossy(&listed.stdout);
    let mut paths: Vec<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A file that is deleted but not yet committed is listed and cannot be read: it is no source.
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(root().join(path)).ok()?).ok()?;
            (!text.contains('\0')).then(|| Source { path: path.to_owned(), text })
        })
        .collect())
}
