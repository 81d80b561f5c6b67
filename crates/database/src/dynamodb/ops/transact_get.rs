//! TransactGetItems: up to 100 items of any tables, as they were at one moment.

use super::get::shown;
use super::transact_write::{Reason, cancelled};
use crate::dynamodb::access;
use crate::dynamodb::capacity::{Kind, Meter};
use crate::dynamodb::errors::Error;
use crate::dynamodb::expression::Projection;
use crate::dynamodb::insights;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema;
use crate::dynamodb::request::{placeholders, projection};
use crate::dynamodb::size::{Consistency, Units};
use crate::dynamodb::throttle;
use kernel::Cx;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    TransactGetItems: [event] transact_get_items, "dynamodb:GetItem", access::transact_get;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct TransactGetItems {
        items: Vec<TransactGetItem> = "TransactItems",
        capacity: Option<String> = "ReturnConsumedCapacity",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TransactGetItem { get: Get = "Get" }

    #[derive(Clone, Debug)]
    pub(crate) struct Get {
        key: Value = "Key",
        table: String = "TableName",
        projection: Option<String> = "ProjectionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TransactGetItemsOutput {
        consumed: Option<Value> = "ConsumedCapacity",
        responses: Vec<ItemResponse> = "Responses",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ItemResponse { item: Option<Value> = "Item" }
}

struct Asked {
    table: String,
    key: Item,
    projection: Option<Projection>,
}

fn read(get: Get) -> Result<Asked, Error> {
    let expressions = [("ProjectionExpression", get.projection.is_some())];
    let mut placeholders = placeholders(get.names, None, &expressions).map_err(Invalid::older)?;
    let projection = projection(get.projection.as_deref(), None, &mut placeholders)?;
    placeholders.check_used()?;
    Ok(Asked { table: get.table, key: Item::from_wire(get.key).map_err(Invalid::older)?, projection })
}

fn transact_get_items(cx: &mut Cx<'_>, req: TransactGetItems) -> Result<TransactGetItemsOutput, Error> {
    let asked: Vec<Asked> = req.items.into_iter().map(|item| read(item.get)).collect::<Result<_, _>>()?;
    let mut reasons = Vec::with_capacity(asked.len());
    let mut rows_read = Vec::with_capacity(asked.len());
    for get in &asked {
        let schema = schema::usable(cx, &get.table)?;
        reasons.push(Reason::of_check(schema.check_key(&get.key))?);
        if reasons.iter().all(Option::is_none) {
            let row = cx.tx.get(&schema.item_key(&get.key))?;
            rows_read.push((schema, row));
        }
    }
    if reasons.iter().any(Option::is_some) {
        return Err(cancelled(reasons));
    }
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Read);
    let mut responses = Vec::with_capacity(asked.len());
    let mut reasons = Vec::with_capacity(asked.len());
    for (get, (schema, row)) in asked.into_iter().zip(rows_read) {
        let size = row.as_ref().map(|row| rows::size(row)).transpose()?.unwrap_or(0);
        let units = Units::read(size, Consistency::Transactional);
        let admitted = throttle::admit_read(cx, &schema, None, units, Units::ZERO);
        insights::read(cx, &schema, None, &get.key, units, &admitted);
        reasons.push(Reason::of_check(admitted)?);
        meter.table(&get.table, units);
        let item = row.map(|row| shown(&schema.vault, &row, get.projection.as_ref())).transpose()?;
        responses.push(ItemResponse { item: item.map(Item::into_wire) });
    }
    if reasons.iter().any(Option::is_some) {
        return Err(cancelled(reasons));
    }
    Ok(TransactGetItemsOutput { consumed: meter.many(), responses })
}
