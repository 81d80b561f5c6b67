//! The sections of a template: their form, their limits.

use super::sam::SERVERLESS;
use super::{
    Keep, LANGUAGE_EXTENSIONS, Output, Parameter, Resource, Rule, Template, Wrong, function, get, policy,
    text, wrong,
};
use wire::Value;

const RESOURCES_MAX: usize = 500;
const PARAMETERS_MAX: usize = 200;
const MAPPINGS_MAX: usize = 200;
pub(crate) const OUTPUTS_MAX: usize = 200;
const DESCRIPTION_BYTES_MAX: usize = 1024;
const NAME_CHARS_MAX: usize = 255;

const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
    "Hooks",
];

type Entries = [(String, Value)];

/// `whole`: nothing of it lies elsewhere.
pub(super) fn template(root: &Value, whole: bool) -> Result<Template, Wrong> {
    let Value::Map(sections) = root else { return wrong("Template format error: unsupported structure.") };
    let unknown: Vec<&str> =
        sections.iter().map(|(name, _)| name.as_str()).filter(|name| !SECTIONS.contains(name)).collect();
    if !unknown.is_empty() {
        return wrong(format!("Invalid template property or properties [{}]", unknown.join(", ")));
    }
    // What nothing here acts on is refused, not passed over.
    if get(root, "Hooks").is_some() {
        return wrong("Template format error: the section Hooks is not built in this version of Virga.");
    }
    let version = get(root, "AWSTemplateFormatVersion").and_then(text);
    if version.as_deref().is_some_and(|version| version != "2010-09-09") {
        let told = version.unwrap_or_default();
        return wrong(format!(
            "Template format error: {told} is not a supported value for AWSTemplateFormatVersion."
        ));
    }
    let description = match get(root, "Description") {
        None => None,
        Some(Value::Str(text)) if text.len() > DESCRIPTION_BYTES_MAX => {
            return wrong("Template format error: 'Description' length is greater than 1024.");
        }
        Some(Value::Str(text)) => Some(text.clone()),
        Some(_) => return wrong("Template format error: Description must be a string."),
    };
    let resources = entries(root, "Resources", usize::MAX)?;
    if whole && resources.is_empty() {
        return wrong("Template format error: At least one Resources member must be defined.");
    }
    let (transforms, resources) = (transforms(root)?, limited(resources, "resources", RESOURCES_MAX)?);
    let extended = transforms.iter().any(|name| name == LANGUAGE_EXTENSIONS);
    let parameters = entries(root, "Parameters", PARAMETERS_MAX)?;
    let outputs = entries(root, "Outputs", OUTPUTS_MAX)?;
    Ok(Template {
        description,
        version,
        metadata: get(root, "Metadata").cloned(),
        transforms,
        parameters: parameters
            .iter()
            .map(|(name, body)| Parameter::read(name, body))
            .collect::<Result<_, _>>()?,
        rules: entries(root, "Rules", usize::MAX)?
            .iter()
            .map(|(name, body)| Rule::read(name, body))
            .collect::<Result<_, _>>()?,
        mappings: mappings(entries(root, "Mappings", MAPPINGS_MAX)?)?,
        conditions: entries(root, "Conditions", usize::MAX)?.to_vec(),
        resources: resources
            .iter()
            .map(|(name, body)| resource(name, body, extended))
            .collect::<Result<_, _>>()?,
        outputs: outputs.iter().map(|(name, body)| output(name, body)).collect::<Result<_, _>>()?,
    })
}

/// A section that is a map; empty where it is not there.
fn entries<'v>(root: &'v Value, section: &str, max: usize) -> Result<&'v Entries, Wrong> {
    match get(root, section) {
        None => Ok(&[]),
        Some(Value::Map(entries)) => limited(entries, &section.to_lowercase(), max),
        Some(_) => wrong(format!("Template format error: {section} must be an object.")),
    }
}

fn limited<'v>(entries: &'v Entries, what: &str, max: usize) -> Result<&'v Entries, Wrong> {
    if entries.len() > max {
        let len = entries.len();
        return wrong(format!(
            "Template format error: Number of {what}, {len}, is greater than maximum allowed, {max}"
        ));
    }
    Ok(entries)
}

/// The transforms that a template names, some of them with parameters.
///
/// # Errors
/// What is no name.
pub(crate) fn declared(root: &Value) -> Result<Vec<String>, Wrong> {
    let name = |one: &Value| match one {
        Value::Map(_) => get(one, "Name").and_then(text),
        one => text(one),
    };
    let named = match get(root, "Transform") {
        None => Some(Vec::new()),
        Some(Value::List(all)) => all.iter().map(name).collect(),
        Some(one) => name(one).map(|name| vec![name]),
    };
    named.map_or_else(|| wrong("Template format error: Transform must be a string or a list of strings."), Ok)
}

fn transforms(root: &Value) -> Result<Vec<String>, Wrong> {
    let named = declared(root)?;
    let known = [LANGUAGE_EXTENSIONS, SERVERLESS];
    match named.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => wrong(format!("No transform named {unknown} found.")),
        None => Ok(named),
    }
}

pub(super) fn checked_name(name: &str, noun: &str) -> Result<String, Wrong> {
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return wrong(format!("Template format error: {noun} name {name} is non alphanumeric."));
    }
    Ok(name.to_owned())
}

