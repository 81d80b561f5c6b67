//! Free JSON as the input of an operation: for those who keep parameters of a call as JSON (a schedule's universal target).
//!
//! Names of members may begin in either case, since AWS's own users of this form write them in Pascal case whatever the model
//! says. A blob is its text as it stands, a timestamp a number of seconds or ISO 8601.

use crate::model::{Kind, MemberRef, Service, ShapeId, Structure, TimestampFormat};
use crate::value::{Struct, Value};
use base::Timestamp;

/// The value as one of this shape.
///
/// # Errors
/// The path of the first member that does not fit.
pub fn as_shape(service: &Service, shape: ShapeId, value: Value) -> Result<Value, String> {
    convert(service, shape, value, "")
}

fn convert(service: &Service, shape: ShapeId, value: Value, path: &str) -> Result<Value, String> {
    let wrong = || Err(path.to_owned());
    match (&service.shape(shape).kind, value) {
        (Kind::Structure(structure), value) if structure.document => Ok(value),
        (Kind::Structure(structure), Value::Map(members)) => members_of(service, structure, members, path),
        (Kind::List { element, .. }, Value::List(items)) => {
            let one = |(at, item)| inner(service, element, item, &format!("{path}[{at}]"));
            items.into_iter().enumerate().map(one).collect::<Result<_, _>>().map(Value::List)
        }
        (Kind::Map { value: target, .. }, Value::Map(pairs)) => {
            let one = |(key, item): (String, Value)| {
                let item = inner(service, target, item, &format!("{path}.{key}"))?;
                Ok((key, item))
            };
            pairs.into_iter().map(one).collect::<Result<_, String>>().map(Value::Map)
        }
        (Kind::String { .. }, value @ Value::Str(_))
        | (Kind::Boolean, value @ Value::Bool(_))
        | (Kind::Float { .. }, value @ Value::Float(_)) => Ok(value),
        (Kind::Integer { long, .. }, Value::Int(n)) if *long || i32::try_from(n).is_ok() => Ok(Value::Int(n)),
        (Kind::Float { .. }, Value::Int(n)) => Ok(Value::Float(n as f64)),
        (Kind::Blob { .. }, Value::Str(text)) => Ok(Value::Blob(text.into())),
        (Kind::Timestamp { .. }, Value::Int(n)) => Ok(Value::Time(Timestamp::from_seconds(n))),
        (Kind::Timestamp { .. }, Value::Float(n)) => {
            Timestamp::from_seconds_f64(n).map(Value::Time).ok_or_else(|| path.to_owned())
        }
        (Kind::Timestamp { .. }, Value::Str(text)) => {
            let time = crate::input::timestamp(&text, TimestampFormat::Iso8601);
            time.map(Value::Time).ok_or_else(|| path.to_owned())
        }
        _ => wrong(),
    }
}

fn inner(service: &Service, target: &MemberRef, value: Value, path: &str) -> Result<Value, String> {
    if value == Value::Null {
        return Ok(value);
    }
    convert(service, target.shape, value, path)
}

fn members_of(
    service: &Service,
    structure: &Structure,
    members: Vec<(String, Value)>,
    path: &str,
) -> Result<Value, String> {
    let mut out = Struct::with_capacity(members.len());
    for (name, value) in members {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let known = structure.members.iter().find(|member| is_name(member.name, &name));
        let member = known.ok_or_else(|| here.clone())?;
        if value != Value::Null {
            out.set(member.name, convert(service, member.target.shape, value, &here)?);
        }
    }
    Ok(Value::Struct(out))
}

/// Equal but for the case of the first letter.
fn is_name(own: &str, given: &str) -> bool {
    let split = |text: &str| {
        text.split_at_checked(1).map(|(first, rest)| (first.to_ascii_lowercase(), rest.to_owned()))
    };
    own == given || split(own) == split(given)
}

#[cfg(test)]
mod tests {
    use super::as_shape;
    use crate::json;
    use crate::value::Value;

    fn shaped(service: &str, operation: &str, text: &str) -> Result<String, String> {
        let model = crate::catalog::service(service).unwrap();
        let shape = model.operation(operation).unwrap().input.unwrap();
        as_shape(model, shape, json::read(text).unwrap()).map(|value| json::text(&value))
    }

    #[test]
    fn names_may_begin_in_either_case() {
        let given = r#"{"LogGroupName": "g", "tags": {"A": "b"}}"#;
        assert_eq!(
            shaped("logs", "CreateLogGroup", given).unwrap(),
            r#"{"logGroupName":"g","tags":{"A":"b"}}"#
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            (r#"{"QueueUrl": "u", "Colour": 1}"#, "Colour"),
            (r#"{"QueueUrl": 1}"#, "QueueUrl"),
            (r#"{"MessageAttributes": {"a": {"Kind": 1}}}"#, "MessageAttributes.a.Kind"),
            ("[]", ""),
        ];
        for (given, path) in cases {
            assert_eq!(shaped("sqs", "SendMessage", given), Err(path.to_owned()), "{given}");
        }
    }

    #[test]
    fn a_blob_is_its_text() {
        let model = crate::catalog::service("lambda").unwrap();
        let shape = model.operation("Invoke").unwrap().input.unwrap();
        let given = json::read(r#"{"FunctionName": "f", "Payload": "{}"}"#).unwrap();
        let value = as_shape(model, shape, given).unwrap();
        assert_eq!(value.member("Payload"), Some(&Value::Blob("{}".into())));
    }
}
