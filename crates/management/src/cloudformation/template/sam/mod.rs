//! `AWS::Serverless-2016-10-31`: resources of `AWS::Serverless::*` become what they stand for, by the names that the
//! published transform gives them. Pure.
//!
//! Not here: APIs, state machines, applications, connectors, deployment preferences, tags that pass on to all that a
//! resource becomes. Each is refused by name.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html>

mod event;
mod function;
mod globals;
mod layer;
mod policy;
mod queue;
mod reference;

use super::{Wrong, get, text};
use reference::Names;
use std::collections::BTreeMap;
use wire::Value;

pub(crate) const SERVERLESS: &str = "AWS::Serverless-2016-10-31";
const PREFIX: &str = "AWS::Serverless::";
const CREATED_BY: &str = "lambda:createdBy";

/// A map of those that have a value.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let there = entries.into_iter().filter(|(_, value)| !matches!(value, Value::Null));
    Value::Map(there.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::List(items.into())
}

fn reference(name: &str) -> Value {
    object([("Ref", Value::str(name))])
}

fn attribute(name: &str, attribute: &str) -> Value {
    object([("Fn::GetAtt", list([Value::str(name), Value::str(attribute)]))])
}

fn texts(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::str(*item)).collect())
}

/// The trust of a role that a service assumes.
fn trust(service: &str) -> Value {
    let statement = object([
        ("Action", texts(&["sts:AssumeRole"])),
        ("Effect", Value::str("Allow")),
        ("Principal", object([("Service", texts(&[service]))])),
    ]);
    object([("Version", Value::str("2012-10-17")), ("Statement", list([statement]))])
}

/// A property as it stands; `Null` where there is none.
fn prop(properties: &Value, name: &str) -> Value {
    get(properties, name).cloned().unwrap_or(Value::Null)
}

/// A resource of the template that comes out.
#[derive(Debug)]
struct Made {
    name: String,
    kind: &'static str,
    properties: Value,
    /// Further members beside type and properties.
    more: Vec<(String, Value)>,
}

impl Made {
    fn new(name: impl Into<String>, kind: &'static str, properties: Value) -> Made {
        Made { name: name.into(), kind, properties, more: Vec::new() }
    }

    /// What the template may say for it, behind the dot of the function that it belongs to.
    fn refer(&self, function: &str, names: &mut Names) {
        let is_outcome = self.name.starts_with(&format!("{function}EventInvokeConfig"));
        let property = match self.kind {
            "AWS::Lambda::Alias" => "Alias",
            "AWS::Lambda::Version" => "Version",
            "AWS::SNS::Topic" if is_outcome => "DestinationTopic",
            "AWS::SQS::Queue" if is_outcome => "DestinationQueue",
            _ => return,
        };
        names.add(format!("{function}.{property}"), &self.name);
    }

    fn entry(self) -> (String, Value) {
        let mut members =
            vec![("Type".to_owned(), Value::str(self.kind)), ("Properties".to_owned(), self.properties)];
        members.extend(self.more);
        (self.name, Value::Map(members))
    }
}

/// Why a resource cannot be what it stands for.
fn invalid<T>(name: &str, why: &str) -> Result<T, Wrong> {
    Err(Wrong(format!(
        "Transform {SERVERLESS} failed with: Invalid Serverless Application Specification document. Number of errors found: 1. Resource with id [{name}] is invalid. {why}"
    )))
}

fn not_built<T>(name: &str, what: &str) -> Result<T, Wrong> {
    invalid(name, &format!("{what} is not built in this version of Virga."))
}

/// Whether the template asks for this transform.
pub(crate) fn applies(root: &Value) -> bool {
    match get(root, "Transform") {
        Some(Value::Str(name)) => name == SERVERLESS,
        Some(Value::List(names)) => names.iter().any(|name| name.as_str() == Some(SERVERLESS)),
        _ => false,
    }
}

