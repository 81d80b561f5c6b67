//! What a field holds.

use base::Timestamp;
use std::cmp::Ordering;

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Val {
    None,
    Number(f64),
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
}

impl Val {
    pub(crate) fn text(text: impl Into<String>) -> Val {
        Val::Text(text.into())
    }

    pub(super) fn flag(flag: bool) -> Val {
        Val::Number(f64::from(u8::from(flag)))
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Val::None => None,
            Val::Number(number) => Some(*number),
            Val::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Val::Time(millis) => Some(*millis as f64),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Val::Text(text) => !text.is_empty() && text != "0" && text != "false",
            other => other.number().is_some_and(|number| number != 0.0),
        }
    }

    pub(super) fn is_there(&self) -> bool {
        *self != Val::None
    }

    /// As it is shown: `2026-01-15 12:00:00.000`, `2.5`.
    pub(crate) fn shown(&self) -> Option<String> {
        match self {
            Val::None => None,
            Val::Number(number) => Some(format!("{number}")),
            Val::Text(text) => Some(text.clone()),
            Val::Time(millis) => {
                let time = Timestamp::from_micros(millis.saturating_mul(1_000)).iso8601_millis();
                Some(time.replace('T', " ").trim_end_matches('Z').to_owned())
            }
        }
    }

    /// By number where both are some, else by text; what is not there comes last.
    pub(super) fn order(&self, other: &Val) -> Ordering {
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => match (self.shown(), other.shown()) {
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
        }
    }

    pub(super) fn equals(&self, other: &Val) -> bool {
        self.is_there() && other.is_there() && self.order(other) == Ordering::Equal
    }
}
