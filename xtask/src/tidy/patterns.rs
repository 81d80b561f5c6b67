//! Runs the patterns of `rules.rs`, and the one rule on error codes that a plain text cannot express.

use super::{
    Finding, Source,
    rules::{RULES, Rule, SERVICES},
    rust::shipped,
};

pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) {
    for rule in RULES.iter().filter(|rule| applies(rule, &source.path)) {
        for (line, text) in lines(source, rule.shipped_only) {
            if let Some(pattern) = rule.patterns.iter().find(|pattern| holds(text, pattern, rule.whole_word))
            {
                findings.push(Finding::new(source, line, format!("`{pattern}`: {}", rule.why)));
            }
        }
    }
    error_codes(source, findings);
}

fn applies(rule: &Rule, path: &str) -> bool {
    let named = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
    (rule.within.is_empty() || named(rule.within)) && !named(rule.except)
}

fn lines(source: &Source, shipped_only: bool) -> Vec<(usize, &str)> {
    if shipped_only {
        shipped(source)
    } else {
        source.text.lines().enumerate().map(|(index, text)| (index + 1, text)).collect()
    }
}

fn holds(text: &str, pattern: &str, whole_word: bool) -> bool {
    let part_of_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(pattern).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        !whole_word || !part_of_word(before) && !part_of_word(text.as_bytes().get(at + pattern.len()))
    })
}

/// Codes that do not end like one.
const BARE_CODES: &[&str] =
    &["AccessDenied", "NoSuchEntity", "LimitExceeded", "EntityAlreadyExists", "DeleteConflict"];

/// Files with a reason to write codes: CloudTrail spells those of others in its own way, the pure half of DynamoDB has
/// just one refusal, and the reasons of a cancelled transaction are no errors of their own.
const CODE_READERS: &[&str] = &[
    "crates/management/src/cloudtrail/facts.rs",
    "crates/database/src/dynamodb/invalid.rs",
    "crates/database/src/dynamodb/ops/transact_write.rs",
];

/// Names of members that only look like codes: of batches, of invocations, of event source mappings, of answers that failed.
const MEMBERS: &[&str] = &["BisectBatchOnFunctionError", "FunctionError", "ResponseError", "SenderFault"];

/// In a service crate an AWS error code is written in `errors.rs` only, where its status and message stand beside it.
fn error_codes(source: &Source, findings: &mut Vec<Finding>) {
    let service = SERVICES.iter().any(|prefix| source.path.starts_with(prefix));
    if !service || !source.path.ends_with(".rs") || source.path.ends_with("/errors.rs") {
        return;
    }
    if CODE_READERS.contains(&source.path.as_str()) {
        return;
    }
    for (line, text) in shipped(source) {
        for literal in text.split('"').skip(1).step_by(2) {
            let word = literal.starts_with(|first: char| first.is_ascii_uppercase())
                && literal.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
            let code =
                ["Exception", "Error", "Fault"].iter().any(|end| literal.ends_with(end) && literal != *end)
                    || BARE_CODES.contains(&literal);
            if word && code && !MEMBERS.contains(&literal) {
                let what = format!(
                    "`{literal}`: an error code is written in errors.rs, beside its status and message"
                );
                findings.push(Finding::new(source, line, what));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&Source { path: path.to_owned(), text: text.to_owned() }, &mut findings);
        findings
            .iter()
            .map(|finding| {
                format!("{}: {}", finding.line, &finding.what.split(": ").next().unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn patterns_are_found_where_they_are_banned_and_only_there() {
        let fixme = "// FIXME later";
        for (path, text, expected) in [
            ("a.rs", fixme, vec!["1: `FIXME`"]),
            ("a.rs", "let a_fixme_b = 1;", vec![]),
            ("crates/kernel/src/a.rs", "\nSystemTime::now()", vec!["2: `SystemTime::now`"]),
            ("bench/src/a.rs", "SystemTime::now()", vec![]),
            ("crates/kernel/src/a.rs", "format!(\"<a>\")", vec!["1: `format!(\"<`"]),
            ("crates/kernel/src/a.rs", "#[cfg(test)]\nmod tests { format!(\"<a>\") }", vec![]),
            ("crates/wire/src/a.rs", "format!(\"<a>\")", vec![]),
            ("crates/security/src/iam/user.rs", "fail(\"NoSuchEntity\")", vec!["1: `NoSuchEntity`"]),
            ("crates/security/src/kms/key.rs", "f(\"DisabledException\")", vec!["1: `DisabledException`"]),
            ("crates/security/src/kms/errors.rs", "f(\"DisabledException\")", vec![]),
            ("crates/security/src/kms/key.rs", "f(\"A sentence on an Exception\")", vec![]),
            ("crates/security/src/kms/key.rs", "// the \"DisabledException\" of AWS", vec![]),
        ] {
            assert_eq!(found(path, text), expected, "{path}: {text}");
        }
    }
}
