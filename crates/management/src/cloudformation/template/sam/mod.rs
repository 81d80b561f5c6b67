//! `AWS::Serverless-2016-10-31`: resources of `AWS::Serverless::*` become what they stand for, by the names that the
//! published transform gives them. Pure.
//!
//! Not here: APIs, state machines, applications, connectors, deployment preferences that are enabled. Each is refused by
//! name.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html>

mod catalog;
mod event;
mod function;
mod globals;
mod layer;
mod policy;
mod queue;
mod reference;
mod role;
mod version;

use super::untransformed::Untransformed;
use super::{Wrong, function as called, get};
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

/// A value that hangs on a condition; `Null` is none.
fn if_else(condition: &Value, yes: Value, no: Value) -> Value {
    let said = |value: Value| if value == Value::Null { reference("AWS::NoValue") } else { value };
    object([("Fn::If", list([condition.clone(), said(yes), said(no)]))])
}

/// The condition of `Fn::If`, and its two values.
fn branches(value: &Value) -> Option<(&str, &Value, &Value)> {
    match called(value)? {
        ("Fn::If", Value::List(items)) => match items.as_slice() {
            [Value::Str(condition), yes, no] => Some((condition, yes, no)),
            _ => None,
        },
        _ => None,
    }
}

fn is_no_value(value: &Value) -> bool {
    get(value, "Ref").and_then(Value::as_str) == Some("AWS::NoValue")
}

/// That a condition does not hold.
fn not(condition: &str) -> Value {
    object([("Fn::Not", list([object([("Condition", Value::str(condition))])]))])
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

    /// What the template may say for it, behind the dot of the function that it belongs to, or instead of a layer.
    fn refer(&self, function: &str, names: &mut Names) {
        let is_outcome = self.name.starts_with(&format!("{function}EventInvokeConfig"));
        let property = match self.kind {
            "AWS::Lambda::Alias" => "Alias",
            "AWS::Lambda::Version" => "Version",
            "AWS::SNS::Topic" if is_outcome => "DestinationTopic",
            "AWS::SQS::Queue" if is_outcome => "DestinationQueue",
            "AWS::Lambda::LayerVersion" => return names.add(function.to_owned(), &self.name),
            _ => return,
        };
        names.add(format!("{function}.{property}"), &self.name);
    }

    /// What the resource that it comes from says of itself counts for it too; a condition of its own stays.
    fn stands_as(&mut self, resource: &Value) {
        for (name, value) in beside(resource, &["Condition", "DeletionPolicy", "UpdateReplacePolicy"]) {
            match self.more.iter_mut().find(|(own, _)| *own == name) {
                Some(_) if name == "Condition" => {}
                Some(entry) => entry.1 = value,
                None => self.more.push((name, value)),
            }
        }
    }

    /// Tags that pass on to all of a kind that has them; AWS puts them in the place of its own.
    fn tag(&mut self, own: &Value) {
        let kinds = ["AWS::Lambda::Function", "AWS::IAM::Role", "AWS::SQS::Queue", "AWS::SNS::Topic"];
        let all = tags(own);
        if kinds.contains(&self.kind) && !all.is_empty() {
            set(&mut self.properties, "Tags", Value::List(all));
        }
    }

    fn entry(self) -> (String, Value) {
        let mut members =
            vec![("Type".to_owned(), Value::str(self.kind)), ("Properties".to_owned(), self.properties)];
        members.extend(self.more);
        (self.name, Value::Map(members))
    }
}

/// What a resource of the template becomes.
#[derive(Default, Debug)]
struct Built {
    made: Vec<Made>,
    patches: Vec<Patch>,
    /// Conditions that it needs beside those of the template.
    conditions: Vec<(String, Value)>,
}

impl From<Made> for Built {
    fn from(made: Made) -> Built {
        Built { made: vec![made], ..Built::default() }
    }
}

/// Why a resource cannot be what it stands for.
fn invalid<T>(name: &str, why: &str) -> Result<T, Wrong> {
    Err(Wrong(format!("Resource with id [{name}] is invalid. {why}")))
}

