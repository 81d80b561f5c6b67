//! Functions: the function itself, its role, what it is published as.

use super::event::{self, Target};
use super::{CREATED_BY, Made, Patch, World, attribute, beside, invalid, list, not_built, object, policy};
use super::{prop, reference, tags, texts};
use crate::cloudformation::template::{Wrong, get, text};
use auth::sigv4::{Checksum, ChecksumKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Value;

/// What goes to the function as it stands.
const PLAIN: &[&str] = &[
    "FunctionName",
    "Handler",
    "Runtime",
    "Description",
    "MemorySize",
    "Timeout",
    "Environment",
    "Layers",
    "ReservedConcurrentExecutions",
    "Architectures",
    "EphemeralStorage",
    "KmsKeyArn",
    "VpcConfig",
    "PackageType",
    "ImageConfig",
    "LoggingConfig",
    "SnapStart",
    "RecursiveLoop",
];
/// What becomes something else.
const OWN: &[&str] = &[
    "CodeUri",
    "InlineCode",
    "ImageUri",
    "Role",
    "Policies",
    "PermissionsBoundary",
    "Events",
    "Tags",
    "Tracing",
    "DeadLetterQueue",
    "AutoPublishAlias",
    "AutoPublishCodeSha256",
    "VersionDescription",
    "ProvisionedConcurrencyConfig",
    "EventInvokeConfig",
];

pub(super) fn made(
    world: &World<'_>,
    name: &str,
    resource: &Value,
    properties: &Value,
) -> Result<(Vec<Made>, Vec<Patch>), Wrong> {
    let Value::Map(entries) = properties else { return invalid(name, "Properties must be a map.") };
    let known = |own: &str| PLAIN.contains(&own) || OWN.contains(&own);
    if let Some((unknown, _)) = entries.iter().find(|(own, _)| !known(own)) {
        return not_built(name, &format!("The property {unknown} of AWS::Serverless::Function"));
    }
    let code = code(name, properties)?;
    let condition = beside(resource, &["Condition"]);
    let mut all = Vec::new();
    let alias = match get(properties, "AutoPublishAlias") {
        None => None,
        Some(value) => {
            let alias = world.resolved(value).filter(|alias| !alias.is_empty());
            let why = "'AutoPublishAlias' must be a string or a Ref to a template parameter";
            Some(alias.map_or_else(|| invalid(name, why), Ok)?)
        }
    };
    if alias.is_none() && get(properties, "ProvisionedConcurrencyConfig").is_some() {
        let why = "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function";
        return invalid(name, why);
    }
    let target = Target {
        function: name.to_owned(),
        alias: alias.as_ref().map(|alias| format!("{name}Alias{alias}")),
    };
    let mut own_policies = Vec::new();
    let events = event::made(name, properties, &target, &mut own_policies)?;
    all.push(function(name, resource, properties, code.clone()));
    if get(properties, "Role").is_none() {
        all.push(role(name, properties, own_policies)?);
    }
    if let (Some(alias), Some(place)) = (&alias, &target.alias) {
        all.extend(published(name, properties, &code, alias, place));
    }
    if let Some(handling) = get(properties, "EventInvokeConfig") {
        all.push(handled(name, handling, alias.as_deref())?);
    }
    let (made, patches) = events;
    all.extend(made);
    for one in all.iter_mut().skip(1) {
        one.more.extend(condition.iter().cloned());
    }
    Ok((all, patches))
}

/// `s3://bucket/key?versionId=v`, or the parts of it, or the code itself, or an image.
fn code(name: &str, properties: &Value) -> Result<Value, Wrong> {
    if get(properties, "PackageType").and_then(text).as_deref() == Some("Image") {
        return match get(properties, "ImageUri") {
            Some(uri) => Ok(object([("ImageUri", uri.clone())])),
            None => invalid(name, "'ImageUri' must be set."),
        };
    }
    if let Some(inline) = get(properties, "InlineCode") {
        return Ok(object([("ZipFile", inline.clone())]));
    }
    let wrong = || {
        invalid(
            name,
            "'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.",
        )
    };
    match get(properties, "CodeUri") {
        Some(Value::Str(uri)) => {
            let place = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
            let Some((bucket, key)) = place.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            else {
                return wrong();
            };
            let (key, version) = match key.split_once("?versionId=") {
                Some((key, version)) => (key, Value::str(version)),
                None => (key, Value::Null),
            };
            Ok(object([
                ("S3Bucket", Value::str(bucket)),
                ("S3Key", Value::str(key)),
                ("S3ObjectVersion", version),
            ]))
        }
        Some(map @ Value::Map(_)) => {
            let (Some(bucket), Some(key)) = (get(map, "Bucket"), get(map, "Key")) else { return wrong() };
            let version = prop(map, "Version");
            Ok(object([("S3Bucket", bucket.clone()), ("S3Key", key.clone()), ("S3ObjectVersion", version)]))
        }
        Some(_) => wrong(),
        None => invalid(name, "Missing required property 'CodeUri'."),
    }
}

fn function(name: &str, resource: &Value, properties: &Value, code: Value) -> Made {
    let role = get(properties, "Role").cloned().unwrap_or_else(|| attribute(&format!("{name}Role"), "Arn"));
    let mut own = vec![object([("Key", Value::str(CREATED_BY)), ("Value", Value::str("SAM"))])];
    own.extend(tags(&prop(properties, "Tags")));
    let tracing = get(properties, "Tracing").map_or(Value::Null, |mode| object([("Mode", mode.clone())]));
    let letters = get(properties, "DeadLetterQueue").and_then(|queue| get(queue, "TargetArn"));
    let letters = letters.map_or(Value::Null, |arn| object([("TargetArn", arn.clone())]));
    let Value::Map(mut body) = object([
        ("Code", code),
        ("Role", role),
        ("Tags", Value::List(own)),
        ("TracingConfig", tracing),
        ("DeadLetterConfig", letters),
    ]) else {
        unreachable!("an object is a map")
    };
    body.extend(PLAIN.iter().filter_map(|own| Some(((*own).to_owned(), get(properties, own)?.clone()))));
    let names = ["Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];
    Made { more: beside(resource, &names), ..Made::new(name, "AWS::Lambda::Function", Value::Map(body)) }
}

/// The role of one that names none.
fn role(name: &str, properties: &Value, own: Vec<&'static str>) -> Result<Made, Wrong> {
    let logical = format!("{name}Role");
    let service = |role: &str| Value::Str(format!("arn:aws:iam::aws:policy/service-role/{role}"));
    let mut managed = vec![service("AWSLambdaBasicExecutionRole")];
    if get(properties, "VpcConfig").is_some() {
        managed.push(service("AWSLambdaVPCAccessExecutionRole"));
    }
    if get(properties, "Tracing").is_some() {
        managed.push(Value::str("arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"));
    }
    managed.extend(own.into_iter().map(service));
    let mut inline = Vec::new();
    let given = match prop(properties, "Policies") {
        Value::Null => Vec::new(),
        Value::List(items) => items,
        one => vec![one],
    };
    for (place, item) in given.into_iter().enumerate() {
        match policy::read(name, &item)? {
            policy::Policy::Managed(arn) if !managed.contains(&arn) => managed.push(arn),
            policy::Policy::Managed(_) => {}
            policy::Policy::Document(document) => {
                let called = Value::Str(format!("{logical}Policy{place}"));
                inline.push(object([("PolicyName", called), ("PolicyDocument", document)]));
            }
        }
    }
    if let Some(queue) = get(properties, "DeadLetterQueue") {
        let action = match get(queue, "Type").and_then(text).as_deref() {
            Some("SQS") => "sqs:SendMessage",
            Some("SNS") => "sns:Publish",
            _ => return invalid(name, "'DeadLetterQueue' requires Type of ['SNS', 'SQS']"),
        };
        let statement = object([
            ("Action", Value::str(action)),
            ("Resource", prop(queue, "TargetArn")),
            ("Effect", Value::str("Allow")),
        ]);
        let document = object([("Version", Value::str("2012-10-17")), ("Statement", list([statement]))]);
        let called = Value::str("DeadLetterQueuePolicy");
        inline.push(object([("PolicyName", called), ("PolicyDocument", document)]));
    }
    let trust = object([
        ("Version", Value::str("2012-10-17")),
        (
            "Statement",
            list([object([
                ("Action", texts(&["sts:AssumeRole"])),
                ("Effect", Value::str("Allow")),
                ("Principal", object([("Service", texts(&["lambda.amazonaws.com"]))])),
            ])]),
        ),
    ]);
    let created = object([("Key", Value::str(CREATED_BY)), ("Value", Value::str("SAM"))]);
    let body = object([
        ("AssumeRolePolicyDocument", trust),
        ("ManagedPolicyArns", Value::List(managed)),
        ("Policies", if inline.is_empty() { Value::Null } else { Value::List(inline) }),
        ("PermissionsBoundary", prop(properties, "PermissionsBoundary")),
        ("Tags", list([created])),
    ]);
    Ok(Made::new(logical, "AWS::IAM::Role", body))
}

/// The version of this code, and the alias that stands for it.
fn published(name: &str, properties: &Value, code: &Value, alias: &str, place: &str) -> [Made; 2] {
    let hash = match get(properties, "AutoPublishCodeSha256").and_then(text) {
        Some(told) => told.chars().take(10).collect(),
        None => hashed(&sorted(code)),
    };
    let version = format!("{name}Version{hash}");
    let body =
        object([("FunctionName", reference(name)), ("Description", prop(properties, "VersionDescription"))]);
    let stays = vec![("DeletionPolicy".to_owned(), Value::str("Retain"))];
    let first = Made { more: stays, ..Made::new(version.clone(), "AWS::Lambda::Version", body) };
    let body = object([
        ("Name", Value::str(alias)),
        ("FunctionName", reference(name)),
        ("FunctionVersion", attribute(&version, "Version")),
        ("ProvisionedConcurrencyConfig", prop(properties, "ProvisionedConcurrencyConfig")),
    ]);
    [first, Made::new(place, "AWS::Lambda::Alias", body)]
}

/// With the keys of maps in their order, as names are made of it.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|(key, item)| (key.clone(), sorted(item))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Map(entries)
        }
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Ten digits of what the value is.
fn hashed(value: &Value) -> String {
    let digest = Checksum::of(ChecksumKind::Sha1, wire::json::text(value).as_bytes());
    let bytes = STANDARD.decode(&digest).unwrap_or_default();
    bytes.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// How events that come late are handled.
fn handled(name: &str, handling: &Value, alias: Option<&str>) -> Result<Made, Wrong> {
    let destination = match get(handling, "DestinationConfig") {
        None => Value::Null,
        Some(config) => {
            let mut out = Vec::new();
            for side in ["OnSuccess", "OnFailure"] {
                let Some(own) = get(config, side) else { continue };
                let Some(place) = get(own, "Destination") else {
                    return not_built(name, "A destination that is made for a function");
                };
                out.push((side.to_owned(), object([("Destination", place.clone())])));
            }
            Value::Map(out)
        }
    };
    let body = object([
        ("FunctionName", reference(name)),
        ("Qualifier", Value::str(alias.unwrap_or("$LATEST"))),
        ("DestinationConfig", destination),
        ("MaximumEventAgeInSeconds", prop(handling, "MaximumEventAgeInSeconds")),
        ("MaximumRetryAttempts", prop(handling, "MaximumRetryAttempts")),
    ]);
    Ok(Made::new(format!("{name}EventInvokeConfig"), "AWS::Lambda::EventInvokeConfig", body))
}
