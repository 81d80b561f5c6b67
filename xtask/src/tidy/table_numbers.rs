//! Every table and index of the store has a number of its own: two nouns under one number would read each other's
//! records as theirs. The compiler cannot see that across crates.

use super::{Finding, Source};
use std::collections::HashMap;

const MADE_BY: &[&str] = &["Table::new(0x", "Index::new(0x"];

/// A number and the file and line that took it first.
#[derive(Default)]
pub(super) struct Taken(HashMap<String, (String, usize)>);

impl Taken {
    pub(super) fn check(&mut self, source: &Source, findings: &mut Vec<Finding>) {
        // The store's own tests use numbers of their own in stores of their own; so do the in-process tests.
        let is_test = source.path.contains("/tests/") || source.path.starts_with("crates/store/");
        if is_test || !source.path.starts_with("crates/") {
            return;
        }
        for (at, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("//") {
                continue;
            }
            for number in MADE_BY.iter().filter_map(|made_by| number(line, made_by)) {
                if let Some((path, first)) = self.0.get(&number) {
                    let what =
                        format!("the number 0x{number} is taken by {path}:{first}: give this table its own");
                    findings.push(Finding::new(source, at + 1, what));
                } else {
                    self.0.insert(number, (source.path.clone(), at + 1));
                }
            }
        }
    }
}

fn number(line: &str, made_by: &str) -> Option<String> {
    let rest = &line[line.find(made_by)? + made_by.len()..];
    let end = rest.find(|c: char| !c.is_ascii_hexdigit())?;
    Some(rest[..end].to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let mut taken = Taken::default();
        let mut findings = Vec::new();
        let first = "const A: Table<X> = Table::new(0x20A1, \"a\");\n// Table::new(0x20A1\n";
        taken.check(&source("crates/storage/src/a.rs", first), &mut findings);
        taken.check(&source("crates/virga/tests/it/a.rs", first), &mut findings);
        assert!(findings.is_empty());
        let second = "\nconst B: Index = Index::new(0x20a1, \"b\");";
        taken.check(&source("crates/network/src/b.rs", second), &mut findings);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].path.as_str(), findings[0].line), ("crates/network/src/b.rs", 2));
        assert!(findings[0].what.contains("crates/storage/src/a.rs:1"));
    }
}
