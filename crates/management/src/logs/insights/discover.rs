//! Fields that are found in JSON within an event's message.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html>

use super::lambda;
use super::value::Val;
use std::collections::BTreeMap;
use wire::Value;

/// AWS: as many fields of a log event are found.
const FIELDS_MAX: usize = 200;

/// `{"a": {"b": [1]}}` has the field `a.b.0`.
pub(in crate::logs) fn fields(message: &str) -> BTreeMap<String, Val> {
    let mut out = lambda::fields(message);
    let start = message.find('{').map(|at| &message[at..]);
    if let Some(value @ Value::Map(_)) = start.and_then(wire::json::read) {
        add(&mut out, String::new(), value);
    }
    out
}

fn add(out: &mut BTreeMap<String, Val>, name: String, value: Value) {
    if out.len() >= FIELDS_MAX {
        return;
    }
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    let found = match value {
        Value::Map(members) => {
            return members.into_iter().for_each(|(part, value)| add(out, below(&part), value));
        }
        Value::List(items) => {
            return (0..)
                .zip(items)
                .for_each(|(at, value): (usize, _)| add(out, below(&at.to_string()), value));
        }
        Value::Str(text) => Val::Text(text),
        Value::Int(number) => Val::Number(number as f64),
        Value::Float(number) => Val::Number(number),
        Value::Bool(flag) => Val::flag(flag),
        _ => return,
    };
    out.insert(name, found);
}
