//! Templates of experiments.

use super::on::{On, Tagger, map, text_at};
use super::{BASE, Kind, look};
use wire::Value;

pub(super) const FIS: &str = "fis";
const TAGGER: Tagger = Tagger::by_arn(FIS);
/// What a template says under names of its own.
const OWN_NAMES: &[&str] = &["Parameters", "ResourceTags", "Targets"];

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::FIS::ExperimentTemplate",
    changes: &[
        "Actions",
        "Description",
        "ExperimentOptions",
        "LogConfiguration",
        "RoleArn",
        "StopConditions",
        "Tags",
        "Targets",
    ],
    attributes: &["Id"],
    create: |on| {
        let Value::Map(mut input) = said(on) else { return Ok(on.same()) };
        input.push(("clientToken".to_owned(), Value::Str(on.generated(64))));
        input.push(("tags".to_owned(), on.prop("Tags")));
        input.retain(|(_, value)| !matches!(value, Value::Null));
        let made = on.call(FIS, "CreateExperimentTemplate", Value::Map(input))?;
        let id = text_at(&made, "experimentTemplate.id");
        Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
    },
    update: |on| {
        let Value::Map(mut input) = said(on) else { return Ok(on.same()) };
        input.push(("id".to_owned(), on.physical()));
        on.call(FIS, "UpdateExperimentTemplate", Value::Map(input))?;
        let arn = arn(on);
        on.retag(&TAGGER, arn)?;
        Ok(on.same())
    },
    delete: |on| on.end(FIS, "DeleteExperimentTemplate", map([("id", on.physical())])),
    mark: Some(|on| {
        let arn = arn(on);
        on.mark(&TAGGER, arn)
    }),
    look: Some(&look::fis::TEMPLATE),
    ..BASE
}];

fn arn(on: &On<'_, '_>) -> Value {
    on.arn(FIS, &format!("experiment-template/{}", on.physical))
}

/// Each by its own name, which stays; its members as the service, or the template, calls them.
pub(super) fn each(named: Value, called: fn(Value) -> Value) -> Value {
    match named {
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(name, value)| (name, called(value))).collect())
        }
        other => other,
    }
}

/// The service's names as the template has them.
pub(super) fn raised(value: Value) -> Value {
    let member = |(name, value): (String, Value)| {
        let mut chars = name.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        let name: String = first.into_iter().chain(chars).collect();
        let own = OWN_NAMES.contains(&name.as_str());
        (name, if own { value } else { raised(value) })
    };
    match value {
        Value::Map(entries) => Value::Map(entries.into_iter().map(member).collect()),
        Value::List(items) => Value::List(items.into_iter().map(raised).collect()),
        other => other,
    }
}

fn lowered(value: Value) -> Value {
    match value {
        Value::Map(entries) => Value::Map(entries.into_iter().map(member).collect()),
        Value::List(items) => Value::List(items.into_iter().map(lowered).collect()),
        other => other,
    }
}

fn member((name, value): (String, Value)) -> (String, Value) {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    let own = OWN_NAMES.contains(&name.as_str());
    (first.into_iter().chain(chars).collect(), if own { value } else { lowered(value) })
}

fn said(on: &On<'_, '_>) -> Value {
    map([
        ("actions", each(on.prop("Actions"), lowered)),
        ("description", on.prop("Description")),
        ("experimentOptions", lowered(on.prop("ExperimentOptions"))),
        ("logConfiguration", lowered(on.prop("LogConfiguration"))),
        ("roleArn", on.prop("RoleArn")),
        ("stopConditions", lowered(on.prop("StopConditions"))),
        ("targets", each(on.prop("Targets"), lowered)),
    ])
}