/// The template that comes out. `given`: the values of parameters, which names may follow from.
///
/// # Errors
/// The first resource that cannot be what it stands for.
pub(crate) fn transform(root: &Value, given: &BTreeMap<String, String>) -> Result<Value, Wrong> {
    let Value::Map(sections) = root else { return Ok(root.clone()) };
    let Some(Value::Map(resources)) = get(root, "Resources") else { return Ok(root.clone()) };
    let world = World { root, given };
    let mut out: Vec<(String, Value)> = Vec::new();
    let (mut patches, mut names) = (Vec::new(), Names::default());
    for (name, resource) in resources {
        let kind = get(resource, "Type").and_then(Value::as_str).unwrap_or_default();
        match kind.strip_prefix(PREFIX) {
            None => out.push((name.clone(), resource.clone())),
            Some("Function") => {
                let properties = globals::laid(root, "Function", resource);
                let (made, own) = function::made(&world, name, resource, &properties)?;
                made.iter().for_each(|made| made.refer(name, &mut names));
                out.extend(made.into_iter().map(Made::entry));
                patches.extend(own);
            }
            Some("LayerVersion") => {
                let properties = globals::laid(root, "LayerVersion", resource);
                let made = layer::made(&world, name, resource, &properties)?;
                names.add(name.clone(), &made.name);
                out.push(made.entry());
            }
            Some("SimpleTable") => {
                let properties = globals::laid(root, "SimpleTable", resource);
                out.push(table(name, resource, &properties)?.entry());
            }
            Some(other) => return not_built(name, &format!("{PREFIX}{other}")),
        }
    }
    for patch in patches {
        patch.apply(&mut out)?;
    }
    let resource = |(name, body): &(String, Value)| (name.clone(), names.resource(body));
    let out: Vec<(String, Value)> = out.iter().map(resource).collect();
    let section = |(name, body): &(String, Value)| match name.as_str() {
        "Transform" => others(body).map(|rest| (name.clone(), rest)),
        "Globals" => None,
        "Resources" => Some((name.clone(), Value::Map(out.clone()))),
        "Outputs" => Some((name.clone(), names.value(body))),
        _ => Some((name.clone(), body.clone())),
    };
    Ok(Value::Map(sections.iter().filter_map(section).collect()))
}

/// The other transforms of the template.
fn others(transforms: &Value) -> Option<Value> {
    let Value::List(names) = transforms else { return None };
    let rest: Vec<Value> = names.iter().filter(|name| name.as_str() != Some(SERVERLESS)).cloned().collect();
    (!rest.is_empty()).then_some(Value::List(rest))
}

/// What resources may ask of the template around them.
pub(crate) struct World<'a> {
    pub(crate) root: &'a Value,
    pub(crate) given: &'a BTreeMap<String, String>,
}

impl World<'_> {
    /// A text, or the value of the parameter that is referred to.
    pub(crate) fn resolved(&self, value: &Value) -> Option<String> {
        if let Some(plain) = text(value) {
            return Some(plain);
        }
        let name = get(value, "Ref")?.as_str()?;
        let default = || text(get(get(get(self.root, "Parameters")?, name)?, "Default")?);
        self.given.get(name).cloned().or_else(default)
    }
}

/// What a function's events add to another resource.
#[derive(Debug)]
struct Patch {
    function: String,
    bucket: String,
    configurations: Vec<Value>,
    permission: String,
}

