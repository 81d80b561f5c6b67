//! Functions: the function itself, its role, what it is published as.

use super::event::{self, Target};
use super::queue::{Grant, outcome};
use super::{CREATED_BY, Made, Patch, World, attribute, beside, invalid, list, not_built, object, policy};
use super::{prop, reference, tags};
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
    "VersionDeletionPolicy",
    "FunctionUrlConfig",
    "RolePath",
    "AssumeRolePolicyDocument",
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
    let (of_events, patches) = event::made(world, name, properties, &target, &mut own_policies)?;
    let (handling, grants) = match get(properties, "EventInvokeConfig") {
        Some(handling) => handled(name, handling, alias.as_deref(), &target)?,
        None => (Vec::new(), Vec::new()),
    };
    all.push(function(name, resource, properties, code.clone()));
    if get(properties, "Role").is_none() {
        all.push(role(name, properties, own_policies, grants)?);
    }
    if let (Some(alias), Some(place)) = (&alias, &target.alias) {
        all.extend(published(name, properties, &code, alias, place));
    }
    if let Some(config) = get(properties, "FunctionUrlConfig") {
        all.extend(addressed(name, config, &target)?);
    }
    all.extend(handling);
    all.extend(of_events);
    let beside = beside(resource, &["Condition", "DeletionPolicy", "UpdateReplacePolicy"]);
    for one in all.iter_mut().skip(1) {
        one.more.retain(|(own, _)| beside.iter().all(|(name, _)| name != own));
        one.more.extend(beside.iter().cloned());
    }
    Ok((all, patches))
}

/// An object, the code itself, or an image.
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
    match get(properties, "CodeUri") {
        Some(uri) => place(name, uri, "CodeUri"),
        None => invalid(name, "Missing required property 'CodeUri'."),
    }
}

/// An object by `s3://bucket/key?versionId=v`, or by the parts of it.
pub(super) fn place(name: &str, said: &Value, property: &str) -> Result<Value, Wrong> {
    let wrong = || {
        let why = format!(
            "'{property}' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter."
        );
        invalid(name, &why)
    };
    let (bucket, key, version) = match said {
        Value::Str(uri) => {
            let place = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
            let Some((bucket, key)) = place.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            else {
                return wrong();
            };
            let (key, version) = match key.split_once("?versionId=") {
                Some((key, version)) => (key, Value::str(version)),
                None => (key, Value::Null),
            };
            (Value::str(bucket), Value::str(key), version)
        }
        map @ Value::Map(_) => {
            let (Some(bucket), Some(key)) = (get(map, "Bucket"), get(map, "Key")) else { return wrong() };
            (bucket.clone(), key.clone(), prop(map, "Version"))
        }
        _ => return wrong(),
    };
    Ok(object([("S3Bucket", bucket), ("S3Key", key), ("S3ObjectVersion", version)]))
}