fn not_built<T>(name: &str, what: &str) -> Result<T, Wrong> {
    invalid(name, &format!("{what} is not built in this version of Virga."))
}

/// All that is wrong with a template, once each.
fn failed(wrongs: Vec<Wrong>) -> Wrong {
    let mut causes: Vec<String> = Vec::new();
    for Wrong(cause) in wrongs {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    Wrong(format!(
        "Transform {SERVERLESS} failed with: Invalid Serverless Application Specification document. Number of errors found: {}. {}",
        causes.len(),
        causes.join(" ")
    ))
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
/// All resources that cannot be what they stand for.
pub(crate) fn transform(root: &Value, given: &BTreeMap<String, String>) -> Result<Value, Wrong> {
    let Value::Map(sections) = root else { return Ok(root.clone()) };
    let Some(Value::Map(resources)) = get(root, "Resources") else { return Ok(root.clone()) };
    globals::check(root).map_err(|wrong| failed(vec![wrong]))?;
    let world = Untransformed { root, given };
    let mut work = Work::default();
    // AWS takes functions first, which their words show.
    let is_function = |resource: &Value| get(resource, "Type").and_then(Value::as_str) == Some(FUNCTION);
    for functions in [true, false] {
        for (name, resource) in resources.iter().filter(|(_, resource)| is_function(resource) == functions) {
            work.resource(&world, name, resource);
        }
    }
    for patch in std::mem::take(&mut work.patches) {
        let done = patch.apply(&mut work.out);
        work.wrongs.extend(done.err());
    }
    if !work.wrongs.is_empty() {
        return Err(failed(work.wrongs));
    }
    let Work { out, names, conditions, .. } = work;
    let resource = |(name, body): &(String, Value)| (name.clone(), names.resource(body));
    let out: Vec<(String, Value)> = out.iter().map(resource).collect();
    let section = |(name, body): &(String, Value)| match name.as_str() {
        "Transform" => others(body).map(|rest| (name.clone(), rest)),
        "Globals" => None,
        "Resources" => Some((name.clone(), Value::Map(out.clone()))),
        "Outputs" => Some((name.clone(), names.value(body))),
        _ => Some((name.clone(), body.clone())),
    };
    let mut done = Value::Map(sections.iter().filter_map(section).collect());
    for (name, condition) in conditions {
        set(within(&mut done, "Conditions"), &name, condition);
    }
    Ok(done)
}

const FUNCTION: &str = "AWS::Serverless::Function";

/// What comes out, as it grows.
#[derive(Default)]
struct Work {
    out: Vec<(String, Value)>,
    patches: Vec<Patch>,
    conditions: Vec<(String, Value)>,
    names: Names,
    wrongs: Vec<Wrong>,
}

impl Work {
    fn resource(&mut self, world: &Untransformed<'_>, name: &str, resource: &Value) {
        let kind = get(resource, "Type").and_then(Value::as_str).unwrap_or_default();
        if get(resource, "Connectors").is_some() {
            self.wrongs.extend(not_built::<()>(name, "A connector").err());
        }
        let built = match kind.strip_prefix(PREFIX) {
            // Kinds that nobody has are refused with the template that comes out.
            Some(_) if !globals::is_kind(kind) => return self.out.push((name.to_owned(), resource.clone())),
            None => return self.out.push((name.to_owned(), resource.clone())),
            Some(own) => built(world, own, name, resource),
        };
        match built {
            Ok(built) => self.put(world, name, built),
            Err(wrong) => self.wrongs.push(wrong),
        }
    }

    /// What a resource becomes; of two by one name, as a queue that two events share, the last counts.
    fn put(&mut self, world: &Untransformed<'_>, of: &str, built: Built) {
        for made in built.made {
            if !made.name.chars().all(|c| c.is_ascii_alphanumeric()) {
                self.wrongs.extend(invalid::<()>(&made.name, "Logical ids must be alphanumeric.").err());
                continue;
            }
            let there = get(world.root, "Resources").and_then(|resources| get(resources, &made.name));
            if there.is_some() && made.name != of {
                self.wrongs.push(Wrong(format!(
                    "Transforming resource with id [{of}] attempts to create a new resource with id [{}] and type \"{}\". A resource with that id already exists within this template. Please use a different id for that resource.",
                    made.name, made.kind
                )));
                continue;
            }
            made.refer(of, &mut self.names);
            let (name, body) = made.entry();
            match self.out.iter_mut().find(|(own, _)| *own == name) {
                Some(entry) => entry.1 = body,
                None => self.out.push((name, body)),
            }
        }
        self.patches.extend(built.patches);
        self.conditions.extend(built.conditions);
    }
}

/// `kind`: without its prefix.
fn built(world: &Untransformed<'_>, kind: &str, name: &str, resource: &Value) -> Result<Built, Wrong> {
    let properties = globals::laid(world.root, kind, name, resource)?;
    match kind {
        "Function" => function::made(world, name, resource, &properties),
        "LayerVersion" => Ok(layer::made(world, name, resource, &properties)?.into()),
        "SimpleTable" => Ok(table(name, resource, &properties)?.into()),
        other => not_built(name, &format!("{PREFIX}{other}")),
    }
}

/// The other transforms of the template.
fn others(transforms: &Value) -> Option<Value> {
    let Value::List(names) = transforms else { return None };
    let rest: Vec<Value> = names.iter().filter(|name| name.as_str() != Some(SERVERLESS)).cloned().collect();
    (!rest.is_empty()).then_some(Value::List(rest))
}

/// A function's event of a bucket names none.
const NO_BUCKET: &str = "S3 events must reference an S3 bucket in the same template.";

/// What a function's events add to another resource.
#[derive(Debug)]
struct Patch {
    function: String,
    event: String,
    /// What the function hangs on.
    condition: Option<String>,
    bucket: String,
    configurations: Vec<Value>,
    permission: String,
}

impl Patch {
    /// A bucket tells a function of its events, once it may.
    fn apply(self, resources: &mut [(String, Value)]) -> Result<(), Wrong> {
        let is_bucket = |body: &Value| get(body, "Type").and_then(Value::as_str) == Some("AWS::S3::Bucket");
        let found = resources.iter_mut().find(|(name, body)| *name == self.bucket && is_bucket(body));
        let Some((_, bucket)) = found else {
            return invalid(
                &self.function,
                &format!("Event with id [{}] is invalid. {NO_BUCKET}", self.event),
            );
        };
        let on = self.condition.as_deref().map(Value::str);
        match &on {
            Some(on) => self.depend_if(bucket, on),
            None => self.depend(bucket),
        }
        let notifications = within(within(bucket, "Properties"), "NotificationConfiguration");
        let mut all = match get(notifications, "LambdaConfigurations") {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        for configuration in self.configurations {
            let configuration = match &on {
                Some(on) => if_else(on, configuration, Value::Null),
                None => configuration,
            };
            if !all.contains(&configuration) {
                all.push(configuration);
            }
        }
        set(notifications, "LambdaConfigurations", Value::List(all));
        Ok(())
    }

    fn depend(&self, bucket: &mut Value) {
        let mut depends = match get(bucket, "DependsOn") {
            Some(Value::List(names)) => names.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let permission = Value::str(&self.permission);
        if !depends.contains(&permission) {
            depends.push(permission);
        }
        set(bucket, "DependsOn", Value::List(depends));
    }

    /// `DependsOn` cannot hang on a condition; the value of a tag can.
    fn depend_if(&self, bucket: &mut Value, on: &Value) {
        let properties = within(bucket, "Properties");
        let mut all = match get(properties, "Tags") {
            Some(Value::List(tags)) => tags.clone(),
            _ => Vec::new(),
        };
        let key = Value::Str(format!("sam:ConditionalDependsOn:{}", self.permission));
        let value = if_else(on, reference(&self.permission), Value::str("no dependency"));
        all.push(object([("Key", key), ("Value", value)]));
        set(properties, "Tags", Value::List(all));
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
        other => return invalid(name, &format!("Invalid 'Type' \"{other}\".")),
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
