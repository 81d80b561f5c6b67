//! The forms of functions: what can be seen to be wrong before anything has a value.
//!
//! AWS refuses such templates before it makes a stack. In a branch that may not be taken, only forms are looked at.

use super::{Template, Wrong, function, get, text, wrong};
use wire::Value;

pub(super) const JOIN: &str = "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.";
pub(super) const SELECT: &str = "Template error: every Fn::Select object requires two non-null parameters, the index and the list of objects.";
pub(super) const SPLIT: &str = "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.";
pub(super) const FIND: &str = "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value";
pub(super) const CIDR: &str = "Template error: every Fn::Cidr object requires two or three parameters, the block, the count and the bits of the blocks";
pub(super) const ZONES: &str = "Template error: every Fn::GetAZs object must have a String-typed value.";
pub(super) const BASE64: &str = "Template error: every Fn::Base64 object must have a String-typed value.";
pub(super) const IMPORT: &str = "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs";

pub(super) fn no_such(index: &str) -> Wrong {
    Wrong(format!("Template error: Fn::Select cannot select nonexistent value at index {index}"))
}

pub(super) fn no_mapping(names: &[String]) -> Wrong {
    Wrong(format!("Template error: Unable to get mapping for {}", names.join("::")))
}

pub(super) fn unrecognized(name: &str) -> Wrong {
    Wrong(format!("Template format error: Unrecognized intrinsic function {name}"))
}

/// Holds all functions of a template against what they take.
///
/// # Errors
/// The first thing that is wrong, in AWS's words.
pub(super) fn check(template: &Template) -> Result<(), Wrong> {
    let forms = Forms(template);
    for resource in &template.resources {
        let sure = resource.condition.is_none();
        forms.value(&resource.properties, sure)?;
    }
    for output in &template.outputs {
        let sure = output.condition.is_none();
        forms.value(&output.value, sure)?;
        output.export.as_ref().map_or(Ok(()), |export| forms.value(export, sure))?;
    }
    Ok(())
}

struct Forms<'t>(&'t Template);

/// Whether a value may turn out to be a text.
fn may_be_text(value: &Value) -> bool {
    text(value).is_some() || function(value).is_some()
}

/// Whether a value may turn out to be a list.
fn may_be_list(value: &Value) -> bool {
    matches!(value, Value::List(_)) || function(value).is_some()
}

fn hold(good: bool, why: &str) -> Result<(), Wrong> {
    if good { Ok(()) } else { wrong(why) }
}

impl Forms<'_> {
    /// `sure`: it is evaluated, whatever the parameters are.
    fn value(&self, value: &Value, sure: bool) -> Result<(), Wrong> {
        let Some((name, argument)) = function(value) else {
            return match value {
                Value::List(items) => items.iter().try_for_each(|item| self.value(item, sure)),
                Value::Map(entries) => entries.iter().try_for_each(|(_, item)| self.value(item, sure)),
                _ => Ok(()),
            };
        };
        let items = argument.as_list().unwrap_or_default();
        match name {
            "Fn::Join" => {
                hold(matches!(items, [Value::Str(_), list] if may_be_list(list)), JOIN)?;
            }
            "Fn::Split" => {
                let good = matches!(items, [Value::Str(by), from] if !by.is_empty() && may_be_text(from));
                hold(good, SPLIT)?;
            }
            "Fn::Select" => self.select(items, sure)?,
            "Fn::FindInMap" => self.find_in_map(items, sure)?,
            "Fn::Cidr" => hold(matches!(items.len(), 2 | 3) && items.iter().all(may_be_text), CIDR)?,
            "Fn::GetAZs" => hold(may_be_text(argument), ZONES)?,
            "Fn::Base64" => hold(may_be_text(argument), BASE64)?,
            "Fn::ImportValue" => hold(may_be_text(argument), IMPORT)?,
            "Fn::If" => return items.iter().try_for_each(|item| self.value(item, false)),
            "Ref" | "Fn::GetAtt" | "Fn::Sub" | "Fn::Transform" | "Fn::Length" | "Fn::ToJsonString" => {}
            other => return Err(unrecognized(other)),
        }
        self.value(argument, sure)
    }

    fn select(&self, items: &[Value], sure: bool) -> Result<(), Wrong> {
        let [index, list] = items else { return wrong(SELECT) };
        hold(may_be_text(index) && may_be_list(list), SELECT)?;
        let (Some(index), Value::List(list)) = (text(index), list) else { return Ok(()) };
        // What is a function may turn out to be nothing, and then the others move up.
        if !sure || list.iter().any(|item| function(item).is_some()) {
            return Ok(());
        }
        match index.parse::<usize>() {
            Ok(at) if at < list.len() => Ok(()),
            _ => Err(no_such(&index)),
        }
    }

    fn find_in_map(&self, items: &[Value], sure: bool) -> Result<(), Wrong> {
        let names = match items {
            [_, _, _] => items,
            [names @ .., _] if names.len() == 3 && self.0.extended() => names,
            _ => return wrong(FIND),
        };
        hold(names.iter().all(may_be_text), FIND)?;
        let texts: Option<Vec<String>> = names.iter().map(text).collect();
        let Some(texts) = texts.filter(|_| sure && items.len() == 3) else { return Ok(()) };
        let mapping = self.0.mappings.iter().find(|(name, _)| *name == texts[0]);
        let found = mapping.map(|(_, tops)| get(tops, &texts[1]).and_then(|top| get(top, &texts[2])));
        // One that is not there at all is told of as a name.
        if found == Some(None) { Err(no_mapping(&texts)) } else { Ok(()) }
    }
}