fn function(name: &str, resource: &Value, properties: &Value, code: Value) -> Made {
    let role = get(properties, "Role").cloned().unwrap_or_else(|| attribute(&format!("{name}Role"), "Arn"));
    let tracing = get(properties, "Tracing").map_or(Value::Null, |mode| object([("Mode", mode.clone())]));
    let letters = get(properties, "DeadLetterQueue").and_then(|queue| get(queue, "TargetArn"));
    let letters = letters.map_or(Value::Null, |arn| object([("TargetArn", arn.clone())]));
    let Value::Map(mut body) = object([
        ("Code", code),
        ("Role", role),
        ("Tags", created(properties)),
        ("TracingConfig", tracing),
        ("DeadLetterConfig", letters),
    ]) else {
        unreachable!("an object is a map")
    };
    body.extend(PLAIN.iter().filter_map(|own| Some(((*own).to_owned(), get(properties, own)?.clone()))));
    let names = ["Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];
    Made { more: beside(resource, &names), ..Made::new(name, "AWS::Lambda::Function", Value::Map(body)) }
}

/// The function's own tags, and the one that says who made it.
fn created(properties: &Value) -> Value {
    let by = object([("Key", Value::str(CREATED_BY)), ("Value", Value::str("SAM"))]);
    Value::List([by].into_iter().chain(tags(&prop(properties, "Tags"))).collect())
}

/// The role of one that names none.
fn role(name: &str, properties: &Value, own: Vec<&'static str>, grants: Vec<Grant>) -> Result<Made, Wrong> {
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
    for Grant { name, document } in grants {
        inline.push(object([("PolicyName", Value::Str(name)), ("PolicyDocument", document)]));
    }
    let trust = get(properties, "AssumeRolePolicyDocument").cloned();
    let trust = trust.unwrap_or_else(|| super::trust("lambda.amazonaws.com"));
    let body = object([
        ("AssumeRolePolicyDocument", trust),
        ("ManagedPolicyArns", Value::List(managed)),
        ("Policies", if inline.is_empty() { Value::Null } else { Value::List(inline) }),
        ("Path", prop(properties, "RolePath")),
        ("PermissionsBoundary", prop(properties, "PermissionsBoundary")),
        ("Tags", created(properties)),
    ]);
    Ok(Made::new(logical, "AWS::IAM::Role", body))
}

/// The version of this code, and the alias that stands for it.
fn published(name: &str, properties: &Value, code: &Value, alias: &str, place: &str) -> [Made; 2] {
    let hash = match get(properties, "AutoPublishCodeSha256").and_then(text) {
        Some(told) => told.chars().take(10).collect(),
        None => hashed(code),
    };
    let version = format!("{name}Version{hash}");
    let body =
        object([("FunctionName", reference(name)), ("Description", prop(properties, "VersionDescription"))]);
    let stays = get(properties, "VersionDeletionPolicy").cloned().unwrap_or_else(|| Value::str("Retain"));
    let stays = vec![("DeletionPolicy".to_owned(), stays)];
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
pub(super) fn hashed(value: &Value) -> String {
    let digest = Checksum::of(ChecksumKind::Sha1, wire::json::text(&sorted(value)).as_bytes());
    let bytes = STANDARD.decode(&digest).unwrap_or_default();
    bytes.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// The URL of a function, and who may call it there.
fn addressed(name: &str, config: &Value, target: &Target) -> Result<Vec<Made>, Wrong> {
    let known = ["AuthType", "Cors", "InvokeMode"];
    if let Value::Map(entries) = config
        && let Some((unknown, _)) = entries.iter().find(|(own, _)| !known.contains(&own.as_str()))
    {
        return not_built(name, &format!("The property {unknown} of FunctionUrlConfig"));
    }
    let auth = prop(config, "AuthType");
    let is_public = auth.as_str() == Some("NONE");
    if !is_public
        && auth.as_str() != Some("AWS_IAM")
        && crate::cloudformation::template::function(&auth).is_none()
    {
        let why = "AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE.";
        return invalid(name, why);
    }
    let body = object([
        ("AuthType", auth.clone()),
        ("Cors", prop(config, "Cors")),
        ("InvokeMode", prop(config, "InvokeMode")),
        ("TargetFunctionArn", target.name()),
    ]);
    let mut out = vec![Made::new(format!("{name}Url"), "AWS::Lambda::Url", body)];
    if is_public {
        let permission = |suffix: &str, action: &str, more: [(&str, Value); 1]| {
            let Value::Map(mut body) = object([
                ("Action", Value::str(action)),
                ("FunctionName", target.name()),
                ("Principal", Value::str("*")),
            ]) else {
                unreachable!("an object is a map")
            };
            body.extend(more.map(|(name, value)| (name.to_owned(), value)));
            Made::new(format!("{name}{suffix}"), "AWS::Lambda::Permission", Value::Map(body))
        };
        let auth = [("FunctionUrlAuthType", auth)];
        out.push(permission("UrlPublicPermissions", "lambda:InvokeFunctionUrl", auth));
        let via = [("InvokedViaFunctionUrl", Value::Bool(true))];
        out.push(permission("URLInvokeAllowPublicAccess", "lambda:InvokeFunction", via));
    }
    Ok(out)
}

/// How events that come late are handled, and what the function's role needs for it.
fn handled(
    name: &str,
    handling: &Value,
    alias: Option<&str>,
    target: &Target,
) -> Result<(Vec<Made>, Vec<Grant>), Wrong> {
    let own = format!("{name}EventInvokeConfig");
    let (mut made, mut grants) = (Vec::new(), Vec::new());
    let destination = match get(handling, "DestinationConfig") {
        None => Value::Null,
        Some(config) => {
            let mut out = Vec::new();
            for side in ["OnSuccess", "OnFailure"] {
                let Some(config) = get(config, side) else { continue };
                let (place, grant) = outcome(name, &format!("{own}{side}"), config, &mut made)?;
                out.push((side.to_owned(), object([("Destination", place)])));
                grants.extend(grant);
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
    let depends = target.alias.iter().map(|alias| ("DependsOn".to_owned(), list([Value::str(alias)])));
    let more = depends.collect();
    made.push(Made { more, ..Made::new(own, "AWS::Lambda::EventInvokeConfig", body) });
    Ok((made, grants))
}
