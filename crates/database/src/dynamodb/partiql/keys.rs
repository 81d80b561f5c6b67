//! Which conditions of a WHERE clause are on keys.

use crate::dynamodb::expression::{Comparator, Condition, KeyTest, Operand};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::value::AttributeValue;

/// How a SELECT finds its items. Whatever way it takes, the whole condition still filters what is found.
#[derive(Clone, PartialEq, Debug)]
pub enum Access {
    /// Through the whole table or index.
    Scan,
    /// Through these partitions, in the order of the statement, and within each through the range.
    Query { partitions: Vec<AttributeValue>, range: Option<KeyTest> },
}

/// How the condition of a SELECT can be met through keys named `hash` and `range`.
///
/// Conditions joined by AND count; an OR that isn't `IN` is met by a scan.
pub fn access(condition: Option<&Condition>, hash: &str, range: Option<&str>) -> Access {
    let mut partitions: Option<Vec<AttributeValue>> = None;
    let mut sort = None;
    for part in condition.map(conjuncts).unwrap_or_default() {
        match part {
            Condition::In(operand, values) if names(operand, hash) && partitions.is_none() => {
                let values: Option<Vec<AttributeValue>> = values.iter().map(constant).collect();
                partitions = values.map(distinct);
            }
            _ => match key_test(part) {
                Some((name, KeyTest::Equal(value))) if name == hash => partitions = Some(vec![value]),
                Some((name, test)) if Some(name) == range && sort.is_none() => sort = Some(test),
                _ => {}
            },
        }
    }
    match partitions {
        Some(partitions) => Access::Query { partitions, range: sort },
        None => Access::Scan,
    }
}

/// The one item that an UPDATE, a DELETE or an EXISTS speaks of, and what else its condition asks.
pub fn single_item(
    condition: Option<&Condition>,
    hash: &str,
    range: Option<&str>,
) -> Result<(Item, Option<Condition>), Invalid> {
    let incomplete =
        || Invalid::new("Where clause does not contain a mandatory equality on all key attributes");
    let mut key = Item::new();
    let mut rest = Vec::new();
    for part in condition.map(conjuncts).unwrap_or_default() {
        match key_test(part) {
            Some((name, KeyTest::Equal(value))) if name == hash || Some(name) == range => {
                if key.insert(name, value).is_some() {
                    return Err(Invalid::new(format!(
                        "Multiple conditions on same key {name}. Only single item Update/Insert/Delete are supported"
                    )));
                }
            }
            _ => rest.push(part.clone()),
        }
    }
    if !key.contains(hash) || range.is_some_and(|range| !key.contains(range)) {
        return Err(incomplete());
    }
    let rest = match rest.len() {
        0 => None,
        1 => rest.pop(),
        _ => Some(Condition::And(rest)),
    };
    Ok((key, rest))
}

fn conjuncts(condition: &Condition) -> Vec<&Condition> {
    let mut out = Vec::new();
    let mut open = vec![condition];
    while let Some(next) = open.pop() {
        match next {
            Condition::And(all) => open.extend(all.iter().rev()),
            other => out.push(other),
        }
    }
    out
}

fn names(operand: &Operand, name: &str) -> bool {
    attribute(operand) == Some(name)
}

fn attribute(operand: &Operand) -> Option<&str> {
    match operand {
        Operand::Path(path) if !path.is_nested() => Some(path.attribute()),
        _ => None,
    }
}

fn constant(operand: &Operand) -> Option<AttributeValue> {
    if let Operand::Value(value) = operand { Some(value.clone()) } else { None }
}

/// Each value once: a partition that is asked for twice is read once.
fn distinct(values: Vec<AttributeValue>) -> Vec<AttributeValue> {
    let mut out: Vec<AttributeValue> = Vec::with_capacity(values.len());
    for value in values {
        if !out.contains(&value) {
            out.push(value);
        }
    }
    out
}

fn key_test(condition: &Condition) -> Option<(&str, KeyTest)> {
    match condition {
        Condition::Compare(comparator, left, right) => {
            let (name, value, turned) = match (attribute(left), constant(right)) {
                (Some(name), Some(value)) => (name, value, false),
                _ => (attribute(right)?, constant(left)?, true),
            };
            let test = match (comparator, turned) {
                (Comparator::Equal, _) => KeyTest::Equal(value),
                (Comparator::Less, false) | (Comparator::Greater, true) => KeyTest::Less(value),
                (Comparator::LessOrEqual, false) | (Comparator::GreaterOrEqual, true) => {
                    KeyTest::LessOrEqual(value)
                }
                (Comparator::Greater, false) | (Comparator::Less, true) => KeyTest::Greater(value),
                (Comparator::GreaterOrEqual, false) | (Comparator::LessOrEqual, true) => {
                    KeyTest::GreaterOrEqual(value)
                }
                (Comparator::NotEqual, _) => return None,
            };
            Some((name, test))
        }
        Condition::Between(operand, low, high) => {
            Some((attribute(operand)?, KeyTest::Between(constant(low)?, constant(high)?)))
        }
        Condition::BeginsWith(operand, prefix) => {
            Some((attribute(operand)?, KeyTest::BeginsWith(constant(prefix)?)))
        }
        _ => None,
    }
}
