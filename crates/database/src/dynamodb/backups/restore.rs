//! RestoreTableFromBackup and RestoreTableToPointInTime: a new table of a past state.
//!
//! The request makes the table's record; [`super::work`] fills the table and makes it active. As in AWS, a restored
//! table has its source's keys, indexes, billing and encryption, and none of its streams, tags, policies, time to
//! live, recovery or protection.

use super::{access, existing};
use crate::dynamodb::definition::{self, GlobalIndex, LocalIndex, ProvisionedThroughput};
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::backup::{BackupRecord, Restoring};
use crate::dynamodb::model::name::{OWN_ACCOUNT, Place, check_name};
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::table::{
    IndexRecord, OnDemandLimits, Status, TABLES, TableRecord, Throughput, Warm,
};
use crate::dynamodb::ops::describe::{KeySchemaElement, Projection, describe};
use crate::dynamodb::ops::table::{SseSpecification, TableOutput};
use crate::dynamodb::throughput::{self, OnDemandThroughput};
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};
use wire::Struct;

kernel::ops! { pub(in crate::dynamodb) static OPS:
    RestoreTableFromBackup: restore_from_backup, "dynamodb:RestoreTableFromBackup", access::from_backup;
    RestoreTableToPointInTime: restore_to_moment, "dynamodb:RestoreTableToPointInTime", access::from_moment;
}

/// AWS: the service's quotas: restores of an account at a time.
const RESTORES_MAX: usize = 50;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct RestoreFromBackup {
        target: String = "TargetTableName",
        backup: String = "BackupArn",
        billing: Option<String> = "BillingModeOverride",
        globals: Option<Vec<GlobalIndex>> = "GlobalSecondaryIndexOverride",
        locals: Option<Vec<LocalIndex>> = "LocalSecondaryIndexOverride",
        throughput: Option<ProvisionedThroughput> = "ProvisionedThroughputOverride",
        limits: Option<OnDemandThroughput> = "OnDemandThroughputOverride",
        sse: Option<SseSpecification> = "SSESpecificationOverride",
    }

    #[derive(Clone, Debug)]
    pub(super) struct RestoreToMoment {
        source_arn: Option<String> = "SourceTableArn",
        source: Option<String> = "SourceTableName",
        target: String = "TargetTableName",
        latest: Option<bool> = "UseLatestRestorableTime",
        at: Option<Timestamp> = "RestoreDateTime",
        billing: Option<String> = "BillingModeOverride",
        globals: Option<Vec<GlobalIndex>> = "GlobalSecondaryIndexOverride",
        locals: Option<Vec<LocalIndex>> = "LocalSecondaryIndexOverride",
        throughput: Option<ProvisionedThroughput> = "ProvisionedThroughputOverride",
        limits: Option<OnDemandThroughput> = "OnDemandThroughputOverride",
        sse: Option<SseSpecification> = "SSESpecificationOverride",
    }
}

/// In what the new table is to differ from its source.
struct Overrides {
    billing: Option<String>,
    globals: Option<Vec<GlobalIndex>>,
    locals: Option<Vec<LocalIndex>>,
    throughput: Option<ProvisionedThroughput>,
    limits: Option<OnDemandThroughput>,
    sse: Option<SseSpecification>,
}

fn invalid(what: impl std::fmt::Display) -> Error {
    validation(format!("Invalid Request: {what}"))
}

/// The table whose past is asked for; none where the request names none, or two.
///
/// # Errors
/// `ValidationException`.
pub(super) fn source_place(cx: &Cx<'_>, request: &Struct) -> Result<Option<Place>, Error> {
    match (request.str("SourceTableName"), request.str("SourceTableArn")) {
        (Some(name), None) => Place::read(cx, name).map(Some),
        (None, Some(arn)) => {
            Place::read_arn(cx, arn).map(Some).map_err(|_| validation("sourceTableArn is not a valid ARN"))
        }
        _ => Ok(None),
    }
}

