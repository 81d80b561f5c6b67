//! Functions: the function itself, its address, and how its events are handled.

use super::event::{self, Target};
use super::queue::{Grant, Outcome};
use super::{
    Built, CREATED_BY, Made, Untransformed, beside, invalid, list, not_built, object, prop, reference, role,
};
use super::{set, tags, version};
use crate::cloudformation::template::{Wrong, get, text};
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
    "AutoPublishAliasAllProperties",
    "DeploymentPreference",
    "PropagateTags",
];
/// What must be a map.
const MAPS: &[&str] = &[
    "DeadLetterQueue",
    "AssumeRolePolicyDocument",
    "Events",
    "Tags",
    "DeploymentPreference",
    "EventInvokeConfig",
    "SnapStart",
    "FunctionUrlConfig",
];

/// What AWS's transform knows and this one does not do.
const ABSENT: &[&str] = &[
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "RuntimeManagementConfig",
    "SourceKMSKeyArn",
    "CapacityProviderConfig",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "TenancyConfig",
    "DurableConfig",
];

pub(super) fn made(
    world: &Untransformed<'_>,
    name: &str,
    resource: &Value,
    properties: &Value,
) -> Result<Built, Wrong> {
    known(world, name, properties)?;
    role::letters(name, properties)?;
    let code = code(name, properties)?;
    packaged(name, properties)?;
    let alias = version::alias(world, name, properties)?;
    if alias.is_none() && get(properties, "ProvisionedConcurrencyConfig").is_some() {
        let why = "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function";
        return invalid(name, why);
    }
    let condition = get(resource, "Condition").and_then(Value::as_str);
    let target = Target {
        function: name.to_owned(),
        alias: alias.as_ref().map(|alias| version::place(name, alias)),
        condition: condition.map(str::to_owned),
    };
    let mut built = Built::default();
    let mut own = function(world, name, resource, properties, code)?;
    if let Some(alias) = &alias {
        built.made.extend(version::published(world, name, properties, &own.properties, alias)?);
    }
    if let Some(config) = get(properties, "FunctionUrlConfig") {
        built.made.extend(addressed(name, config, &target)?);
    }
    let outcomes = match get(properties, "EventInvokeConfig") {
        Some(handling) => handled(name, resource, handling, alias.as_deref(), &target, &mut built)?,
        None => Vec::new(),
    };
    let needs = event::made(world, name, properties, &target, &mut built)?;
    let chosen = role::chosen(properties, role::made(world, name, properties, outcomes, needs)?);
    set(&mut own.properties, "Role", chosen.role);
    built.made.extend(chosen.made);
    built.conditions.extend(chosen.condition);
    for one in &mut built.made {
        one.stands_as(resource);
    }
    built.made.insert(0, own);
    if propagates(world, properties) {
        built.made.iter_mut().for_each(|one| one.tag(&prop(properties, "Tags")));
    }
    Ok(built)
}

/// Whether all that a function becomes has its tags.
fn propagates(world: &Untransformed<'_>, properties: &Value) -> bool {
    let said = get(properties, "PropagateTags");
    said.is_some_and(|said| world.resolved(said).as_deref() != Some("false"))
}

/// Nothing of what is given is passed over.
fn known(world: &Untransformed<'_>, name: &str, properties: &Value) -> Result<(), Wrong> {
    let Value::Map(entries) = properties else { return Ok(()) };
    let known = |own: &str| PLAIN.contains(&own) || OWN.contains(&own);
    if let Some((other, _)) = entries.iter().find(|(own, _)| !known(own)) {
        if ABSENT.contains(&other.as_str()) {
            return not_built(name, &format!("The property {other} of AWS::Serverless::Function"));
        }
        let why = format!("property {other} not defined for resource of type AWS::Serverless::Function");
        return invalid(name, &why);
    }
    let is_map = |own: &&&str| matches!(get(properties, own), None | Some(Value::Map(_)));
    if let Some(other) = MAPS.iter().find(|own| !is_map(own)) {
        return invalid(name, &format!("Property '{other}' should be a map."));
    }
    match get(properties, "VersionDeletionPolicy").map(text) {
        Some(Some(policy)) if !["Delete", "Retain"].contains(&policy.as_str()) => {
            return invalid(name, "Type of property 'VersionDeletionPolicy' is invalid.");
        }
        Some(_) if get(properties, "AutoPublishAlias").is_none() => {
            return invalid(name, "'VersionDeletionPolicy' requires 'AutoPublishAlias'.");
        }
        _ => {}
    }
    // There is no CodeDeploy here, which shifts traffic where one is enabled.
    match get(properties, "DeploymentPreference") {
        Some(preference) if !is_off(world, preference) => not_built(
            name,
            "The property DeploymentPreference of AWS::Serverless::Function, while it is enabled,",
        ),
        _ => Ok(()),
    }
}

fn is_off(world: &Untransformed<'_>, preference: &Value) -> bool {
    let enabled = get(preference, "Enabled").map(|enabled| world.mapped(enabled));
    enabled.flatten().is_some_and(|enabled| matches!(enabled.as_str(), "false" | "False"))
}

fn packs_image(properties: &Value) -> bool {
    get(properties, "PackageType").and_then(text).as_deref() == Some("Image")
}

/// An object, the code itself, or an image.
fn code(name: &str, properties: &Value) -> Result<Value, Wrong> {
    match get(properties, "PackageType").and_then(text).as_deref() {
        None | Some("Zip") => {}
        Some("Image") => {
            return match get(properties, "ImageUri") {
                Some(uri) => Ok(object([("ImageUri", uri.clone())])),
                None => invalid(name, "'ImageUri' must be set."),
            };
        }
        Some(other) => return invalid(name, &format!("invalid 'PackageType' : {other}")),
    }
    match (get(properties, "InlineCode"), get(properties, "CodeUri")) {
        (Some(inline), _) => Ok(object([("ZipFile", inline.clone())])),
        (None, Some(uri)) => place(name, uri, "CodeUri"),
        (None, None) => invalid(name, "Only one of 'InlineCode' or 'CodeUri' can be set."),
    }
}

