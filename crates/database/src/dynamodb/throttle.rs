//! Throttling: what provisioned throughput, and the limits of on-demand tables, do not let in.
//!
//! Each table and each global index has a [`Bucket`] for reads and one for writes, on the cloud's clock. Admission is
//! decided when the cost is known, before anything is committed: a request that is refused leaves nothing behind. A
//! write that a global index has no capacity for is refused as a whole, which is how AWS presses back on tables.
//!
//! The buckets are memory: a restart fills them. Local indexes draw on their table. Tables on demand without a limit
//! have no buckets, and cost nothing here. Not here: partitions and their hot keys, and the account's own quotas.

use super::errors::{Error, Refusal, throttled};
use super::metering;
use super::model::bucket::Bucket;
use super::model::schema::{IndexSchema, Schema};
use super::model::table::{OnDemandLimits, Throughput};
use super::size::Units;
use super::vitals;
use super::write::Done;
use base::Timestamp;
use kernel::Cx;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use wire::{Struct, Value};

/// Beyond this many the memory is emptied and fills again: full buckets are the harmless mistake.
const ENTRIES_MAX: usize = 100_000;

/// The table's number, an index's (0 for the table itself), and whether it is for writes.
type Place = (u64, u32, bool);

/// The buckets of a cloud.
#[derive(Default, Debug)]
pub(crate) struct Buckets(Mutex<HashMap<Place, Bucket>>);

/// The rates of a table or an index, in units a second; none where there is no limit.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Rates {
    read: Option<i64>,
    write: Option<i64>,
    provisioned: bool,
}

impl Rates {
    pub(crate) fn of(on_demand: bool, throughput: &Throughput, limits: OnDemandLimits) -> Rates {
        if on_demand {
            return Rates { read: limits.read, write: limits.write, provisioned: false };
        }
        Rates { read: Some(throughput.read), write: Some(throughput.write), provisioned: true }
    }

    pub(crate) fn are_any(&self) -> bool {
        self.read.is_some() || self.write.is_some()
    }

    fn rate(&self, writes: bool) -> Option<i64> {
        if writes { self.write } else { self.read }
    }
}

/// One bucket that a request draws on.
struct Draw<'s> {
    place: Place,
    rate: i64,
    provisioned: bool,
    index: Option<&'s IndexSchema>,
    units: Units,
}

fn draw<'s>(
    schema: &'s Schema,
    index: Option<&'s IndexSchema>,
    writes: bool,
    units: Units,
) -> Option<Draw<'s>> {
    // A local index has no throughput of its own.
    let index = index.filter(|index| index.record.global);
    let rates = index.map_or(schema.rates, |index| index.rates);
    let number = index.map_or(0, |index| index.record.number);
    let rate = rates.rate(writes).filter(|_| units > Units::ZERO)?;
    let place = (schema.record.number, number, writes);
    Some(Draw { place, rate, provisioned: rates.provisioned, index, units })
}

/// Takes from all buckets or, where one is empty, from none.
fn take(cx: &Cx<'_>, schema: &Schema, draws: &[Draw<'_>]) -> Result<(), Error> {
    let memory = cx.memory::<Buckets>();
    let empty = memory.take(draws, cx.now);
    if empty.is_empty() {
        return Ok(());
    }
    for draw in &empty {
        let arn = draw.index.map_or(&schema.arn, |index| &index.arn);
        vitals::throttled(cx, arn, draw.place.2, draw.provisioned);
    }
    Err(refusal(schema, &empty))
}

impl Buckets {
    /// The draws whose buckets are empty.
    fn take<'d, 's>(&self, draws: &'d [Draw<'s>], now: Timestamp) -> Vec<&'d Draw<'s>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > ENTRIES_MAX {
            all.clear();
        }
        let mut has_any = |draw: &Draw<'_>| {
            let bucket = all.entry(draw.place).or_insert_with(|| Bucket::full(draw.rate, now));
            bucket.fill(draw.rate, now);
            bucket.has_any()
        };
        let empty: Vec<&Draw<'_>> = draws.iter().filter(|draw| !has_any(draw)).collect();
        if empty.is_empty() {
            for draw in draws {
                if let Some(bucket) = all.get_mut(&draw.place) {
                    bucket.take(draw.units);
                }
            }
        }
        empty
    }
}

/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html>
fn refusal(schema: &Schema, empty: &[&Draw<'_>]) -> Error {
    let first_is_index = empty.first().is_some_and(|draw| draw.index.is_some());
    let provisioned = empty.iter().any(|draw| draw.provisioned);
    let refusal = match (provisioned, first_is_index) {
        (true, false) => Refusal::Throttled,
        (true, true) => Refusal::IndexThrottled,
        (false, _) => Refusal::LimitThrottled,
    };
    let reasons = empty.iter().map(|draw| {
        let (what, arn) = match draw.index {
            None => ("Table", &schema.arn),
            Some(index) => ("Index", &index.arn),
        };
        let way = if draw.place.2 { "Write" } else { "Read" };
        let mut reason = Struct::with_capacity(2);
        reason.push("reason", Value::Str(throttled::reason(what, way, draw.provisioned)));
        reason.push("resource", Value::str(arn.as_str()));
        Value::Struct(reason)
    });
    Error::from(refusal).with(throttled::member(provisioned), Value::List(reasons.collect()))
}

/// Admits a write that cost so much, or refuses it.
///
/// # Errors
/// `ProvisionedThroughputExceededException`, `ThrottlingException`.
pub(crate) fn admit_write(cx: &Cx<'_>, schema: &Schema, done: &Done) -> Result<(), Error> {
    if schema.is_limited { take_write(cx, schema, done) } else { Ok(()) }
}

fn take_write(cx: &Cx<'_>, schema: &Schema, done: &Done) -> Result<(), Error> {
    let indexes = done.indexes.iter().filter_map(|(at, units)| {
        let index = schema.indexes.get(*at)?;
        // A local index draws on the table.
        draw(schema, Some(index), true, *units)
    });
    let draws: Vec<Draw<'_>> = draw(schema, None, true, done.table).into_iter().chain(indexes).collect();
    take(cx, schema, &draws)
}

/// Admits and counts a read of `units` of the table or, where one is named, of an index, and `fetched` units of the table beside
/// it.
///
/// # Errors
/// `ProvisionedThroughputExceededException`, `ThrottlingException`.
pub(crate) fn admit_read(
    cx: &mut Cx<'_>,
    schema: &Schema,
    index: Option<&IndexSchema>,
    units: Units,
    fetched: Units,
) -> Result<(), Error> {
    if schema.is_limited {
        let draws = draw(schema, index, false, units).into_iter();
        let draws: Vec<Draw<'_>> = draws.chain(draw(schema, None, false, fetched)).collect();
        take(cx, schema, &draws)?;
    }
    metering::read(cx, schema, index, [units, fetched]);
    Ok(())
}
