//! What the answers of operations that write one item have in common.

use crate::dynamodb::action::{Act, Failed, Outcome};
use crate::dynamodb::capacity::{Detail, Kind, Meter, meter_indexes};
use crate::dynamodb::change::How;
use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::insights;
use crate::dynamodb::item::Item;
use crate::dynamodb::metering;
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::size::Units;
use crate::dynamodb::throttle;
use crate::dynamodb::write::Done;
use kernel::Cx;
use std::sync::Arc;
use store::{Direction, KeyRange, Read};
use wire::{Struct, Value};

wire::shape! {
    /// The answer of a write.
    #[derive(Clone, Debug)]
    pub(crate) struct WriteOutput {
        pub(crate) attributes: Option<Value> = "Attributes",
        pub(crate) consumed: Option<Value> = "ConsumedCapacity",
        pub(crate) metrics: Option<Value> = "ItemCollectionMetrics",
    }
}

/// What a write's caller wants to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) capacity: Option<String>,
    pub(crate) metrics: Option<String>,
    /// Whether the item as it was is to be returned.
    pub(crate) old: bool,
}

/// A failed condition as one write answers it.
pub(crate) fn condition_failed(item: Option<Item>, show: bool) -> Error {
    let error = Error::from(Refusal::ConditionFailed);
    match item {
        Some(item) if show => error.with("Item", item.into_wire()),
        _ => error,
    }
}

/// Why a write that stands alone was not done.
pub(crate) fn failed_alone(failed: Failed, show: bool) -> Error {
    match failed {
        Failed::Condition(item) => condition_failed(item, show),
        Failed::Duplicate => Refusal::Duplicate.into(),
        Failed::Refused(error) => error,
    }
}

/// Does a write that stands alone, if the table's throughput lets it in.
///
/// # Errors
/// What the operations' pages list.
pub(crate) fn run_alone(
    cx: &mut Cx<'_>,
    act: Act,
    schema: &Arc<Schema>,
    key: Vec<u8>,
    want_old: bool,
) -> Result<Outcome, Error> {
    let show = act.show_on_failure;
    let of = schema.is_watched.then(|| schema.key_of(act.key_item()));
    match act.run(cx.tx, schema, key, want_old, How::plain(cx.now)) {
        Ok(outcome) => {
            let admitted = throttle::admit_write(cx, schema, &outcome.done);
            of.iter().for_each(|of| insights::written(cx, schema, of, &outcome.done, &admitted));
            admitted?;
            metering::written(cx, schema, &outcome.done);
            Ok(outcome)
        }
        Err(failed) => {
            if let Failed::Condition(item) = &failed {
                // AWS: a condition that fails costs as much as the item that was looked at.
                let units = Units::write(item.as_ref().map_or(0, Item::size), false);
                let done = Done { table: units, ..Done::default() };
                throttle::admit_write(cx, schema, &done)?;
                metering::attempted(cx, schema, &done);
            }
            Err(failed_alone(failed, show))
        }
    }
}

/// Does one write, and answers all but its attributes.
///
/// # Errors
/// What the operations' pages list.
pub(crate) fn write_one(cx: &mut Cx<'_>, act: Act, wanted: &Wanted) -> Result<(Outcome, WriteOutput), Error> {
    let schema = schema::usable(cx, &act.table)?;
    let key = act.check(&schema)?;
    let mut meter = Meter::new(wanted.capacity.as_deref(), Kind::Plain);
    let table = act.table.clone();
    let of = schema.key_of(act.key_item());
    let want_old = wanted.old || meter.detail() != Detail::None;
    let outcome = run_alone(cx, act, &schema, key, want_old)?;
    meter.table(&table, outcome.done.table);
    meter_indexes(&mut meter, &table, &schema, &outcome.done.indexes);
    let metrics = if wanted.metrics.as_deref() == Some("SIZE") { metrics(cx, &schema, &of)? } else { None };
    let output = WriteOutput { attributes: None, consumed: meter.one(), metrics };
    Ok((outcome, output))
}

/// `ItemCollectionMetrics`: which collection was written, and between which whole gigabytes its size lies. Only
/// tables with local indexes have collections.
///
/// # Errors
/// The store's.
pub(crate) fn metrics(cx: &Cx<'_>, schema: &Schema, of: &Item) -> Result<Option<Value>, Error> {
    if schema.locals().next().is_none() {
        return Ok(None);
    }
    let hash = &schema.keys.hash;
    let partition = of.get(&hash.name).and_then(|value| value.key_bytes()).unwrap_or_default();
    // A glance beside the transaction: an estimate is no reason to conflict with other writers.
    let glance = cx.cloud().store().begin();
    let locals = schema.locals().map(|index| &index.prefix);
    let mut size = 0.0;
    for prefix in std::iter::once(&schema.prefix).chain(locals) {
        let mut prefix = prefix.clone();
        prefix.extend(crate::dynamodb::model::keys::hash(&partition).to_be_bytes());
        crate::dynamodb::model::keys::push(&mut prefix, &partition);
        for pair in Read::scan(&glance, KeyRange::prefix(&prefix), Direction::Forward) {
            size += rows::size(&pair?.1)? as f64;
        }
    }
    let low = (size / f64::from(1 << 30)).floor();
    let mut out = Struct::new();
    out.push("ItemCollectionKey", of.only([hash.name.as_str()]).into_wire());
    out.push("SizeEstimateRangeGB", Value::List(vec![Value::Float(low), Value::Float(low + 1.0)]));
    Ok(Some(Value::Struct(out)))
}