/// The table that is being made of the backup, if there is one.
///
/// # Errors
/// The store's.
pub(super) fn feeds_from(cx: &Cx<'_>, backup: &BackupRecord) -> Result<Option<TableRecord>, Error> {
    let is_fed = |table: &TableRecord| {
        let source = table.restore.as_ref();
        source
            .is_some_and(|source| source.number == backup.table.number && source.order == Some(backup.order))
    };
    for pair in TABLES.scan(&*cx.tx, &Key::account(backup.table.account), Direction::Forward) {
        let (_, table) = pair?;
        if is_fed(&table) {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

fn restore_from_backup(cx: &mut Cx<'_>, req: RestoreFromBackup) -> Result<TableOutput, Error> {
    check_name(&req.target, "targetTableName")?;
    let backup = existing(cx, &req.backup)?;
    let source = &backup.table;
    if source.region != cx.region {
        return Err(Refusal::NotBuilt("A restore from a backup in another region".into()).into());
    }
    let overrides = Overrides {
        billing: req.billing,
        globals: req.globals,
        locals: req.locals,
        throughput: req.throughput,
        limits: req.limits,
        sse: req.sse,
    };
    let restoring = Restoring {
        account: source.account,
        region: source.region,
        number: source.number,
        table_arn: source.arn(),
        backup: Some(req.backup.clone()),
        order: Some(backup.order),
        at: backup.created,
        latest: false,
        source: Some(source.clone()),
        replica: false,
    };
    let table = new_table(cx, &req.target, source, overrides, restoring)?;
    check_target(cx, &req.target)?;
    if feeds_from(cx, &backup)?.is_some() {
        let what = format!("Backup is being used to restore another table: {}", req.backup);
        return Err(Refusal::BackupInUse(what).into());
    }
    begin(cx, &table)
}

fn restore_to_moment(cx: &mut Cx<'_>, req: RestoreToMoment) -> Result<TableOutput, Error> {
    check_name(&req.target, "targetTableName")?;
    let latest = req.latest == Some(true);
    match (latest, req.at.is_some()) {
        (true, true) => {
            return Err(invalid(
                "Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time restore request. Please specify only one of them.",
            ));
        }
        (false, false) => {
            return Err(invalid(
                "Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
            ));
        }
        _ => {}
    }
    let name = match (req.source, req.source_arn) {
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) => {
            return Err(validation(
                "The parameter 'TableName' is required but was not present in the request",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(validation("Must provide exactly one of: sourceTableArn, sourceTableName"));
        }
    };
    let place = Place::read(cx, &name)?;
    if place.account != cx.account {
        return Err(validation(OWN_ACCOUNT));
    }
    let schema = schema::find(cx, &place)?.filter(|schema| schema.record.status != Status::Creating);
    let schema = schema.ok_or_else(|| Error::from(Refusal::TableNotFound(place.name.clone())))?;
    let source = &schema.record;
    let Some(recovery) = source.recovery else {
        return Err(Refusal::NoRecovery(source.name.clone()).into());
    };
    let (from, to) = (recovery.earliest(cx.now), cx.now);
    let at = req.at.unwrap_or(to);
    if at < from.whole_seconds() || at > to {
        return Err(Refusal::RestoreTime(at.iso8601(), from.iso8601(), to.iso8601()).into());
    }
    let restoring = Restoring {
        account: source.account,
        region: source.region,
        number: source.number,
        table_arn: source.arn(),
        backup: None,
        order: None,
        at,
        latest,
        source: Some(Box::new(source.clone())),
        replica: false,
    };
    let overrides = Overrides {
        billing: req.billing,
        globals: req.globals,
        locals: req.locals,
        throughput: req.throughput,
        limits: req.limits,
        sse: req.sse,
    };
    let table = new_table(cx, &req.target, source, overrides, restoring)?;
    check_target(cx, &req.target)?;
    begin(cx, &table)
}

/// # Errors
/// `TableAlreadyExistsException`, `TableInUseException`, `LimitExceededException`.
fn check_target(cx: &Cx<'_>, name: &str) -> Result<(), Error> {
    let mut restoring = 0;
    for pair in TABLES.scan(&*cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let (_, table) = pair?;
        restoring += usize::from(table.restore.is_some());
        if table.name != name {
            continue;
        }
        return Err(match table.restore.as_deref() {
            Some(Restoring { backup: Some(backup), .. }) => {
                Refusal::TableInUse(format!("Table: {name} is already being restored from backup: {backup}"))
                    .into()
            }
            Some(_) => Refusal::TableInUse(format!("Table: {name} is already being restored")).into(),
            None => Refusal::TableExists(name.to_owned()).into(),
        });
    }
    if restoring >= RESTORES_MAX {
        let what = format!(
            "Subscriber limit exceeded: Only {RESTORES_MAX} restore operations can be done simultaneously"
        );
        return Err(Refusal::Limit(what).into());
    }
    Ok(())
}

fn begin(cx: &mut Cx<'_>, table: &TableRecord) -> Result<TableOutput, Error> {
    TABLES.put(cx.tx, &table.own_key(), table);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    Ok(TableOutput { table: describe(cx, table, None)? })
}

/// The record of the table that is to be filled.
fn new_table(
    cx: &mut Cx<'_>,
    name: &str,
    source: &TableRecord,
    overrides: Overrides,
    restoring: Restoring,
) -> Result<TableRecord, Error> {
    let mut table = source.clone();
    let (on_demand, throughput) = billing(source, overrides.billing.as_deref(), overrides.throughput)?;
    (table.on_demand, table.throughput) = (on_demand, throughput);
    table.on_demand_since = on_demand.then_some(cx.now);
    let switched = on_demand != source.on_demand;
    table.on_demand_limits = limits(source, on_demand, overrides.limits)?;
    table.warm = Warm::default();
    table.indexes = indexes(source, on_demand, switched, overrides.locals, overrides.globals)?;
    for (number, index) in (1..).zip(&mut table.indexes) {
        (index.number, index.status) = (number, Status::Creating);
        (index.backfilling, index.allocating) = (false, false);
    }
    table.next_index = table.indexes.len() as u32 + 1;
    table.forget_insights();
    table.forget_changes();
    let used = |name: &str| {
        table.hash == name
            || table.range.as_deref() == Some(name)
            || table.indexes.iter().any(|index| index.has_key(name))
    };
    let attributes = table.attributes.iter().filter(|a| used(&a.name)).cloned().collect();
    table.attributes = attributes;
    table.name = name.to_owned();
    table.id = base::id::uuid(cx.rng());
    table.number = cx.rng().u64();
    table.status = Status::Creating;
    table.created = cx.now;
    (table.account, table.region) = (cx.account, cx.region);
    table.deletion_protection = false;
    (table.class, table.class_updated) = (None, None);
    table.tags.clear();
    table.ttl = Default::default();
    (table.policy, table.policy_revision) = (None, 0);
    (table.stream, table.latest_stream) = (None, None);
    table.recovery = None;
    (table.replicas, table.replica_source) = (Vec::new(), None);
    (table.backup, table.next_backup) = (None, 0);
    table.restore = Some(Box::new(restoring));
    table.import = None;
    (table.encryption, table.next_encryption) = (None, None);
    if let Some(key) = key(source, overrides.sse.as_ref())? {
        table.encryption = Some(encryption::new_key(cx, &table, key.as_deref())?);
    }
    if source.encryption.is_some() {
        // Who restores must be able to read what is restored.
        encryption::unlock(cx, &Schema::of(source.clone())?)?;
    }
    Ok(table)
}

/// The KMS key of the new table: none, the account's own for DynamoDB (the inner none), or a named one. It has its
/// source's unless the request says otherwise.
fn key(source: &TableRecord, asked: Option<&SseSpecification>) -> Result<Option<Option<String>>, Error> {
    if let Some(sse) = asked {
        return Ok(sse.wants()?.map(|key| key.map(str::to_owned)));
    }
    let next = source.next_encryption.as_ref().map_or(source.encryption.as_ref(), |next| next.to.as_ref());
    Ok(next.map(|encryption| Some(encryption.key_arn.clone())))
}

/// The limits of the new table, which has its source's where both are on demand.
fn limits(
    source: &TableRecord,
    on_demand: bool,
    asked: Option<OnDemandThroughput>,
) -> Result<OnDemandLimits, Error> {
    let known = if source.on_demand { source.on_demand_limits } else { OnDemandLimits::default() };
    match (on_demand, asked) {
        (true, asked) => {
            let limits = asked
                .map(|asked| [("MaxReadRequestUnits", asked.read), ("MaxWriteRequestUnits", asked.write)]);
            let bad = |limit: i64| limit < 1 && limit != -1;
            match limits.into_iter().flatten().find(|(_, limit)| limit.is_some_and(bad)) {
                Some((name, _)) => Err(invalid(format_args!(
                    "Requested {name} for OnDemandThroughput is outside of valid range"
                ))),
                None => throughput::limits(known, asked, true, "table"),
            }
        }
        (false, None) => Ok(OnDemandLimits::default()),
        (false, Some(_)) => Err(invalid(
            "Cannot override MaxReadRequestUnits for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST",
        )),
    }
}

/// Whether the new table is billed on demand, and its throughput.
fn billing(
    source: &TableRecord,
    mode: Option<&str>,
    units: Option<ProvisionedThroughput>,
) -> Result<(bool, Throughput), Error> {
    let on_demand = mode.map_or(source.on_demand, |mode| mode == "PAY_PER_REQUEST");
    match (on_demand, units) {
        (true, Some(_)) if mode.is_some() => Err(invalid(
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
        )),
        (true, Some(_)) => {
            Err(invalid("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"))
        }
        (true, None) => Ok((true, Throughput::default())),
        (false, Some(units)) => Ok((false, definition::units_of(units)?)),
        (false, None) if mode.is_some() => {
            Err(invalid("Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED"))
        }
        (false, None) => Ok((false, Throughput::of(source.throughput.read, source.throughput.write))),
    }
}

fn is_like(index: &IndexRecord, keys: &[KeySchemaElement], projection: &Projection) -> bool {
    let of_kind = |kind: &str| -> Vec<&String> {
        keys.iter().filter(|key| key.kind == kind).map(|key| &key.name).collect()
    };
    let same = index.hashes().eq(of_kind("HASH")) && index.ranges().eq(of_kind("RANGE"));
    let mut include = projection.attributes.clone().unwrap_or_default();
    let mut known = index.include.clone();
    include.sort();
    known.sort();
    same && projection.kind.as_deref() == Some(index.projection.as_str()) && include == known
}

fn unknown(name: &str) -> Error {
    invalid(format_args!(
        "Index {name} does not match a secondary index that existed in the source table and cannot be created during the restore operation"
    ))
}

/// The source's indexes, or those of them that the request names, under names of its own choice.
fn indexes(
    source: &TableRecord,
    on_demand: bool,
    switched: bool,
    locals: Option<Vec<LocalIndex>>,
    globals: Option<Vec<GlobalIndex>>,
) -> Result<Vec<IndexRecord>, Error> {
    let mut out: Vec<IndexRecord> = Vec::new();
    match locals {
        None => out.extend(source.locals().cloned()),
        Some(asked) => {
            for index in asked {
                let like = source.locals().find(|known| is_like(known, &index.keys, &index.projection));
                let like = like.ok_or_else(|| unknown(&index.name))?.clone();
                out.push(IndexRecord { name: index.name, ..like });
            }
        }
    }
    match globals {
        None => {
            for index in source.globals().filter(|index| index.status != Status::Deleting) {
                let throughput = units(index, &index.name, None, on_demand, switched)?;
                let limits = if on_demand { index.on_demand_limits } else { OnDemandLimits::default() };
                let warm = Warm::default();
                out.push(IndexRecord { throughput, on_demand_limits: limits, warm, ..index.clone() });
            }
        }
        Some(asked) => {
            for index in asked {
                let like = source.globals().find(|known| is_like(known, &index.keys, &index.projection));
                let like = like.ok_or_else(|| unknown(&index.name))?.clone();
                // AWS: recorded; an index that is named needs units of its own where it is provisioned.
                let throughput = units(&like, &index.name, index.throughput, on_demand, true)?;
                let known = if on_demand { like.on_demand_limits } else { OnDemandLimits::default() };
                let limits =
                    throughput::limits(known, index.limits, on_demand, &format!("index : {}", index.name))?;
                let what = format!("index {}", index.name);
                let warm = throughput::warmed(Warm::default(), index.warm, &throughput, on_demand, &what)?;
                let name = index.name;
                out.push(IndexRecord { name, throughput, on_demand_limits: limits, warm, ..like });
            }
        }
    }
    Ok(out)
}

/// The throughput of a global index, which `like` has in the source.
fn units(
    like: &IndexRecord,
    name: &str,
    asked: Option<ProvisionedThroughput>,
    on_demand: bool,
    switched: bool,
) -> Result<Throughput, Error> {
    match (on_demand, asked) {
        (true, None) => Ok(Throughput::default()),
        (true, Some(_)) => Err(invalid(format_args!(
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index {name}"
        ))),
        (false, Some(units)) => definition::units_of(units),
        (false, None) if switched => {
            Err(invalid(format_args!("Must specify provisioned throughput for index {name}")))
        }
        (false, None) => Ok(Throughput::of(like.throughput.read, like.throughput.write)),
    }
}
