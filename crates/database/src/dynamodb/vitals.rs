//! What CloudWatch is told of tables, in its namespace `AWS/DynamoDB`.
//!
//! Requests add to a [`Tally`] in memory: by table or index, metric and minute of the cloud's clock, without a lock that
//! they share. [`Tell`] hands it to [`Vitals`] every few seconds, and tells each five minutes what is provisioned.
//! What a write used counts when it commits. AWS: only what is not zero is sent.
//!
//! Latencies are real; above a millisecond they are kept to three digits.
//!
//! Not here: `TransactionConflict` (transactions wait for each other instead), `ReturnedBytes`, the account's limits and
//! how far they are used, replication, indexes that are being filled, and the single statements of a batch that failed.
//!
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html>

use super::errors::{is_condition, is_throttled};
use super::model::schema::{IndexSchema, Schema};
use super::model::table::{OnDemandLimits, TABLES, TableRecord, Throughput};
use super::size::Units;
use super::write::Done;
use base::{AccountId, Arn, Region, Timestamp};
use kernel::meter::{Called, Line, Tariff};
use kernel::reconcile::Reconciler;
use kernel::vitals::{Metric, Place, Source, Values, Vitals};
use kernel::{Cloud, Cx, Sharded};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{Direction, Key, Tx};
use wire::Value;

const SOURCE: Source = Source { service: "dynamodb.amazonaws.com", namespace: "AWS/DynamoDB" };
const TELL_AFTER: Duration = Duration::from_secs(5);
const MINUTE: i64 = 60;
/// AWS: metrics beside those of requests come every five minutes.
const LEVELS_EVERY: i64 = 300;

const CONSUMED: [Metric; 2] =
    [Metric::count("ConsumedReadCapacityUnits"), Metric::count("ConsumedWriteCapacityUnits")];
const PROVISIONED: [Metric; 2] =
    [Metric::count("ProvisionedReadCapacityUnits"), Metric::count("ProvisionedWriteCapacityUnits")];
const LIMITS: [Metric; 2] =
    [Metric::count("OnDemandMaxReadRequestUnits"), Metric::count("OnDemandMaxWriteRequestUnits")];
const THROTTLES: [Metric; 2] = [Metric::count("ReadThrottleEvents"), Metric::count("WriteThrottleEvents")];
const PROVISIONED_THROTTLES: [Metric; 2] = [
    Metric::count("ReadProvisionedThroughputThrottleEvents"),
    Metric::count("WriteProvisionedThroughputThrottleEvents"),
];
const LIMIT_THROTTLES: [Metric; 2] = [
    Metric::count("ReadMaxOnDemandThroughputThrottleEvents"),
    Metric::count("WriteMaxOnDemandThroughputThrottleEvents"),
];
const LATENCY: Metric = Metric { name: "SuccessfulRequestLatency", unit: "Milliseconds" };
const RETURNED: Metric = Metric::count("ReturnedItemCount");
const RECORDS: Metric = Metric::count("ReturnedRecordsCount");
const CONDITIONS: Metric = Metric::count("ConditionalCheckFailedRequests");
const EXPIRED: Metric = Metric::count("TimeToLiveDeletedItemCount");
const THROTTLED: Metric = Metric::count("ThrottledRequests");
const USER_ERRORS: Metric = Metric::count("UserErrors");
const SYSTEM_ERRORS: Metric = Metric::count("SystemErrors");

/// In thousandths, as [`Vitals`] has them.
const ONE: i64 = 1_000;
const HALF: u64 = 500;

/// One metric of a table or index, of one operation where it has that dimension, in one minute.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Series {
    minute: i64,
    metric: Metric,
    operation: &'static str,
}

/// By ARNs of tables, indexes and streams; what is of no table is under the ARN of `*`.
type Counted = HashMap<String, Vec<(Series, Values)>>;

/// What has been counted and not yet told.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    counted: Sharded<Counted>,
    /// The last five minutes whose levels were told.
    levels: AtomicI64,
}

