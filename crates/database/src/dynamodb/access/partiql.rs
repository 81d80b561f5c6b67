//! Which table or index each statement touches, by what action, and what it says of the items that it wants.
//!
//! AWS: the guide's page on IAM policies for PartiQL: PartiQLSelect, PartiQLInsert, PartiQLUpdate and PartiQLDelete on
//! the table or index, with `dynamodb:FullTableScan` and the keys of other item operations. `EXISTS` is a check.

use super::{Targets, target};
use crate::dynamodb::expression::Condition;
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::schema::Schema;
use crate::dynamodb::ops::partiql::{parse, values};
use crate::dynamodb::partiql::keys::{Access, access, single_item};
use crate::dynamodb::partiql::{Returning, Select, Statement};
use crate::dynamodb::value::{AttributeValue, base64};
use kernel::{Cx, Target};
use std::collections::BTreeSet;
use wire::{Fault, Struct, Value};

/// ExecuteStatement.
pub(crate) fn one(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![of(cx, request, request.str("ReturnConsumedCapacity"), None)?])
}

/// BatchExecuteStatement. A statement that cannot be read touches nothing; its own answer says so.
pub(crate) fn batch(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    all(cx, request, "Statements", None, true)
}

/// ExecuteTransaction.
pub(crate) fn transaction(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    all(cx, request, "TransactStatements", Some("ExecuteTransaction"), false)
}

fn all(
    cx: &Cx<'_>,
    request: &Struct,
    member: &str,
    enclosing: Option<&'static str>,
    lenient: bool,
) -> Targets {
    let statements = request.get(member).and_then(Value::as_list).unwrap_or_default();
    let mut targets = Vec::with_capacity(statements.len());
    for (place, statement) in statements.iter().enumerate() {
        let Value::Struct(part) = statement else { continue };
        // AWS: what is wrong with a value is told without its place.
        if let (Err(error), false) = (values(part.get("Parameters").and_then(Value::as_list)), lenient) {
            return Err(error.into());
        }
        match of(cx, part, request.str("ReturnConsumedCapacity"), enclosing) {
            Ok(target) => targets.push(target),
            Err(_) if lenient => {}
            Err(fault) => {
                let message = format!("Validation failed in {member}[{place}]: {}", fault.message);
                return Err(Fault { message, ..fault });
            }
        }
    }
    Ok(targets)
}

fn of(
    cx: &Cx<'_>,
    part: &Struct,
    capacity: Option<&str>,
    enclosing: Option<&'static str>,
) -> Result<Target, Fault> {
    let parameters = part.get("Parameters").and_then(Value::as_list);
    let statement = parse(part.str("Statement").unwrap_or_default(), parameters)?;
    let index = match &statement {
        Statement::Select(select) => select.source.index.as_deref(),
        _ => None,
    };
    let place = Place::read(cx, statement.table())?;
    let (mut target, schema) = target(cx, &place, index)?;
    target = target.doing(action(&statement));
    if let Some(schema) = &schema {
        let leading = leading(schema, &statement);
        if !leading.is_empty() {
            target = target.keys("dynamodb:LeadingKeys", leading);
        }
    }
    if let Statement::Select(select) = &statement {
        let scans = schema.as_ref().is_none_or(|schema| matches!(way(schema, select), Access::Scan));
        target = target.key("dynamodb:FullTableScan", scans.to_string());
        target = target.key("dynamodb:Select", selection(select));
    }
    let attributes = attributes(&statement);
    if !attributes.is_empty() {
        target = target.keys("dynamodb:Attributes", attributes.into_iter().collect());
    }
    if let Some(returned) = returned(&statement) {
        target = target.key("dynamodb:ReturnValues", returned);
    }
    if let Some(capacity) = capacity {
        target = target.key("dynamodb:ReturnConsumedCapacity", capacity);
    }
    if let Some(enclosing) = enclosing {
        target = target.key("dynamodb:EnclosingOperation", enclosing);
    }
    Ok(target)
}

