//! What a template becomes before it is read: snippets of `AWS::Include` stand where they were asked for, and serverless
//! resources become what they stand for.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html>

use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::SERVICE;
use crate::cloudformation::template::{Wrong, get, sam, text as plain, yaml};
use kernel::{As, Cx, Whom};
use std::collections::BTreeMap;
use wire::{Fault, Struct, Value};

const INCLUDE: &str = "AWS::Include";
const TRANSFORM: &str = "Fn::Transform";

/// Whether a template is another once it is expanded.
pub(super) fn expands(root: &Value) -> bool {
    sam::applies(root) || included(root).is_some() || asks(root)
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
        let whole = root.clone();
        root = spliced(cx, role, &root, given, &whole)?;
    }
    if sam::applies(&root) {
        root = sam::transform(&root, given)?;
    }
    Ok(Some(wire::json::text(&root)))
}

/// The same for those who only look at a template: nothing is fetched for them.
///
/// # Errors
/// What a transform refuses.
pub(super) fn looked_at(text: &str) -> Result<Option<String>, Wrong> {
    let root = yaml::read(text)?;
    if !sam::applies(&root) {
        return Ok(None);
    }
    Ok(Some(wire::json::text(&sam::transform(&root, &BTreeMap::new())?)))
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
    let of_parameter = || {
        let name = get(location, "Ref")?.as_str()?;
        let default = || plain(get(get(get(root, "Parameters")?, name)?, "Default")?);
        given.get(name).cloned().or_else(default)
    };
    let url = plain(location).or_else(of_parameter);
    let url = url.ok_or_else(|| failed("The location parameter is not a valid S3 uri."))?;
    let place = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let Some((bucket, key)) = place else {
        return Err(failed("The location parameter is not a valid S3 uri."));
    };
    let answer = match role {
        None => fetch(cx, As::CallerVia(SERVICE), bucket, key),
        Some(arn) => {
            let cloud = std::sync::Arc::clone(cx.cloud());
            let (whom, region) = (Whom::Role { arn, account: cx.account }, cx.region);
            let answer =
                cloud.act_for(cx.tx, SERVICE, whom, region, None, |cx| fetch(cx, As::Caller, bucket, key));
            answer.and_then(|answer| answer)
        }
    };
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

fn fetch(cx: &mut Cx<'_>, who: As, bucket: &str, key: &str) -> Result<Value, Fault> {
    let input: Struct = [("Bucket", Value::str(bucket)), ("Key", Value::str(key))].into_iter().collect();
    cx.call("s3", "GetObject", Value::Struct(input), who)
}
