//! Versions and aliases of functions.

use super::on::{On, map, only, text_at};
use super::{Attributes, BASE, Done, Kind, Refusal, look};
use crate::cloudformation::template::{get, text};
use wire::Value;

const LAMBDA: &str = "lambda";

pub(super) static KINDS: &[Kind] = &[VERSION, ALIAS];

const VERSION: Kind = Kind {
    name: "AWS::Lambda::Version",
    fixed: &["CodeSha256", "Description", "FunctionName", PROVISIONED],
    attributes: &["FunctionArn", "Version"],
    create: |on| {
        let input = map([
            ("FunctionName", on.prop("FunctionName")),
            ("CodeSha256", on.prop("CodeSha256")),
            ("Description", on.prop("Description")),
        ]);
        let answer = on.call(LAMBDA, "PublishVersion", input)?;
        let (arn, version) = (text_at(&answer, "FunctionArn"), text_at(&answer, "Version"));
        provision(on, Value::str(&version))?;
        let attributes = vec![("FunctionArn", Value::str(&arn)), ("Version", Value::Str(version))];
        Ok(on.made(arn, attributes))
    },
    ready: |on| {
        let version = Value::Str(on.attribute("Version"));
        provisioned(on, version)
    },
    delete: |on| {
        let version = Value::Str(on.attribute("Version"));
        on.end(
            LAMBDA,
            "DeleteFunction",
            map([("FunctionName", on.was("FunctionName")), ("Qualifier", version)]),
        )
    },
    look: Some(&look::published::VERSION),
    ..BASE
};

const ALIAS: Kind = Kind {
    name: "AWS::Lambda::Alias",
    changes: &["Description", "FunctionVersion", PROVISIONED, "RoutingConfig"],
    fixed: &["FunctionName", "Name"],
    attributes: &["AliasArn"],
    named: Some("Name"),
    create: |on| {
        let input = map([
            ("FunctionName", on.prop("FunctionName")),
            ("Name", on.prop("Name")),
            ("FunctionVersion", on.prop("FunctionVersion")),
            ("Description", on.prop("Description")),
            ("RoutingConfig", routing(&on.prop("RoutingConfig"))?),
        ]);
        let arn = text_at(&on.call(LAMBDA, "CreateAlias", input)?, "AliasArn");
        provision(on, on.prop("Name"))?;
        Ok(on.made(arn.clone(), vec![("AliasArn", Value::Str(arn))]))
    },
    update: |on| {
        let routing = match routing(&on.prop("RoutingConfig"))? {
            Value::Null => map([("AdditionalVersionWeights", Value::Map(Vec::new()))]),
            routing => routing,
        };
        let input = map([
            ("FunctionName", on.prop("FunctionName")),
            ("Name", on.prop("Name")),
            ("FunctionVersion", on.prop("FunctionVersion")),
            ("Description", Value::Str(on.text("Description").unwrap_or_default())),
            ("RoutingConfig", routing),
        ]);
        on.call(LAMBDA, "UpdateAlias", input)?;
        provision(on, on.prop("Name"))?;
        Ok(on.same())
    },
    ready: |on| provisioned(on, on.prop("Name")),
    delete: |on| {
        on.end(
            LAMBDA,
            "DeleteAlias",
            map([("FunctionName", on.was("FunctionName")), ("Name", on.was("Name"))]),
        )
    },
    look: Some(&look::published::ALIAS),
    ..BASE
};

const PROVISIONED: &str = "ProvisionedConcurrencyConfig";

/// What is provisioned of a version or an alias becomes what the template says.
fn provision(on: &mut On<'_, '_>, qualifier: Value) -> Done<()> {
    if !on.changed(PROVISIONED) {
        return Ok(());
    }
    on.only(&[(PROVISIONED, &["ProvisionedConcurrentExecutions"])])?;
    let of = [("FunctionName", on.prop("FunctionName")), ("Qualifier", qualifier)];
    let wanted = on.prop(PROVISIONED);
    if wanted == Value::Null {
        return on.end(LAMBDA, "DeleteProvisionedConcurrencyConfig", map(of));
    }
    let number = get(&wanted, "ProvisionedConcurrentExecutions").cloned().unwrap_or(Value::Null);
    let [function, qualifier] = of;
    let input = map([function, qualifier, ("ProvisionedConcurrentExecutions", number)]);
    on.call(LAMBDA, "PutProvisionedConcurrencyConfig", input).map(drop)
}

/// Whether all that is provisioned of a version or an alias has begun.
fn provisioned(on: &mut On<'_, '_>, qualifier: Value) -> Done<Option<Attributes>> {
    if on.prop(PROVISIONED) == Value::Null {
        return Ok(Some(Vec::new()));
    }
    let of = map([("FunctionName", on.prop("FunctionName")), ("Qualifier", qualifier)]);
    let answer = on.call(LAMBDA, "GetProvisionedConcurrencyConfig", of)?;
    match text_at(&answer, "Status").as_str() {
        "READY" => Ok(Some(Vec::new())),
        "FAILED" => Err(Refusal::of(format!(
            "Provisioned Concurrency configuration failed to be applied. Reason: {}",
            text_at(&answer, "StatusReason")
        ))),
        _ => Ok(None),
    }
}

/// A list of versions and weights in the template, a map of them in the request.
fn routing(given: &Value) -> Result<Value, Refusal> {
    only(given, &["AdditionalVersionWeights"])?;
    let Some(weights) = get(given, "AdditionalVersionWeights") else { return Ok(Value::Null) };
    let Value::List(items) = weights else {
        return Err(Refusal::of("AdditionalVersionWeights must be a list."));
    };
    let pair = |item: &Value| {
        only(item, &["FunctionVersion", "FunctionWeight"])?;
        let wrong = || Refusal::of("A weight needs FunctionVersion and FunctionWeight.");
        let version = get(item, "FunctionVersion").and_then(text).ok_or_else(wrong)?;
        Ok((version, get(item, "FunctionWeight").cloned().ok_or_else(wrong)?))
    };
    let pairs = items.iter().map(pair).collect::<Result<_, Refusal>>()?;
    Ok(map([("AdditionalVersionWeights", Value::Map(pairs))]))
}
