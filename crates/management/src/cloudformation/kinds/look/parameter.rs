//! Parameter Store's parameters.

use super::{Look, PLAIN, named, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::parameter::SSM;
use wire::Value;

pub(in crate::cloudformation::kinds) static PARAMETER: Look = Look {
    sees: &["AllowedPattern", "DataType", "Description", "Name", "Tags", "Tier", "Type", "Value"],
    whole: &["Tags"],
    read: parameter,
    identifiers: &["Name"],
    ..PLAIN
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
    all.push(("Tags".into(), on.tags_as_written(&own(&tagged, "TagList"))));
    Ok(Seen::of(all, vec![("Type", own(&told, "Type")), ("Value", own(&told, "Value"))]))
}
