//! UpdateTable: one change of a table at a time, made real by [`crate::dynamodb::work`].

use super::describe::{AttributeDefinition, describe};
use super::obstacle::{self, check_free};
use super::table::{SseSpecification, StreamSpecification, TableOutput, in_use};
use crate::dynamodb::access;
use crate::dynamodb::definition::{self, GlobalIndex, ProvisionedThroughput};
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, parameter, validation};
use crate::dynamodb::global::replicas::{self, ReplicaUpdate};
use crate::dynamodb::model::schema;
use crate::dynamodb::model::stream;
use crate::dynamodb::model::table::{
    IndexRecord, NextEncryption, OnDemandLimits, Status, TABLES, TableRecord, Throughput,
};
use crate::dynamodb::throughput::{self, OnDemandThroughput, WarmThroughput};
use base::Timestamp;
use kernel::Cx;
use std::collections::BTreeSet;
use std::time::Duration;

kernel::ops! { pub(crate) static OPS:
    UpdateTable: update_table, "dynamodb:UpdateTable", access::update_table;
}

/// AWS: the page of UpdateTable; recorded: how often a table's class may change.
const CLASS_CHANGES_MAX: usize = 2;
const CLASS_CHANGES_WITHIN: Duration = Duration::from_secs(30 * 86_400);
/// AWS: the service's quotas; recorded: how often the key under which rows lie may change in a day without waiting.
const KEY_CHANGES_AT_ONCE: usize = 4;
const KEY_CHANGES_WITHIN: Duration = Duration::from_secs(86_400);
const BETWEEN_KEY_CHANGES: Duration = Duration::from_secs(6 * 3_600);
/// AWS: recorded: for how long protection against deletion stays as it is.
const PROTECTION_STAYS: Duration = Duration::from_secs(15);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct UpdateTable {
        attributes: Option<Vec<AttributeDefinition>> = "AttributeDefinitions",
        table: String = "TableName",
        pub(super) billing: Option<String> = "BillingMode",
        pub(super) throughput: Option<ProvisionedThroughput> = "ProvisionedThroughput",
        pub(super) indexes: Option<Vec<IndexUpdate>> = "GlobalSecondaryIndexUpdates",
        pub(super) stream: Option<StreamSpecification> = "StreamSpecification",
        pub(super) sse: Option<SseSpecification> = "SSESpecification",
        pub(super) class: Option<String> = "TableClass",
        protected: Option<bool> = "DeletionProtectionEnabled",
        pub(super) replicas: Option<Vec<ReplicaUpdate>> = "ReplicaUpdates",
        pub(super) limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        warm: Option<WarmThroughput> = "WarmThroughput",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct IndexUpdate {
        pub(super) update: Option<IndexThroughput> = "Update",
        pub(super) create: Option<GlobalIndex> = "Create",
        pub(super) delete: Option<IndexName> = "Delete",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct IndexThroughput {
        name: String = "IndexName",
        throughput: Option<ProvisionedThroughput> = "ProvisionedThroughput",
        limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        warm: Option<WarmThroughput> = "WarmThroughput",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct IndexName { name: String = "IndexName" }
}

impl UpdateTable {
    /// Forgets the table's throughput where it says nothing; whether there was such.
    fn drop_hollow(&mut self) -> bool {
        let (warm, limits) = (self.warm, self.limits);
        self.warm = warm.filter(|warm| warm.read.is_some() || warm.write.is_some());
        self.limits = limits.filter(|limits| limits.read.is_some() || limits.write.is_some());
        warm.is_some() != self.warm.is_some() || limits.is_some() != self.limits.is_some()
    }

    /// How many changes of the table it asks for, apart from its replicas.
    fn changes(&self) -> usize {
        let indexes = self.indexes.as_ref().is_some_and(|indexes| !indexes.is_empty());
        let changes = [
            self.throughput.is_some(),
            self.billing.is_some(),
            indexes,
            self.stream.is_some(),
            self.sse.is_some(),
            self.class.is_some(),
            self.protected.is_some(),
            self.limits.is_some(),
            self.warm.is_some(),
        ];
        changes.iter().filter(|asked| **asked).count()
    }

    fn is_empty(&self) -> bool {
        self.changes() == 0 && self.replicas.is_none()
    }
}

impl IndexUpdate {
    /// Which index it is about.
    ///
    /// # Errors
    /// `ValidationException` for none or several changes.
    pub(super) fn name(&self) -> Result<&str, Error> {
        let names = [
            self.update.as_ref().map(|update| &update.name),
            self.create.as_ref().map(|create| &create.name),
            self.delete.as_ref().map(|delete| &delete.name),
        ];
        let mut names = names.into_iter().flatten();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (Some(_), Some(_)) => Err(parameter(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
            )),
            (None, _) => Err(parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
            )),
        }
    }

    /// What the request alone says of an index's throughput, whatever the table is like.
    fn check_units(&self, name: &str) -> Result<(), Error> {
        let update = self.update.as_ref();
        let units = update.and_then(|update| update.throughput);
        let units = units.or(self.create.as_ref().and_then(|create| create.throughput));
        units.map(|units| definition::units_of_index(units, name)).transpose()?;
        Ok(())
    }

    fn check_warm(&self) -> Result<(), Error> {
        let Some(update) = &self.update else { return Ok(()) };
        if update.warm.is_some_and(|warm| warm.read.is_none() && warm.write.is_none()) {
            return Err(parameter(format_args!(
                "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: {}",
                update.name
            )));
        }
        Ok(())
    }
}

