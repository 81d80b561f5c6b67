//! What a delegation request asks for, in sentences.
//!
//! AWS has a language model write them. Here they are put together from the request and its policy by rule, so the same
//! request always has the same summary, and nothing is in it that is not in the request. In English alone.

use crate::iam::model::DelegationRequest;
use std::fmt::Write;
use wire::Value;

/// Whether there are summaries for a locale (`en`, `en_US`).
pub fn speaks(locale: &str) -> bool {
    let language = locale.split(['_', '-']).next().unwrap_or_default();
    language.eq_ignore_ascii_case("en")
}

pub fn write(request: &DelegationRequest) -> String {
    let mut out = String::new();
    let (name, account) = (&request.requestor_name, request.requestor);
    let time = duration(request.session_seconds);
    let _ = writeln!(out, "{name} (account {account}) asks for temporary access for {time}.");
    let policy = wire::json::read(&request.policy).unwrap_or(Value::Null);
    let statements = policy.entry("Statement").and_then(Value::as_list).unwrap_or_default();
    for statement in statements {
        let denies = statement.entry("Effect").and_then(Value::as_str) == Some("Deny");
        let (verb, also) = if denies { ("It is denied", "denied") } else { ("It may do", "allowed") };
        let _ = match (statement.entry("Action"), statement.entry("NotAction")) {
            (Some(actions), _) => write!(out, "{verb} {}", joined(actions)),
            (None, Some(others)) => write!(out, "All actions but {} are {also}", joined(others)),
            (None, None) => Ok(()),
        };
        let _ = match (statement.entry("Resource"), statement.entry("NotResource")) {
            (Some(resources), _) => write!(out, " on {}", joined(resources)),
            (None, Some(others)) => write!(out, " on everything but {}", joined(others)),
            (None, None) => Ok(()),
        };
        if let Some(Value::Map(operators)) = statement.entry("Condition") {
            out.push_str(&conditions(operators));
        }
        out.push_str(".\n");
    }
    if !request.boundaries.is_empty() {
        let arns = request.boundaries.join(", ");
        let _ =
            writeln!(out, "Roles that it makes are limited by {arns}, and stay when the access has ended.");
    }
    out
}

fn conditions(operators: &[(String, Value)]) -> String {
    let mut all = Vec::new();
    for (operator, keys) in operators {
        let Value::Map(keys) = keys else { continue };
        all.extend(keys.iter().map(|(key, values)| format!("{operator} {key} {}", joined(values))));
    }
    if all.is_empty() { String::new() } else { format!(", where {}", all.join(" and ")) }
}

fn joined(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        Value::List(items) => items.iter().map(joined).collect::<Vec<_>>().join(", "),
        other => wire::json::text(other),
    }
}

fn duration(seconds: u32) -> String {
    let part = |count: u32, noun: &str| match count {
        0 => None,
        1 => Some(format!("1 {noun}")),
        count => Some(format!("{count} {noun}s")),
    };
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let parts = [part(hours, "hour"), part(minutes, "minute"), part(seconds % 60, "second")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::{duration, speaks, write};
    use crate::iam::model::DelegationRequest;
    use base::AccountId;

    #[test]
    fn a_summary_says_what_the_policy_says() {
        let request = DelegationRequest {
            requestor: AccountId::parse("123456789012").unwrap(),
            requestor_name: "Example".into(),
            session_seconds: 5400,
            policy: r#"{"Version":"2012-10-17","Statement":[
                {"Effect":"Allow","Action":["iam:CreateRole"],"Resource":"*",
                 "Condition":{"StringEquals":{"iam:PermissionsBoundary":["arn:a","arn:b"]}}},
                {"Effect":"Deny","NotAction":"s3:*","NotResource":["arn:c"]}]}"#
                .into(),
            boundaries: vec!["arn:a".into()],
            ..DelegationRequest::default()
        };
        let expected = "Example (account 123456789012) asks for temporary access for 1 hour and 30 minutes.\n\
            It may do iam:CreateRole on *, where StringEquals iam:PermissionsBoundary arn:a, arn:b.\n\
            All actions but s3:* are denied on everything but arn:c.\n\
            Roles that it makes are limited by arn:a, and stay when the access has ended.\n";
        assert_eq!(write(&request), expected);
    }

    #[test]
    fn locales_and_times() {
        assert!(speaks("en") && speaks("en_US") && speaks("EN-gb") && !speaks("de_DE"));
        assert_eq!((duration(300), duration(3601)), ("5 minutes".into(), "1 hour and 1 second".into()));
    }
}
