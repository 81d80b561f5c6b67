//! What an expression names: parameters, resources, attributes, conditions, mappings, exports.

use super::{Wrong, form, function, get, wrong};
use std::collections::BTreeMap;
use wire::Value;

/// One name within an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reference<'v> {
    /// `Ref`: a parameter, a pseudo parameter or a resource.
    Name(&'v str),
    /// `Fn::GetAtt`; the attribute where it is plain text.
    Attribute(&'v str, Option<&'v str>),
    Condition(&'v str),
    Mapping(&'v str),
}

/// Which conditions hold. Where they are known, the branches that are not taken name nothing.
pub(crate) type Holding = BTreeMap<String, bool>;

/// Calls `each` with every name in `value`.
///
/// # Errors
/// Those of `each`, and functions whose form hides what they name.
pub(crate) fn walk<'v>(
    value: &'v Value,
    holding: Option<&Holding>,
    each: &mut dyn FnMut(Reference<'v>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let Some((name, argument)) = function(value) else {
        return match value {
            Value::List(items) => items.iter().try_for_each(|item| walk(item, holding, each)),
            Value::Map(entries) => entries.iter().try_for_each(|(_, item)| walk(item, holding, each)),
            _ => Ok(()),
        };
    };
    match (name, argument) {
        ("Ref", Value::Str(name)) => each(Reference::Name(name)),
        ("Ref", _) => wrong(form::REF),
        ("Fn::GetAtt", _) => attribute(argument, holding, each),
        ("Fn::Sub", _) => substitution(argument, holding, each),
        ("Fn::If", Value::List(items)) => match items.as_slice() {
            [Value::Str(condition), yes, no] => {
                each(Reference::Condition(condition))?;
                match holding.and_then(|holding| holding.get(condition)) {
                    Some(true) => walk(yes, holding, each),
                    Some(false) => walk(no, holding, each),
                    None => walk(yes, holding, each).and_then(|()| walk(no, holding, each)),
                }
            }
            _ => wrong(IF),
        },
        ("Fn::If", _) => wrong(IF),
        ("Fn::FindInMap", Value::List(items)) => {
            if let Some(Value::Str(mapping)) = items.first() {
                each(Reference::Mapping(mapping))?;
            }
            walk(argument, holding, each)
        }
        ("Fn::Transform", _) => {
            let named = get(argument, "Name").and_then(Value::as_str).unwrap_or_default();
            wrong(format!("No transform named {named} found."))
        }
        _ => walk(argument, holding, each),
    }
}

const IF: &str = "Template error: Fn::If requires a list argument with exactly three elements, the first of which is the name of a condition";
pub(super) const GET_ATT: &str = "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute";

/// The resource and the expression of the attribute.
pub(super) fn get_att(argument: &Value) -> Result<(&str, Option<&Value>, Option<&str>), Wrong> {
    match argument {
        Value::Str(text) => match text.split_once('.') {
            Some((resource, attribute)) if !attribute.is_empty() => Ok((resource, None, Some(attribute))),
            _ => wrong(GET_ATT),
        },
        Value::List(items) => match items.as_slice() {
            [Value::Str(resource), attribute] if !resource.is_empty() => match attribute {
                Value::Str(text) if text.is_empty() => wrong(GET_ATT),
                Value::Str(text) => Ok((resource, None, Some(text))),
                other => Ok((resource, Some(other), None)),
            },
            // A list of the parts of a nested attribute.
            _ => wrong(GET_ATT),
        },
        _ => wrong(GET_ATT),
    }
}

fn attribute<'v>(
    argument: &'v Value,
    holding: Option<&Holding>,
    each: &mut dyn FnMut(Reference<'v>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let (resource, expression, plain) = get_att(argument)?;
    each(Reference::Attribute(resource, plain))?;
    expression.map_or(Ok(()), |expression| walk(expression, holding, each))
}

/// A part of the text of `Fn::Sub`.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Part<'v> {
    Text(&'v str),
    Name(&'v str),
}

/// The text and the names that it brings along.
type Substitution<'v> = (&'v str, &'v [(String, Value)]);

pub(super) fn sub(argument: &Value) -> Result<Substitution<'_>, Wrong> {
    const FORM: &str = "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string";
    match argument {
        Value::Str(text) => Ok((text, &[])),
        Value::List(items) => match items.as_slice() {
            [Value::Str(text), Value::Map(own)] => Ok((text, own)),
            _ => wrong(FORM),
        },
        _ => wrong(FORM),
    }
}

/// `${!x}` stands for `${x}` itself.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, Wrong> {
    const NAMES: &str = "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons";
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push(Part::Text(&rest[..at]));
        let inner = &rest[at + 2..];
        let Some(end) = inner.find('}') else { return wrong(NAMES) };
        let name = &inner[..end];
        match name.strip_prefix('!') {
            Some(_) => {
                out.push(Part::Text("${"));
                out.push(Part::Text(&inner[1..=end]));
            }
            None => {
                let name = name.trim();
                let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':');
                if name.is_empty() || !name.bytes().all(good) {
                    return wrong(NAMES);
                }
                out.push(Part::Name(name));
            }
        }
        rest = &inner[end + 1..];
    }
    out.push(Part::Text(rest));
    Ok(out)
}

fn substitution<'v>(
    argument: &'v Value,
    holding: Option<&Holding>,
    each: &mut dyn FnMut(Reference<'v>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let (text, own) = sub(argument)?;
    own.iter().try_for_each(|(_, value)| walk(value, holding, each))?;
    for part in parts(text)? {
        match part {
            Part::Name(name) if own.iter().any(|(known, _)| known == name) => {}
            Part::Name(name) => match name.split_once('.') {
                Some((resource, attribute)) => each(Reference::Attribute(resource, Some(attribute)))?,
                None => each(Reference::Name(name))?,
            },
            Part::Text(_) => {}
        }
    }
    Ok(())
}