impl Tally {
    /// Adds one value, in thousandths. Allocates only what comes for the first time since it was last told.
    fn note(&self, arn: &str, operation: &'static str, now: Timestamp, metric: Metric, value: i64) {
        let series = Series { minute: now.seconds().div_euclid(MINUTE), metric, operation };
        let mut counted = self.counted.own();
        if !counted.contains_key(arn) {
            counted.insert(arn.to_owned(), Vec::new());
        }
        let Some(all) = counted.get_mut(arn) else { return };
        let at = all.iter().position(|(known, _)| *known == series).unwrap_or_else(|| {
            all.push((series, Values::new()));
            all.len() - 1
        });
        *all[at].1.entry(value).or_default() += 1;
    }

    fn units(&self, arn: &str, now: Timestamp, metric: Metric, units: Units) {
        if units > Units::ZERO {
            self.note(arn, "", now, metric, (units.half_units() * HALF) as i64);
        }
    }

    /// Local indexes use their table's units.
    fn written(&self, schema: &Schema, now: Timestamp, done: &Done) {
        let mut own = done.table;
        for (at, units) in &done.indexes {
            match schema.indexes.get(*at) {
                Some(index) if index.record.global => self.units(&index.arn, now, CONSUMED[1], *units),
                _ => own += *units,
            }
        }
        self.units(&schema.arn, now, CONSUMED[1], own);
    }
}

/// Counts what a read used: of the table or the index, and of the table beside it.
pub(super) fn read(cx: &Cx<'_>, schema: &Schema, index: Option<&IndexSchema>, [units, fetched]: [Units; 2]) {
    let tally = cx.memory::<Tally>();
    match index.filter(|index| index.record.global) {
        None => tally.units(&schema.arn, cx.now, CONSUMED[0], units + fetched),
        Some(index) => {
            tally.units(&index.arn, cx.now, CONSUMED[0], units);
            tally.units(&schema.arn, cx.now, CONSUMED[0], fetched);
        }
    }
}

/// Counts what a write uses, when it commits.
pub(super) fn written_in(tx: &mut Tx, cloud: &Cloud, now: Timestamp, schema: &Arc<Schema>, done: &Done) {
    let (tally, schema, done) = (cloud.memory::<Tally>(), Arc::clone(schema), done.clone());
    tx.on_end(move |committed| {
        if committed.is_some() {
            tally.written(&schema, now, &done);
        }
    });
}

/// Counts what was used by a write that was refused for its condition.
pub(super) fn attempted(cx: &Cx<'_>, schema: &Schema, done: &Done) {
    cx.memory::<Tally>().written(schema, cx.now, done);
}

/// Counts an item that leaves because its time has come.
pub(super) fn expired_in(tx: &mut Tx, cloud: &Cloud, now: Timestamp, schema: &Arc<Schema>) {
    let (tally, schema) = (cloud.memory::<Tally>(), Arc::clone(schema));
    tx.on_end(move |committed| {
        if committed.is_some() {
            tally.note(&schema.arn, "", now, EXPIRED, ONE);
        }
    });
}

/// Counts a table or an index that had no capacity for a part of a request.
pub(super) fn throttled(cx: &Cx<'_>, arn: &str, writes: bool, provisioned: bool) {
    let (tally, way) = (cx.memory::<Tally>(), usize::from(writes));
    let cause = if provisioned { PROVISIONED_THROTTLES[way] } else { LIMIT_THROTTLES[way] };
    tally.note(arn, "", cx.now, THROTTLES[way], ONE);
    tally.note(arn, "", cx.now, cause, ONE);
}

