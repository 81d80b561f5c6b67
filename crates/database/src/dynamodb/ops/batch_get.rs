//! BatchGetItem: up to 100 items of any tables, up to 16 MB of them.

use super::get::{consistency, shown};
use crate::dynamodb::access;
use crate::dynamodb::capacity::{Kind, Meter};
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::expression::Projection;
use crate::dynamodb::item::Item;
use crate::dynamodb::legacy;
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema;
use crate::dynamodb::request::{placeholders, present, projection};
use crate::dynamodb::size::Units;
use kernel::Cx;
use std::collections::HashSet;
use wire::Value;
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    BatchGetItem: [event] batch_get_item, "dynamodb:BatchGetItem", access::batch_get;
}

const KEYS_MAX: usize = 100;
/// AWS: the operation's page.
const BYTES_MAX: usize = 16 << 20;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct BatchGetItem {
        tables: Pairs<KeysAndAttributes> = "RequestItems",
        capacity: Option<String> = "ReturnConsumedCapacity",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct KeysAndAttributes {
        keys: Vec<Value> = "Keys",
        attributes: Option<Vec<String>> = "AttributesToGet",
        consistent: Option<bool> = "ConsistentRead",
        projection: Option<String> = "ProjectionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct BatchGetItemOutput {
        responses: Value = "Responses",
        unprocessed: Pairs<KeysAndAttributes> = "UnprocessedKeys",
        consumed: Option<Value> = "ConsumedCapacity",
    }
}

/// One table's part of the request, read.
struct Part {
    table: String,
    asked: KeysAndAttributes,
    keys: Vec<Item>,
    projection: Option<Projection>,
}

fn read(table: String, asked: KeysAndAttributes) -> Result<Part, Error> {
    let legacy_present = present(&[("AttributesToGet", asked.attributes.is_some())]);
    let expressions = [("ProjectionExpression", asked.projection.is_some())];
    legacy::check_not_mixed(&legacy_present, &present(&expressions))?;
    let mut placeholders = placeholders(asked.names.clone(), None, &expressions, false)?;
    let projection = projection(asked.projection.as_deref(), asked.attributes.as_deref(), &mut placeholders)?;
    placeholders.check_used()?;
    let keys: Vec<Item> = asked.keys.iter().cloned().map(Item::from_wire).collect::<Result<_, _>>()?;
    let mut seen = HashSet::with_capacity(keys.len());
    if !keys.iter().all(|key| seen.insert(key.encode())) {
        return Err(validation("Provided list of item keys contains duplicates"));
    }
    Ok(Part { table, asked, keys, projection })
}

fn batch_get_item(cx: &mut Cx<'_>, req: BatchGetItem) -> Result<BatchGetItemOutput, Error> {
    if req.tables.0.iter().map(|(_, asked)| asked.keys.len()).sum::<usize>() > KEYS_MAX {
        return Err(validation("Too many items requested for the BatchGetItem call"));
    }
    let parts: Vec<Part> =
        req.tables.0.into_iter().map(|(table, asked)| read(table, asked)).collect::<Result<_, _>>()?;
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Plain);
    let (mut responses, mut unprocessed) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for part in parts {
        let schema = schema::usable(cx, &part.table)?;
        part.keys.iter().try_for_each(|key| schema.check_key(key))?;
        let (mut found, mut left) = (Vec::new(), Vec::new());
        for key in part.keys {
            let row = cx.tx.get(&schema.item_key(&key))?;
            let size = row.as_ref().map(|row| rows::size(row)).transpose()?.unwrap_or(0);
            if bytes + size > BYTES_MAX {
                left.push(key.into_wire());
                continue;
            }
            bytes += size;
            meter.table(&part.table, Units::read(size, consistency(part.asked.consistent)));
            if let Some(row) = row {
                found.push(shown(&row, part.projection.as_ref())?.into_wire());
            }
        }
        responses.push((part.table.clone(), Value::List(found)));
        if !left.is_empty() {
            unprocessed.push((part.table, KeysAndAttributes { keys: left, ..part.asked }));
        }
    }
    let unprocessed = Pairs(unprocessed);
    Ok(BatchGetItemOutput { responses: Value::Map(responses), unprocessed, consumed: meter.many() })
}
