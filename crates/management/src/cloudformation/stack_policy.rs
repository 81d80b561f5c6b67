//! Stack policies: which resources an update may change, replace or delete. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html>

use super::template::get;
use crate::glob::glob;
use wire::Value;

/// AWS: of a policy in a request.
pub(crate) const BYTES_MAX: usize = 16_384;

/// What an update does to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Modify,
    Replace,
    Delete,
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Act::Modify => "Update:Modify",
            Act::Replace => "Update:Replace",
            Act::Delete => "Update:Delete",
        }
    }
}

/// A policy whose form is right.
#[derive(Clone, Debug)]
pub(crate) struct StackPolicy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    /// Of all but these.
    not_actions: bool,
    resources: Vec<String>,
    not_resources: bool,
    /// Whether a pattern may have wildcards, and the patterns of kinds of which one must fit.
    kinds: Vec<(bool, Vec<String>)>,
}

type Wrong = String;

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Str(text) => Some(vec![text.clone()]),
        Value::List(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

impl StackPolicy {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(text: &str) -> Result<StackPolicy, Wrong> {
        let wrong = |what: &str| Err(format!("Error validating stack policy: {what}"));
        if text.len() > BYTES_MAX {
            return wrong("it is too long");
        }
        let Some(document @ Value::Map(_)) = wire::json::read(text) else {
            return wrong("it is no JSON object");
        };
        let statements = match get(&document, "Statement") {
            Some(Value::List(items)) => items.clone(),
            Some(one @ Value::Map(_)) => vec![one.clone()],
            _ => return wrong("it has no Statement"),
        };
        if statements.is_empty() {
            return wrong("it has no Statement");
        }
        let statements = statements.iter().map(Statement::read).collect::<Result<_, _>>();
        statements.map(|statements| StackPolicy { statements }).or_else(|what: &str| wrong(what))
    }

    /// Whether an update may do this. AWS: what nothing allows is denied, and a denial outweighs.
    ///
    /// # Errors
    /// Which statement stands against it.
    pub(crate) fn allows(&self, act: Act, name: &str, kind: &str) -> Result<(), Wrong> {
        let hits = |statement: &&Statement| statement.hits(act, name, kind);
        let denies = self.statements.iter().position(|statement| !statement.allows && hits(&statement));
        let denied = |by: String| {
            Err(format!("Action denied by stack policy: {by} for resource [LogicalResourceId/{name}]"))
        };
        if let Some(place) = denies {
            return denied(format!("Statement [#{}] does not allow [{}]", place + 1, act.name()));
        }
        if self.statements.iter().any(|statement| statement.allows && hits(&statement)) {
            return Ok(());
        }
        denied(format!("no statement allows [{}]", act.name()))
    }
}

impl Statement {
    fn read(value: &Value) -> Result<Statement, &'static str> {
        let Value::Map(members) = value else { return Err("a statement is no object") };
        let known =
            ["Sid", "Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"];
        if members.iter().any(|(name, _)| !known.contains(&name.as_str())) {
            return Err("a statement has a member that is not known");
        }
        let allows = match get(value, "Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect must be Allow or Deny"),
        };
        if get(value, "Principal").and_then(Value::as_str) != Some("*") {
            return Err("Principal must be *");
        }
        let either = |one: &str, other: &str| match (get(value, one), get(value, other)) {
            (Some(list), None) => texts(list).map(|list| (list, false)),
            (None, Some(list)) => texts(list).map(|list| (list, true)),
            _ => None,
        };
        let (actions, not_actions) = either("Action", "NotAction").ok_or("Action is needed")?;
        let is_action = |name: &String| {
            ["Update:Modify", "Update:Replace", "Update:Delete", "Update:*"].contains(&name.as_str())
        };
        if !actions.iter().all(is_action) {
            return Err("Action must be of Update:Modify, Update:Replace, Update:Delete and Update:*");
        }
        let (resources, not_resources) = either("Resource", "NotResource").ok_or("Resource is needed")?;
        if !resources.iter().all(|name| name == "*" || name.starts_with("LogicalResourceId/")) {
            return Err("Resource must be * or LogicalResourceId/name");
        }
        let kinds = match get(value, "Condition") {
            None => Vec::new(),
            Some(Value::Map(operators)) => operators
                .iter()
                .map(condition)
                .collect::<Option<_>>()
                .ok_or("Condition must be StringEquals or StringLike of ResourceType")?,
            Some(_) => return Err("Condition must be an object"),
        };
        Ok(Statement { allows, actions, not_actions, resources, not_resources, kinds })
    }

    fn hits(&self, act: Act, name: &str, kind: &str) -> bool {
        let acts = self.actions.iter().any(|own| own == "Update:*" || own == act.name());
        let names = |own: &String| {
            own == "*" || own.strip_prefix("LogicalResourceId/").is_some_and(|own| glob(own, name))
        };
        let resource = self.resources.iter().any(names);
        let of_kind = |(wild, kinds): &(bool, Vec<String>)| {
            kinds.iter().any(|own| if *wild { glob(own, kind) } else { own == kind })
        };
        acts != self.not_actions && resource != self.not_resources && self.kinds.iter().all(of_kind)
    }
}