/// What goes with code, and what with an image.
fn packaged(name: &str, properties: &Value) -> Result<(), Wrong> {
    let has = |own: &str| get(properties, own).is_some();
    if packs_image(properties) {
        if has("Handler") || has("Runtime") || has("Layers") {
            let why = "Runtime, Handler, Layers cannot be present when PackageType is of type `Image`";
            return invalid(name, why);
        }
        return Ok(());
    }
    if !has("Handler") || !has("Runtime") {
        let why = "Runtime and Handler needs to be present when PackageType is of type `Zip`";
        return invalid(name, why);
    }
    if has("ImageConfig") {
        let why = "ImageUri or ImageConfig cannot be present when PackageType is of type `Zip`";
        return invalid(name, why);
    }
    Ok(())
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
            let (Some(bucket), Some(key)) = (get(map, "Bucket"), get(map, "Key")) else {
                let why = format!("'{property}' requires Bucket and Key properties to be specified.");
                return invalid(name, &why);
            };
            (bucket.clone(), key.clone(), prop(map, "Version"))
        }
        _ => return invalid(name, &format!("'{property}' must be of type dict or string.")),
    };
    Ok(object([("S3Bucket", bucket), ("S3Key", key), ("S3ObjectVersion", version)]))
}

/// How it is traced, unless it says that it is not.
pub(super) fn traced<'v>(world: &Untransformed<'_>, properties: &'v Value) -> Option<&'v Value> {
    get(properties, "Tracing").filter(|mode| world.resolved(mode).as_deref() != Some("Disabled"))
}

/// The function as it is, but for its role.
fn function(
    world: &Untransformed<'_>,
    name: &str,
    resource: &Value,
    properties: &Value,
    code: Value,
) -> Result<Made, Wrong> {
    let tracing = traced(world, properties).map_or(Value::Null, |mode| object([("Mode", mode.clone())]));
    let letters = get(properties, "DeadLetterQueue").and_then(|queue| get(queue, "TargetArn"));
    let letters = letters.map_or(Value::Null, |arn| object([("TargetArn", arn.clone())]));
    let Value::Map(mut body) = object([
        ("Code", code),
        ("Role", prop(properties, "Role")),
        ("Tags", created(properties)),
        ("TracingConfig", tracing),
        ("DeadLetterConfig", letters),
    ]) else {
        unreachable!("an object is a map")
    };
    body.extend(PLAIN.iter().filter_map(|own| Some(((*own).to_owned(), get(properties, own)?.clone()))));
    let mut body = Value::Map(body);
    if let Some(told) = version::told(world, name, properties)? {
        // Else nothing of the function changes where only the content of its object does.
        let described = match get(properties, "Description") {
            None => Value::Str(told),
            Some(own) => match world.resolved(own) {
                Some(own) if own.is_empty() => Value::Str(told),
                Some(own) => Value::Str(format!("{own} {told}")),
                None => {
                    let words = list([world.filled(own), Value::Str(told)]);
                    object([("Fn::Join", list([Value::str(" "), words]))])
                }
            },
        };
        set(&mut body, "Description", described);
    }
    let names = ["Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];
    Ok(Made { more: beside(resource, &names), ..Made::new(name, "AWS::Lambda::Function", body) })
}

/// The function's own tags, and the one that says who made it.
pub(super) fn created(properties: &Value) -> Value {
    let by = object([("Key", Value::str(CREATED_BY)), ("Value", Value::str("SAM"))]);
    Value::List([by].into_iter().chain(tags(&prop(properties, "Tags"))).collect())
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
    resource: &Value,
    handling: &Value,
    alias: Option<&str>,
    target: &Target,
    built: &mut Built,
) -> Result<Vec<Grant>, Wrong> {
    let own = format!("{name}EventInvokeConfig");
    let mut grants = Vec::new();
    let destination = match get(handling, "DestinationConfig") {
        None => Value::Null,
        Some(config @ Value::Map(_)) => {
            let mut out = Vec::new();
            for side in ["OnSuccess", "OnFailure"] {
                let Some(config) = get(config, side) else { continue };
                if !matches!(config, Value::Map(_)) {
                    let why =
                        format!("Property 'EventInvokeConfig.DestinationConfig.{side}' should be a map.");
                    return invalid(name, &why);
                }
                let outcome =
                    Outcome { function: name, handling: &own, side, condition: target.condition.as_deref() };
                let (place, grant) = outcome.placed(config, built)?;
                out.push((side.to_owned(), object([("Destination", place)])));
                grants.extend(grant);
            }
            Value::Map(out)
        }
        Some(_) => return invalid(name, "Property 'EventInvokeConfig.DestinationConfig' should be a map."),
    };
    let body = object([
        ("FunctionName", reference(name)),
        ("Qualifier", Value::str(alias.unwrap_or("$LATEST"))),
        ("DestinationConfig", destination),
        ("MaximumEventAgeInSeconds", prop(handling, "MaximumEventAgeInSeconds")),
        ("MaximumRetryAttempts", prop(handling, "MaximumRetryAttempts")),
    ]);
    let depends = target.alias.iter().map(|alias| ("DependsOn".to_owned(), list([Value::str(alias)])));
    let more = depends.chain(beside(resource, &["Metadata"])).collect();
    built.made.push(Made { more, ..Made::new(own, "AWS::Lambda::EventInvokeConfig", body) });
    Ok(grants)
}
