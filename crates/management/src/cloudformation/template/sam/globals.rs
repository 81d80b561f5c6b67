//! `Globals`: what all resources of a kind have in common.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>

use super::{PREFIX, invalid};
use crate::cloudformation::template::{Wrong, function, get, text, wrong};
use wire::Value;

/// The kinds that may have something in common, and what, in AWS's order.
const SECTIONS: &[(&str, &[&str])] = &[
    (
        "Api",
        &[
            "Auth",
            "Name",
            "DefinitionUri",
            "CacheClusterEnabled",
            "CacheClusterSize",
            "MergeDefinitions",
            "Variables",
            "EndpointConfiguration",
            "MethodSettings",
            "BinaryMediaTypes",
            "MinimumCompressionSize",
            "Cors",
            "GatewayResponses",
            "AccessLogSetting",
            "CanarySetting",
            "TracingEnabled",
            "OpenApiVersion",
            "Domain",
            "AlwaysDeploy",
            "PropagateTags",
            "SecurityPolicy",
            "EndpointAccessMode",
        ],
    ),
    (
        "CapacityProvider",
        &[
            "VpcConfig",
            "OperatorRole",
            "Tags",
            "InstanceRequirements",
            "ScalingConfig",
            "KmsKeyArn",
            "PropagateTags",
            "LoggingConfig",
            "ManagedResourceTags",
        ],
    ),
    (
        "Function",
        &[
            "Handler",
            "Runtime",
            "CodeUri",
            "DeadLetterQueue",
            "Description",
            "MemorySize",
            "Timeout",
            "VpcConfig",
            "Environment",
            "Tags",
            "PropagateTags",
            "Tracing",
            "KmsKeyArn",
            "AutoPublishAlias",
            "AutoPublishAliasAllProperties",
            "Layers",
            "DeploymentPreference",
            "RolePath",
            "PermissionsBoundary",
            "ReservedConcurrentExecutions",
            "ProvisionedConcurrencyConfig",
            "AssumeRolePolicyDocument",
            "EventInvokeConfig",
            "FileSystemConfigs",
            "CodeSigningConfigArn",
            "Architectures",
            "SnapStart",
            "EphemeralStorage",
            "FunctionUrlConfig",
            "RuntimeManagementConfig",
            "LoggingConfig",
            "RecursiveLoop",
            "SourceKMSKeyArn",
            "TenancyConfig",
            "DurableConfig",
            "CapacityProviderConfig",
            "FunctionScalingConfig",
            "PublishToLatestPublished",
            "VersionDeletionPolicy",
        ],
    ),
    (
        "HttpApi",
        &[
            "Auth",
            "AccessLogSettings",
            "StageVariables",
            "Tags",
            "CorsConfiguration",
            "DefaultRouteSettings",
            "Domain",
            "RouteSettings",
            "FailOnWarnings",
            "PropagateTags",
        ],
    ),
    ("LayerVersion", &["PublishLambdaVersion"]),
    (
        "MicrovmImage",
        &[
            "BuildRoleArn",
            "BaseImageArn",
            "BaseImageVersion",
            "Logging",
            "EgressNetworkConnectors",
            "CpuConfigurations",
            "Resources",
            "AdditionalOsCapabilities",
            "Hooks",
            "EnvironmentVariables",
            "Tags",
            "PropagateTags",
        ],
    ),
    ("NetworkConnector", &["OperatorRole", "Tags", "PropagateTags"]),
    ("SimpleTable", &["SSESpecification"]),
    ("StateMachine", &["PropagateTags"]),
    (
        "WebSocketApi",
        &[
            "AccessLogSettings",
            "ApiKeySelectionExpression",
            "DefaultRouteSettings",
            "DisableExecuteApiEndpoint",
            "DisableSchemaValidation",
            "Domain",
            "FailOnWarnings",
            "IpAddressType",
            "PropagateTags",
            "RouteSelectionExpression",
            "RouteSettings",
            "StageVariables",
            "Tags",
        ],
    ),
];

/// What a resource has instead of what is common to its kind.
const REPLACED: &[(&str, &str)] = &[("Function", "Architectures")];

