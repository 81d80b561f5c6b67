//! Legacy conditions.

use crate::dynamodb::expression::{Comparator, Condition, KeyCondition, KeyTest, Operand, compare};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::Path;
use crate::dynamodb::value::{AttributeValue, Type};
use std::cmp::Ordering;
use wire::{Struct, Value};

/// `Expected` with its `ConditionalOperator`; `None` where nothing is expected.
pub fn expected(expected: Option<Value>, operator: Option<&str>) -> Result<Option<Condition>, Invalid> {
    joined(expected, operator, expectation)
}

/// `ScanFilter` or `QueryFilter` with its `ConditionalOperator`; `None` where there is no filter.
pub fn filter(filter: Option<Value>, operator: Option<&str>) -> Result<Option<Condition>, Invalid> {
    joined(filter, operator, |name, mut condition| {
        let (operator, values) = read(&mut condition)?;
        check(&operator, &values)?;
        translate(name, &operator, values)
    })
}

/// AWS: four attributes of an index's partition key, and four of its sort key.
const INDEX_CONDITIONS_MAX: usize = 8;

/// `KeyConditions`.
pub fn key_conditions(conditions: Value, of_index: bool) -> Result<KeyCondition, Invalid> {
    let mut read_all = Vec::new();
    for (name, mut condition) in members(Some(conditions)) {
        let (operator, values) = read(&mut condition)?;
        check(&operator, &values)?;
        read_all.push((name, operator, values));
    }
    let most = if of_index { INDEX_CONDITIONS_MAX } else { 2 };
    if !(1..=most).contains(&read_all.len()) {
        return Err(Invalid::new("Conditions can be of length 1 or 2 only"));
    }
    let tests = read_all.into_iter().map(|(name, operator, values)| (name, key_test(&operator, values)));
    Ok(KeyCondition::of(tests.collect()))
}

/// None where no index answers the operator: which attribute it is about decides what AWS says first.
fn key_test(operator: &str, values: Vec<AttributeValue>) -> Option<KeyTest> {
    let mut values = values.into_iter();
    let first = values.next()?;
    Some(match operator {
        "EQ" => KeyTest::Equal(first),
        "LT" => KeyTest::Less(first),
        "LE" => KeyTest::LessOrEqual(first),
        "GT" => KeyTest::Greater(first),
        "GE" => KeyTest::GreaterOrEqual(first),
        "BETWEEN" => KeyTest::Between(first, values.next()?),
        "BEGINS_WITH" => KeyTest::BeginsWith(first),
        _ => return None,
    })
}

fn members(map: Option<Value>) -> Vec<(String, Struct)> {
    let Some(Value::Map(map)) = map else { return Vec::new() };
    let entry = |(name, value)| if let Value::Struct(entry) = value { Some((name, entry)) } else { None };
    map.into_iter().filter_map(entry).collect()
}

fn joined(
    map: Option<Value>,
    operator: Option<&str>,
    translate: impl Fn(String, Struct) -> Result<Condition, Invalid>,
) -> Result<Option<Condition>, Invalid> {
    let given = map.is_some();
    let conditions = members(map).into_iter().map(|(name, condition)| translate(name, condition));
    let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
    if operator.is_some() && conditions.len() < 2 {
        return Err(Invalid::new(match given {
            true => "ConditionalOperator can only be used when Filter or Expected has two or more elements",
            false => "ConditionalOperator cannot be used without Filter or Expected",
        }));
    }
    Ok(match operator {
        _ if conditions.is_empty() => None,
        Some("OR") => Some(Condition::Or(conditions)),
        _ => Some(Condition::And(conditions)),
    })
}

