//! One statement of an event bus's policy.

use super::events::EVENTS;
use super::on::{On, at, map, text_at};
use super::{BASE, Done, Kind, Made, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::Events::EventBusPolicy",
    changes: &["Action", "Condition", "Principal", "Statement"],
    fixed: &["EventBusName", "StatementId"],
    create: |on| {
        put(on)?;
        let bus = on.text("EventBusName").unwrap_or_else(|| DEFAULT.into());
        Ok(on.made(format!("{bus}|{}", on.text("StatementId").unwrap_or_default()), Vec::new()))
    },
    update: put,
    delete: |on| {
        let input = map([("EventBusName", on.was("EventBusName")), ("StatementId", on.was("StatementId"))]);
        on.end(EVENTS, "RemovePermission", input)
    },
    look: Some(&look::bus::STATEMENT),
    taken: Some(look::bus::stated),
    ..BASE
}];

const DEFAULT: &str = "default";

/// The statement by its parts, or as it is written.
fn put(on: &mut On<'_, '_>) -> Done<Made> {
    let bus = ("EventBusName", on.prop("EventBusName"));
    let input = match on.prop("Statement") {
        Value::Null => map([
            bus,
            ("Action", on.prop("Action")),
            ("Condition", on.prop("Condition")),
            ("Principal", on.prop("Principal")),
            ("StatementId", on.prop("StatementId")),
        ]),
        statement => {
            let policy = with_statement(on, &statement)?;
            map([bus, ("Policy", policy)])
        }
    };
    on.call(EVENTS, "PutPermission", input)?;
    Ok(on.same())
}

/// The bus's policy with this statement instead of the one with its id: the operation takes whole policies only.
fn with_statement(on: &mut On<'_, '_>, written: &Value) -> Done<Value> {
    let id = on.text("StatementId").unwrap_or_default();
    let name = map([("Name", on.prop("EventBusName"))]);
    let seen = on.call(EVENTS, "DescribeEventBus", name)?;
    let policy = wire::json::read(&text_at(&seen, "Policy"));
    let mut all = match policy.as_ref().and_then(|policy| at(policy, "Statement")) {
        Some(Value::List(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    all.retain(|one| text_at(one, "Sid") != id);
    let parsed = written.as_str().and_then(wire::json::read);
    let mut own = match parsed.as_ref().unwrap_or(written) {
        Value::Map(entries) => entries.clone(),
        _ => return Err(super::Refusal::of("Statement must be a policy statement.")),
    };
    own.retain(|(name, _)| name != "Sid");
    own.insert(0, ("Sid".to_owned(), Value::Str(id)));
    all.push(Value::Map(own));
    let policy = map([("Version", Value::str("2012-10-17")), ("Statement", Value::List(all))]);
    Ok(super::on::document(&policy))
}
