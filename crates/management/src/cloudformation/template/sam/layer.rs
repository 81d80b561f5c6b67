//! Layers: each content is a version of its own, which stays where nothing else is said.

use super::function::place;
use super::version::hashed;
use super::{Made, PREFIX, Untransformed, beside, invalid, object, prop};
use crate::cloudformation::template::{Wrong, get};
use wire::Value;

const KNOWN: &[&str] = &[
    "LayerName",
    "Description",
    "ContentUri",
    "CompatibleArchitectures",
    "CompatibleRuntimes",
    "LicenseInfo",
    "RetentionPolicy",
    "PublishLambdaVersion",
];
/// What may be a parameter, whose value is then a part of what the name follows from.
const RESOLVED: &[&str] = &["LayerName", "LicenseInfo", "Description", "RetentionPolicy"];

pub(super) fn made(
    world: &Untransformed<'_>,
    name: &str,
    resource: &Value,
    properties: &Value,
) -> Result<Made, Wrong> {
    let Value::Map(entries) = properties else {
        return invalid(name, "Attribute 'Properties' should be a map.");
    };
    if let Some((other, _)) = entries.iter().find(|(own, _)| !KNOWN.contains(&own.as_str())) {
        let why = format!("property {other} not defined for resource of type {PREFIX}LayerVersion");
        return invalid(name, &why);
    }
    let resolved = |(own, value): &(String, Value)| {
        let is_resolved = RESOLVED.contains(&own.as_str());
        (own.clone(), if is_resolved { world.filled(value) } else { value.clone() })
    };
    let own = Value::Map(entries.iter().map(resolved).collect());
    if let Some(Value::List(kinds)) = get(&own, "CompatibleArchitectures")
        && kinds.iter().filter_map(Value::as_str).any(|kind| !["x86_64", "arm64"].contains(&kind))
    {
        return invalid(name, "CompatibleArchitectures needs to be a list of 'x86_64' or 'arm64'");
    }
    let Some(content) = get(&own, "ContentUri") else {
        return invalid(name, "Missing required property 'ContentUri'.");
    };
    let content = place(name, content, "ContentUri")?;
    let stays = stays(name, resource, get(&own, "RetentionPolicy"))?;
    let mut members = vec![("Type".to_owned(), Value::Str(format!("{PREFIX}LayerVersion")))];
    members.push(("Properties".to_owned(), own.clone()));
    members.extend(beside(resource, &["Condition", "DependsOn"]));
    let logical = format!("{name}{}", hashed(&Value::Map(vec![(name.to_owned(), Value::Map(members))])));
    let body = object([
        ("LayerName", get(&own, "LayerName").cloned().unwrap_or_else(|| Value::str(name))),
        ("Description", prop(&own, "Description")),
        ("Content", content),
        ("CompatibleArchitectures", prop(&own, "CompatibleArchitectures")),
        ("CompatibleRuntimes", prop(&own, "CompatibleRuntimes")),
        ("LicenseInfo", prop(&own, "LicenseInfo")),
    ]);
    let mut more = beside(resource, &["Condition", "DependsOn", "UpdateReplacePolicy", "Metadata"]);
    more.push(("DeletionPolicy".to_owned(), stays));
    Ok(Made { more, ..Made::new(logical, "AWS::Lambda::LayerVersion", body) })
}

/// What becomes of a version that its stack no longer has.
fn stays(name: &str, resource: &Value, policy: Option<&Value>) -> Result<Value, Wrong> {
    let said = match policy {
        None => {
            let own = get(resource, "DeletionPolicy").cloned();
            return Ok(own.unwrap_or_else(|| Value::str("Retain")));
        }
        Some(Value::Str(said)) => said,
        Some(_) => {
            let why = "'RetentionPolicy' does not accept intrinsic functions, please use one of the following options: ['Retain', 'Delete']";
            return invalid(name, why);
        }
    };
    match ["Retain", "Delete"].into_iter().find(|option| option.eq_ignore_ascii_case(said)) {
        Some(option) => Ok(Value::str(option)),
        None => {
            invalid(name, "'RetentionPolicy' must be one of the following options: ['Retain', 'Delete'].")
        }
    }
}
