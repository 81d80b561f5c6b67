//! Which runtimes this machine has: its own interpreters, in exactly the version that a runtime names.

use super::{dotnet, java};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// A runtime and the program that it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// `python3.11`
    pub name: String,
    /// Empty for runtimes that functions bring along.
    pub program: String,
}

/// AWS: runtimes that can be chosen for new functions.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>
const KNOWN: [&str; 18] = [
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "java11",
    "java17",
    "java21",
    "java25",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
    DOTNET[0],
    DOTNET[1],
];
const DOTNET: [&str; 2] = ["dotnet8", "dotnet10"];
/// They run `/var/task/bootstrap`.
const PROVIDED: [&str; 2] = ["provided.al2023", "provided.al2"];
/// Where sandboxes see the machine's programs.
const FOLDERS: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// What this machine has; looked for once.
pub fn here() -> &'static [Runtime] {
    static FOUND: OnceLock<Vec<Runtime>> = OnceLock::new();
    FOUND.get_or_init(look)
}

/// All that is known, for clouds whose sandboxes are simulated.
pub fn all() -> Vec<Runtime> {
    let named = |name: &&str| Runtime { name: (*name).to_owned(), program: String::new() };
    KNOWN.iter().chain(&PROVIDED).map(named).collect()
}

fn look() -> Vec<Runtime> {
    let mut found = Vec::new();
    for name in KNOWN.iter().filter(|name| name.starts_with("python")) {
        let program =
            FOLDERS.iter().map(|folder| format!("{folder}/{name}")).find(|path| Path::new(path).exists());
        found.extend(program.map(|program| Runtime { name: (*name).to_owned(), program }));
    }
    for folder in FOLDERS {
        let program = format!("{folder}/node");
        if let Some(name) = node(&program).filter(|name| KNOWN.contains(&name.as_str())) {
            found.push(Runtime { name, program });
            break;
        }
    }
    found.extend(rubies());
    found.extend(java::here().filter(|java| KNOWN.contains(&java.name.as_str())));
    found.extend(dotnet::here(&DOTNET));
    found.extend(PROVIDED.iter().map(|name| Runtime { name: (*name).to_owned(), program: String::new() }));
    found
}

/// What is missing for functions in languages that this machine has, in words.
pub fn missing() -> Vec<String> {
    [java::missing(), dotnet::missing(&DOTNET)].into_iter().flatten().collect()
}

fn said(program: &str) -> Option<String> {
    String::from_utf8(Command::new(program).arg("--version").output().ok()?.stdout).ok()
}

/// The runtime that a Node program is.
fn node(program: &str) -> Option<String> {
    let text = said(program)?;
    let major = text.trim().strip_prefix('v')?.split('.').next()?;
    Some(format!("nodejs{major}.x"))
}

/// Distributions call them by their version, and one of them just Ruby.
fn rubies() -> Vec<Runtime> {
    let mut found: Vec<Runtime> = Vec::new();
    let names = KNOWN.iter().filter(|name| name.starts_with("ruby"));
    for name in names.chain(&["ruby"]) {
        for program in FOLDERS.map(|folder| format!("{folder}/{name}")) {
            let ruby =
                said(&program).and_then(|text| ruby(&text)).filter(|name| KNOWN.contains(&name.as_str()));
            if let Some(name) = ruby.filter(|name| found.iter().all(|known| known.name != *name)) {
                found.push(Runtime { name, program });
            }
        }
    }
    found
}

/// The runtime of a Ruby that says `ruby 3.3.8 (2025-04-09 revision ...`.
fn ruby(version: &str) -> Option<String> {
    let mut parts = version.strip_prefix("ruby ")?.split(['.', ' ']);
    Some(format!("ruby{}.{}", parts.next()?, parts.next()?))
}

/// How AWS calls this machine's processor.
pub(crate) fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_ruby_tells_which_it_is() {
        assert_eq!(super::ruby("ruby 3.3.8 (2025-04-09) [x86_64-linux]\n").as_deref(), Some("ruby3.3"));
        assert_eq!(super::ruby("jruby 9.4.9.0 (3.1.4)"), None);
    }
}
