//! Licences and sources of everything that is linked, checked against `deny.toml` with cargo's own metadata. It reads
//! the two tables that decide (`licenses.allow`, `sources`), so that nothing needs to be installed; `cargo deny` reads
//! the same file where it is there, and adds its other checks.
//!
//! Not here: licence texts (cargo-deny compares them), security advisories.

use super::{Finding, root};
use serde_json::Value;
use std::process::Command;

const REGISTRY: &str = "registry+";

pub(super) fn check(findings: &mut Vec<Finding>) {
    let mut find = |what: String| findings.push(Finding { path: "deny.toml".to_owned(), line: 0, what });
    let deny = std::fs::read_to_string(root().join("deny.toml")).unwrap_or_default();
    let allowed = allowed(&deny);
    if allowed.is_empty() {
        find("no `allow = [...]` under `[licenses]`".to_owned());
    }
    match packages() {
        Ok(packages) => packages.iter().filter_map(|package| verdict(package, &allowed)).for_each(find),
        Err(why) => find(why),
    }
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
    if !source.starts_with(REGISTRY) {
        return Some(format!("{name}: comes from {source}, not from the registry"));
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
        assert_eq!(package("\"registry+x\"", "\"MIT\""), None);
        assert_eq!(package("null", "\"Apache-2.0\""), None);
        let finding = |text: &str| Some(format!("a 1.0.0: {text}"));
        assert_eq!(package("\"git+x\"", "\"MIT\""), finding("comes from git+x, not from the registry"));
        assert_eq!(package("\"registry+x\"", "null"), finding("names no licence"));
        assert_eq!(package("null", "null"), finding("`license.workspace = true` is missing"));
        let unknown = finding("`GPL-3.0` is not among the licences that are allowed");
        assert_eq!(package("\"registry+x\"", "\"GPL-3.0\""), unknown);
    }
}
