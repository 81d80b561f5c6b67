//! What tables are used for, in the words of AWS's bills: request units of tables on demand as `ConsumedCapacity` tells
//! them, what is provisioned by the hour, what is stored, and requests to streams.
//!
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-understanding-billing.html>, and
//! <https://aws.amazon.com/dynamodb/pricing/> for the prices.
//!
//! Not here: backups, restores, exports and imports. What is stored counts for a table with all its indexes.

use super::lag;
use super::model::keys;
use super::model::rows;
use super::model::schema::{IndexSchema, Schema};
use super::model::table::{TABLES, TableRecord};
use super::size::Units;
use super::vitals;
use super::write::Done;
use base::Timestamp;
use kernel::meter::{Gauge, Kind, Line, each_row};
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{Direction, Key, KeyRange, Tx};

const PRODUCT: &str = "AmazonDynamoDB";
const ON_DEMAND: &str = "PayPerRequestThroughput";
const PROVISIONED: &str = "CommittedThroughput";
const STORAGE: &str = "StandardStorage";

/// AWS: what an item or an entry of an index takes beyond its own size.
const OVERHEAD: u64 = 100;

/// The usage types of a table class.
struct OfClass {
    read: Kind,
    write: Kind,
    replicated: Kind,
    read_hours: Kind,
    write_hours: Kind,
    replicated_hours: Kind,
    stored: Kind,
}

/// Counted in halves, as units are; at so many millionths of a dollar for a million.
const fn units(usage_type: &'static str, micros: u64) -> Kind {
    Kind { per: 2, ..Kind::new(PRODUCT, usage_type, usage_type).at(micros, 1_000_000) }
}

/// At so many millionths of a dollar for a unit and an hour.
const fn hours(usage_type: &'static str, unit: &'static str, micros: u64) -> Kind {
    Kind::hours(PRODUCT, usage_type, unit).at(micros, 1)
}

/// At so many millionths of a dollar for a gigabyte and a month.
const fn standing(usage_type: &'static str, micros: u64) -> Kind {
    Kind::hours(PRODUCT, usage_type, "Byte-Hours").at(micros, kernel::meter::GIGABYTE_MONTH)
}

static STANDARD: OfClass = OfClass {
    read: units("ReadRequestUnits", 125_000),
    write: units("WriteRequestUnits", 625_000),
    replicated: units("ReplWriteRequestUnits", 625_000),
    read_hours: hours("ReadCapacityUnit-Hrs", "ReadCapacityUnit-Hrs", 130),
    write_hours: hours("WriteCapacityUnit-Hrs", "WriteCapacityUnit-Hrs", 650),
    replicated_hours: hours("ReplWriteCapacityUnit-Hrs", "ReplWriteCapacityUnit-Hrs", 650),
    stored: standing("TimedStorage-ByteHrs", 250_000),
};

static INFREQUENT: OfClass = OfClass {
    read: units("IA-ReadRequestUnits", 155_000),
    write: units("IA-WriteRequestUnits", 780_000),
    replicated: units("IA-ReplWriteRequestUnits", 780_000),
    read_hours: hours("IA-ReadCapacityUnit-Hrs", "ReadCapacityUnit-Hrs", 160),
    write_hours: hours("IA-WriteCapacityUnit-Hrs", "WriteCapacityUnit-Hrs", 810),
    replicated_hours: hours("IA-ReplWriteCapacityUnit-Hrs", "ReplWriteCapacityUnit-Hrs", 810),
    stored: standing("IA-TimedStorage-ByteHrs", 100_000),
};

static STREAM_REQUESTS: Kind = Kind::new(PRODUCT, "Streams-RequestsCount", "Requests").at(20_000, 100_000);

fn of(table: &TableRecord) -> &'static OfClass {
    if table.class.as_deref() == Some("STANDARD_INFREQUENT_ACCESS") { &INFREQUENT } else { &STANDARD }
}

fn line<'a>(schema: &'a Schema, kind: &'static Kind) -> Line<'a> {
    let TableRecord { account, region, .. } = schema.record;
    Line { account, region, kind, operation: ON_DEMAND, resource: &schema.arn }
}