/// What each request adds: of `dynamodb` or of `dynamodbstreams`.
#[derive(Debug)]
pub struct Requests(pub &'static str);

/// AWS: the values of the dimension `Operation`.
fn is_measured(operation: &str) -> bool {
    matches!(
        operation,
        "GetItem"
            | "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "Query"
            | "Scan"
            | "BatchGetItem"
            | "BatchWriteItem"
            | "TransactGetItems"
            | "TransactWriteItems"
            | "ExecuteStatement"
            | "BatchExecuteStatement"
            | "ExecuteTransaction"
            | "GetRecords"
    )
}

/// Milliseconds, in thousandths.
fn latency(took: Duration) -> i64 {
    let micros = took.as_micros().try_into().unwrap_or(i64::MAX);
    let mut step = 1;
    while micros / step >= 1_000 {
        step *= 10;
    }
    micros / step * step
}

/// How many items, or records, an answer shows.
fn returned(operation: &str, answer: &Value) -> Option<(Metric, i64)> {
    let listed = |member: &str| answer.member(member).and_then(Value::as_list).map_or(0, <[_]>::len) as i64;
    match operation {
        "Query" | "Scan" => match answer.member("Count") {
            Some(Value::Int(count)) => Some((RETURNED, *count)),
            _ => None,
        },
        "ExecuteStatement" => Some((RETURNED, listed("Items"))),
        "GetRecords" => Some((RECORDS, listed("Records"))),
        _ => None,
    }
}

impl Tariff for Requests {
    fn service(&self) -> &'static str {
        self.0
    }

    fn count(&self, call: &Called<'_>, _: &mut dyn FnMut(&Line<'_>, u64)) {
        let (tally, operation, now) = (call.cloud.memory::<Tally>(), call.operation, call.now);
        let each = |metric, value| {
            for arn in call.resources() {
                tally.note(arn, operation, now, metric, value);
            }
        };
        match call.outcome {
            Ok(answer) if is_measured(operation) => {
                each(LATENCY, latency(call.took));
                if let Some((metric, shown)) = returned(operation, answer).filter(|(_, shown)| *shown > 0) {
                    each(metric, shown * ONE);
                }
            }
            Ok(_) => {}
            Err(fault) if is_throttled(fault) => each(THROTTLED, ONE),
            Err(fault) if is_condition(fault) => {
                tally.note(call.resource(), "", now, CONDITIONS, ONE);
            }
            Err(fault) if fault.status == 400 => {
                let home = Arn::new("dynamodb", call.region.name(), call.account.as_str(), "*").to_string();
                tally.note(&home, "", now, USER_ERRORS, ONE);
            }
            Err(fault) if matches!(fault.status, 500 | 503) => each(SYSTEM_ERRORS, ONE),
            Err(_) => {}
        }
    }
}

/// What the metrics are of; nothing where the ARN is of something else.
fn place(arn: &str, operation: &'static str) -> Option<Place> {
    let arn = Arn::parse(arn)?;
    let home = (AccountId::parse(&arn.account)?, Region::parse(&arn.region)?);
    let mut dimensions = Vec::with_capacity(3);
    if let Some(table) = arn.resource.strip_prefix("table/") {
        let mut parts = table.split('/');
        dimensions.push(("TableName", parts.next()?.to_owned()));
        match (parts.next(), parts.next()) {
            // What is asked of an index counts for its table, but for capacity.
            (Some("index"), Some(index)) if operation.is_empty() => {
                dimensions.push(("GlobalSecondaryIndexName", index.to_owned()));
            }
            (Some("stream"), Some(label)) => dimensions.push(("StreamLabel", label.to_owned())),
            _ => {}
        }
    }
    if !operation.is_empty() {
        dimensions.push(("Operation", operation.to_owned()));
    }
    Some(Place { source: SOURCE, home, dimensions })
}

/// Hands over what was counted.
fn tell(cloud: &Cloud, tally: &Tally) {
    let vitals = cloud.memory::<Vitals>();
    for (arn, all) in tally.counted.take().flatten() {
        for (series, values) in all {
            if let Some(place) = place(&arn, series.operation) {
                vitals.add(place, Timestamp::from_seconds(series.minute * MINUTE), series.metric, values);
            }
        }
    }
}

