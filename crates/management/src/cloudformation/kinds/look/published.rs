//! What functions have beside themselves: versions, aliases, addresses, event sources, layers, and who may call them.
//! Content of layers is not seen, nor when a mapping begins.

use super::machine::put;
use super::{Look, PLAIN, Seen, gone, list, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::function::{LAMBDA, numbered};
use crate::cloudformation::kinds::on::{On, map, text_at};
use wire::Value;

pub(in crate::cloudformation::kinds) static ALIAS: Look = Look {
    sees: &[
        "Description",
        "FunctionName",
        "FunctionVersion",
        "Name",
        "ProvisionedConcurrencyConfig",
        "RoutingConfig",
    ],
    read: |on| {
        let (function, name) = qualified(on.physical);
        let of = ("FunctionName", Value::str(function));
        let told = on.ask(LAMBDA, "GetAlias", map([of, ("Name", Value::str(name))]))?;
        let mut all = ALIAS.rows(on, &told, &[]);
        put(&mut all, "FunctionName", function_as_written(on, "FunctionName", function));
        let weight = |(version, weight): &(String, Value)| {
            map([("FunctionVersion", Value::str(version)), ("FunctionWeight", weight.clone())])
        };
        let weights = match own(&told, "RoutingConfig.AdditionalVersionWeights") {
            Value::Map(all) => all.iter().map(weight).collect(),
            _ => Vec::new(),
        };
        put(&mut all, "RoutingConfig", map([("AdditionalVersionWeights", Value::List(weights))]));
        put(&mut all, PROVISIONED, provisioned(on, function, name)?);
        Ok(Seen::of(all, vec![("AliasArn", own(&told, "AliasArn"))]))
    },
    identifiers: &["AliasArn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static VERSION: Look = Look {
    sees: &["CodeSha256", "Description", "FunctionName", "ProvisionedConcurrencyConfig"],
    read: |on| {
        let (function, number) = qualified(on.physical);
        let told = on.ask(LAMBDA, "GetFunctionConfiguration", map([("FunctionName", on.physical())]))?;
        let mut all = VERSION.rows(on, &told, &[]);
        put(&mut all, "FunctionName", function_as_written(on, "FunctionName", function));
        put(&mut all, PROVISIONED, provisioned(on, function, number)?);
        Ok(Seen::of(all, vec![("FunctionArn", on.physical()), ("Version", own(&told, "Version"))]))
    },
    identifiers: &["FunctionArn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ADDRESS: Look = Look {
    sees: &["AuthType", "Cors", "InvokeMode", "Qualifier", "TargetFunctionArn"],
    read: |on| {
        let (function, qualifier) = qualified(on.physical);
        let qualifier = if qualifier.is_empty() { Value::Null } else { Value::str(qualifier) };
        let asked = map([("FunctionName", Value::str(function)), ("Qualifier", qualifier.clone())]);
        let told = on.ask(LAMBDA, "GetFunctionUrlConfig", asked)?;
        let mut all = ADDRESS.rows(on, &told, &[]);
        put(&mut all, "Qualifier", qualifier);
        put(&mut all, "TargetFunctionArn", function_as_written(on, "TargetFunctionArn", function));
        let attributes = ["FunctionArn", "FunctionUrl"].map(|name| (name, own(&told, name)));
        Ok(Seen::of(all, attributes.to_vec()))
    },
    identifiers: &["FunctionArn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static MAPPING: Look = Look {
    sees: &[
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "Enabled",
        "EventSourceArn",
        "FilterCriteria",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "ScalingConfig",
        "StartingPosition",
        "Tags",
        "TumblingWindowInSeconds",
    ],
    read: |on| {
        let told = on.ask(LAMBDA, "GetEventSourceMapping", map([("UUID", on.physical())]))?;
        let mut all = MAPPING.rows(on, &told, &[]);
        let enabled =
            matches!(text_at(&told, "State").as_str(), "Creating" | "Enabling" | "Enabled" | "Updating");
        put(&mut all, "Enabled", Value::Bool(enabled));
        let function = text_at(&told, "FunctionArn");
        put(&mut all, "FunctionName", function_as_written(on, "FunctionName", &function));
        let arn = own(&told, "EventSourceMappingArn");
        let tagged = on.ask(LAMBDA, "ListTags", map([("Resource", arn.clone())]))?;
        put(&mut all, "Tags", on.tags_as_written(&own(&tagged, "Tags")));
        Ok(Seen::of(all, vec![("EventSourceMappingArn", arn), ("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static HANDLING: Look = Look {
    sees: &[
        "DestinationConfig",
        "FunctionName",
        "MaximumEventAgeInSeconds",
        "MaximumRetryAttempts",
        "Qualifier",
    ],
    read: |on| {
        let of = ["FunctionName", "Qualifier"].map(|name| (name, Value::Str(on.identity(name))));
        let told = on.ask(LAMBDA, "GetFunctionEventInvokeConfig", map(of.clone()))?;
        let mut all = HANDLING.rows(on, &told, &[]);
        of.into_iter().for_each(|(name, value)| put(&mut all, name, value));
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["FunctionName", "Qualifier"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static LAYER: Look = Look {
    sees: &["CompatibleArchitectures", "CompatibleRuntimes", "Description", "LayerName", "LicenseInfo"],
    read: |on| {
        let told = on.ask(LAMBDA, "GetLayerVersionByArn", map([("Arn", on.physical())]))?;
        let mut all = LAYER.rows(on, &told, &[]);
        let arn = text_at(&told, "LayerArn");
        put(&mut all, "LayerName", Value::str(arn.rsplit(':').next().unwrap_or_default()));
        Ok(Seen::of(all, vec![("LayerVersionArn", on.physical())]))
    },
    identifiers: &["LayerVersionArn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static LAYER_PERMISSION: Look = Look {
    sees: &["Action", "LayerVersionArn", "OrganizationId", "Principal"],
    read: |on| {
        let (arn, name) = on.physical.rsplit_once('#').ok_or_else(|| gone(on.physical))?;
        let (layer, version) = numbered(arn)?;
        let asked = map([("LayerName", layer), ("VersionNumber", version)]);
        let told = on.ask(LAMBDA, "GetLayerVersionPolicy", asked)?;
        let statement = statement(on, &told, name)?;
        let all = vec![
            ("Action".to_owned(), own(&statement, "Action")),
            ("LayerVersionArn".to_owned(), Value::str(arn)),
            ("OrganizationId".to_owned(), condition(&statement, "aws:PrincipalOrgID")),
            ("Principal".to_owned(), principal(on, &statement)),
        ];
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static PERMISSION: Look = Look {
    sees: &[
        "Action",
        "EventSourceToken",
        "FunctionName",
        "FunctionUrlAuthType",
        "InvokedViaFunctionUrl",
        "Principal",
        "PrincipalOrgID",
        "SourceAccount",
        "SourceArn",
    ],
    read: |on| {
        let function = Value::Str(on.identity("FunctionName"));
        let told = on.ask(LAMBDA, "GetPolicy", map([("FunctionName", function.clone())]))?;
        let statement = statement(on, &told, on.physical)?;
        let of = |key: &str| condition(&statement, key);
        let all = vec![
            ("Action".to_owned(), own(&statement, "Action")),
            ("EventSourceToken".to_owned(), of("lambda:EventSourceToken")),
            ("FunctionName".to_owned(), function),
            ("FunctionUrlAuthType".to_owned(), of("lambda:FunctionUrlAuthType")),
            ("InvokedViaFunctionUrl".to_owned(), of("lambda:InvokedViaFunctionUrl")),
            ("Principal".to_owned(), principal(on, &statement)),
            ("PrincipalOrgID".to_owned(), of("aws:PrincipalOrgID")),
            ("SourceAccount".to_owned(), of("AWS:SourceAccount")),
            ("SourceArn".to_owned(), of("AWS:SourceArn")),
        ];
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["FunctionName", "Id"],
    called: |values| values[1].clone(),
    ..PLAIN
};

const PROVISIONED: &str = "ProvisionedConcurrencyConfig";
/// `arn:aws:lambda:region:account:function:name`
const ARN_PARTS: usize = 7;

/// A function's ARN and what of it is meant; nothing where that is the function itself.
fn qualified(arn: &str) -> (&str, &str) {
    match arn.matches(':').count() >= ARN_PARTS {
        true => arn.rsplit_once(':').unwrap_or((arn, "")),
        false => (arn, ""),
    }
}

/// A function has many names.
fn function_as_written(on: &On<'_, '_>, property: &str, arn: &str) -> Value {
    let is_it = |wanted: &Value| {
        wanted.as_str().is_some_and(|name| arn == name || arn.ends_with(&format!(":{name}")))
    };
    on.as_written(property, is_it, Value::str(arn))
}

fn provisioned(on: &mut On<'_, '_>, function: &str, qualifier: &str) -> Done<Value> {
    let asked = map([("FunctionName", Value::str(function)), ("Qualifier", Value::str(qualifier))]);
    let told = on.ask_if_any(LAMBDA, "GetProvisionedConcurrencyConfig", asked)?;
    let number = own(&told, "RequestedProvisionedConcurrentExecutions");
    Ok(match number {
        Value::Null => Value::Null,
        number => map([("ProvisionedConcurrentExecutions", number)]),
    })
}

/// The statement by this name in the policy that a service tells of.
fn statement(on: &On<'_, '_>, told: &Value, name: &str) -> Done<Value> {
    let policy = wire::json::read(&text_at(told, "Policy")).unwrap_or(Value::Null);
    let found = list(&policy, "Statement").into_iter().find(|one| text_at(one, "Sid") == name);
    found.ok_or_else(|| gone(on.physical))
}

/// What a statement's conditions say of a key, by whichever operator.
fn condition(statement: &Value, key: &str) -> Value {
    let Value::Map(operators) = own(statement, "Condition") else { return Value::Null };
    let all = operators.iter().flat_map(|(_, keys)| match keys {
        Value::Map(keys) => keys.clone(),
        _ => Vec::new(),
    });
    all.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map_or(Value::Null, |(_, value)| value)
}

/// Whom a statement lets in, as the template has it: an account is written by its number, too.
fn principal(on: &On<'_, '_>, statement: &Value) -> Value {
    let told = match own(statement, "Principal") {
        Value::Map(all) => all.into_iter().next().map_or(Value::Null, |(_, value)| value),
        one => one,
    };
    let arn = told.as_str().unwrap_or_default().to_owned();
    let is_it =
        |wanted: &Value| wanted.as_str().is_some_and(|account| arn == format!("arn:aws:iam::{account}:root"));
    on.as_written("Principal", is_it, told)
}
