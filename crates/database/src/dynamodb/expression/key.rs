//! [`KeyCondition`]: which key, and which range of sort keys, a query asks for.

use super::condition::{Comparator, Condition};
use super::operand::Operand;
use super::placeholders::Placeholders;
use super::{Kind, begins_with, compare};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::value::{AttributeValue, Type};
use std::cmp::Ordering;

/// One condition for each key attribute, before the schema says which is which.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct KeyCondition {
    /// Without a test where the legacy parameter has an operator that no index answers.
    tests: Vec<(String, Option<KeyTest>)>,
}

/// What a query asks of a key of any number of attributes.
#[derive(Clone, PartialEq, Debug)]
pub struct Sought {
    /// Of every attribute of the partition key.
    pub partition: Vec<AttributeValue>,
    /// Of the first attributes of the sort key.
    pub equals: Vec<AttributeValue>,
    /// Of the one that follows them.
    pub last: Option<KeyTest>,
}

/// What a key attribute must be.
#[derive(Clone, PartialEq, Debug)]
pub enum KeyTest {
    Equal(AttributeValue),
    Less(AttributeValue),
    LessOrEqual(AttributeValue),
    Greater(AttributeValue),
    GreaterOrEqual(AttributeValue),
    /// Both bounds belong to it.
    Between(AttributeValue, AttributeValue),
    BeginsWith(AttributeValue),
}

impl KeyTest {
    /// Whether a key attribute's value passes.
    pub fn accepts(&self, value: &AttributeValue) -> bool {
        let order = |bound| compare(value, bound);
        match self {
            KeyTest::Equal(bound) => value == bound,
            KeyTest::Less(bound) => order(bound) == Some(Ordering::Less),
            KeyTest::LessOrEqual(bound) => order(bound).is_some_and(Ordering::is_le),
            KeyTest::Greater(bound) => order(bound) == Some(Ordering::Greater),
            KeyTest::GreaterOrEqual(bound) => order(bound).is_some_and(Ordering::is_ge),
            KeyTest::Between(low, high) => {
                order(low).is_some_and(Ordering::is_ge) && order(high).is_some_and(Ordering::is_le)
            }
            KeyTest::BeginsWith(prefix) => begins_with(value, prefix),
        }
    }

    /// The values in it, all of which must have the key attribute's type.
    pub fn values(&self) -> impl Iterator<Item = &AttributeValue> {
        let (first, second) = match self {
            KeyTest::Between(low, high) => (low, Some(high)),
            KeyTest::Equal(value)
            | KeyTest::Less(value)
            | KeyTest::LessOrEqual(value)
            | KeyTest::Greater(value)
            | KeyTest::GreaterOrEqual(value)
            | KeyTest::BeginsWith(value) => (value, None),
        };
        std::iter::once(first).chain(second)
    }
}

impl KeyCondition {
    /// Compiles a KeyConditionExpression.
    pub fn compile(text: &str, placeholders: &mut Placeholders) -> Result<KeyCondition, Invalid> {
        KeyCondition::read(Condition::compile(Kind::KeyCondition, text, placeholders)?)
    }

    /// Reads a condition as one on keys.
    pub fn read(condition: Condition) -> Result<KeyCondition, Invalid> {
        let mut tests = Vec::with_capacity(2);
        collect(condition, &mut tests)?;
        Ok(KeyCondition { tests: tests.into_iter().map(|(name, test)| (name, Some(test))).collect() })
    }

    /// One test for each named attribute, as the legacy `KeyConditions` has them; none where no index answers it.
    pub fn of(tests: Vec<(String, Option<KeyTest>)>) -> KeyCondition {
        KeyCondition { tests }
    }

    /// The tests in the order of the text, for schemas of other than one or two attributes.
    pub fn tests(&self) -> impl Iterator<Item = (&str, &KeyTest)> {
        self.tests.iter().filter_map(|(name, test)| Some((name.as_str(), test.as_ref()?)))
    }