/// As Python writes a list of texts, which AWS's words have.
fn quoted(names: impl Iterator<Item = &'static str>) -> String {
    format!("[{}]", names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
}

/// Whether the section is one.
///
/// # Errors
/// The first that it may not say.
pub(super) fn check(root: &Value) -> Result<(), Wrong> {
    let told = |why: &str| wrong(format!("'Globals' section is invalid. {why}"));
    let sections = match get(root, "Globals") {
        None => return Ok(()),
        Some(Value::Map(sections)) => sections,
        Some(_) => return told("It must be a non-empty dictionary"),
    };
    for (kind, common) in sections {
        let Some((_, known)) = SECTIONS.iter().find(|(own, _)| own == kind) else {
            let all = quoted(SECTIONS.iter().map(|(kind, _)| *kind));
            return told(&format!("'{kind}' is not supported. Must be one of the following values - {all}"));
        };
        let Value::Map(common) = common else { return told("Value of ${section} must be a dictionary") };
        if let Some((other, _)) = common.iter().find(|(own, _)| !known.contains(&own.as_str())) {
            let all = quoted(known.iter().copied());
            return told(&format!(
                "'{other}' is not a supported property of '{kind}'. Must be one of the following values - {all}"
            ));
        }
    }
    Ok(())
}

/// The properties of a resource with those of all of its kind laid under them.
///
/// # Errors
/// It asks to be spared what is not there.
pub(super) fn laid(root: &Value, kind: &str, name: &str, resource: &Value) -> Result<Value, Wrong> {
    let own = get(resource, "Properties").cloned().unwrap_or_else(|| Value::Map(Vec::new()));
    if !matches!(own, Value::Map(_)) {
        return invalid(name, "Attribute 'Properties' should be a map.");
    }
    match get(root, "Globals").and_then(|globals| get(globals, kind)) {
        Some(common) => Ok(merged(kind, &spared(name, common.clone(), resource)?, &own)),
        None => Ok(own),
    }
}

/// Without what the resource's `IgnoreGlobals` names.
fn spared(name: &str, common: Value, resource: &Value) -> Result<Value, Wrong> {
    let wrong = |on: &str| {
        invalid(name, &format!("Resource {name} has invalid resource attribute 'IgnoreGlobals'{on}."))
    };
    match (get(resource, "IgnoreGlobals"), common) {
        (None, common) => Ok(common),
        (Some(Value::Str(all)), _) if all == "*" => Ok(Value::Map(Vec::new())),
        (Some(Value::List(names)), Value::Map(mut entries)) => {
            for own in names {
                let own = text(own).unwrap_or_default();
                let Some(place) = entries.iter().position(|(known, _)| *known == own) else {
                    return wrong(&format!(" on item '{own}'"));
                };
                entries.remove(place);
            }
            Ok(Value::Map(entries))
        }
        _ => wrong(""),
    }
}

/// Maps are merged, lists are joined, and else the resource's own word counts. `path`: the kind, and the property.
fn merged(path: &str, common: &Value, own: &Value) -> Value {
    match (common, own) {
        (Value::Map(these), Value::Map(those)) if function(common).is_none() && function(own).is_none() => {
            let mut out = these.clone();
            for (name, value) in those {
                let replaces = REPLACED.contains(&(path, name.as_str()));
                match out.iter_mut().find(|(known, _)| known == name) {
                    Some(entry) if !replaces => entry.1 = merged(name, &entry.1, value),
                    Some(entry) => entry.1 = value.clone(),
                    None => out.push((name.clone(), value.clone())),
                }
            }
            Value::Map(out)
        }
        (Value::List(these), Value::List(those)) => Value::List(these.iter().chain(those).cloned().collect()),
        _ => own.clone(),
    }
}

/// Whether there are resources of that kind, by AWS's name of it.
pub(super) fn is_kind(kind: &str) -> bool {
    let further = ["Application", "Connector", "GraphQLApi", "WebFunction"];
    kind.strip_prefix(PREFIX)
        .is_some_and(|own| further.contains(&own) || SECTIONS.iter().any(|(known, _)| *known == own))
}
