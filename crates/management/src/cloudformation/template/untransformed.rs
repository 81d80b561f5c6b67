//! A template before its transforms have made anything of it, and what may be asked of it then: the values that parameters
//! have, and mappings.

use super::{function, get, text};
use std::collections::BTreeMap;
use wire::Value;

pub(crate) struct Untransformed<'a> {
    pub(crate) root: &'a Value,
    pub(crate) given: &'a BTreeMap<String, String>,
}

impl Untransformed<'_> {
    fn parameter(&self, name: &str) -> Option<String> {
        let default = || text(get(get(get(self.root, "Parameters")?, name)?, "Default")?);
        self.given.get(name).cloned().or_else(default)
    }

    /// A text, or the value of the parameter that is referred to.
    pub(crate) fn resolved(&self, value: &Value) -> Option<String> {
        if let Some(plain) = text(value) {
            return Some(plain);
        }
        self.parameter(get(value, "Ref")?.as_str()?)
    }

    /// What a mapping says.
    pub(crate) fn mapping(&self, map: &str, top: &str, key: &str) -> Option<&Value> {
        get(get(get(get(self.root, "Mappings")?, map)?, top)?, key)
    }

    /// As [`Untransformed::resolved`], where a mapping may say it too.
    pub(crate) fn mapped(&self, value: &Value) -> Option<String> {
        match function(value) {
            Some(("Fn::FindInMap", Value::List(keys))) => {
                let keys: Option<Vec<String>> = keys.iter().map(|key| self.resolved(key)).collect();
                let [map, top, key] = keys?.try_into().ok()?;
                text(self.mapping(&map, &top, &key)?)
            }
            _ => self.resolved(value),
        }
    }

    /// A value with parameters in their places, within functions too.
    pub(crate) fn filled(&self, value: &Value) -> Value {
        match (function(value), value) {
            (Some(("Ref", Value::Str(name))), _) => {
                self.parameter(name).map_or_else(|| value.clone(), Value::Str)
            }
            (Some(("Fn::Sub", Value::Str(said))), _) => sub(Value::Str(self.substituted(said, &Value::Null))),
            (Some(("Fn::Sub", Value::List(parts))), _) => match parts.as_slice() {
                [Value::Str(said), own] => {
                    let said = Value::Str(self.substituted(said, own));
                    sub(Value::List(vec![said, self.filled(own)]))
                }
                _ => value.clone(),
            },
            (_, Value::List(items)) => Value::List(items.iter().map(|item| self.filled(item)).collect()),
            (_, Value::Map(entries)) => {
                let entry = |(name, item): &(String, Value)| (name.clone(), self.filled(item));
                Value::Map(entries.iter().map(entry).collect())
            }
            (_, scalar) => scalar.clone(),
        }
    }

    /// `own`: names that the text has for itself.
    fn substituted(&self, said: &str, own: &Value) -> String {
        let mut out = String::with_capacity(said.len());
        let mut rest = said;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else { break };
            let told = self
                .parameter(name)
                .filter(|_| get(own, name).is_none())
                .unwrap_or_else(|| format!("${{{name}}}"));
            out.push_str(before);
            out.push_str(&told);
            rest = tail;
        }
        out + rest
    }
}

fn sub(said: Value) -> Value {
    Value::Map(vec![("Fn::Sub".to_owned(), said)])
}
