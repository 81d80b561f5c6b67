//! What one value may be.

use super::numeric::Range;
use super::text::{Cidr, Wildcard};
use wire::Value;

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Condition {
    /// A text, number, boolean or null as it stands.
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix(String),
    PrefixIgnoreCase(String),
    Suffix(String),
    SuffixIgnoreCase(String),
    Wildcard(Wildcard),
    Cidr(Cidr),
    Numeric(Range),
    Exists(bool),
    /// Something is there, and it is none of these.
    AnythingBut(Vec<Condition>),
}

/// A number of a document.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

impl Condition {
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        // AWS: of what has members only these are there, not it itself.
        let value = value.filter(|value| !matches!(value, Value::Map(_) | Value::Struct(_)));
        let Some(value) = value else { return *self == Condition::Exists(false) };
        let text = value.as_str();
        let lower = || text.map(str::to_lowercase);
        match self {
            Condition::Equals(wanted) => match (number(wanted), number(value)) {
                (Some(wanted), Some(value)) => wanted == value,
                _ => wanted == value,
            },
            Condition::EqualsIgnoreCase(wanted) => lower().is_some_and(|text| text == wanted.to_lowercase()),
            Condition::Prefix(wanted) => text.is_some_and(|text| text.starts_with(wanted)),
            Condition::PrefixIgnoreCase(wanted) => {
                lower().is_some_and(|text| text.starts_with(&wanted.to_lowercase()))
            }
            Condition::Suffix(wanted) => text.is_some_and(|text| text.ends_with(wanted)),
            Condition::SuffixIgnoreCase(wanted) => {
                lower().is_some_and(|text| text.ends_with(&wanted.to_lowercase()))
            }
            Condition::Wildcard(wildcard) => text.is_some_and(|text| wildcard.matches(text)),
            Condition::Cidr(block) => text.is_some_and(|text| block.holds(text)),
            Condition::Numeric(range) => number(value).is_some_and(|number| range.holds(number)),
            Condition::Exists(wanted) => *wanted,
            Condition::AnythingBut(others) => !others.iter().any(|other| other.matches(Some(value))),
        }
    }

    /// How many values it counts for.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Condition::AnythingBut(others) => others.len() as u64,
            _ => 1,
        }
    }
}