/// One entry of `Expected`: either a comparison, or the older pair of `Value` and `Exists`.
fn expectation(name: String, mut entry: Struct) -> Result<Condition, Invalid> {
    let value = entry.take("Value");
    let exists = entry.take("Exists").and_then(|exists| exists.as_bool());
    let has_list = entry.get("AttributeValueList").is_some();
    let refuse = |what: &str| Err(Invalid::parameter(format_args!("{what} for Attribute: {name}")));
    if has_list && value.is_some() {
        return refuse("Value and AttributeValueList cannot be used together");
    }
    if let Some(operator) = entry.str("ComparisonOperator").map(str::to_owned) {
        if exists.is_some() {
            return refuse("Exists and ComparisonOperator cannot be used together");
        }
        if !matches!(operator.as_str(), "NULL" | "NOT_NULL") && !has_list && value.is_none() {
            return refuse(&format!(
                "Value or AttributeValueList must be used with ComparisonOperator: {operator}"
            ));
        }
        let values = match value {
            Some(value) => vec![AttributeValue::from_wire(value)?],
            None => read(&mut entry)?.1,
        };
        check(&operator, &values)?;
        return translate(name, &operator, values);
    }
    if has_list {
        return refuse("AttributeValueList can only be used with a ComparisonOperator");
    }
    match (exists, value) {
        (Some(false), None) => Ok(Condition::NotExists(Path::top(name))),
        (Some(false), Some(_)) => refuse("Value cannot be used when Exists is false"),
        (Some(true), None) => refuse("Value must be provided when Exists is true"),
        (None, None) => refuse("Value must be provided when Exists is null"),
        (_, Some(value)) => translate(name, "EQ", vec![AttributeValue::from_wire(value)?]),
    }
}

fn read(condition: &mut Struct) -> Result<(String, Vec<AttributeValue>), Invalid> {
    let operator = condition.str("ComparisonOperator").unwrap_or_default().to_owned();
    let values = match condition.take("AttributeValueList") {
        Some(Value::List(values)) => values,
        _ => Vec::new(),
    };
    let values = values.into_iter().map(AttributeValue::from_wire).collect::<Result<_, _>>()?;
    Ok((operator, values))
}

/// The number of values, that they are of one type, and that the operator knows it.
fn check(operator: &str, values: &[AttributeValue]) -> Result<(), Invalid> {
    let fits = match operator {
        "NULL" | "NOT_NULL" => values.is_empty(),
        "BETWEEN" => values.len() == 2,
        "IN" => !values.is_empty(),
        _ => values.len() == 1,
    };
    if !fits {
        return Err(Invalid::parameter(format_args!(
            "Invalid number of argument(s) for the {operator} ComparisonOperator"
        )));
    }
    let Some(first) = values.first() else { return Ok(()) };
    let kind = first.kind();
    if values.iter().any(|value| value.kind() != kind) {
        return Err(Invalid::parameter("AttributeValues inside AttributeValueList must be of same type"));
    }
    let valid = match operator {
        "EQ" | "NE" => true,
        "BEGINS_WITH" => matches!(kind, Type::S | Type::B),
        _ => kind.is_ordered(),
    };
    if !valid {
        return Err(Invalid::parameter(format_args!(
            "ComparisonOperator {operator} is not valid for {kind} AttributeValue type"
        )));
    }
    if let (true, [low, high]) = (operator == "BETWEEN", values)
        && compare(low, high) == Some(Ordering::Greater)
    {
        return Err(Invalid::new(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ));
    }
    Ok(())
}

/// A checked condition on a top-level attribute.
fn translate(name: String, operator: &str, values: Vec<AttributeValue>) -> Result<Condition, Invalid> {
    let path = Path::top(name);
    match operator {
        "NULL" => return Ok(Condition::NotExists(path)),
        "NOT_NULL" => return Ok(Condition::Exists(path)),
        "IN" => {
            let candidates = values.into_iter().map(Operand::Value).collect();
            return Ok(Condition::In(Operand::Path(path), candidates));
        }
        _ => {}
    }
    let unsupported = || Invalid::new(format!("Unsupported ComparisonOperator: {operator}"));
    let mut values = values.into_iter().map(Operand::Value);
    let first = values.next().ok_or_else(unsupported)?;
    let operand = Operand::Path(path.clone());
    Ok(match operator {
        "EQ" => Condition::Compare(Comparator::Equal, operand, first),
        "NE" => Condition::Compare(Comparator::NotEqual, operand, first),
        "LT" => Condition::Compare(Comparator::Less, operand, first),
        "LE" => Condition::Compare(Comparator::LessOrEqual, operand, first),
        "GT" => Condition::Compare(Comparator::Greater, operand, first),
        "GE" => Condition::Compare(Comparator::GreaterOrEqual, operand, first),
        "BETWEEN" => Condition::Between(operand, first, values.next().ok_or_else(unsupported)?),
        "BEGINS_WITH" => Condition::BeginsWith(operand, first),
        "CONTAINS" => Condition::Contains(operand, first),
        // AWS: an attribute that isn't there fails this one as it fails its opposite.
        "NOT_CONTAINS" => {
            let contains = Condition::Contains(operand, first);
            Condition::And(vec![Condition::Exists(path), Condition::Not(Box::new(contains))])
        }
        _ => return Err(unsupported()),
    })
}