impl Patch {
    /// A bucket tells a function of its events, once it may.
    fn apply(self, resources: &mut [(String, Value)]) -> Result<(), Wrong> {
        let found = resources.iter_mut().find(|(name, _)| *name == self.bucket);
        let Some((_, bucket @ Value::Map(_))) = found else {
            return invalid(&self.function, "S3 events must reference an S3 bucket in the same template.");
        };
        if get(bucket, "Type").and_then(Value::as_str) != Some("AWS::S3::Bucket") {
            return invalid(&self.function, "S3 events must reference an S3 bucket in the same template.");
        }
        let depends = match get(bucket, "DependsOn") {
            Some(Value::List(names)) => names.iter().cloned().chain([Value::str(&self.permission)]).collect(),
            Some(one) => vec![one.clone(), Value::str(&self.permission)],
            None => vec![Value::str(&self.permission)],
        };
        set(bucket, "DependsOn", Value::List(depends));
        let notifications = within(within(bucket, "Properties"), "NotificationConfiguration");
        let mut all = match get(notifications, "LambdaConfigurations") {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        all.extend(self.configurations);
        set(notifications, "LambdaConfigurations", Value::List(all));
        Ok(())
    }
}

fn set(map: &mut Value, name: &str, value: Value) {
    if let Value::Map(entries) = map {
        match entries.iter_mut().find(|(own, _)| own == name) {
            Some(entry) => entry.1 = value,
            None => entries.push((name.to_owned(), value)),
        }
    }
}

/// The map under a name, made where there is none.
fn within<'v>(map: &'v mut Value, name: &str) -> &'v mut Value {
    if !matches!(map, Value::Map(_)) {
        *map = Value::Map(Vec::new());
    }
    let Value::Map(entries) = map else { unreachable!("it was just made one") };
    let at = entries.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
        entries.push((name.to_owned(), Value::Map(Vec::new())));
        entries.len() - 1
    });
    &mut entries[at].1
}

/// What stands beside a resource's properties, for those that it becomes.
fn beside(resource: &Value, names: &[&str]) -> Vec<(String, Value)> {
    let found = |name: &&str| Some(((*name).to_owned(), get(resource, name)?.clone()));
    names.iter().filter_map(found).collect()
}

/// Tags that are a map become a list of pairs.
fn tags(own: &Value) -> Vec<Value> {
    let pair = |key: &str, value: Value| object([("Key", Value::str(key)), ("Value", value)]);
    match own {
        Value::Map(entries) => entries.iter().map(|(key, value)| pair(key, value.clone())).collect(),
        Value::List(items) => items.clone(),
        _ => Vec::new(),
    }
}

/// AWS: a table with a key of one attribute, paid by request where nothing else is said.
fn table(name: &str, resource: &Value, properties: &Value) -> Result<Made, Wrong> {
    let known = [
        "TableName",
        "PrimaryKey",
        "ProvisionedThroughput",
        "SSESpecification",
        "PointInTimeRecoverySpecification",
        "Tags",
    ];
    if let Value::Map(entries) = properties
        && let Some((unknown, _)) = entries.iter().find(|(own, _)| !known.contains(&own.as_str()))
    {
        return invalid(
            name,
            &format!("property {unknown} not defined for resource of type AWS::Serverless::SimpleTable"),
        );
    }
    let key = prop(properties, "PrimaryKey");
    let attribute = get(&key, "Name").cloned().unwrap_or_else(|| Value::str("id"));
    let letter = match get(&key, "Type").and_then(Value::as_str).unwrap_or("String") {
        "String" => "S",
        "Number" => "N",
        "Binary" => "B",
        other => return invalid(name, &format!("Invalid 'PrimaryKey' \"{other}\".")),
    };
    let throughput = prop(properties, "ProvisionedThroughput");
    let mode = if throughput == Value::Null { Value::str("PAY_PER_REQUEST") } else { Value::Null };
    let tags = tags(&prop(properties, "Tags"));
    let definition = object([("AttributeName", attribute.clone()), ("AttributeType", Value::str(letter))]);
    let schema = object([("AttributeName", attribute), ("KeyType", Value::str("HASH"))]);
    let body = object([
        ("TableName", prop(properties, "TableName")),
        ("AttributeDefinitions", list([definition])),
        ("KeySchema", list([schema])),
        ("BillingMode", mode),
        ("ProvisionedThroughput", throughput),
        ("SSESpecification", prop(properties, "SSESpecification")),
        ("PointInTimeRecoverySpecification", prop(properties, "PointInTimeRecoverySpecification")),
        ("Tags", if tags.is_empty() { Value::Null } else { Value::List(tags) }),
    ]);
    let more =
        beside(resource, &["Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"]);
    Ok(Made { more, ..Made::new(name, "AWS::DynamoDB::Table", body) })
}

#[cfg(test)]
mod tests;
