//! From a template's tree to the input of an operation, guided by the model: texts that are numbers become numbers,
//! and what the model does not have is refused.

use crate::cloudformation::template::text;
use wire::model::{Kind, Service, ShapeId};
use wire::{Struct, Value};

/// The value as the shape has it.
///
/// # Errors
/// What does not fit, in AWS's words.
pub(super) fn bind(
    service: &'static Service,
    shape: ShapeId,
    name: &str,
    value: &Value,
) -> Result<Value, String> {
    let unfit = |wanted: &str| Err(format!("Value of property {name} must be of type {wanted}"));
    match &service.shape(shape).kind {
        Kind::Structure(structure) if structure.document => Ok(value.clone()),
        Kind::Structure(structure) => {
            let Value::Map(entries) = value else { return unfit("Object") };
            let mut out = Struct::with_capacity(entries.len());
            for (key, item) in entries {
                let Some(member) = structure.member(key) else {
                    return Err(format!("Encountered unsupported property {key}"));
                };
                out.set(member.name, bind(service, member.target.shape, key, item)?);
            }
            Ok(Value::Struct(out))
        }
        Kind::List { element, .. } => {
            let Value::List(items) = value else { return unfit("List") };
            let items: Result<Vec<_>, _> =
                items.iter().map(|item| bind(service, element.shape, name, item)).collect();
            items.map(Value::List)
        }
        Kind::Map { value: inner, .. } => {
            let Value::Map(entries) = value else { return unfit("Map") };
            let entries: Result<Vec<_>, String> = entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), bind(service, inner.shape, name, item)?)))
                .collect();
            entries.map(Value::Map)
        }
        Kind::String { .. } => match text(value) {
            Some(text) => Ok(Value::Str(text)),
            None => unfit("String"),
        },
        Kind::Integer { .. } => match value {
            Value::Int(_) => Ok(value.clone()),
            Value::Str(text) => text.trim().parse().map(Value::Int).or_else(|_| unfit("Integer")),
            _ => unfit("Integer"),
        },
        Kind::Float { .. } => match value {
            Value::Int(number) => Ok(Value::Float(*number as f64)),
            Value::Float(_) => Ok(value.clone()),
            Value::Str(text) => text.trim().parse().map(Value::Float).or_else(|_| unfit("Double")),
            _ => unfit("Double"),
        },
        Kind::Boolean => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::Str(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
            Value::Str(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
            _ => unfit("Boolean"),
        },
        Kind::Blob { .. } => match value {
            Value::Str(text) => Ok(Value::Blob(text.clone().into_bytes().into())),
            Value::Blob(bytes) => Ok(Value::Blob(bytes.clone())),
            _ => unfit("String"),
        },
        Kind::Timestamp { .. } => match value {
            Value::Str(text) => match base::Timestamp::parse_iso8601(text) {
                Some(time) => Ok(Value::Time(time)),
                None => unfit("Timestamp"),
            },
            _ => unfit("Timestamp"),
        },
    }
}
