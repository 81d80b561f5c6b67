//! UpdateItem.

use super::shapes::{Wanted, WriteOutput, write_one};
use crate::dynamodb::access;
use crate::dynamodb::action::{Act, Outcome, What};
use crate::dynamodb::errors::Error;
use crate::dynamodb::expression::Update;
use crate::dynamodb::item::Item;
use crate::dynamodb::legacy;
use crate::dynamodb::request::{ConditionParameters, placeholders, present};
use kernel::Cx;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    UpdateItem: [event] update_item, "dynamodb:UpdateItem", access::by_key;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct UpdateItem {
        table: String = "TableName",
        key: Value = "Key",
        updates: Option<Value> = "AttributeUpdates",
        expected: Option<Value> = "Expected",
        operator: Option<String> = "ConditionalOperator",
        return_values: Option<String> = "ReturnValues",
        capacity: Option<String> = "ReturnConsumedCapacity",
        metrics: Option<String> = "ReturnItemCollectionMetrics",
        update: Option<String> = "UpdateExpression",
        condition: Option<String> = "ConditionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }
}

fn update_item(cx: &mut Cx<'_>, mut req: UpdateItem) -> Result<WriteOutput, Error> {
    let returns = req.return_values.take();
    let (act, wanted) = read(req).map_err(Error::counted)?;
    let (outcome, mut output) = write_one(cx, act, &wanted)?;
    output.attributes = attributes(returns.as_deref(), outcome).map(Item::into_wire);
    Ok(output)
}

fn read(req: UpdateItem) -> Result<(Act, Wanted), Error> {
    let legacy_present = present(&[
        ("AttributeUpdates", req.updates.is_some()),
        ("Expected", req.expected.is_some()),
        ("ConditionalOperator", req.operator.is_some()),
    ]);
    let expressions =
        [("UpdateExpression", req.update.is_some()), ("ConditionExpression", req.condition.is_some())];
    legacy::check_not_mixed(&legacy_present, &present(&expressions))?;
    let mut placeholders = placeholders(req.names, req.values, &expressions)?;
    let key = Item::from_wire(req.key)?;
    let update = match (req.update, req.updates) {
        (Some(text), _) => Update::compile(&text, &mut placeholders)?,
        (None, Some(updates)) => legacy::attribute_updates(updates)?,
        (None, None) => Update::default(),
    };
    let parameters =
        ConditionParameters { expression: req.condition, expected: req.expected, operator: req.operator };
    let condition = parameters.compile(&mut placeholders)?;
    placeholders.check_used()?;
    let show_on_failure = req.on_failure.as_deref() == Some("ALL_OLD");
    let act = Act { table: req.table, what: What::Update(key, update), condition, show_on_failure };
    Ok((act, Wanted { capacity: req.capacity, metrics: req.metrics, old: true }))
}

/// What `ReturnValues` asks for; nothing where nothing is left to show.
fn attributes(kind: Option<&str>, outcome: Outcome) -> Option<Item> {
    let updated = outcome.updated;
    let shown = match kind {
        Some("ALL_OLD") => outcome.old,
        Some("ALL_NEW") => updated.map(|updated| updated.item),
        Some("UPDATED_OLD") => Some(updated?.old_attributes(&outcome.old?)),
        Some("UPDATED_NEW") => Some(updated?.new_attributes()),
        _ => None,
    };
    shown.filter(|item| !item.is_empty())
}
