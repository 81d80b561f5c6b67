//! Parameter Store's parameters.

use super::on::{KEYS, On, map, pairs, tags_as};
use super::{BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

pub(super) const SSM: &str = "ssm";

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::SSM::Parameter",
    changes: &["AllowedPattern", "DataType", "Description", "Tags", "Tier", "Type", "Value"],
    fixed: &["Name"],
    attributes: &["Type", "Value"],
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 1_011);
        put(on, &name, ("Tags", on.tags(KEYS)))?;
        Ok(on.made(name, known(on)))
    },
    update,
    delete: |on| on.end(SSM, "DeleteParameter", map([("Name", on.physical())])),
    mark: Some(|on| {
        let tags = tags_as(on.marks(), KEYS);
        let input =
            map([("ResourceType", Value::str("Parameter")), ("ResourceId", on.physical()), ("Tags", tags)]);
        on.mark_by(SSM, "AddTagsToResource", input)
    }),
    look: Some(&look::parameter::PARAMETER),
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

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    if ["AllowedPattern", "DataType", "Description", "Tier", "Type", "Value"]
        .iter()
        .any(|name| on.changed(name))
    {
        put(on, on.physical, ("Overwrite", Value::Bool(true)))?;
    }
    if on.changed("Tags") {
        let resource = |last| {
            map([("ResourceType", Value::str("Parameter")), ("ResourceId", Value::str(on.physical)), last])
        };
        let keys: Vec<Value> =
            pairs(Some(&on.was("Tags"))).into_iter().map(|(key, _)| Value::Str(key)).collect();
        let (dropped, added) = (resource(("TagKeys", Value::List(keys.clone()))), on.tags(KEYS));
        let added = (added != Value::Null).then(|| resource(("Tags", added)));
        if !keys.is_empty() {
            on.call(SSM, "RemoveTagsFromResource", dropped)?;
        }
        if let Some(added) = added {
            on.call(SSM, "AddTagsToResource", added)?;
        }
    }
    Ok(Made { physical: on.physical.to_owned(), attributes: known(on) })
}
