//! Which records a feed wants. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use kernel::pattern::{Malformed, Pattern};
use wire::Value;

/// One of these patterns; none wants everything.
#[derive(Clone, Debug, Default)]
pub struct Filters(Vec<Pattern>);

impl Filters {
    /// # Errors
    /// What is no pattern.
    pub fn read(texts: &[String]) -> Result<Filters, Malformed> {
        // An empty object is a pattern here, and everything matches it.
        if texts.iter().any(|text| wire::json::read(text) == Some(Value::Map(Vec::new()))) {
            return Ok(Filters::default());
        }
        texts.iter().map(|text| Pattern::read(text)).collect::<Result<_, _>>().map(Filters)
    }

    pub fn want(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(record))
    }

    /// A message, whose body is looked into where it is JSON.
    pub fn want_message(&self, record: &Value) -> bool {
        let Value::Map(members) = record else { return false };
        let open = |(name, value): &(String, Value)| {
            let inner = value.as_str().filter(|_| name == "body").and_then(wire::json::read);
            let inner = inner.filter(|inner| matches!(inner, Value::Map(_) | Value::List(_)));
            (name.clone(), inner.unwrap_or_else(|| value.clone()))
        };
        self.0.is_empty() || self.want(&Value::Map(members.iter().map(open).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::Filters;
    use wire::Value;

    #[test]
    fn bodies_are_looked_into() {
        let message = |body: &str| Value::Map(vec![("body".to_owned(), Value::str(body))]);
        let wants = |pattern: &str, body: &str| {
            Filters::read(&[pattern.to_owned()]).unwrap().want_message(&message(body))
        };
        assert!(wants(r#"{"body":{"a":[1]}}"#, r#"{"a":1}"#));
        assert!(!wants(r#"{"body":{"a":[1]}}"#, r#"{"a":2}"#));
        assert!(!wants(r#"{"body":{"a":[1]}}"#, "plain"));
        assert!(wants(r#"{"body":["plain"]}"#, "plain"));
        assert!(!wants(r#"{"body":["{}"]}"#, "{}"));
        assert!(wants("{}", "plain"));
        assert!(Filters::default().want_message(&message("x")));
        assert!(Filters::read(&["{".to_owned()]).is_err());
    }
}