fn action(statement: &Statement) -> &'static str {
    match statement {
        Statement::Select(_) => "dynamodb:PartiQLSelect",
        Statement::Insert(_) => "dynamodb:PartiQLInsert",
        Statement::Update(_) => "dynamodb:PartiQLUpdate",
        Statement::Delete(_) => "dynamodb:PartiQLDelete",
        Statement::Exists(_) => "dynamodb:ConditionCheckItem",
    }
}

/// How a SELECT finds its items.
fn way(schema: &Schema, select: &Select) -> Access {
    let keys = select
        .source
        .index
        .as_deref()
        .and_then(|name| schema.index(name))
        .map_or(&schema.keys, |index| &index.keys);
    // Keys of several attributes are not found by statements.
    if keys.is_composite() {
        return Access::Scan;
    }
    let range = keys.range.as_ref().map(|range| range.name.as_str());
    access(select.condition.as_ref(), &keys.hash.name, range)
}

fn selection(select: &Select) -> &'static str {
    match (&select.columns, &select.source.index) {
        (Some(_), _) => "SPECIFIC_ATTRIBUTES",
        (None, Some(_)) => "ALL_PROJECTED_ATTRIBUTES",
        (None, None) => "ALL_ATTRIBUTES",
    }
}

fn returned(statement: &Statement) -> Option<&'static str> {
    let returning = match statement {
        Statement::Update(update) => update.returning,
        Statement::Delete(delete) => delete.returning,
        _ => None,
    };
    returning.map(|returning| match returning {
        Returning::AllOld => "ALL_OLD",
        Returning::AllNew => "ALL_NEW",
        Returning::ModifiedOld => "UPDATED_OLD",
        Returning::ModifiedNew => "UPDATED_NEW",
    })
}

/// The partition keys, as policies write them.
fn leading(schema: &Schema, statement: &Statement) -> Vec<String> {
    let hash = &schema.keys.hash.name;
    let of_item = |condition: Option<&Condition>| {
        let range = schema.keys.range.as_ref().map(|range| range.name.as_str());
        let found = single_item(condition, hash, range).ok();
        found.and_then(|(key, _)| text(key.get(hash)?)).into_iter().collect()
    };
    match statement {
        Statement::Select(select) => match way(schema, select) {
            Access::Scan => Vec::new(),
            Access::Query { partitions, .. } => partitions.iter().filter_map(text).collect(),
        },
        Statement::Insert(insert) => insert.item.get(hash).and_then(text).into_iter().collect(),
        Statement::Update(update) => of_item(update.condition.as_ref()),
        Statement::Delete(delete) => of_item(delete.condition.as_ref()),
        Statement::Exists(select) => of_item(select.condition.as_ref()),
    }
}

fn text(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(text.clone()),
        AttributeValue::N(number) => Some(number.to_string()),
        AttributeValue::B(bytes) => Some(base64(bytes)),
        _ => None,
    }
}

/// Every attribute that the statement names.
fn attributes(statement: &Statement) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut of_condition = |condition: Option<&Condition>| {
        if let Some(condition) = condition {
            condition.paths(&mut |path| out.extend([path.attribute().to_owned()]));
        }
    };
    match statement {
        Statement::Select(select) | Statement::Exists(select) => {
            of_condition(select.condition.as_ref());
            out.extend(select.columns.iter().flatten().map(|(_, path)| path.attribute().to_owned()));
        }
        Statement::Insert(insert) => out.extend(insert.item.names().map(str::to_owned)),
        Statement::Update(update) => {
            of_condition(update.condition.as_ref());
            out.extend(update.update.targets().map(|path| path.attribute().to_owned()));
            update.update.sources(&mut |path| out.extend([path.attribute().to_owned()]));
        }
        Statement::Delete(delete) => of_condition(delete.condition.as_ref()),
    }
    out
}
