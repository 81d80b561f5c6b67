//! From JSON to a pattern.

use super::Node;
use super::condition::Condition;
use super::numeric::Range;
use super::text::{Cidr, Wildcard};
use wire::Value;

const OR: &str = "$or";

/// Why a text is no pattern, as AWS says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed(pub String);

impl Malformed {
    pub(super) fn new(what: impl Into<String>) -> Malformed {
        Malformed(what.into())
    }
}

pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    match wire::json::read(text) {
        Some(Value::Map(members)) => object(&members),
        Some(_) => Err(Malformed::new("Filter is not an object")),
        None => Err(Malformed::new("failed to parse JSON.")),
    }
}

fn object(members: &[(String, Value)]) -> Result<Node, Malformed> {
    if members.is_empty() {
        return Err(Malformed::new("Empty objects are not allowed"));
    }
    let (mut fields, mut alternatives) = (Vec::new(), Vec::new());
    for (name, value) in members {
        match value {
            Value::List(items) if name == OR && is_or(items) => {
                let all = items.iter().map(|item| match item {
                    Value::Map(inner) => object(inner),
                    _ => Err(Malformed::new("$or must be a list of objects")),
                });
                alternatives.push(all.collect::<Result<_, _>>()?);
            }
            Value::List(items) => fields.push((name.clone(), conditions(items)?)),
            Value::Map(inner) => fields.push((name.clone(), object(inner)?)),
            _ => return Err(Malformed::new(format!("\"{name}\" must be an object or an array"))),
        }
    }
    Ok(Node::All { fields, alternatives })
}

/// `$or` is an alternative only where at least two objects stand in it, none of them a match expression; otherwise it
/// is a field of that name.
fn is_or(items: &[Value]) -> bool {
    const OPERATORS: [&str; 8] =
        ["anything-but", "prefix", "suffix", "equals-ignore-case", "numeric", "exists", "cidr", "wildcard"];
    let plain = |item: &Value| match item {
        Value::Map(members) => !members.iter().any(|(name, _)| OPERATORS.contains(&name.as_str())),
        _ => false,
    };
    items.len() >= 2 && items.iter().all(plain)
}

fn conditions(items: &[Value]) -> Result<Node, Malformed> {
    if items.is_empty() {
        return Err(Malformed::new("Empty arrays are not allowed"));
    }
    items.iter().map(condition).collect::<Result<_, _>>().map(Node::Any)
}

fn condition(item: &Value) -> Result<Condition, Malformed> {
    match item {
        Value::List(_) => Err(Malformed::new("Match value must be String, number, true, false, or null")),
        Value::Map(members) => match members.as_slice() {
            [(operator, operand)] => expression(operator, operand),
            _ => Err(Malformed::new("Only one key allowed in match expression")),
        },
        scalar => Ok(Condition::Equals(scalar.clone())),
    }
}

fn expression(operator: &str, operand: &Value) -> Result<Condition, Malformed> {
    let text = || {
        operand
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Malformed::new(format!("{operator} match pattern must be a string")))
    };
    match operator {
        "prefix" | "suffix" => match (operator, ignoring_case(operand)) {
            ("prefix", Some(inner)) => Ok(Condition::PrefixIgnoreCase(inner)),
            (_, Some(inner)) => Ok(Condition::SuffixIgnoreCase(inner)),
            ("prefix", None) => text().map(Condition::Prefix),
            (_, None) => text().map(Condition::Suffix),
        },
        "equals-ignore-case" => text().map(Condition::EqualsIgnoreCase),
        "wildcard" => {
            let wildcard = Wildcard::read(&text()?);
            let bad = "Consecutive wildcard characters or a bad escape in wildcard match pattern";
            wildcard.map(Condition::Wildcard).ok_or_else(|| Malformed::new(bad))
        }
        "cidr" => {
            let block = Cidr::read(&text()?);
            block.map(Condition::Cidr).ok_or_else(|| Malformed::new("Malformed CIDR, one '/' required"))
        }
        "numeric" => match operand {
            Value::List(items) => Range::read(items).map(Condition::Numeric),
            _ => Err(Malformed::new("Value of numeric must be an array.")),
        },
        "exists" => match operand {
            Value::Bool(wanted) => Ok(Condition::Exists(*wanted)),
            _ => Err(Malformed::new("exists match pattern must be either true or false.")),
        },
        "anything-but" => anything_but(operand),
        other => Err(Malformed::new(format!("Unrecognized match type {other}"))),
    }
}

/// `{"prefix": {"equals-ignore-case": "a"}}`
fn ignoring_case(operand: &Value) -> Option<String> {
    match operand {
        Value::Map(members) => match members.as_slice() {
            [(name, Value::Str(text))] if name == "equals-ignore-case" => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn anything_but(operand: &Value) -> Result<Condition, Malformed> {
    let wrong = || Malformed::new("Inside anything but list, start|null|boolean is not supported.");
    let scalar = |value: &Value| match value {
        Value::Str(_) | Value::Int(_) | Value::Float(_) => Ok(Condition::Equals(value.clone())),
        _ => Err(wrong()),
    };
    let others = match operand {
        Value::List(items) if !items.is_empty() => items.iter().map(scalar).collect::<Result<_, _>>()?,
        Value::Map(members) => match members.as_slice() {
            [(operator, inner)] => within_anything_but(operator, inner)?,
            _ => return Err(Malformed::new("Only one key allowed in match expression")),
        },
        value => vec![scalar(value)?],
    };
    Ok(Condition::AnythingBut(others))
}

fn within_anything_but(operator: &str, operand: &Value) -> Result<Vec<Condition>, Malformed> {
    if !matches!(operator, "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
        return Err(Malformed::new(format!("Unsupported anything-but pattern: {operator}")));
    }
    match operand {
        Value::List(items) if !items.is_empty() => {
            items.iter().map(|item| expression(operator, item)).collect()
        }
        value => Ok(vec![expression(operator, value)?]),
    }
}