/// Two levels of keys over strings and lists of strings.
fn mappings(entries: &Entries) -> Result<Vec<(String, Value)>, Wrong> {
    for (name, body) in entries {
        let Value::Map(tops) = body else {
            return wrong(format!("Template format error: Every Mappings member must be a map: {name}"));
        };
        for (top, attributes) in tops {
            let scalar = |value: &Value| text(value).is_some();
            let fits = match attributes {
                Value::Map(values) => values.iter().all(|(_, value)| match value {
                    Value::List(items) => items.iter().all(scalar),
                    other => scalar(other),
                }),
                _ => false,
            };
            if !fits {
                return wrong(format!(
                    "Template format error: Every Mappings attribute must be a String or a List. ({name}/{top})"
                ));
            }
        }
    }
    Ok(entries.to_vec())
}

const ATTRIBUTES: &[&str] = &[
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
];

pub(super) const DELETION: &str = "DeletionPolicy";
const REPLACEMENT: &str = "UpdateReplacePolicy";

fn resource(name: &str, body: &Value, extended: bool) -> Result<Resource, Wrong> {
    let name = checked_name(name, "Resource")?;
    let Value::Map(members) = body else {
        return wrong(format!("Template format error: [/Resources/{name}] resource definition is malformed"));
    };
    if let Some((unknown, _)) = members.iter().find(|(member, _)| !ATTRIBUTES.contains(&member.as_str())) {
        return wrong(format!("Invalid template resource property '{unknown}'"));
    }
    let Some(Value::Str(kind)) = get(body, "Type") else {
        return wrong(format!(
            "Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        ));
    };
    let properties = match get(body, "Properties") {
        None | Some(Value::Null) => Value::Map(Vec::new()),
        Some(map @ Value::Map(_)) => map.clone(),
        Some(_) => {
            return wrong(format!(
                "Template format error: [/Resources/{name}/Properties] must be an object."
            ));
        }
    };
    if let Some(path) = null_within(&properties, &format!("/Resources/{name}/Properties")) {
        return wrong(format!("Template format error: [{path}] 'null' values are not allowed in templates"));
    }
    let told = |attribute: &'static str| {
        let value = get(body, attribute).filter(|value| extended && function(value).is_some())?;
        Some((attribute, value.clone()))
    };
    let told: Vec<_> = [DELETION, REPLACEMENT].into_iter().filter_map(told).collect();
    let plain =
        |attribute: &str| get(body, attribute).filter(|_| !told.iter().any(|(own, _)| *own == attribute));
    Ok(Resource {
        kind: kind.clone(),
        properties,
        depends_on: names(get(body, "DependsOn"), &name)?,
        condition: get(body, "Condition").and_then(text),
        deletion: keep(plain(DELETION), kind, &name, DELETION)?,
        deletion_is_said: get(body, DELETION).is_some(),
        replacement: keep(plain(REPLACEMENT), kind, &name, REPLACEMENT)?,
        told,
        metadata: get(body, "Metadata").cloned(),
        creation: policy::creation(get(body, "CreationPolicy"), kind, &name)?,
        update: policy::update(get(body, "UpdatePolicy"), kind, &name)?,
        name,
    })
}

fn null_within(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Null => Some(path.to_owned()),
        Value::List(items) => {
            items.iter().enumerate().find_map(|(i, item)| null_within(item, &format!("{path}/{i}")))
        }
        Value::Map(entries) => {
            entries.iter().find_map(|(key, item)| null_within(item, &format!("{path}/{key}")))
        }
        _ => None,
    }
}

fn names(value: Option<&Value>, of: &str) -> Result<Vec<String>, Wrong> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Str(name)) => Ok(vec![name.clone()]),
        Some(Value::List(items)) if items.iter().all(|item| item.as_str().is_some()) => {
            Ok(items.iter().filter_map(text).collect())
        }
        Some(_) => {
            wrong(format!("Template format error: DependsOn of {of} must be a string or a list of strings."))
        }
    }
}

/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>
const SNAPSHOTS: &[&str] = &["AWS::EC2::Volume"];

pub(super) fn keep(value: Option<&Value>, kind: &str, name: &str, attribute: &str) -> Result<Keep, Wrong> {
    match value.map(|value| value.as_str().unwrap_or_default()) {
        None | Some("Delete") => Ok(Keep::Delete),
        Some("Retain") => Ok(Keep::Retain),
        Some("RetainExceptOnCreate") if attribute == DELETION => Ok(Keep::RetainExceptOnCreate),
        Some("Snapshot") if SNAPSHOTS.contains(&kind) => Ok(Keep::Snapshot),
        Some("Snapshot") => wrong(format!(
            "Template error: resource type of {name} does not support deletion policy Snapshot"
        )),
        Some(other) => {
            wrong(format!("Template format error: Unrecognized {attribute} {other} for resource {name}"))
        }
    }
}

fn output(name: &str, body: &Value) -> Result<Output, Wrong> {
    let name = checked_name(name, "Output")?;
    let Some(value) = get(body, "Value") else {
        return wrong(format!(
            "Template format error: [/Outputs/{name}] Every Outputs member must contain a Value object"
        ));
    };
    let known = ["Value", "Description", "Export", "Condition"];
    if let Value::Map(members) = body
        && let Some((unknown, _)) = members.iter().find(|(member, _)| !known.contains(&member.as_str()))
    {
        return wrong(format!(
            "Template format error: Output {name} is malformed: unknown member {unknown}."
        ));
    }
    if matches!(value, Value::Null) {
        return wrong(format!(
            "Template format error: [/Outputs/{name}/Value] 'null' values are not allowed in templates"
        ));
    }
    let export = match get(body, "Export") {
        None => None,
        Some(export) => match get(export, "Name") {
            Some(name) => Some(name.clone()),
            None => {
                return wrong(format!(
                    "Template format error: Output {name} is malformed. The Name field of every Export member must be specified."
                ));
            }
        },
    };
    Ok(Output {
        value: value.clone(),
        description: get(body, "Description").and_then(text),
        export,
        condition: get(body, "Condition").and_then(text),
        name,
    })
}
