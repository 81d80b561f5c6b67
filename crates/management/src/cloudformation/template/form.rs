//! Functions held against what they take, wherever they stand: what no evaluation could give a value is refused with the
//! template, not when a resource's turn comes.

use super::reference::{Reference, walk};
use super::{Template, Wrong, cidr, function, get, stack_output, text, wrong};
use wire::Value;

pub(super) const REF: &str = "Template format error: every Ref object must have a single String value.";
pub(super) const JOIN: &str = "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.";
pub(super) const SELECT: &str = "Template error: every Fn::Select object requires two non-null parameters, the index and the list of objects.";
pub(super) const SPLIT: &str = "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.";
pub(super) const FIND_IN_MAP: &str = "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value";
pub(super) const ZONES: &str = "Template error: every Fn::GetAZs object must have a String-typed value.";
pub(super) const BASE64: &str = "Template error: every Fn::Base64 object must have a String-typed value.";
pub(super) const CIDR: &str = "Template error: every Fn::Cidr object requires two or three parameters, the block, the count and the bits of the blocks";
pub(super) const IMPORT: &str = "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs";
pub(super) const LENGTH: &str = "Template error: Fn::Length object requires a list as its argument";
pub(super) const CONDITION: &str =
    "Template format error: Conditions can only be boolean operations on parameters and other conditions";

/// AWS names these, whatever the place.
const FUNCTIONS: &str = "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr";

/// There is no such function.
pub(super) fn unsupported<T>(name: &str) -> Result<T, Wrong> {
    wrong(format!(
        "Template Error: Encountered unsupported function: {name} Supported functions are: [{FUNCTIONS}]"
    ))
}

/// The place that `Fn::Select` takes from a list of so many.
pub(super) fn place(index: &str, len: usize) -> Result<usize, Wrong> {
    let place = index.parse::<usize>().ok().filter(|place| *place < len);
    place.ok_or_else(|| {
        Wrong(format!("Template error: Fn::Select cannot select nonexistent value at index {index}"))
    })
}

/// What a boolean function is made of.
pub(super) fn operands<'v>(name: &str, argument: &'v Value) -> Result<&'v [Value], Wrong> {
    let items = match argument {
        Value::List(items) => items.as_slice(),
        _ => &[],
    };
    match (name, items.len()) {
        ("Fn::And" | "Fn::Or", 2..=10) | ("Fn::Not", 1) | ("Fn::Equals", 2) => Ok(items),
        ("Fn::And" | "Fn::Or", _) => wrong(format!(
            "Template error: every {name} object requires a list of at least 2 and at most 10 boolean parameters."
        )),
        ("Fn::Not", _) => wrong("Template error: every Fn::Not object requires one boolean parameter."),
        ("Fn::Equals", _) => {
            wrong("Template error: every Fn::Equals object requires a list of 2 string parameters.")
        }
        _ => wrong(CONDITION),
    }
}

/// A condition that is made of one that is not there.
pub(super) fn no_condition<T>(name: &str) -> Result<T, Wrong> {
    wrong(format!("Template format error: Unresolved condition dependency {name}"))
}

/// Conditions that are made of each other.
pub(super) fn circular<T>(path: &[impl std::borrow::Borrow<str>]) -> Result<T, Wrong> {
    wrong(format!("Template format error: Circular dependencies for conditions [{}]", path.join(", ")))
}

/// An expression of the section Conditions.
pub(super) fn condition(template: &Template, expression: &Value) -> Result<(), Wrong> {
    let Value::Map(entries) = expression else { return wrong(CONDITION) };
    let [(name, argument)] = entries.as_slice() else { return wrong(CONDITION) };
    if name == "Condition" {
        return Ok(());
    }
    if calls(argument, &[stack_output::NAME]) {
        return wrong(stack_output::IN_CONDITIONS);
    }
    let operands = operands(name, argument)?;
    let each = if name == "Fn::Equals" { check } else { condition };
    operands.iter().try_for_each(|operand| each(template, operand))
}