    /// What is asked of an index whose keys consist of several attributes: all of the partition key's must be given,
    /// of the sort key's the first ones, and only the last of these need not be equal to something.
    pub fn resolve_composite(
        self,
        hashes: &[(&str, Type)],
        ranges: &[(&str, Type)],
    ) -> Result<Sought, Invalid> {
        let (count, parts) = (self.tests.len(), hashes.len() + ranges.len());
        if count > parts {
            return Err(Invalid::new(format!(
                "The number of query conditions ({count}) exceeds the number of key attributes defined in the schema ({parts})"
            )));
        }
        let mut open = self.tests;
        let mut take =
            |name: &str| open.iter().position(|(known, _)| known == name).map(|at| open.swap_remove(at).1);
        let mut partition = Vec::with_capacity(hashes.len());
        for (name, kind) in hashes {
            match take(name).ok_or_else(|| missed(name))? {
                Some(KeyTest::Equal(value)) => partition.push((value, *kind)),
                Some(_) => return Err(not_supported()),
                None => return Err(not_indexable()),
            }
        }
        let tests = ranges.iter().map(|(name, _)| take(name).map(indexable).transpose());
        let tests = tests.collect::<Result<Vec<Option<KeyTest>>, Invalid>>()?;
        let given = tests.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let unequal = (0..given.saturating_sub(1)).find(|at| !matches!(tests[*at], Some(KeyTest::Equal(_))));
        if let Some(at) = unequal {
            return Err(Invalid::new(format!(
                "RANGE key attributes {} must have equality conditions specified in the query because a condition is present on key attribute {}",
                ranges[at].0,
                ranges[given - 1].0
            )));
        }
        if !open.is_empty() {
            return Err(match ranges.get(given) {
                Some((name, _)) => missed(name),
                None => not_supported(),
            });
        }
        let mismatch = |value: &AttributeValue, kind: Type| value.kind() != kind;
        let sorts = || tests.iter().zip(ranges).filter_map(|(test, (_, kind))| Some((test.as_ref()?, *kind)));
        if partition.iter().any(|(value, kind)| mismatch(value, *kind))
            || sorts().any(|(test, kind)| test.values().any(|value| mismatch(value, kind)))
        {
            return Err(Invalid::parameter("Condition parameter type does not match schema type"));
        }
        let mut tests: Vec<KeyTest> = tests.into_iter().flatten().collect();
        let last = tests.pop();
        let equals = tests.into_iter().filter_map(|test| match test {
            KeyTest::Equal(value) => Some(value),
            _ => None,
        });
        let equals = equals.collect();
        Ok(Sought { partition: partition.into_iter().map(|(value, _)| value).collect(), equals, last })
    }

    /// What is asked of the partition key and of the sort key, held against the schema's names and types.
    pub fn resolve(
        self,
        hash: (&str, Type),
        range: Option<(&str, Type)>,
    ) -> Result<(AttributeValue, Option<KeyTest>), Invalid> {
        let (count, parts) = (self.tests.len(), 1 + usize::from(range.is_some()));
        if count > parts.max(2) {
            return Err(Invalid::new(format!(
                "The number of query conditions ({count}) exceeds the number of key attributes defined in the schema ({parts})"
            )));
        }
        let (mut partition, mut sort) = (None, None);
        for (name, test) in self.tests {
            if name == hash.0 {
                partition = Some(test);
            } else if range.is_some_and(|range| range.0 == name) {
                sort = Some(test);
            }
        }
        // AWS: of a table without sort keys, two conditions are one too many whatever they are about.
        if count == 2 && range.is_none() {
            return Err(not_supported());
        }
        let partition = partition.ok_or_else(|| missed(hash.0))?;
        if let (2, None, Some(range)) = (count, &sort, range) {
            return Err(missed(range.0));
        }
        let (partition, sort) = (indexable(partition)?, sort.map(indexable).transpose()?);
        let is_other = |test: &KeyTest, kind: Type| test.values().any(|value| value.kind() != kind);
        let sort_is_other = sort.as_ref().zip(range).is_some_and(|(test, range)| is_other(test, range.1));
        if is_other(&partition, hash.1) || sort_is_other {
            return Err(Invalid::parameter("Condition parameter type does not match schema type"));
        }
        let KeyTest::Equal(partition) = partition else { return Err(not_supported()) };
        Ok((partition, sort))
    }
}

fn missed(name: &str) -> Invalid {
    Invalid::new(format!("Query condition missed key schema element: {name}"))
}

fn not_supported() -> Invalid {
    Invalid::new("Query key condition not supported")
}

