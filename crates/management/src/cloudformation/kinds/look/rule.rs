//! EventBridge's rules.

use super::{Look, PLAIN, named, own, parsed};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::events::{EVENTS, rule as name_of};
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map};
use wire::Value;

pub(in crate::cloudformation::kinds) static RULE: Look = Look {
    sees: &[
        "Description",
        "EventBusName",
        "EventPattern",
        "Name",
        "RoleArn",
        "ScheduleExpression",
        "State",
        "Tags",
        "Targets",
    ],
    whole: &["EventPattern"],
    read: rule,
    identifiers: &["Arn"],
    // `arn:aws:events:region:account:rule/bus/name`, and of the default bus without its name.
    called: |values| {
        let name = values[0].split_once(":rule/").map_or("", |(_, name)| name);
        name.replacen('/', "|", 1)
    },
    ..PLAIN
};

/// The rule of this name that its bus has already. A bus that is not there is for the service to tell of.
pub(in crate::cloudformation::kinds) fn ruled(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let Some(name) = on.text("Name") else { return Ok(None) };
    let asked = map([("Name", Value::str(&name)), ("EventBusName", on.prop("EventBusName"))]);
    Ok((on.ask_if_any(EVENTS, "DescribeRule", asked)? != Value::Null).then_some(name))
}

fn rule(on: &mut On<'_, '_>) -> Done<Seen> {
    let (bus, name) = match on.physical.rsplit_once('|') {
        Some((bus, _)) => (Value::str(bus), name_of(on.physical)),
        None => (Value::Null, on.physical),
    };
    let name = Value::str(name);
    let told =
        on.ask(EVENTS, "DescribeRule", map([("Name", name.clone()), ("EventBusName", bus.clone())]))?;
    let mut all = named(
        &told,
        &[
            ("Description", "Description"),
            ("Name", "Name"),
            ("RoleArn", "RoleArn"),
            ("ScheduleExpression", "ScheduleExpression"),
            ("State", "State"),
        ],
    );
    // A bus is named by its ARN, too.
    let own_bus = own(&told, "EventBusName");
    let is_bus = |wanted: &Value| {
        let last = wanted.as_str().and_then(|wanted| wanted.rsplit('/').next());
        last.is_some() && last == own_bus.as_str()
    };
    all.push(("EventBusName".into(), on.as_written("EventBusName", is_bus, own_bus.clone())));
    all.push(("EventPattern".into(), parsed(&own(&told, "EventPattern"))));
    let mut input = vec![("Rule", name)];
    input.extend((bus != Value::Null).then_some(("EventBusName", bus)));
    let targets = on.ask_all((EVENTS, "ListTargetsByRule"), input, "Targets", ("NextToken", "NextToken"))?;
    all.push(("Targets".into(), Value::List(targets)));
    let arn = own(&told, "Arn");
    let tagged = on.ask(EVENTS, "ListTagsForResource", map([("ResourceARN", arn.clone())]))?;
    all.push(("Tags".into(), on.tags_as_written(&own(&tagged, "Tags"))));
    Ok(Seen::of(all, vec![("Arn", arn)]))
}
