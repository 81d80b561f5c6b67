//! BatchGetItem: up to 100 items of any tables, up to 16 MB of them.

use super::get::{consistency, shown};
use crate::dynamodb::access;
use crate::dynamodb::capacity::{Kind, Meter};
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::expression::Projection;
use crate::dynamodb::insights;
use crate::dynamodb::item::Item;
use crate::dynamodb::lag;
use crate::dynamodb::legacy;
use crate::dynamodb::listing;
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema;
use crate::dynamodb::request::{placeholders, present, projection};
use crate::dynamodb::size::Units;
use crate::dynamodb::throttle;
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
    let mut placeholders = placeholders(asked.names.clone(), None, &expressions)?;
    let projection = projection(asked.projection.as_deref(), asked.attributes.as_deref(), &mut placeholders)?;
    placeholders.check_used()?;
    let keys: Vec<Item> = asked.keys.iter().cloned().map(Item::from_wire).collect::<Result<_, _>>()?;
    let mut seen = HashSet::with_capacity(keys.len());
    if !keys.iter().all(|key| seen.insert(key.encode())) {
        return Err(validation("Provided list of item keys contains duplicates"));
    }
    Ok(Part { table, asked, keys, projection })
}

/// AWS: one table's expression and another's `AttributesToGet` do not go together either.
fn check_not_mixed_across(tables: &[(String, KeysAndAttributes)]) -> Result<(), Error> {
    let any = |has: fn(&KeysAndAttributes) -> bool| tables.iter().any(|(_, asked)| has(asked));
    let legacy = present(&[("AttributesToGet", any(|asked| asked.attributes.is_some()))]);
    let expressions = present(&[("ProjectionExpression", any(|asked| asked.projection.is_some()))]);
    Ok(legacy::check_not_mixed(&legacy, &expressions)?)
}

fn batch_get_item(cx: &mut Cx<'_>, req: BatchGetItem) -> Result<BatchGetItemOutput, Error> {
    if req.tables.0.iter().map(|(_, asked)| asked.keys.len()).sum::<usize>() > KEYS_MAX {
        return Err(validation("Too many items requested for the BatchGetItem call"));
    }
    check_not_mixed_across(&req.tables.0)?;
    let parts: Vec<Part> =
        req.tables.0.into_iter().map(|(table, asked)| read(table, asked)).collect::<Result<_, _>>()?;
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Plain);
    let (mut responses, mut unprocessed) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    let (mut read_any, mut throttled) = (false, None);
    for part in parts {
        let schema = schema::usable(cx, &part.table)?;
        part.keys.iter().try_for_each(|key| schema.check_key(key))?;
        listing::check_scalars(&schema, part.projection.as_ref(), None)?;
        let (mut found, mut left) = (Vec::new(), Vec::new());
        let consistency = consistency(part.asked.consistent);
        for key in part.keys {
            let past = lag::state(cx, &schema, consistency)?;
            let row = lag::from(past.as_ref(), cx.tx).get(&schema.item_key(&key))?;
            let size = row.as_ref().map(|row| rows::size(row)).transpose()?.unwrap_or(0);
            if bytes + size > BYTES_MAX {
                left.push(key.into_wire());
                continue;
            }
            let units = Units::read(size, consistency);
            let admitted = throttle::admit_read(cx, &schema, None, units, Units::ZERO);
            insights::read(cx, &schema, None, &key, units, &admitted);
            match admitted {
                Ok(()) => read_any = true,
                Err(error) if error.is_throttled() => {
                    left.push(key.into_wire());
                    throttled = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            }
            bytes += size;
            meter.table(&part.table, units);
            if let Some(row) = row {
                found.push(shown(&schema.vault, &row, part.projection.as_ref())?.into_wire());
            }
        }
        responses.push((part.table.clone(), Value::List(found)));
        if !left.is_empty() {
            unprocessed.push((part.table, KeysAndAttributes { keys: left, ..part.asked }));
        }
    }
    // AWS: one item that could be read is enough for an answer.
    if let Some(error) = throttled.filter(|_| !read_any) {
        return Err(error);
    }
    let unprocessed = Pairs(unprocessed);
    Ok(BatchGetItemOutput { responses: Value::Map(responses), unprocessed, consumed: meter.many() })
}
