//! [`Placeholders`]: `ExpressionAttributeNames` and `ExpressionAttributeValues` of one request.

use super::Kind;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::value::{self, AttributeValue};
use wire::Value;

/// What `#names` and `:values` stand for, and whether an expression has used them.
///
/// A plain list: requests have a handful, and the compiler looks each up once.
#[derive(Default, Debug)]
pub struct Placeholders {
    names: Vec<Entry<String>>,
    values: Vec<Entry<AttributeValue>>,
}

#[derive(Debug)]
struct Entry<T> {
    key: String,
    value: T,
    used: bool,
}

impl Placeholders {
    /// Reads both maps as the request has them; `None` where the parameter is absent.
    ///
    /// Errors: an empty map, a key of the wrong form, a value that isn't an attribute value.
    pub fn new(names: Option<Value>, values: Option<Value>) -> Result<Placeholders, Invalid> {
        let names = pairs(names, "ExpressionAttributeNames", b'#')?;
        let values = pairs(values, "ExpressionAttributeValues", b':')?;
        let names = names.into_iter().map(|(key, value)| {
            let name = if let Value::Str(name) = value { name } else { String::new() };
            Entry { key, value: name, used: false }
        });
        let mut read = Vec::with_capacity(values.len());
        for (key, value) in values {
            let value = AttributeValue::from_wire(value).map_err(|error| in_value(&key, error))?;
            read.push(Entry { key, value, used: false });
        }
        Ok(Placeholders { names: names.collect(), values: read })
    }

    pub(super) fn name(&mut self, key: &str) -> Option<&str> {
        let entry = self.names.iter_mut().find(|entry| entry.key == key)?;
        entry.used = true;
        Some(&entry.value)
    }

    pub(super) fn value(&mut self, key: &str) -> Option<&AttributeValue> {
        let entry = self.values.iter_mut().find(|entry| entry.key == key)?;
        entry.used = true;
        Some(&entry.value)
    }

    /// To be called when all of a request's expressions are compiled: each placeholder must be used by one of them.
    pub fn check_used(&self) -> Result<(), Invalid> {
        unused("ExpressionAttributeNames", &self.names)?;
        unused("ExpressionAttributeValues", &self.values)
    }
}

/// Refuses placeholders where there is no expression to use them: `expressions` lists those that the operation knows,
/// in the order of AWS's message, each with whether the request has it.
pub fn check_placeholders_allowed(
    names: bool,
    values: bool,
    expressions: &[(&str, bool)],
) -> Result<(), Invalid> {
    if names && !expressions.iter().any(|(_, given)| *given) {
        return Err(Invalid::new("ExpressionAttributeNames can only be specified when using expressions"));
    }
    // A projection has no values.
    let mut with_values = expressions.iter().filter(|(name, _)| *name != Kind::Projection.name()).peekable();
    if !values || with_values.peek().is_none() || with_values.clone().any(|(_, given)| *given) {
        return Ok(());
    }
    let all: Vec<&str> = with_values.map(|(name, _)| *name).collect();
    let (all, is) = (all.join(" and "), if all.len() > 1 { "are" } else { "is" });
    const SENTENCE: &str = "ExpressionAttributeValues can only be specified when using expressions";
    Err(Invalid::new(SENTENCE).or_older(format!("{SENTENCE}: {all} {is} null")))
}

fn unused<T>(parameter: &str, entries: &[Entry<T>]) -> Result<(), Invalid> {
    let keys: Vec<&str> =
        entries.iter().filter(|entry| !entry.used).map(|entry| entry.key.as_str()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let keys = keys.join(", ");
    Err(Invalid::new(format!("Value provided in {parameter} unused in expressions: keys: {{{keys}}}")))
}

fn pairs(map: Option<Value>, parameter: &str, sigil: u8) -> Result<Vec<(String, Value)>, Invalid> {
    let Some(Value::Map(map)) = map else {
        return Ok(Vec::new());
    };
    if map.is_empty() {
        return Err(Invalid::new(format!("{parameter} must not be empty")));
    }
    for (key, _) in &map {
        let word = key.as_bytes().strip_prefix(&[sigil]).unwrap_or_default();
        if word.is_empty() || !word.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            let message = format!("{parameter} contains invalid key: Syntax error; key: \"{key}\"");
            return Err(Invalid::new(message));
        }
    }
    Ok(map)
}

fn in_value(key: &str, error: Invalid) -> Invalid {
    // AWS reports the nesting of a value in the words that it has for an item.
    if error == value::too_deep() {
        return error;
    }
    let older = error.clone().older();
    error.or_older(format!("ExpressionAttributeValues contains invalid value: {older} for key {key}"))
}
