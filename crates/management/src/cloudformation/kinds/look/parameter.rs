//! Parameter Store's parameters.

use super::{Look, named, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, pairs, text_at};
use crate::cloudformation::kinds::parameter::SSM;
use wire::Value;

pub(in crate::cloudformation::kinds) static PARAMETER: Look = Look {
    sees: &["AllowedPattern", "DataType", "Description", "Name", "Tags", "Tier", "Type", "Value"],
    blind: &[],
    whole: &["Tags"],
    read: parameter,
    identifier: Some("Name"),
};

fn parameter(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = on.ask(SSM, "GetParameter", map([("Name", on.physical())]))?;
    let told = own(&told, "Parameter");
    let mut all =
        named(&told, &[("Name", "Name"), ("Type", "Type"), ("Value", "Value"), ("DataType", "DataType")]);
    let filter = map([
        ("Key", Value::str("Name")),
        ("Option", Value::str("Equals")),
        ("Values", Value::List(vec![on.physical()])),
    ]);
    let answer = on.ask(SSM, "DescribeParameters", map([("ParameterFilters", Value::List(vec![filter]))]))?;
    let described = own(&answer, "Parameters.0");
    all.extend(named(
        &described,
        &[("AllowedPattern", "AllowedPattern"), ("Description", "Description"), ("Tier", "Tier")],
    ));
    // A tier that is chosen by what is put has become one of the others.
    let tier =
        on.as_written("Tier", |tier| tier.as_str() == Some("Intelligent-Tiering"), own(&described, "Tier"));
    all.retain(|(name, _)| name != "Tier");
    all.push(("Tier".into(), tier));
    let name = text_at(&told, "Name");
    let input = map([("ResourceType", Value::str("Parameter")), ("ResourceId", Value::Str(name))]);
    let tagged = on.ask(SSM, "ListTagsForResource", input)?;
    // Its tags are a map in templates, if not always.
    let all_tags = tags(&own(&tagged, "TagList"));
    let as_map = || {
        pairs(Some(&all_tags)).into_iter().map(|(key, value)| (key, value.map_or(Value::Null, Value::Str)))
    };
    let is_map = matches!(on.prop("Tags"), Value::Map(_));
    all.push(("Tags".into(), if is_map { Value::Map(as_map().collect()) } else { all_tags.clone() }));
    Ok(Seen::of(all, vec![("Type", own(&told, "Type")), ("Value", own(&told, "Value"))]))
}
