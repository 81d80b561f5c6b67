//! Versions and aliases of functions.

use super::on::{map, text_at};
use super::{BASE, Kind, Refusal};
use crate::cloudformation::template::{get, text};
use wire::Value;

const LAMBDA: &str = "lambda";

pub(super) static KINDS: &[Kind] = &[VERSION, ALIAS];

const VERSION: Kind = Kind {
    name: "AWS::Lambda::Version",
    fixed: &["CodeSha256", "Description", "FunctionName"],
    attributes: &["FunctionArn", "Version"],
    create: |on| {
        let input = map([
            ("FunctionName", on.prop("FunctionName")),
            ("CodeSha256", on.prop("CodeSha256")),
            ("Description", on.prop("Description")),
        ]);
        let answer = on.call(LAMBDA, "PublishVersion", input)?;
        let (arn, version) = (text_at(&answer, "FunctionArn"), text_at(&answer, "Version"));
        let attributes = vec![("FunctionArn", Value::str(&arn)), ("Version", Value::Str(version))];
        Ok(on.made(arn, attributes))
    },
    delete: |on| {
        let version = Value::Str(on.attribute("Version"));
        on.end(
            LAMBDA,
            "DeleteFunction",
            map([("FunctionName", on.was("FunctionName")), ("Qualifier", version)]),
        )
    },
    ..BASE
};

const ALIAS: Kind = Kind {
    name: "AWS::Lambda::Alias",
    changes: &["Description", "FunctionVersion", "RoutingConfig"],
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
        Ok(on.same())
    },
    delete: |on| {
        on.end(
            LAMBDA,
            "DeleteAlias",
            map([("FunctionName", on.was("FunctionName")), ("Name", on.was("Name"))]),
        )
    },
    ..BASE
};

/// A list of versions and weights in the template, a map of them in the request.
fn routing(given: &Value) -> Result<Value, Refusal> {
    let Some(weights) = get(given, "AdditionalVersionWeights") else { return Ok(Value::Null) };
    let Value::List(items) = weights else {
        return Err(Refusal::of("AdditionalVersionWeights must be a list."));
    };
    let pair = |item: &Value| {
        let wrong = || Refusal::of("A weight needs FunctionVersion and FunctionWeight.");
        let version = get(item, "FunctionVersion").and_then(text).ok_or_else(wrong)?;
        Ok((version, get(item, "FunctionWeight").cloned().ok_or_else(wrong)?))
    };
    let pairs = items.iter().map(pair).collect::<Result<_, Refusal>>()?;
    Ok(map([("AdditionalVersionWeights", Value::Map(pairs))]))
}
