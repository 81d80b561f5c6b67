//! What an enrichment or a target gets of an event: the event, or a template that parts of it are put into; and
//! parameters that stand for parts of it. Pure.
//!
//! A message's body that is JSON is looked into. Within a quotation the quotes of what is put in are left out, where it is an
//! object or a list.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html>

use super::errors::PipesError;
use super::model::Pipe;
use crate::events::transform::{Path, fill};
use base::Timestamp;
use wire::Value;

const BODY: &str = "body";

/// An event, as it is and as paths look into it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) plain: Value,
    opened: Value,
}

impl Item {
    pub(super) fn new(plain: Value) -> Item {
        Item { opened: opened(&plain), plain }
    }

    /// What a parameter stands for: itself, or what the event has at its path.
    pub(super) fn parameter(&self, text: &str) -> Option<String> {
        let Some(path) = Path::read(text) else { return Some(text.to_owned()) };
        match path.find(&self.opened)? {
            Value::Null => None,
            Value::Str(text) => Some(text.clone()),
            other => Some(wire::json::text(other)),
        }
    }

    pub(super) fn opened(&self) -> &Value {
        &self.opened
    }

    /// What is given of it.
    pub(super) fn given(&self, pipe: &Pipe, template: Option<&str>, now: Timestamp) -> String {
        let Some(template) = template else { return wire::json::text(&self.plain) };
        fill(template, is_name, |name| self.value(pipe, name, now), |json| json.replace('"', ""))
    }

    fn value(&self, pipe: &Pipe, name: &str, now: Timestamp) -> Option<Value> {
        match name {
            "aws.pipes.pipe-arn" => Some(Value::Str(pipe.arn())),
            "aws.pipes.pipe-name" => Some(Value::str(&pipe.name)),
            "aws.pipes.source-arn" => Some(Value::str(&pipe.source.arn)),
            "aws.pipes.enrichment-arn" => pipe.enrichment.as_ref().map(|by| Value::str(&by.arn)),
            "aws.pipes.target-arn" => Some(Value::str(&pipe.target.arn)),
            "aws.pipes.event.ingestion-time" => Some(Value::Str(now.iso8601_millis())),
            "aws.pipes.event" => Some(self.plain.clone()),
            "aws.pipes.event.json" => Some(self.opened.clone()),
            path => Path::read(path)?.find(&self.opened).cloned(),
        }
    }
}

/// With the body read, where it is JSON.
fn opened(plain: &Value) -> Value {
    let Value::Map(members) = plain else { return plain.clone() };
    let open = |(name, value): &(String, Value)| {
        let inner = value.as_str().filter(|_| name == BODY).and_then(wire::json::read);
        let inner = inner.filter(|inner| matches!(inner, Value::Map(_) | Value::List(_)));
        (name.clone(), inner.unwrap_or_else(|| value.clone()))
    };
    Value::Map(members.iter().map(open).collect())
}

fn is_name(name: &str) -> bool {
    name.starts_with("aws.pipes.") || name.starts_with("$.") || name == "$"
}

/// # Errors
/// `NotImplemented` for paths with wildcards.
pub(super) fn check(template: &str) -> Result<(), PipesError> {
    let paths = template.split('<').skip(1).filter_map(|part| part.split_once('>'));
    match paths.filter(|(name, _)| is_name(name)).any(|(name, _)| name.contains('*')) {
        true => Err(PipesError::NotBuilt("A path with a wildcard".into())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(template: &str) -> String {
        let record = r#"{"messageId":"m","body":"{\"a\":{\"b\":\"c\"},\"l\":[1,\"x\"]}"}"#;
        let pipe = Pipe { name: "p".into(), ..Pipe::default() };
        let item = Item::new(wire::json::read(record).unwrap());
        item.given(&pipe, Some(template), Timestamp::from_seconds(1_800_000_000))
    }

    #[test]
    fn templates_are_filled() {
        assert_eq!(given("plain <b>"), "plain <b>");
        assert_eq!(given("<$.body>"), r#"{"a":{"b":"c"},"l":[1,"x"]}"#);
        assert_eq!(given(r#"{"k": <$.body.a.b>, "l": <$.body.l[1]>}"#), r#"{"k": "c", "l": "x"}"#);
        assert_eq!(given(r#""<$.messageId> has <$.body.a>""#), r#""m has {b:c}""#);
        assert_eq!(given(r#"{"n": "<aws.pipes.pipe-name>"}"#), r#"{"n": "p"}"#);
        assert_eq!(given(r#"["<$.none>", <$.none>]"#), r#"["", null]"#);
        assert_eq!(given("<aws.pipes.event.ingestion-time>"), r#""2027-01-15T08:00:00.000Z""#);
        assert!(given("<aws.pipes.event.json>").contains(r#""body":{"a""#));
        assert!(given("<aws.pipes.event>").contains(r#""body":"{\"a"#));
    }

    #[test]
    fn parameters_stand_for_parts() {
        let item = Item::new(wire::json::read(r#"{"body":"{\"n\":7,\"t\":\"x\"}"}"#).unwrap());
        assert_eq!(item.parameter("own").as_deref(), Some("own"));
        assert_eq!(item.parameter("$.body.t").as_deref(), Some("x"));
        assert_eq!(item.parameter("$.body.n").as_deref(), Some("7"));
        assert_eq!(item.parameter("$.body.none"), None);
    }

    #[test]
    fn wildcards_are_told_of() {
        assert!(check("<$.a[*].b>").is_err());
        assert!(check("2 < 3 * <$.a>").is_ok());
    }
}
