//! Parameter Store's parameters.

use super::on::{On, map};
use super::{BASE, Done, Kind, Made, Refusal};
use wire::Value;

const SSM: &str = "ssm";

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::SSM::Parameter",
    changes: &["AllowedPattern", "DataType", "Description", "Tags", "Tier", "Type", "Value"],
    fixed: &["Name"],
    attributes: &["Type", "Value"],
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 1_011);
        put(on, &name, ("Tags", list(&on.prop("Tags"))))?;
        Ok(on.made(name, known(on)))
    },
    update,
    delete: |on| on.end(SSM, "DeleteParameter", map([("Name", on.physical())])),
    ..BASE
}];

fn known(on: &On<'_, '_>) -> Vec<(&'static str, Value)> {
    vec![("Type", on.prop("Type")), ("Value", on.prop("Value"))]
}

fn put(on: &mut On<'_, '_>, name: &str, last: (&'static str, Value)) -> Done<()> {
    if on.text("Type").is_some_and(|kind| kind == "SecureString") {
        // AWS: templates are no place for secrets.
        return Err(Refusal::of("AWS::SSM::Parameter does not create parameters of the type SecureString."));
    }
    let input = map([
        ("Name", Value::str(name)),
        ("AllowedPattern", on.prop("AllowedPattern")),
        ("DataType", on.prop("DataType")),
        ("Description", on.prop("Description")),
        ("Tier", on.prop("Tier")),
        ("Type", on.prop("Type")),
        ("Value", on.prop("Value")),
        last,
    ]);
    on.call(SSM, "PutParameter", input).map(drop)
}

/// This kind's tags are a map in the template, and a list for the service.
fn list(tags: &Value) -> Value {
    let Value::Map(entries) = tags else { return Value::Null };
    let pair = |(key, value): &(String, Value)| map([("Key", Value::str(key)), ("Value", value.clone())]);
    Value::List(entries.iter().map(pair).collect())
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    if ["AllowedPattern", "DataType", "Description", "Tier", "Type", "Value"]
        .iter()
        .any(|name| on.changed(name))
    {
        put(on, on.physical, ("Overwrite", Value::Bool(true)))?;
    }
    if on.changed("Tags") {
        let resource = [("ResourceType", Value::str("Parameter")), ("ResourceId", on.physical())];
        let [kind, id] = resource;
        if let Value::Map(entries) = on.was("Tags") {
            let keys = Value::List(entries.into_iter().map(|(key, _)| Value::Str(key)).collect());
            let input = map([kind.clone(), id.clone(), ("TagKeys", keys)]);
            on.call(SSM, "RemoveTagsFromResource", input)?;
        }
        if let tags @ Value::List(_) = list(&on.prop("Tags")) {
            on.call(SSM, "AddTagsToResource", map([kind, id, ("Tags", tags)]))?;
        }
    }
    Ok(Made { physical: on.physical.to_owned(), attributes: known(on) })
}