fn not_indexable() -> Invalid {
    Invalid::new("Attempted conditional constraint is not an indexable operation")
}

fn indexable(test: Option<KeyTest>) -> Result<KeyTest, Invalid> {
    test.ok_or_else(not_indexable)
}

fn unsupported(operator: &str) -> Invalid {
    Invalid::new(format!("Invalid operator used in KeyConditionExpression: {operator}"))
}

fn collect(condition: Condition, tests: &mut Vec<(String, KeyTest)>) -> Result<(), Invalid> {
    let (name, test) = match condition {
        Condition::And(all) => return all.into_iter().try_for_each(|condition| collect(condition, tests)),
        Condition::Or(_) => return Err(unsupported("OR")),
        Condition::Not(_) => return Err(unsupported("NOT")),
        Condition::In(..) => return Err(unsupported("IN")),
        Condition::Exists(_) => return Err(unsupported("attribute_exists")),
        Condition::NotExists(_) => return Err(unsupported("attribute_not_exists")),
        Condition::IsType(..) => return Err(unsupported("attribute_type")),
        Condition::Contains(..) => return Err(unsupported("contains")),
        Condition::Compare(Comparator::NotEqual, ..) => return Err(unsupported("<>")),
        Condition::Compare(comparator, left, right) => compared(comparator, left, right)?,
        Condition::Between(value, low, high) => {
            let name = first_operand("BETWEEN", value)?;
            (name, KeyTest::Between(constant(low)?, constant(high)?))
        }
        Condition::BeginsWith(value, prefix) => {
            (first_operand("begins_with", value)?, KeyTest::BeginsWith(constant(prefix)?))
        }
    };
    if tests.iter().any(|(known, _)| *known == name) {
        return Err(
            Kind::KeyCondition.invalid("KeyConditionExpressions must only contain one condition per key")
        );
    }
    tests.push((name, test));
    Ok(())
}

fn compared(comparator: Comparator, left: Operand, right: Operand) -> Result<(String, KeyTest), Invalid> {
    let test = |comparator, value| match comparator {
        Comparator::Less => KeyTest::Less(value),
        Comparator::LessOrEqual => KeyTest::LessOrEqual(value),
        Comparator::Greater => KeyTest::Greater(value),
        Comparator::GreaterOrEqual => KeyTest::GreaterOrEqual(value),
        Comparator::Equal | Comparator::NotEqual => KeyTest::Equal(value),
    };
    match (left, right) {
        (Operand::Value(_), Operand::Value(_)) => {
            Err(Invalid::new("Invalid condition in KeyConditionExpression: No key attribute specified"))
        }
        // A value on the left turns the comparison around.
        (Operand::Value(value), right) => {
            let turned = match comparator {
                Comparator::Less => Comparator::Greater,
                Comparator::LessOrEqual => Comparator::GreaterOrEqual,
                Comparator::Greater => Comparator::Less,
                Comparator::GreaterOrEqual => Comparator::LessOrEqual,
                same => same,
            };
            Ok((attribute(right)?, test(turned, value)))
        }
        (left, right) => {
            let name = attribute(left)?;
            Ok((name, test(comparator, constant(right)?)))
        }
    }
}

fn nested() -> Invalid {
    Invalid::new("KeyConditionExpressions cannot contain nested operations")
}

fn attribute(operand: Operand) -> Result<String, Invalid> {
    match operand {
        Operand::Path(path) if path.is_nested() => {
            Err(Invalid::new("KeyConditionExpressions cannot have conditions on nested attributes"))
        }
        Operand::Path(path) => Ok(path.attribute().to_owned()),
        Operand::Size(_) => Err(nested()),
        Operand::Value(_) => {
            Err(Invalid::new("Invalid condition in KeyConditionExpression: No key attribute specified"))
        }
    }
}

fn first_operand(operator: &str, operand: Operand) -> Result<String, Invalid> {
    if matches!(operand, Operand::Value(_)) {
        return Err(Invalid::new(format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute as its first operand"
        )));
    }
    attribute(operand)
}

fn constant(operand: Operand) -> Result<AttributeValue, Invalid> {
    match operand {
        Operand::Value(value) => Ok(value),
        Operand::Size(_) => Err(nested()),
        Operand::Path(_) => Err(Invalid::new(
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        )),
    }
}
