//! EventBridge Pipes' pipes.

use super::on::{Form, On, Tagger, map, text_at};
use super::{BASE, Done, Kind, Refusal, look};
use wire::Value;

pub(super) const PIPES: &str = "pipes";
const TAGGER: Tagger = Tagger::by_arn(PIPES);

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::Pipes::Pipe",
    changes: &[
        "Description",
        "DesiredState",
        "Enrichment",
        "EnrichmentParameters",
        "KmsKeyIdentifier",
        "LogConfiguration",
        "RoleArn",
        "SourceParameters",
        "Tags",
        "Target",
        "TargetParameters",
    ],
    fixed: &["Name", "Source"],
    attributes: &["Arn", "CreationTime", "CurrentState", "LastModifiedTime", "StateReason"],
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 64);
        let parameters = on.prop("SourceParameters");
        let input = members(on, &name, parameters, [on.prop("Source"), on.tags(Form::Map)])?;
        on.call(PIPES, "CreatePipe", input)?;
        let arn = on.arn(PIPES, &format!("pipe/{name}"));
        Ok(on.made(name, vec![("Arn", arn)]))
    },
    update: |on| {
        let parameters = without_start(on.prop("SourceParameters"));
        let input = members(on, on.physical, parameters, [Value::Null, Value::Null])?;
        on.call(PIPES, "UpdatePipe", input)?;
        let arn = Value::Str(on.attribute("Arn"));
        on.retag(&TAGGER, arn)?;
        Ok(on.same())
    },
    mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("Arn")))),
    ready: |on| {
        let seen = on.call(PIPES, "DescribePipe", map([("Name", on.physical())]))?;
        let state = text_at(&seen, "CurrentState");
        match state.as_str() {
            "RUNNING" | "STOPPED" => {}
            failed if failed.ends_with("_FAILED") => return Err(Refusal::of(text_at(&seen, "StateReason"))),
            _ => return Ok(None),
        }
        let names = ["CreationTime", "LastModifiedTime", "StateReason"];
        let known = names.map(|name| (name, seen.member(name).cloned().unwrap_or(Value::Null)));
        Ok(Some(known.into_iter().chain([("CurrentState", Value::Str(state))]).collect()))
    },
    delete: |on| on.end(PIPES, "DeletePipe", map([("Name", on.physical())])),
    gone: |on| match on.call(PIPES, "DescribePipe", map([("Name", on.physical())])) {
        Ok(_) => Ok(false),
        Err(refusal) if refusal.gone => Ok(true),
        Err(refusal) => Err(refusal),
    },
    look: Some(&look::pipes::PIPE),
    ..BASE
}];

/// Where a stream is begun is said once.
fn without_start(parameters: Value) -> Value {
    let Value::Map(mut all) = parameters else { return parameters };
    for (name, value) in &mut all {
        if let (true, Value::Map(inner)) = (name == "DynamoDBStreamParameters", value) {
            inner.retain(|(name, _)| name != "StartingPosition");
        }
    }
    Value::Map(all)
}

const PLACES: &[(&str, &[&str])] = &[
    ("SourceParameters", &["DynamoDBStreamParameters", "FilterCriteria", "SqsQueueParameters"]),
    ("EnrichmentParameters", &["HttpParameters", "InputTemplate"]),
    (
        "TargetParameters",
        &[
            "CloudWatchLogsParameters",
            "EventBridgeEventBusParameters",
            "HttpParameters",
            "InputTemplate",
            "LambdaFunctionParameters",
            "SqsQueueParameters",
        ],
    ),
];

/// AWS: of a pipe that is there, what is not said stays, and an empty text takes it away.
fn members(on: &On<'_, '_>, name: &str, parameters: Value, [source, tags]: [Value; 2]) -> Done<Value> {
    on.only(PLACES)?;
    let is_there = source == Value::Null;
    let text = |name: &str| match on.prop(name) {
        Value::Null if is_there => Value::str(""),
        told => told,
    };
    Ok(map([
        ("Name", Value::str(name)),
        ("Source", source),
        ("Tags", tags),
        ("Description", text("Description")),
        ("DesiredState", on.prop("DesiredState")),
        ("Enrichment", text("Enrichment")),
        ("EnrichmentParameters", on.prop("EnrichmentParameters")),
        ("KmsKeyIdentifier", on.prop("KmsKeyIdentifier")),
        ("LogConfiguration", on.prop("LogConfiguration")),
        ("RoleArn", on.prop("RoleArn")),
        ("SourceParameters", parameters),
        ("Target", on.prop("Target")),
        ("TargetParameters", on.prop("TargetParameters")),
    ]))
}
