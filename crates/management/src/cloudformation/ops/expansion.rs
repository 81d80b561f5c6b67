//! What a template becomes before it is read: snippets of `AWS::Include` stand where they were asked for, fragments of loops
//! once for each item, and serverless resources become what they stand for.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html>

use super::called;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::Table;
use crate::cloudformation::template::check::check;
use crate::cloudformation::template::{Template, Wrong, declared, foreach, get, sam, yaml};
use kernel::Cx;
use std::collections::BTreeMap;
use wire::Value;

const INCLUDE: &str = "AWS::Include";
const TRANSFORM: &str = "Fn::Transform";

/// Whether a template is another once it is expanded.
fn expands(root: &Value) -> bool {
    sam::applies(root) || foreach::applies(root) || included(root).is_some() || asks(root)
}

/// The template without its transforms; `None` where it has none. `given`: the values of parameters.
///
/// # Errors
/// What a transform refuses, and what S3 does.
pub(super) fn expanded(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    text: &str,
    given: &BTreeMap<String, String>,
) -> Result<Option<String>, CfnError> {
    let mut root = yaml::read(text)?;
    if !expands(&root) {
        return Ok(None);
    }
    if let Some(location) = included(&root) {
        let snippet = snippet(cx, role, &location, given, &root)?;
        root = without_include(&root, snippet);
    }
    if asks(&root) {
        root = spliced(cx, role, &root, given, &root)?;
    }
    if foreach::applies(&root) {
        root = foreach::expand(&root, Some(given))?;
    }
    if sam::applies(&root) {
        root = sam::transform(&root, given)?;
    }
    Ok(Some(wire::json::text(&root)))
}

/// A template for those who only look at it, with the transforms that it declares. Nothing is fetched for them: what
/// snippets have is not there, and names may be theirs.
///
/// # Errors
/// What is wrong with it, and what a transform refuses.
pub(super) fn looked_at(text: &str) -> Result<Template, CfnError> {
    let mut root = yaml::read(text)?;
    let transforms = transforms(&root)?;
    let (is_looped, is_spliced) = (foreach::applies(&root), included(&root).is_some() || asks(&root));
    let whole = !is_looped && !is_spliced;
    if is_looped {
        root = foreach::expand(&root, None)?;
    }
    if is_spliced {
        let rest = without_snippets(&without_include(&root, Vec::new()));
        root = typed(rest.unwrap_or(Value::Map(Vec::new())));
    }
    if sam::applies(&root) {
        root = sam::transform(&root, &BTreeMap::new())?;
    }
    let template = if whole { Template::of(&root)? } else { Template::of_part(&root)? };
    if whole {
        check(&template, &Table)?;
    }
    Ok(Template { transforms, ..template })
}

/// The transforms that a template names, at its top and within.
///
/// # Errors
/// What is no name.
pub(super) fn transforms(root: &Value) -> Result<Vec<String>, Wrong> {
    let mut names = declared(root)?;
    if asks(root) && !names.iter().any(|name| name == INCLUDE) {
        names.push(INCLUDE.to_owned());
    }
    Ok(names)
}

/// A value without the snippets that it asks for; `None` where there is nothing else.
fn without_snippets(value: &Value) -> Option<Value> {
    match value {
        Value::List(items) => Some(Value::List(items.iter().filter_map(without_snippets).collect())),
        Value::Map(entries) => {
            let is_snippet = |(name, item): &(String, Value)| name == TRANSFORM && location(item).is_some();
            let rest = entries.iter().filter(|entry| !is_snippet(entry));
            let rest: Vec<_> =
                rest.filter_map(|(name, item)| Some((name.clone(), without_snippets(item)?))).collect();
            (entries.is_empty() || !rest.is_empty()).then_some(Value::Map(rest))
        }
        scalar => Some(scalar.clone()),
    }
}

