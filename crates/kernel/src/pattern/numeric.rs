//! `{"numeric": [">", 0, "<=", 5]}`

use super::condition::number;
use super::read::Malformed;
use wire::Value;

/// Bounds of a number; each with whether it belongs to the range.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Range {
    low: Option<(f64, bool)>,
    high: Option<(f64, bool)>,
}

impl Range {
    pub(super) fn holds(&self, number: f64) -> bool {
        let above = |(bound, inclusive): (f64, bool)| number > bound || inclusive && number == bound;
        let below = |(bound, inclusive): (f64, bool)| number < bound || inclusive && number == bound;
        self.low.is_none_or(above) && self.high.is_none_or(below)
    }

    /// Reads the list behind `numeric`.
    pub(super) fn read(items: &[Value]) -> Result<Range, Malformed> {
        let operator = match items.first() {
            None => return Err(Malformed::new("Invalid member in numeric match: ]")),
            Some(Value::Str(operator)) => operator.as_str(),
            Some(other) => {
                return Err(Malformed::new(format!(
                    "Invalid member in numeric match: {}",
                    wire::json::text(other)
                )));
            }
        };
        let bound = |at: usize, name: &str| {
            items
                .get(at)
                .and_then(number)
                .ok_or_else(|| Malformed::new(format!("Value of {name} must be numeric")))
        };
        let too_many = |max: usize| match items.len() > max {
            true => Err(Malformed::new("Too many elements in numeric expression")),
            false => Ok(()),
        };
        match operator {
            "=" => {
                let value = bound(1, "equals")?;
                too_many(2)?;
                Ok(Range { low: Some((value, true)), high: Some((value, true)) })
            }
            "<" | "<=" => {
                let value = bound(1, operator)?;
                too_many(2)?;
                Ok(Range { low: None, high: Some((value, operator == "<=")) })
            }
            ">" | ">=" => {
                let low = bound(1, operator)?;
                let range = Range { low: Some((low, operator == ">=")), high: None };
                match items.get(2) {
                    None => Ok(range),
                    Some(second) => range.below(second, items, bound),
                }
            }
            other => Err(Malformed::new(format!("Unrecognized numeric range operator: {other}"))),
        }
    }

    fn below(
        self,
        second: &Value,
        items: &[Value],
        bound: impl Fn(usize, &str) -> Result<f64, Malformed>,
    ) -> Result<Range, Malformed> {
        let Some(operator) = second.as_str() else {
            return Err(Malformed::new(format!("Bad value in numeric range: {}", wire::json::text(second))));
        };
        if !matches!(operator, "<" | "<=") {
            return Err(Malformed::new(format!("Bad numeric range operator: {operator}")));
        }
        let high = bound(3, operator)?;
        if self.low.is_some_and(|(low, _)| low >= high) {
            return Err(Malformed::new("Bottom must be less than top"));
        }
        if items.len() > 4 {
            return Err(Malformed::new("Too many terms in numeric range expression"));
        }
        Ok(Range { high: Some((high, operator == "<=")), ..self })
    }
}
