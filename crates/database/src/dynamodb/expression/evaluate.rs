//! Conditions against items.

use super::condition::{Comparator, Condition};
use crate::dynamodb::item::Item;
use crate::dynamodb::value::AttributeValue;
use std::cmp::Ordering;

impl Condition {
    /// Whether the item meets the condition. An attribute that isn't there makes a comparison false, not an error,
    /// and is unequal to everything: to another that isn't there too.
    pub fn matches(&self, item: &Item) -> bool {
        match self {
            Condition::And(all) => all.iter().all(|condition| condition.matches(item)),
            Condition::Or(any) => any.iter().any(|condition| condition.matches(item)),
            Condition::Not(condition) => !condition.matches(item),
            Condition::Compare(comparator, left, right) => match (left.resolve(item), right.resolve(item)) {
                (Some(left), Some(right)) => holds(*comparator, &left, &right),
                _ => *comparator == Comparator::NotEqual,
            },
            Condition::Between(value, low, high) => {
                let (Some(value), Some(low), Some(high)) =
                    (value.resolve(item), low.resolve(item), high.resolve(item))
                else {
                    return false;
                };
                holds(Comparator::GreaterOrEqual, &value, &low)
                    && holds(Comparator::LessOrEqual, &value, &high)
            }
            Condition::In(value, candidates) => value.resolve(item).is_some_and(|value| {
                candidates.iter().any(|candidate| candidate.resolve(item).as_ref() == Some(&value))
            }),
            Condition::Exists(path) => path.get(item).is_some(),
            Condition::NotExists(path) => path.get(item).is_none(),
            Condition::IsType(operand, kind) => {
                operand.resolve(item).is_some_and(|value| value.kind() == *kind)
            }
            Condition::BeginsWith(value, prefix) => match (value.resolve(item), prefix.resolve(item)) {
                (Some(value), Some(prefix)) => begins_with(&value, &prefix),
                _ => false,
            },
            Condition::Contains(value, part) => match (value.resolve(item), part.resolve(item)) {
                (Some(value), Some(part)) => contains(&value, &part),
                _ => false,
            },
        }
    }
}

fn holds(comparator: Comparator, left: &AttributeValue, right: &AttributeValue) -> bool {
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => compare(left, right) == Some(Ordering::Less),
        Comparator::Greater => compare(left, right) == Some(Ordering::Greater),
        Comparator::LessOrEqual => compare(left, right).is_some_and(Ordering::is_le),
        Comparator::GreaterOrEqual => compare(left, right).is_some_and(Ordering::is_ge),
    }
}

/// The order of two strings, two numbers or two binaries; other types, and two types, have none.
pub fn compare(left: &AttributeValue, right: &AttributeValue) -> Option<Ordering> {
    match (left, right) {
        (AttributeValue::S(a), AttributeValue::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (AttributeValue::N(a), AttributeValue::N(b)) => Some(a.cmp(b)),
        (AttributeValue::B(a), AttributeValue::B(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether a string or binary begins with another.
pub fn begins_with(value: &AttributeValue, prefix: &AttributeValue) -> bool {
    match (value, prefix) {
        (AttributeValue::S(value), AttributeValue::S(prefix)) => value.starts_with(prefix.as_str()),
        (AttributeValue::B(value), AttributeValue::B(prefix)) => value.starts_with(prefix),
        _ => false,
    }
}

/// Whether a string or binary contains another, a set its member, or a list a value equal to `part`.
pub fn contains(value: &AttributeValue, part: &AttributeValue) -> bool {
    match (value, part) {
        (AttributeValue::S(value), AttributeValue::S(part)) => value.contains(part.as_str()),
        (AttributeValue::B(value), AttributeValue::B(part)) => contains_bytes(value, part),
        (AttributeValue::SS(set), AttributeValue::S(part)) => set.binary_search(part).is_ok(),
        (AttributeValue::NS(set), AttributeValue::N(part)) => set.binary_search(part).is_ok(),
        (AttributeValue::BS(set), AttributeValue::B(part)) => set.binary_search(part).is_ok(),
        (AttributeValue::L(list), part) => list.contains(part),
        _ => false,
    }
}

/// Linear in both lengths, whatever they hold: a filter runs over up to 400 KB times every item of a page. Knuth,
/// Morris and Pratt's: `borders[n]` is the longest proper border of the first `n` bytes of the part.
fn contains_bytes(value: &[u8], part: &[u8]) -> bool {
    let mut borders = vec![0usize; part.len() + 1];
    let mut border = 0;
    for at in 1..part.len() {
        while border > 0 && part[at] != part[border] {
            border = borders[border];
        }
        border += usize::from(part[at] == part[border]);
        borders[at + 1] = border;
    }
    let mut matched = 0;
    for byte in value {
        if matched == part.len() {
            return true;
        }
        while matched > 0 && *byte != part[matched] {
            matched = borders[matched];
        }
        matched += usize::from(*byte == part[matched]);
    }
    matched == part.len()
}
