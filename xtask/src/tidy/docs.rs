//! The papers: links in Markdown lead somewhere, the licence and the notices are there, and the change log knows the
//! version that the workspace has.

use super::{Finding, Source, root};
use std::path::Path;

/// Every relative link of a Markdown file names a file or folder that exists. Anchors are not followed.
pub(super) fn check_links(source: &Source, findings: &mut Vec<Finding>) {
    if !source.path.ends_with(".md") {
        return;
    }
    let folder = root().join(&source.path).parent().map(Path::to_path_buf).unwrap_or_default();
    for (index, text) in source.text.lines().enumerate() {
        for target in targets(text) {
            if !folder.join(target).exists() {
                findings.push(Finding::new(
                    source,
                    index + 1,
                    format!("the link to `{target}` leads nowhere"),
                ));
            }
        }
    }
}

/// The files that a line links to: `[text](target#anchor)`.
fn targets(line: &str) -> Vec<&str> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    links
        .map(|(target, _)| target.split_once('#').map_or(target, |(file, _)| file))
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// File and a text that it must hold, with the reason.
const PAPERS: &[(&str, &str, &str)] = &[
    ("LICENSE", "Apache License", "the project's licence"),
    ("NOTICE", "models/NOTICE", "who is to be named for the data that ships"),
    ("CONTRIBUTING.md", "make test", "how to build and test"),
    ("CHANGELOG.md", "## [Unreleased]", "what the next version brings"),
];

pub(super) fn check_papers(findings: &mut Vec<Finding>) {
    for (path, text, why) in PAPERS {
        let there = std::fs::read_to_string(root().join(path)).is_ok_and(|found| found.contains(text));
        if !there {
            let what = format!("must be there and hold `{text}`: {why}");
            findings.push(Finding { path: (*path).to_owned(), line: 0, what });
        }
    }
    unreleased_says_something(findings);
}

/// A change that nobody can read about has not happened: `Unreleased` holds a line, unless it was just released.
fn unreleased_says_something(findings: &mut Vec<Finding>) {
    let log = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap_or_default();
    let version = concat!("## [", env!("CARGO_PKG_VERSION"), "]");
    let unreleased =
        log.split("\n## [").find(|section| section.starts_with("Unreleased]")).unwrap_or_default();
    if !unreleased.contains("\n- ") && !log.contains(version) {
        let what = format!("`Unreleased` is empty and there is no `{version}`");
        findings.push(Finding { path: "CHANGELOG.md".to_owned(), line: 0, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_told_from_the_others() {
        let line = "[a](a.md) [b](https://b.example) [c](#c) [d](d/e.md#f) `x[1](2`";
        assert_eq!(targets(line), ["a.md", "d/e.md"]);
    }
}
