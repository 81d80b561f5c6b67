//! What templates say of serverless resources elsewhere: `Function.Alias` and its kin, and layers, whose versions have
//! names of their own.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html>

use crate::cloudformation::template::{get, text};
use wire::Value;

/// What resources are called in the template that comes out, by what the one that goes in calls them.
#[derive(Default, Debug)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    pub(super) fn add(&mut self, said: String, name: &str) {
        self.0.push((said, name.to_owned()));
    }

    /// A name, with an attribute behind a dot where there is one.
    fn renamed(&self, said: &str) -> Option<String> {
        self.0.iter().find_map(|(own, name)| match said.strip_prefix(own.as_str())? {
            "" => Some(name.clone()),
            rest => rest.starts_with('.').then(|| format!("{name}{rest}")),
        })
    }

    /// A resource, as the others are called now.
    pub(super) fn resource(&self, resource: &Value) -> Value {
        let Value::Map(members) = self.value(resource) else { return resource.clone() };
        let name = |value: &Value| match value.as_str().and_then(|own| self.renamed(own)) {
            Some(renamed) => Value::Str(renamed),
            None => value.clone(),
        };
        let member = |(key, value): (String, Value)| match (key.as_str(), value) {
            ("DependsOn", Value::List(names)) => (key, Value::List(names.iter().map(name).collect())),
            ("DependsOn", one) => (key, name(&one)),
            (_, value) => (key, value),
        };
        Value::Map(members.into_iter().map(member).collect())
    }

    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            Value::Map(entries) => {
                if let [(name, argument)] = entries.as_slice()
                    && let Some(argument) = self.argument(name, argument)
                {
                    return Value::Map(vec![(name.clone(), argument)]);
                }
                let entry = |(name, item): &(String, Value)| (name.clone(), self.value(item));
                Value::Map(entries.iter().map(entry).collect())
            }
            scalar => scalar.clone(),
        }
    }

    /// What a function is told; `None` where it names none of these.
    fn argument(&self, function: &str, argument: &Value) -> Option<Value> {
        match (function, argument) {
            ("Ref", Value::Str(name)) => self.renamed(name).map(Value::Str),
            ("Fn::GetAtt", Value::Str(path)) => self.renamed(path).map(Value::Str),
            ("Fn::GetAtt", Value::List(parts)) => {
                let words: Option<Vec<String>> = parts.iter().map(text).collect();
                let path = self.renamed(&words?.join("."))?;
                let (name, rest) = path.split_once('.')?;
                Some(Value::List(vec![Value::str(name), Value::str(rest)]))
            }
            ("Fn::Sub", Value::Str(said)) => Some(Value::Str(self.filled(said, &Value::Null))),
            ("Fn::Sub", Value::List(parts)) => match parts.as_slice() {
                [Value::Str(said), own] => {
                    Some(Value::List(vec![Value::Str(self.filled(said, own)), self.value(own)]))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `own`: names that the text has for itself.
    fn filled(&self, said: &str, own: &Value) -> String {
        let mut out = String::with_capacity(said.len());
        let mut rest = said;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else { break };
            let renamed = self.renamed(name).filter(|_| get(own, name).is_none());
            out.push_str(&format!("{before}${{{}}}", renamed.as_deref().unwrap_or(name)));
            rest = tail;
        }
        out + rest
    }
}