fn condition((operator, tests): &(String, Value)) -> Option<(bool, Vec<String>)> {
    let wild = match operator.as_str() {
        "StringEquals" => false,
        "StringLike" => true,
        _ => return None,
    };
    let Value::Map(tests) = tests else { return None };
    match tests.as_slice() {
        [(key, list)] if key == "ResourceType" => Some((wild, texts(list)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, StackPolicy};

    #[test]
    fn who_is_protected_from_what() {
        let policy = StackPolicy::read(
            r#"{"Statement": [
                {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*",
                 "Resource": "LogicalResourceId/Db*"},
                {"Effect": "Deny", "NotAction": "Update:Modify", "Principal": "*", "Resource": "*",
                 "Condition": {"StringLike": {"ResourceType": ["AWS::S3::*"]}}}]}"#,
        )
        .unwrap();
        let rows = [
            (Act::Modify, "DbMain", "AWS::RDS::DBInstance", true),
            (Act::Replace, "DbMain", "AWS::RDS::DBInstance", false),
            (Act::Delete, "Queue", "AWS::SQS::Queue", true),
            (Act::Delete, "Files", "AWS::S3::Bucket", false),
            (Act::Modify, "Files", "AWS::S3::Bucket", true),
        ];
        for (act, name, kind, may) in rows {
            assert_eq!(policy.allows(act, name, kind).is_ok(), may, "{act:?} {name}");
        }
        let told = policy.allows(Act::Delete, "DbMain", "x").unwrap_err();
        let words = "Action denied by stack policy: Statement [#2] does not allow [Update:Delete] for resource [LogicalResourceId/DbMain]";
        assert_eq!(told, words);
        let only = r#"{"Statement":{"Effect":"Allow","Action":"Update:Modify","Principal":"*","NotResource":"LogicalResourceId/A"}}"#;
        let only = StackPolicy::read(only).unwrap();
        assert!(only.allows(Act::Modify, "B", "x").is_ok());
        assert!(only.allows(Act::Modify, "A", "x").is_err() && only.allows(Act::Replace, "B", "x").is_err());
    }

    #[test]
    fn policies_that_are_none() {
        let statement = |members: &str| format!(r#"{{"Statement":[{{{members}}}]}}"#);
        let rows = [
            ("no json".to_owned(), "it is no JSON object"),
            ("{}".to_owned(), "it has no Statement"),
            (r#"{"Statement":[]}"#.to_owned(), "it has no Statement"),
            (
                statement(r#""Effect":"Permit","Action":"Update:*","Principal":"*","Resource":"*""#),
                "Effect must be Allow or Deny",
            ),
            (
                statement(r#""Effect":"Allow","Action":"s3:*","Principal":"*","Resource":"*""#),
                "Action must be of Update:Modify, Update:Replace, Update:Delete and Update:*",
            ),
            (statement(r#""Effect":"Allow","Action":"Update:*","Resource":"*""#), "Principal must be *"),
            (
                statement(r#""Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"arn:x""#),
                "Resource must be * or LogicalResourceId/name",
            ),
            (
                statement(
                    r#""Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*","Condition":{"Bool":{"a":"b"}}"#,
                ),
                "Condition must be StringEquals or StringLike of ResourceType",
            ),
        ];
        for (text, words) in rows {
            let told = StackPolicy::read(&text).unwrap_err();
            assert_eq!(told, format!("Error validating stack policy: {words}"), "{text}");
        }
    }
}