/// What is provisioned, and what on-demand tables are limited to.
fn levels(
    on_demand: bool,
    throughput: &Throughput,
    limits: OnDemandLimits,
) -> impl Iterator<Item = (Metric, i64)> {
    let all = match on_demand {
        false => [(PROVISIONED[0], Some(throughput.read)), (PROVISIONED[1], Some(throughput.write))],
        true => [(LIMITS[0], limits.read), (LIMITS[1], limits.write)],
    };
    all.into_iter().filter_map(|(metric, level)| Some((metric, level?)))
}

fn tell_levels(cloud: &Cloud, now: Timestamp) -> Result<(), String> {
    let vitals = cloud.memory::<Vitals>();
    let snapshot = cloud.store().snapshot();
    for pair in TABLES.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let (_, table): (_, TableRecord) = pair.map_err(|e| e.to_string())?;
        let arn = table.arn();
        let indexes = table
            .globals()
            .map(|index| (format!("{arn}/index/{}", index.name), &index.throughput, index.on_demand_limits));
        let own = std::iter::once((arn.clone(), &table.throughput, table.on_demand_limits));
        for (arn, throughput, limits) in own.chain(indexes) {
            for (metric, level) in levels(table.on_demand, throughput, limits) {
                if let Some(place) = place(&arn, "") {
                    vitals.add(place, now, metric, Values::from([(level * ONE, 1)]));
                }
            }
        }
    }
    Ok(())
}

/// Tells CloudWatch every few seconds, and before the end.
#[derive(Debug)]
pub struct Tell;

impl Reconciler for Tell {
    fn name(&self) -> &'static str {
        "dynamodb metrics"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        TELL_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let (tally, now) = (cloud.memory::<Tally>(), cloud.clock().now());
        tell(cloud, &tally);
        let period = now.seconds().div_euclid(LEVELS_EVERY);
        if tally.levels.swap(period, Ordering::Relaxed) != period {
            tell_levels(cloud, now)?;
        }
        Ok(Some(Timestamp::from_seconds((period + 1) * LEVELS_EVERY)))
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        tell(cloud, &cloud.memory::<Tally>());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions() {
        let of = |arn: &str, operation| {
            let place = place(&format!("arn:aws:dynamodb:us-east-1:111111111111:{arn}"), operation).unwrap();
            let shown: Vec<String> =
                place.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
            shown.join(" ")
        };
        assert_eq!(of("*", ""), "");
        assert_eq!(of("table/a", ""), "TableName=a");
        assert_eq!(of("table/a", "Scan"), "TableName=a Operation=Scan");
        assert_eq!(of("table/a/index/i", ""), "TableName=a GlobalSecondaryIndexName=i");
        assert_eq!(of("table/a/index/i", "Query"), "TableName=a Operation=Query");
        assert_eq!(
            of("table/a/stream/2026", "GetRecords"),
            "TableName=a StreamLabel=2026 Operation=GetRecords"
        );
        assert_eq!(place("*", ""), None);
    }

    #[test]
    fn latencies_have_three_digits() {
        let of = |micros| latency(Duration::from_micros(micros));
        assert_eq!([0, 999, 1_000, 12_345, 9_999_999].map(of), [0, 999, 1_000, 12_300, 9_990_000]);
    }

    /// What a request pays: measured so that nobody makes it ten times as much unnoticed.
    #[test]
    fn noting_costs_next_to_nothing() {
        let (tally, began) = (Tally::default(), std::time::Instant::now());
        let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/orders";
        for n in 0..20_000 {
            tally.note(arn, "GetItem", Timestamp::from_seconds(0), LATENCY, n % 700);
            tally.note(arn, "", Timestamp::from_seconds(0), CONSUMED[0], ONE);
        }
        let each = began.elapsed() / 20_000;
        eprintln!("noting takes {each:?}");
        // Without optimization, on a loaded machine.
        assert!(each < Duration::from_micros(200), "{each:?}");
        let all: Counted = tally.counted.take().flatten().collect();
        let times = |at: usize| all[arn][at].1.values().sum::<u64>();
        assert_eq!((times(0), times(1)), (20_000, 20_000));
    }
}