/// What a write uses of a table on demand: each usage type with its units. AWS: of a table with replicas all but the
/// global indexes is written as replicated units.
fn of_write(schema: &Schema, done: &Done) -> [(&'static Kind, Units); 2] {
    let of = of(&schema.record);
    let indexes = |global: bool| -> Units {
        let wanted = |at: usize| schema.indexes.get(at).is_some_and(|index| index.record.global == global);
        done.indexes.iter().filter(|(at, _)| wanted(*at)).map(|(_, units)| *units).sum()
    };
    if schema.record.replicas.is_empty() {
        return [(&of.write, done.table + indexes(false) + indexes(true)), (&of.write, Units::ZERO)];
    }
    [(&of.replicated, done.table + indexes(false)), (&of.write, indexes(true))]
}

/// Counts a read of the table or an index, and of the table beside it.
pub(crate) fn read(cx: &mut Cx<'_>, schema: &Schema, index: Option<&IndexSchema>, units: [Units; 2]) {
    vitals::read(cx, schema, index, units);
    if schema.record.on_demand {
        cx.meter(&line(schema, &of(&schema.record).read), (units[0] + units[1]).half_units());
    }
}

/// Counts a write that is part of the transaction.
pub(crate) fn written(cx: &mut Cx<'_>, schema: &Arc<Schema>, done: &Done) {
    lag::keep(cx);
    let (cloud, now) = (Arc::clone(cx.cloud()), cx.now);
    written_in(cx.tx, &cloud, now, schema, done);
}

/// The same of what the cloud does itself.
pub(crate) fn written_in(tx: &mut Tx, cloud: &Cloud, now: Timestamp, schema: &Arc<Schema>, done: &Done) {
    vitals::written_in(tx, cloud, now, schema, done);
    if schema.record.on_demand {
        for (kind, units) in of_write(schema, done).into_iter().filter(|(_, units)| *units > Units::ZERO) {
            cloud.meter().add_with(tx, now, &line(schema, kind), units.half_units());
        }
    }
}

/// Counts a write that was refused for its condition, and is paid for all the same.
pub(crate) fn attempted(cx: &Cx<'_>, schema: &Schema, done: &Done) {
    vitals::attempted(cx, schema, done);
    if schema.record.on_demand {
        for (kind, units) in of_write(schema, done) {
            cx.cloud().meter().add(cx.now, &line(schema, kind), units.half_units());
        }
    }
}

/// Counts a request to a stream. AWS: what Lambda and global tables read is free.
pub(crate) fn stream_read(cx: &mut Cx<'_>, stream: &str) {
    if cx.request.is_from_outside() {
        let (account, region) = (cx.account, cx.region);
        let line =
            Line { account, region, kind: &STREAM_REQUESTS, operation: "GetRecords", resource: stream };
        cx.meter(&line, 1);
    }
}

/// What tables have standing.
#[derive(Debug)]
pub struct Standing;

impl Gauge for Standing {
    fn name(&self) -> &'static str {
        "tables"
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        let snapshot = cloud.store().snapshot();
        let all: Vec<(Key, TableRecord)> = TABLES
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        drop(snapshot);
        for (_, table) in all {
            let (account, region, arn, of) = (table.account, table.region, table.arn(), of(&table));
            let mut tell = |kind: &'static Kind, operation: &str, amount: u64| {
                tell(&Line { account, region, kind, operation, resource: &arn }, amount);
            };
            if !table.on_demand {
                let (read, own, global) = provisioned(&table);
                tell(&of.read_hours, PROVISIONED, read);
                let is_alone = table.replicas.is_empty();
                tell(if is_alone { &of.write_hours } else { &of.replicated_hours }, PROVISIONED, own);
                tell(&of.write_hours, PROVISIONED, global);
            }
            tell(&of.stored, STORAGE, stored(cloud, &table)?);
        }
        Ok(())
    }
}

/// Units a second: to read, to write to the table, to write to its global indexes.
fn provisioned(table: &TableRecord) -> (u64, u64, u64) {
    let units = |units: i64| u64::try_from(units).unwrap_or(0);
    let globals = || table.globals().map(|index| &index.throughput);
    let read = units(table.throughput.read) + globals().map(|t| units(t.read)).sum::<u64>();
    (read, units(table.throughput.write), globals().map(|t| units(t.write)).sum())
}

fn stored(cloud: &Cloud, table: &TableRecord) -> Result<u64, String> {
    let (account, region, number) = (table.account, table.region, table.number);
    let indexes = table.indexes.iter().map(|i| keys::index_entries(account, region, number, i.number));
    let mut bytes = 0;
    for prefix in std::iter::once(keys::items(account, region, number)).chain(indexes) {
        each_row(cloud, KeyRange::prefix(&prefix), |_, row| {
            bytes += rows::size(row).map_err(|_| "a row is damaged".to_owned())? as u64 + OVERHEAD;
            Ok(())
        })?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::of_write;
    use crate::dynamodb::model::replica::Replica;
    use crate::dynamodb::model::schema::Schema;
    use crate::dynamodb::model::table::{IndexRecord, TableRecord};
    use crate::dynamodb::size::Units;
    use crate::dynamodb::write::Done;

    #[test]
    fn replicas_are_written_as_replicated_units_but_for_global_indexes() {
        let index = |number, global| IndexRecord { number, global, ..IndexRecord::default() };
        let table = TableRecord {
            on_demand: true,
            indexes: vec![index(1, false), index(2, true)],
            ..TableRecord::default()
        };
        let done = Done {
            table: Units::write(1_025, false),
            indexes: vec![(0, Units::write(1, false)), (1, Units::write(3_000, false))],
            ..Done::default()
        };
        let words = |table: &TableRecord| {
            let schema = Schema::of(table.clone()).unwrap();
            of_write(&schema, &done).map(|(kind, units)| (kind.usage_type, units.half_units()))
        };
        assert_eq!(words(&table), [("WriteRequestUnits", 12), ("WriteRequestUnits", 0)]);
        let class = Some("STANDARD_INFREQUENT_ACCESS".to_owned());
        let replicated = TableRecord { replicas: vec![Replica::default()], class, ..table };
        assert_eq!(words(&replicated), [("IA-ReplWriteRequestUnits", 6), ("IA-WriteRequestUnits", 6)]);
    }
}