/// The template without the resources whose kind is not told here.
fn typed(mut root: Value) -> Value {
    if let Value::Map(sections) = &mut root {
        for (name, section) in sections {
            if let Value::Map(resources) = section
                && name == "Resources"
            {
                resources.retain(|(_, resource)| get(resource, "Type").is_some());
            }
        }
    }
    root
}

/// `{"Name": "AWS::Include", "Parameters": {"Location": …}}`
fn location(transform: &Value) -> Option<Value> {
    let is_include = get(transform, "Name").and_then(Value::as_str) == Some(INCLUDE);
    is_include.then(|| get(transform, "Parameters").and_then(|own| get(own, "Location")).cloned())?
}

/// What stands for the whole template.
fn included(root: &Value) -> Option<Value> {
    match get(root, "Transform")? {
        Value::List(all) => all.iter().find_map(location),
        one => location(one),
    }
}

fn without_include(root: &Value, snippet: Vec<(String, Value)>) -> Value {
    let Value::Map(sections) = root else { return root.clone() };
    let mut out: Vec<(String, Value)> = Vec::new();
    for (name, body) in sections {
        match (name.as_str(), body) {
            ("Transform", Value::List(all)) => {
                let rest = all.iter().filter(|one| location(one).is_none()).cloned().collect();
                out.push((name.clone(), Value::List(rest)));
            }
            ("Transform", one) if location(one).is_some() => {}
            _ => out.push((name.clone(), body.clone())),
        }
    }
    for (name, body) in snippet {
        match (out.iter_mut().find(|(own, _)| *own == name), body) {
            (Some((_, Value::Map(own))), Value::Map(more)) => own.extend(more),
            (Some(entry), body) => entry.1 = body,
            (None, body) => out.push((name, body)),
        }
    }
    Value::Map(out)
}

/// Whether something within asks for a snippet.
fn asks(value: &Value) -> bool {
    match value {
        Value::Map(entries) => {
            entries.iter().any(|(name, item)| name == TRANSFORM && location(item).is_some() || asks(item))
        }
        Value::List(items) => items.iter().any(asks),
        _ => false,
    }
}

fn spliced(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    value: &Value,
    given: &BTreeMap<String, String>,
    root: &Value,
) -> Result<Value, CfnError> {
    match value {
        Value::List(items) => {
            let items: Result<Vec<_>, CfnError> =
                items.iter().map(|item| spliced(cx, role, item, given, root)).collect();
            items.map(Value::List)
        }
        Value::Map(entries) => {
            let mut out = Vec::with_capacity(entries.len());
            for (name, item) in entries {
                match location(item).filter(|_| name == TRANSFORM) {
                    Some(location) => out.extend(snippet(cx, role, &location, given, root)?),
                    None => out.push((name.clone(), spliced(cx, role, item, given, root)?)),
                }
            }
            Ok(Value::Map(out))
        }
        scalar => Ok(scalar.clone()),
    }
}

/// What lies at a place: pairs of keys and values.
fn snippet(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    location: &Value,
    given: &BTreeMap<String, String>,
    root: &Value,
) -> Result<Vec<(String, Value)>, CfnError> {
    let failed = |why: &str| invalid(format!("Transform {INCLUDE} failed with: {why}"));
    let url = sam::World { root, given }.resolved(location);
    let url = url.ok_or_else(|| failed("The location parameter is not a valid S3 uri."))?;
    let place = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let Some((bucket, key)) = place else {
        return Err(failed("The location parameter is not a valid S3 uri."));
    };
    let input = [("Bucket", Value::str(bucket)), ("Key", Value::str(key))].into_iter().collect();
    let answer = called(cx, role, ("s3", "GetObject"), input);
    let answer = answer.map_err(|fault| failed(&fault.message))?;
    let bytes = match answer.member("Body") {
        Some(Value::Blob(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let text = String::from_utf8(bytes).map_err(|_| failed("The included content is not text."))?;
    match yaml::read(&text)? {
        Value::Map(entries) => Ok(entries),
        _ => Err(failed("The specified S3 object's content should be valid Yaml/JSON")),
    }
}
