//! What may be linked: licences, sources and bans, checked against `deny.toml` with cargo's own metadata, so that nothing
//! needs to be installed. `cargo deny` reads the same file where it is there and comes to the same end.
//!
//! Of the file's tables the list `licenses.allow` is read; the others have one setting each that is held here
//! ([`HELD`]), and the file must say the same.
//!
//! Not here: licence texts (cargo-deny compares them), security advisories (which need the network each time).

use super::{Finding, root};
use serde_json::Value;
use std::process::Command;

/// crates.io, whatever mirror serves it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is held here in code, and must stand in the file for cargo-deny.
const HELD: [&str; 3] = ["wildcards = \"deny\"", "unknown-registry = \"deny\"", "unknown-git = \"deny\""];

pub(super) fn check(findings: &mut Vec<Finding>) {
    let mut find = |what: String| findings.push(Finding { path: "deny.toml".to_owned(), line: 0, what });
    let deny = std::fs::read_to_string(root().join("deny.toml")).unwrap_or_default();
    let allowed = allowed(&deny);
    if allowed.is_empty() {
        find("no `allow = [...]` under `[licenses]`".to_owned());
    }
    for setting in HELD.iter().filter(|setting| !deny.lines().any(|line| line == **setting)) {
        find(format!("`{setting}` is missing"));
    }
    match packages() {
        Ok(packages) => {
            let verdicts = packages.iter().filter_map(|package| verdict(package, &allowed));
            verdicts.chain(packages.iter().flat_map(wildcards)).for_each(find);
        }
        Err(why) => find(why),
    }
}

/// Dependencies of our own crates on any version at all. A path needs no version.
fn wildcards(package: &Value) -> Vec<String> {
    if !package["source"].is_null() {
        return Vec::new();
    }
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let loose = dependencies.iter().filter(|one| one["req"] == "*" && one["path"].is_null());
    loose.map(|one| format!("{}: any version of {} will do", package["name"], one["name"])).collect()
}

/// The strings of `allow = [...]`, which may span lines.
fn allowed(deny: &str) -> Vec<&str> {
    let list = deny.split_once("\nallow = [").and_then(|(_, rest)| rest.split_once(']'));
    list.map(|(list, _)| list.split('"').skip(1).step_by(2).collect()).unwrap_or_default()
}

fn packages() -> Result<Vec<Value>, String> {
    // The one platform family that is built and shipped: crates for other systems never enter the binary.
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .map_err(|why| format!("cargo metadata: {why}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let mut metadata: Value = serde_json::from_slice(&output.stdout).map_err(|why| why.to_string())?;
    let resolved: Vec<Value> = metadata["resolve"]["nodes"].as_array().cloned().unwrap_or_default();
    let Some(packages) = metadata["packages"].as_array_mut() else {
        return Err("cargo metadata: no packages".into());
    };
    packages.retain(|package| resolved.iter().any(|node| node["id"] == package["id"]));
    Ok(std::mem::take(packages))
}

/// What is wrong with a package, if anything is.
fn verdict(package: &Value, allowed: &[&str]) -> Option<String> {
    let name = format!("{} {}", package["name"].as_str()?, package["version"].as_str()?);
    let Some(source) = package["source"].as_str() else {
        // A crate of this workspace.
        let licence = package["license"].as_str();
        return (licence != Some("Apache-2.0"))
            .then(|| format!("{name}: `license.workspace = true` is missing"));
    };
    if source != REGISTRY {
        return Some(format!("{name}: comes from {source}, not from crates.io"));
    }
    match package["license"].as_str() {
        Some(expression) if permitted(expression, allowed) => None,
        Some(expression) => {
            Some(format!("{name}: `{expression}` is not among the licences that are allowed"))
        }
        None => Some(format!("{name}: names no licence")),
    }
}

/// Whether an SPDX expression can be met with allowed licences. `AND` binds tighter than `OR`; an exception after
/// `WITH` only ever adds permission; `/` is how old crates wrote `OR`.
fn permitted(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = all_of(words, allowed);
    while let ["OR", rest @ ..] = words {
        *words = rest;
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while let ["AND", rest @ ..] = words {
        *words = rest;
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut &[&str], allowed: &[&str]) -> bool {
    let current = *words;
    match current {
        ["(", rest @ ..] => {
            *words = rest;
            let met = any_of(words, allowed);
            let [")", rest @ ..] = words else { return false };
            *words = rest;
            met
        }
        [licence, "WITH", _, rest @ ..] | [licence, rest @ ..] => {
            *words = rest;
            allowed.contains(licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions() {
        let allowed = ["MIT", "Apache-2.0", "BSD-3-Clause", "Unicode-3.0"];
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0 AND MIT", false),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("MIT OR GPL-3.0 AND LGPL-2.1", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
            ("(MIT", false),
            ("MIT)", false),
            ("", false),
        ] {
            assert_eq!(permitted(expression, &allowed), expected, "{expression}");
        }
    }

    #[test]
    fn the_allow_list_is_read_from_the_file_that_cargo_deny_reads() {
        assert_eq!(allowed("[licenses]\n# why\nallow = [\"MIT\",\n  \"ISC\"]\n"), ["MIT", "ISC"]);
    }

    #[test]
    fn a_package_must_come_from_the_registry_with_a_licence() {
        let package = |source: &str, licence: &str| {
            let text = format!(r#"{{"name":"a","version":"1.0.0","source":{source},"license":{licence}}}"#);
            verdict(&serde_json::from_str(&text).unwrap(), &["MIT"])
        };
        let registry = format!("\"{REGISTRY}\"");
        assert_eq!(package(&registry, "\"MIT\""), None);
        assert_eq!(package("null", "\"Apache-2.0\""), None);
        let finding = |text: &str| Some(format!("a 1.0.0: {text}"));
        for other in ["git+x", "registry+x"] {
            let found = package(&format!("\"{other}\""), "\"MIT\"");
            assert_eq!(found, finding(&format!("comes from {other}, not from crates.io")));
        }
        assert_eq!(package(&registry, "null"), finding("names no licence"));
        assert_eq!(package("null", "null"), finding("`license.workspace = true` is missing"));
        let unknown = finding("`GPL-3.0` is not among the licences that are allowed");
        assert_eq!(package(&registry, "\"GPL-3.0\""), unknown);
    }

    #[test]
    fn every_dependency_names_a_version() {
        let package = |source: &str, dependency: &str| {
            let text = format!(r#"{{"name":"a","source":{source},"dependencies":[{dependency}]}}"#);
            wildcards(&serde_json::from_str(&text).unwrap())
        };
        let (loose, good) = (r#"{"name":"b","req":"*"}"#, r#"{"name":"b","req":"^1"}"#);
        assert_eq!(package("null", loose), ["\"a\": any version of \"b\" will do"]);
        assert_eq!(package("null", good), [""; 0]);
        assert_eq!(package("null", r#"{"name":"b","req":"*","path":"../b"}"#), [""; 0]);
        assert_eq!(package("\"registry+x\"", loose), [""; 0]);
    }

    #[test]
    fn the_file_says_what_is_held() {
        let deny = std::fs::read_to_string(super::root().join("deny.toml")).unwrap();
        for setting in HELD {
            assert!(deny.lines().any(|line| line == setting), "{setting}");
        }
    }
}