/// `hollow` says that throughput was named that says nothing.
fn check_parameters(req: &UpdateTable, hollow: bool) -> Result<(), Error> {
    for update in req.indexes.iter().flatten() {
        update.check_warm()?;
    }
    let changes = req.changes();
    if req.is_empty() && !hollow {
        return Err(validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required",
        ));
    }
    if changes > 0 && req.indexes.as_ref().is_some_and(Vec::is_empty) {
        return Err(parameter("List of GlobalSecondaryIndexUpdates is empty"));
    }
    if req.replicas.is_some() && changes > 0 {
        return Err(parameter("Replica modification must be the only operation in the request"));
    }
    check_alone(req, changes)?;
    req.throughput.map(definition::units_of).transpose()?;
    let mut seen = BTreeSet::new();
    for update in req.indexes.iter().flatten() {
        let name = update.name()?;
        update.check_units(name)?;
        if !seen.insert(name) {
            return Err(parameter(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
    }
    Ok(())
}

/// One request makes one change, but for few that go together. `changes` says how many it asks for.
///
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html>; recorded answers, which
/// also tell what is named where several may only come alone.
fn check_alone(req: &UpdateTable, changes: usize) -> Result<(), Error> {
    let mut indexes = req.indexes.iter().flatten();
    let creates = indexes.clone().any(|index| index.create.is_some());
    let comes_or_goes = creates || indexes.any(|index| index.delete.is_some());
    for (asked, what) in [
        (req.sse.is_some(), "Server-Side Encryption modification"),
        (req.class.is_some(), "TableClass modification"),
        (req.protected.is_some(), "DeletionProtection modification"),
    ] {
        if asked && changes > 1 {
            return Err(parameter(format_args!("{what} must be the only operation in the request")));
        }
    }
    if req.warm.is_some() && creates {
        return Err(parameter(
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ));
    }
    if req.limits.is_some() && changes > 1 + usize::from(req.billing.is_some()) {
        return Err(parameter(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ));
    }
    if req.warm.is_some() && changes > 1 {
        return Err(parameter("WarmThroughput must be the only operation in the request"));
    }
    if req.throughput.is_some() && comes_or_goes {
        return Err(parameter("You cannot create or delete index while updating table IOPS"));
    }
    if req.stream.is_some() && (req.throughput.is_some() || req.billing.as_deref() == Some("PROVISIONED")) {
        return Err(parameter("You cannot modify stream status while updating table IOPS"));
    }
    if req.stream.is_some() && comes_or_goes {
        return Err(parameter("You cannot create or delete index while changing stream status"));
    }
    Ok(())
}

fn update_table(cx: &mut Cx<'_>, mut req: UpdateTable) -> Result<TableOutput, Error> {
    // AWS: recorded; a table's throughput that says nothing is none beside other changes, unlike an index's.
    let hollow = req.drop_hollow();
    check_parameters(&req, hollow)?;
    let schema = schema::made(cx, &req.table)?;
    check_free(&schema.record, &req)?;
    if hollow && req.is_empty() {
        return Err(Refusal::Failure.into());
    }
    let mut table = schema.record.clone();
    if let Some(updates) = &req.replicas {
        replicas::change(cx, &mut table, updates)?;
        table.status = Status::Updating;
        TABLES.put(cx.tx, &table.own_key(), &table);
        return Ok(TableOutput { table: describe(cx, &table, Some(&schema))? });
    }
    let create = req.indexes.iter().flatten().find_map(|update| update.create.as_ref());
    // AWS: recorded; what is said of attributes is looked at for a new index alone.
    let attributes = req.attributes.as_deref().filter(|_| create.is_some());
    definition::redefine(&mut table, attributes, create)?;
    let mut indexes = req.indexes.iter().flatten();
    let comes_or_goes = indexes.any(|index| index.create.is_some() || index.delete.is_some());
    // AWS: recorded; what is done beside the table, to its rows' key, its indexes' units or its warm throughput, is told of
    // there, while the table stays active.
    let told = change_billing(cx, &mut table, &req)? || comes_or_goes;
    let limits = req.limits;
    let works = change_limits(&mut table, req.limits, req.warm)?;
    let told = change_stream(cx, &mut table, req.stream.as_ref())? || told;
    let works = change_indexes(cx, &mut table, req.indexes.unwrap_or_default())? || works;
    let works = change_encryption(cx, &mut table, req.sse.as_ref())? || works;
    let classed = change_class(&mut table, req.class.as_deref(), cx.now)?;
    let told = classed || told;
    // AWS: recorded; what is as it is asked to be is answered as if it were on its way.
    let as_it_is = (req.class.is_some() && !classed) || (req.billing.is_some() && !told);
    change_protection(&mut table, req.protected, cx.now)?;
    throughput::check_most(&table, Some(&schema.record))?;
    let works = works || told;
    if told {
        table.status = Status::Updating;
    }
    if works && !table.replicas.is_empty() {
        if !table.on_demand {
            return Err(validation("Table write capacity should either be Pay-Per-Request or AutoScaled."));
        }
        replicas::spread(cx, &table)?;
    }
    TABLES.put(cx.tx, &table.own_key(), &table);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    let mut described = describe(cx, &table, Some(&schema))?;
    described.limits = throughput::answered_limits(described.limits, limits);
    if as_it_is {
        Status::Updating.name().clone_into(&mut described.status);
    }
    // AWS: recorded; whatever else goes on.
    if req.sse.is_some() {
        Status::Active.name().clone_into(&mut described.status);
    }
    Ok(TableOutput { table: described })
}

/// The class to which the table goes; says whether it is another.
///
/// # Errors
/// `LimitExceededException`.
fn change_class(table: &mut TableRecord, asked: Option<&str>, now: Timestamp) -> Result<bool, Error> {
    let Some(class) = asked else { return Ok(false) };
    table.class_changes.retain(|at| now.since(*at) < CLASS_CHANGES_WITHIN);
    // AWS: recorded; once there were that many, the class that is there is refused as well.
    if table.class_changes.len() >= CLASS_CHANGES_MAX {
        let days = CLASS_CHANGES_WITHIN.as_secs() / 86_400;
        return Err(Refusal::Limit(format!(
            "Subscriber limit exceeded: Updates to TableClass are limited to {CLASS_CHANGES_MAX} times in {days} day(s)."
        ))
        .into());
    }
    if class == table.class.as_deref().unwrap_or("STANDARD") {
        return Ok(false);
    }
    table.next_class = Some(class.to_owned());
    table.class_changes.push(now);
    Ok(true)
}

/// Protection against deletion, which is there at once, and stays so for a while.
///
/// # Errors
/// `ThrottlingException`.
fn change_protection(table: &mut TableRecord, asked: Option<bool>, now: Timestamp) -> Result<(), Error> {
    let Some(protected) = asked else { return Ok(()) };
    if let Some(changed) = table.protection_changed.filter(|at| now.since(*at) < PROTECTION_STAYS) {
        return Err(Refusal::TooSoon(format!(
            "Deletion protection setting for table {} modified within the previous {} milliseconds. Please try again after {}",
            table.name,
            PROTECTION_STAYS.as_millis(),
            changed.plus(PROTECTION_STAYS).iso8601()
        ))
        .into());
    }
    if table.deletion_protection != protected {
        table.deletion_protection = protected;
        table.protection_changed = Some(now);
    }
    Ok(())
}

/// Limits and warm throughput of the table itself; says whether anything is to be done.
fn change_limits(
    table: &mut TableRecord,
    limits: Option<OnDemandThroughput>,
    warm: Option<WarmThroughput>,
) -> Result<bool, Error> {
    let any = limits.is_some() || warm.is_some();
    table.on_demand_limits = throughput::limits(table.on_demand_limits, limits, table.on_demand, "table")?;
    table.warm = throughput::warmed(table.warm, warm, &table.throughput, table.on_demand, "table")?;
    Ok(any)
}

/// The key under which rows lie; says whether they are to be written anew.
fn change_encryption(
    cx: &mut Cx<'_>,
    table: &mut TableRecord,
    sse: Option<&SseSpecification>,
) -> Result<bool, Error> {
    let Some(sse) = sse else { return Ok(false) };
    if !table.replicas.is_empty() {
        return Err(match sse.key {
            Some(_) => validation(
                "Invalid operation: Customer Managed CMKs on Global Table Version 2019.11.21 replicas cannot be updated through SSESpecification parameter and can only be updated through ReplicaUpdates parameter",
            ),
            None => Refusal::NotBuilt("Another KMS key for a table that has replicas".into()).into(),
        });
    }
    let current = table.encryption.as_ref().map(|current| current.key_arn.as_str());
    let to = match sse.wants()? {
        // AWS: only the key's ARN is known again; by any other name the table is encrypted once more.
        Some(asked) if asked.is_some() && asked == current => {
            return Err(parameter(
                "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key",
            ));
        }
        Some(asked) => Some(asked),
        None if current.is_none() => return Err(parameter("Table is already encrypted by default")),
        None => None,
    };
    note_key_change(table, cx.now)?;
    encryption::check_usable(cx, table.encryption.as_ref())?;
    let to = to.map(|asked| encryption::new_key(cx, table, asked)).transpose()?;
    table.next_encryption = Some(NextEncryption { to, asked: Some(cx.now) });
    Ok(true)
}

/// Notes a change of the key under which rows lie, of which there may be few in a day.
///
/// # Errors
/// `LimitExceededException`.
fn note_key_change(table: &mut TableRecord, now: Timestamp) -> Result<(), Error> {
    // The day begins with its first change.
    let is_over = table.key_changes.first().is_some_and(|first| now.since(*first) >= KEY_CHANGES_WITHIN);
    if is_over {
        table.key_changes.clear();
    }
    if let (count, Some(first), Some(last)) =
        (table.key_changes.len(), table.key_changes.first(), table.key_changes.last())
        && count >= KEY_CHANGES_AT_ONCE
        && now.since(*last) < BETWEEN_KEY_CHANGES
    {
        let (end, next) = (first.plus(KEY_CHANGES_WITHIN), last.plus(BETWEEN_KEY_CHANGES));
        return Err(Refusal::Limit(format!(
            "Subscriber limit exceeded: Encryption mode changes are limited in the 24h window ending at {}. After the first {KEY_CHANGES_AT_ONCE} change, each subsequent change in the same window can be performed at most once every {} seconds. Number of updates today: {count}. Last change at {}. Next changes can be made at {}.",
            end.iso8601(),
            BETWEEN_KEY_CHANGES.as_secs(),
            last.iso8601(),
            next.min(end).iso8601()
        ))
        .into());
    }
    table.key_changes.push(now);
    Ok(())
}

/// Billing mode and throughput; says whether anything is to be done.
fn change_billing(cx: &Cx<'_>, table: &mut TableRecord, req: &UpdateTable) -> Result<bool, Error> {
    match (req.billing.as_deref(), req.throughput) {
        (Some("PAY_PER_REQUEST"), units) => {
            if units.is_some() {
                return Err(parameter(
                    "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST",
                ));
            }
            if table.on_demand {
                return Ok(false);
            }
            table.on_demand = true;
            table.on_demand_since = Some(cx.now);
            table.throughput.switch(0, 0, cx.now);
            table.indexes.iter_mut().for_each(|index| index.throughput.change(0, 0, cx.now));
            Ok(true)
        }
        (Some(_), None) => {
            Err(parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED"))
        }
        (mode, Some(units)) => {
            let new = definition::units_of(units)?;
            if table.on_demand && mode.is_none() {
                return Err(parameter(
                    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
                ));
            }
            let current = &table.throughput;
            if !table.on_demand && (current.read, current.write) == (new.read, new.write) {
                return Err(unchanged("table", "table", &new));
            }
            // AWS: recorded; it stays as warm as it ever was.
            table.warm = throughput::kept_warm(table.warm, &table.throughput, table.on_demand);
            if table.on_demand {
                check_indexes_get_units(table, req)?;
                table.on_demand = false;
                table.throughput.switch(new.read, new.write, cx.now);
            } else {
                throughput::check_decrease(&table.throughput, &new, cx.now)?;
                table.throughput.change(new.read, new.write, cx.now);
            }
            table.on_demand_limits = OnDemandLimits::default();
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The refusal of units that are there already. `named` is what has them, with its name.
fn unchanged(named: &str, what: &str, units: &Throughput) -> Error {
    validation(format!(
        "The provisioned throughput for the {named} will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the {what}: {0}. Requested ReadCapacityUnits: {0}. Current WriteCapacityUnits provisioned for the {what}: {1}. Requested WriteCapacityUnits: {1}. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
        units.read, units.write
    ))
}

/// A table that becomes provisioned needs units for each of its global indexes too.
fn check_indexes_get_units(table: &TableRecord, req: &UpdateTable) -> Result<(), Error> {
    let given = |name: &str| {
        req.indexes.iter().flatten().any(|u| {
            u.update.as_ref().is_some_and(|u| u.name == name && u.throughput.is_some())
                || u.delete.as_ref().is_some_and(|d| d.name == name)
        })
    };
    match table.globals().find(|index| !given(&index.name)) {
        None => Ok(()),
        Some(index) => {
            Err(parameter(format_args!("ProvisionedThroughput must be specified for index: {}", index.name)))
        }
    }
}

/// Switches the stream on or off; says whether anything is to be done.
fn change_stream(
    cx: &mut Cx<'_>,
    table: &mut TableRecord,
    asked: Option<&StreamSpecification>,
) -> Result<bool, Error> {
    match asked.map(|stream| (stream.enabled, stream.view.as_deref())) {
        None => Ok(false),
        Some((true, None)) => Err(parameter("If stream is being enabled then UpdateViewType is required")),
        Some((false, Some(_))) => {
            Err(parameter("If stream is being disabled, then UpdateViewType must not be specified"))
        }
        Some((true, Some(_))) if table.stream.is_some() => {
            Err(validation(format!("Table already has an enabled stream: TableName: {}", table.name)))
        }
        Some((false, None)) if !table.replicas.is_empty() => {
            Err(parameter("Disabling Stream is not allowed for a Global Table replica."))
        }
        Some((false, None)) if table.stream.is_none() => {
            Err(validation(format!("Table has no stream to disable: TableName: {}", table.name)))
        }
        Some((true, Some(view))) => {
            let number = cx.rng().u64();
            stream::open(cx.tx, number, cx.now, table, view)?;
            Ok(true)
        }
        Some((false, None)) => {
            stream::close(cx.tx, cx.now, table)?;
            Ok(true)
        }
    }
}

/// Global indexes; says whether anything is to be done.
fn change_indexes(cx: &Cx<'_>, table: &mut TableRecord, updates: Vec<IndexUpdate>) -> Result<bool, Error> {
    let online = updates.iter().filter(|u| u.create.is_some() || u.delete.is_some()).count();
    if online > 1 {
        return Err(obstacle::one_online());
    }
    let any = !updates.is_empty();
    for (at, update) in updates.into_iter().enumerate() {
        if let Some(create) = update.create {
            create_index(table, &create, at)?;
        } else if let Some(IndexName { name }) = update.delete {
            find(table, &name, "delete")?.status = Status::Deleting;
        } else if let Some(update) = update.update {
            change_index(cx, table, update)?;
        }
    }
    Ok(any)
}

/// The throughput of one global index.
fn change_index(cx: &Cx<'_>, table: &mut TableRecord, update: IndexThroughput) -> Result<(), Error> {
    let IndexThroughput { name, throughput: units, limits, warm } = update;
    let on_demand = table.on_demand;
    let new = units.map(|units| definition::units_of_index(units, &name)).transpose()?;
    if on_demand && new.is_some() {
        return Err(parameter(format_args!(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        )));
    }
    let limited = limits.is_some_and(|limits| limits.read.is_some() || limits.write.is_some());
    let busy = in_use(table, format_args!("Index is being updated. Table: {} Index: {name}", table.name));
    let index = find(table, &name, "update")?;
    if new.is_none() && warm.is_none() && !limited {
        return Err(parameter(match on_demand {
            true => format!(
                "The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
            ),
            false => {
                format!("Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}")
            }
        }));
    }
    let told = new.is_some() || limited;
    if index.status == Status::Updating && told {
        return Err(busy);
    }
    if let Some(new) = new {
        if (index.throughput.read, index.throughput.write) == (new.read, new.write) {
            return Err(unchanged(&format!("index {name}"), "index", &new));
        }
        throughput::check_decrease(&index.throughput, &new, cx.now)?;
        index.warm = throughput::kept_warm(index.warm, &index.throughput, on_demand);
        index.throughput.change(new.read, new.write, cx.now);
    }
    let what = format!("index : {name}");
    index.on_demand_limits = throughput::limits(index.on_demand_limits, limits, on_demand, &what)?;
    index.warm =
        throughput::warmed(index.warm, warm, &index.throughput, on_demand, &format!("index {name}"))?;
    // AWS: recorded; warm throughput has a state of its own.
    if told {
        index.status = Status::Updating;
    }
    Ok(())
}

fn find<'t>(table: &'t mut TableRecord, name: &str, verb: &str) -> Result<&'t mut IndexRecord, Error> {
    match table.indexes.iter_mut().find(|index| index.name == name) {
        Some(index) if index.global => Ok(index),
        Some(_) => {
            Err(validation(format!("Cannot {verb} an index that is not a GlobalSecondaryIndex: {name}")))
        }
        None => Err(Refusal::NoIndex(name.to_owned(), table.name.clone()).into()),
    }
}

fn create_index(table: &mut TableRecord, create: &GlobalIndex, at: usize) -> Result<(), Error> {
    if table.index(&create.name).is_some() {
        return Err(validation("Attempting to create an index which already exists"));
    }
    if table.globals().count() >= definition::GLOBALS_MAX {
        return Err(Refusal::Limit(format!(
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of {}",
            definition::GLOBALS_MAX
        ))
        .into());
    }
    if !table.on_demand && create.throughput.is_none() {
        let name = &create.name;
        return Err(parameter(format_args!(
            "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
        )));
    }
    let mut index = definition::global(create, at, table.on_demand, &table.attributes, &table.indexes)?;
    index.number = table.next_index;
    (index.backfilling, index.allocating) = (true, true);
    table.next_index += 1;
    table.indexes.push(index);
    definition::check_projected(&table.indexes)
}
