//! `Globals`: what all resources of a kind have in common.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>

use crate::cloudformation::template::get;
use wire::Value;

/// The properties of a resource with those of all of its kind laid under them.
pub(super) fn laid(root: &Value, kind: &str, resource: &Value) -> Value {
    let own = get(resource, "Properties").cloned().unwrap_or_else(|| Value::Map(Vec::new()));
    match get(root, "Globals").and_then(|globals| get(globals, kind)) {
        Some(common) => merged(common, &own),
        None => own,
    }
}

/// Maps are merged, lists are joined, and else the resource's own word counts.
fn merged(common: &Value, own: &Value) -> Value {
    match (common, own) {
        (Value::Map(these), Value::Map(those)) if !is_function(common) && !is_function(own) => {
            let mut out = these.clone();
            for (name, value) in those {
                match out.iter_mut().find(|(known, _)| known == name) {
                    Some(entry) => entry.1 = merged(&entry.1, value),
                    None => out.push((name.clone(), value.clone())),
                }
            }
            Value::Map(out)
        }
        (Value::List(these), Value::List(those)) => Value::List(these.iter().chain(those).cloned().collect()),
        _ => own.clone(),
    }
}

fn is_function(value: &Value) -> bool {
    crate::cloudformation::template::function(value).is_some()
}
