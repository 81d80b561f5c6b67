//! DeleteItem.

use super::shapes::{Wanted, WriteOutput, write_one};
use crate::dynamodb::access;
use crate::dynamodb::action::{Act, What};
use crate::dynamodb::errors::Error;
use crate::dynamodb::item::Item;
use crate::dynamodb::legacy;
use crate::dynamodb::request::{ConditionParameters, placeholders, present, returns_old};
use kernel::Cx;
use wire::Value;
use wire::validate::is_too_deep_for_newer;

kernel::ops! { pub(crate) static OPS:
    DeleteItem: [event] delete_item, "dynamodb:DeleteItem", access::by_key;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct DeleteItem {
        table: String = "TableName",
        key: Value = "Key",
        expected: Option<Value> = "Expected",
        operator: Option<String> = "ConditionalOperator",
        return_values: Option<String> = "ReturnValues",
        capacity: Option<String> = "ReturnConsumedCapacity",
        metrics: Option<String> = "ReturnItemCollectionMetrics",
        condition: Option<String> = "ConditionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }
}

fn delete_item(cx: &mut Cx<'_>, req: DeleteItem) -> Result<WriteOutput, Error> {
    // AWS: the layer that reads these looks at this first, and does not count.
    let members = [Some(&req.key), req.expected.as_ref(), req.values.as_ref()];
    if is_too_deep_for_newer(members.into_iter().flatten()) {
        returns_old(req.return_values.as_deref())?;
    }
    let (act, wanted) = read(req).map_err(Error::counted)?;
    let (outcome, mut output) = write_one(cx, act, &wanted)?;
    if wanted.old {
        output.attributes = outcome.old.map(Item::into_wire);
    }
    Ok(output)
}

fn read(req: DeleteItem) -> Result<(Act, Wanted), Error> {
    let legacy_present =
        present(&[("Expected", req.expected.is_some()), ("ConditionalOperator", req.operator.is_some())]);
    let expressions = [("ConditionExpression", req.condition.is_some())];
    legacy::check_not_mixed(&legacy_present, &present(&expressions))?;
    let mut placeholders = placeholders(req.names, req.values, &expressions)?;
    let key = Item::from_wire(req.key)?;
    let old = returns_old(req.return_values.as_deref())?;
    let parameters =
        ConditionParameters { expression: req.condition, expected: req.expected, operator: req.operator };
    let condition = parameters.compile(&mut placeholders)?;
    placeholders.check_used()?;
    let show_on_failure = req.on_failure.as_deref() == Some("ALL_OLD");
    let act = Act { table: req.table, what: What::Delete(key), condition, show_on_failure };
    Ok((act, Wanted { capacity: req.capacity, metrics: req.metrics, old }))
}
