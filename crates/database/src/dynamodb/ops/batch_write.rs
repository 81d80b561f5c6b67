//! BatchWriteItem: up to 25 puts and deletes. Here they happen together or not at all, which AWS does not promise.

use super::shapes::metrics;
use crate::dynamodb::access;
use crate::dynamodb::action::{Act, Failed, What, check_put_size};
use crate::dynamodb::capacity::{Detail, Kind, Meter, meter_indexes};
use crate::dynamodb::change::How;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::insights;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::metering;
use crate::dynamodb::model::schema;
use crate::dynamodb::throttle;
use kernel::Cx;
use std::collections::HashSet;
use wire::shape::Pairs;
use wire::{Struct, Value};

kernel::ops! { pub(crate) static OPS:
    BatchWriteItem: [event] batch_write_item, "dynamodb:BatchWriteItem", access::batch_write;
}

const WRITES_MAX: usize = 25;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct BatchWriteItem {
        tables: Pairs<Vec<WriteRequest>> = "RequestItems",
        capacity: Option<String> = "ReturnConsumedCapacity",
        metrics: Option<String> = "ReturnItemCollectionMetrics",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct WriteRequest {
        put: Option<PutRequest> = "PutRequest",
        delete: Option<DeleteRequest> = "DeleteRequest",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PutRequest { item: Value = "Item" }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteRequest { key: Value = "Key" }

    #[derive(Clone, Debug)]
    pub(crate) struct BatchWriteItemOutput {
        unprocessed: Value = "UnprocessedItems",
        metrics: Option<Value> = "ItemCollectionMetrics",
        consumed: Option<Value> = "ConsumedCapacity",
    }
}

fn read(table: &str, request: WriteRequest) -> Result<Act, Error> {
    let what = match (request.put, request.delete) {
        (Some(put), None) => {
            let item = Item::from_wire(put.item).map_err(Invalid::older)?;
            check_put_size(&item)?;
            What::Put(item)
        }
        (None, Some(delete)) => What::Delete(Item::from_wire(delete.key).map_err(Invalid::older)?),
        _ => {
            return Err(validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            ));
        }
    };
    Ok(Act { table: table.to_owned(), what, condition: None, show_on_failure: false })
}

fn batch_write_item(cx: &mut Cx<'_>, req: BatchWriteItem) -> Result<BatchWriteItemOutput, Error> {
    if req.tables.0.iter().map(|(_, writes)| writes.len()).sum::<usize>() > WRITES_MAX {
        return Err(validation("Too many items requested for the BatchWriteItem call"));
    }
    let mut acts = Vec::with_capacity(WRITES_MAX);
    for (table, writes) in req.tables.0 {
        for write in writes {
            acts.push(read(&table, write)?);
        }
    }
    let mut checked = Vec::with_capacity(acts.len());
    let mut seen = HashSet::with_capacity(acts.len());
    for act in acts {
        let schema = schema::usable(cx, &act.table)?;
        // AWS: of an item in a batch it tells no more about its key than of a key.
        if !schema.has_key(act.key_item()) {
            return Err(validation("The provided key element does not match the schema"));
        }
        let key = act.check(&schema)?;
        if !seen.insert(key.clone()) {
            return Err(validation("Provided list of item keys contains duplicates"));
        }
        checked.push((act, schema, key));
    }
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Plain);
    let want_old = meter.detail() != Detail::None;
    let mut collections: Vec<(String, Value)> = Vec::new();
    let mut unprocessed: Vec<(String, Value)> = Vec::new();
    let (mut wrote_any, mut throttled) = (false, None);
    for (act, schema, key) in checked {
        let table = act.table.clone();
        let of = schema.key_of(act.key_item());
        let again = schema.is_limited.then(|| write_request(&act));
        let savepoint = cx.tx.savepoint();
        let outcome =
            act.run(cx.tx, &schema, key, want_old, How::plain(cx.now)).map_err(|failed| match failed {
                Failed::Refused(error) => error,
                // Nothing in a batch has a condition.
                Failed::Condition(_) | Failed::Duplicate => Refusal::Internal.into(),
            })?;
        let admitted = throttle::admit_write(cx, &schema, &outcome.done);
        insights::written(cx, &schema, &of, &outcome.done, &admitted);
        match admitted {
            Ok(()) => {
                metering::written(cx, &schema, &outcome.done);
                wrote_any = true;
            }
            Err(error) if error.is_throttled() => {
                cx.tx.rollback_to(savepoint);
                leave(&mut unprocessed, table, again);
                throttled = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        }
        meter.table(&table, outcome.done.table);
        meter_indexes(&mut meter, &table, &schema, &outcome.done.indexes);
        if req.metrics.as_deref() == Some("SIZE")
            && let Some(found) = metrics(cx, &schema, &of)?
        {
            collect(&mut collections, table, found);
        }
    }
    // AWS: one item that could be written is enough for an answer.
    if let Some(error) = throttled.filter(|_| !wrote_any) {
        return Err(error);
    }
    let metrics = (!collections.is_empty()).then_some(Value::Map(collections));
    Ok(BatchWriteItemOutput { unprocessed: Value::Map(unprocessed), metrics, consumed: meter.many() })
}

/// The write as its request had it.
fn write_request(act: &Act) -> Value {
    let (member, name) = match act.what {
        What::Put(_) => ("PutRequest", "Item"),
        _ => ("DeleteRequest", "Key"),
    };
    let mut inner = Struct::with_capacity(1);
    inner.push(name, act.key_item().clone().into_wire());
    let mut out = Struct::with_capacity(1);
    out.push(member, Value::Struct(inner));
    Value::Struct(out)
}

/// Adds to what of a table is not done.
fn leave(unprocessed: &mut Vec<(String, Value)>, table: String, write: Option<Value>) {
    let write = write.unwrap_or(Value::Null);
    match unprocessed.iter_mut().find(|(known, _)| *known == table) {
        Some((_, Value::List(list))) => list.push(write),
        _ => unprocessed.push((table, Value::List(vec![write]))),
    }
}

/// Adds to the list of a table, each collection once.
pub(crate) fn collect(collections: &mut Vec<(String, Value)>, table: String, found: Value) {
    match collections.iter_mut().find(|(known, _)| *known == table) {
        Some((_, Value::List(list))) => {
            if !list.contains(&found) {
                list.push(found);
            }
        }
        _ => collections.push((table, Value::List(vec![found]))),
    }
}