/// Every function within a value.
pub(super) fn check(template: &Template, value: &Value) -> Result<(), Wrong> {
    let Some((name, argument)) = function(value) else {
        return match value {
            Value::List(items) => items.iter().try_for_each(|item| check(template, item)),
            Value::Map(entries) => entries.iter().try_for_each(|(_, item)| check(template, item)),
            _ => Ok(()),
        };
    };
    let (fits, why) = match name {
        "Ref" | "Fn::GetAtt" | "Fn::Sub" | "Fn::If" | "Fn::Transform" => (true, ""),
        "Fn::Join" => (is_joined(argument), JOIN),
        "Fn::Select" => (selects(argument)?, SELECT),
        "Fn::Split" => {
            let fits =
                matches!(items(argument), [Value::Str(by), source] if !by.is_empty() && is_text(source));
            (fits, SPLIT)
        }
        "Fn::FindInMap" => (finds(template, argument)?, FIND_IN_MAP),
        "Fn::Base64" => (is_text(argument), BASE64),
        "Fn::GetAZs" => (is_text(argument), ZONES),
        "Fn::Cidr" => (is_cut(argument)?, CIDR),
        "Fn::ImportValue" => (is_text(argument) && !depends(template, argument), IMPORT),
        stack_output::NAME => (stack_output::fits(argument), stack_output::FORM),
        "Fn::Length" if template.extended() => (is_list(argument), LENGTH),
        "Fn::ToJsonString" if template.extended() => (true, ""),
        _ => return unsupported(name),
    };
    if fits { check(template, argument) } else { wrong(why) }
}

fn items(argument: &Value) -> &[Value] {
    match argument {
        Value::List(items) => items,
        _ => &[],
    }
}

/// A text, or what may become one.
fn is_text(value: &Value) -> bool {
    text(value).is_some() || function(value).is_some()
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::List(_)) || function(value).is_some()
}

fn is_joined(argument: &Value) -> bool {
    match items(argument) {
        [Value::Str(_), Value::List(items)] => items.iter().all(is_text),
        [Value::Str(_), list] => function(list).is_some(),
        _ => false,
    }
}

fn selects(argument: &Value) -> Result<bool, Wrong> {
    let [index, list] = items(argument) else { return Ok(false) };
    match (text(index), list) {
        (Some(index), Value::List(items)) => place(&index, items.len()).map(|_| true),
        // However long the list will be.
        (Some(index), list) => place(&index, usize::MAX).map(|_| is_list(list)),
        (None, list) => Ok(function(index).is_some() && is_list(list)),
    }
}

fn finds(template: &Template, argument: &Value) -> Result<bool, Wrong> {
    let (keys, default) = match items(argument) {
        [map, top, key] => ([map, top, key], None),
        [map, top, key, default] if template.extended() => ([map, top, key], get(default, "DefaultValue")),
        _ => return Ok(false),
    };
    if !keys.iter().all(|key| is_text(key)) {
        return Ok(false);
    }
    let [Some(map), Some(top), Some(key)] = keys.map(text) else { return Ok(true) };
    let mapping = template.mappings.iter().find(|(name, _)| *name == map);
    let found = mapping.is_none_or(|(_, tops)| get(tops, &top).and_then(|top| get(top, &key)).is_some());
    if found || default.is_some() { Ok(true) } else { unmapped(&[map, top, key]) }
}

/// What a mapping does not have.
pub(super) fn unmapped<T>(names: &[String]) -> Result<T, Wrong> {
    wrong(format!("Template error: Unable to get mapping for {}", names.join("::")))
}

fn is_cut(argument: &Value) -> Result<bool, Wrong> {
    let all = items(argument);
    if !(2..=3).contains(&all.len()) || !all.iter().all(is_text) {
        return Ok(false);
    }
    let mut numbers = all.iter().skip(1).filter_map(text).map(|told| told.parse::<u32>().ok());
    if numbers.clone().any(|number| number.is_none()) {
        return Ok(false);
    }
    let plain: Option<Vec<String>> = all.iter().map(text).collect();
    if let Some(plain) = plain {
        let mut number = || numbers.next().flatten();
        cidr::blocks(&plain[0], number().unwrap_or_default(), number().unwrap_or(cidr::BITS))?;
    }
    Ok(true)
}

/// Whether the value of an expression follows from what the stack makes, imports or is told of zones.
pub(super) fn depends(template: &Template, value: &Value) -> bool {
    let mut resources = false;
    // What cannot be walked is told by whoever walks the template.
    let walked = walk(value, None, &mut |reference| {
        resources |= match reference {
            Reference::Name(name) => template.resource(name).is_some(),
            Reference::Attribute(..) => true,
            _ => false,
        };
        Ok(())
    });
    walked.is_ok() && (resources || calls(value, &["Fn::ImportValue", "Fn::GetAZs", stack_output::NAME]))
}

fn calls(value: &Value, names: &[&str]) -> bool {
    function(value).is_some_and(|(name, _)| names.contains(&name))
        || match value {
            Value::List(items) => items.iter().any(|item| calls(item, names)),
            Value::Map(entries) => entries.iter().any(|(_, item)| calls(item, names)),
            _ => false,
        }
}
