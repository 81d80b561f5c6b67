//! `dynamodb:Attributes`: the top-level attributes that a request names.
//!
//! Expressions are read as words, not compiled: a word that is not a placeholder of a value, a step below a top-level
//! attribute, a keyword or a function is an attribute. A word too many could only refuse what a policy allows to
//! other words; an expression that is none is refused by its operation.

use std::collections::BTreeSet;
use wire::{Struct, Value};

const EXPRESSIONS: &[&str] = &[
    "ProjectionExpression",
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "UpdateExpression",
];
/// Members that are maps from attribute names.
const MAPS: &[&str] = &["AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"];
const KEYWORDS: &[&str] = &["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"];

/// Adds what `request` names.
pub(super) fn collect(request: &Struct, out: &mut BTreeSet<String>) {
    let names = request.get("ExpressionAttributeNames");
    for member in EXPRESSIONS {
        if let Some(text) = request.str(member) {
            words(text, names, out);
        }
    }
    for member in MAPS {
        if let Some(Value::Map(pairs)) = request.get(member) {
            out.extend(pairs.iter().map(|(name, _)| name.clone()));
        }
    }
    let listed = request.get("AttributesToGet").and_then(Value::as_list).unwrap_or_default();
    out.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned));
}

fn words(text: &str, names: Option<&Value>, out: &mut BTreeSet<String>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | ':');
    let mut before = ' ';
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !is_word(first) {
            if !first.is_whitespace() {
                before = first;
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let calls = after.trim_start().starts_with('(') && !is_keyword(word);
        let skipped = before == '.' || first == ':' || first.is_ascii_digit() || calls || is_keyword(word);
        before = ' ';
        if skipped {
            continue;
        }
        match (first, names) {
            ('#', Some(Value::Map(pairs))) => {
                let name = pairs.iter().find(|(key, _)| key == word);
                out.extend(name.and_then(|(_, name)| name.as_str()).map(str::to_owned));
            }
            ('#', _) => {}
            _ => drop(out.insert(word.to_owned())),
        }
    }
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::words;
    use std::collections::BTreeSet;
    use wire::Value;

    #[test]
    fn attributes_of_expressions() {
        let names = Value::Map(vec![("#n".into(), Value::str("name"))]);
        for (text, expected) in [
            ("a, b.c, #n.x[1], d[0]", "a b d name"),
            ("SET a = if_not_exists(b, :v) + :x REMOVE c.d", "a b c"),
            ("attribute_exists (a) AND NOT (#n IN (:a, b))", "a b name"),
            ("size(a) between :x and :y", "a"),
            ("add a :v", "a"),
        ] {
            let mut out = BTreeSet::new();
            words(text, Some(&names), &mut out);
            assert_eq!(out.into_iter().collect::<Vec<_>>().join(" "), expected, "{text}");
        }
    }
}
