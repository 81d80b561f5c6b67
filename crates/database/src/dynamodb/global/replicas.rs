//! `ReplicaUpdates` of UpdateTable, and what replicas keep in common.

use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, parameter, validation};
use crate::dynamodb::model::backup::Restoring;
use crate::dynamodb::model::replica::{Replica, ReplicaStatus};
use crate::dynamodb::model::schema::Schema;
use crate::dynamodb::model::stream;
use crate::dynamodb::model::table::{Encryption, Status, TABLES, TableRecord};
use base::{AccountId, Region, Timestamp};
use kernel::{As, Cx};
use store::Read;
use wire::Value;

/// AWS: a replica from which others were made stays a day.
const SOURCE_STAYS: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ReplicaUpdate {
        pub(crate) create: Option<Created> = "Create",
        pub(crate) delete: Option<InRegion> = "Delete",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Created {
        pub(crate) region: String = "RegionName",
        pub(crate) key: Option<String> = "KMSMasterKeyId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct InRegion { pub(crate) region: String = "RegionName" }

    #[derive(Clone, Debug)]
    pub(crate) struct ReplicaDescription {
        region: String = "RegionName",
        status: String = "ReplicaStatus",
        arn: String = "ReplicaArn",
        key: Option<String> = "KMSMasterKeyId",
    }
}

/// The replicas as a table's description shows them.
pub(crate) fn describe(table: &TableRecord) -> Option<Vec<ReplicaDescription>> {
    let one = |replica: &Replica| ReplicaDescription {
        region: replica.region.name().to_owned(),
        status: replica.status.name().to_owned(),
        arn: crate::dynamodb::model::table::arn(table.account, replica.region, &table.name),
        key: replica.key.clone(),
    };
    (!table.replicas.is_empty()).then(|| table.replicas.iter().map(one).collect())
}

fn region(name: &str) -> Result<Region, Error> {
    Region::parse(name).ok_or_else(|| {
        let all: Vec<&str> = Region::all().map(Region::name).collect();
        validation(format!(
            "Region {name} is not supported. The latest version of global tables are only supported in the following regions: [{}]",
            all.join(", ")
        ))
    })
}

/// The replica of the table in another region.
///
/// # Errors
/// The store's.
pub(crate) fn member(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    name: &str,
) -> Result<Option<TableRecord>, Error> {
    Ok(TABLES.get(from, &TableRecord::key(account, region, name))?)
}

/// Adds or removes one replica. The caller writes the table's record.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn change(
    cx: &mut Cx<'_>,
    table: &mut TableRecord,
    updates: &[ReplicaUpdate],
) -> Result<(), Error> {
    let [update] = updates else {
        return Err(validation(
            "Update table operation with more than one create or delete replica actions not allowed",
        ));
    };
    let nothing =
        || validation("There are no actions specified in the Replica Update Action of the request.");
    let (wanted, created) = match (&update.create, &update.delete) {
        (Some(_), Some(_)) => {
            return Err(validation(
                "Update table operation with more than one type of replica actions not allowed.",
            ));
        }
        (Some(create), None) => (&create.region, Some(create)),
        (None, Some(delete)) => (&delete.region, None),
        (None, None) => return Err(nothing()),
    };
    let region = region(wanted)?;
    if region == cx.region {
        return Err(validation(
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable as required.",
        ));
    }
    if let Some(busy) = table.replicas.iter().find(|replica| replica.status == ReplicaStatus::Creating) {
        return Err(validation(format!(
            "Create/Update/Delete of replica is not allowed while the replica is being added to table with name: ‘{}’ in region: ‘{}’.",
            table.name,
            busy.region.name()
        )));
    }
    match created {
        Some(created) => add(cx, table, region, created.key.as_deref()),
        None => remove(cx, table, region),
    }
}

/// The key of a new replica: all have keys of the same kind, each of its own region.
fn key(
    cx: &mut Cx<'_>,
    table: &TableRecord,
    copy: &TableRecord,
    asked: Option<&str>,
) -> Result<Option<Encryption>, Error> {
    let managed = match &table.encryption {
        Some(encryption) => Some(encryption::is_managed(cx, encryption)?),
        None => None,
    };
    match (managed, asked) {
        (None, None) => return Ok(None),
        (Some(false), None) => return Err(parameter("KMSMasterKeyId must be specified for each replica.")),
        (None | Some(true), Some(_)) => {
            return Err(parameter(
                "KMSMasterKeyId can be specified for a replica only if the table has a customer managed key",
            ));
        }
        (Some(_), _) => {}
    }
    // Who adds a replica must be able to read what it begins with.
    encryption::unlock(cx, &Schema::of(table.clone())?)?;
    encryption::key_of_replica(cx, copy, asked).map(Some)
}

fn add(
    cx: &mut Cx<'_>,
    table: &mut TableRecord,
    region: Region,
    asked_key: Option<&str>,
) -> Result<(), Error> {
    if !table.on_demand {
        return Err(validation("Table write capacity should either be Pay-Per-Request or AutoScaled."));
    }
    if member(&*cx.tx, table.account, region, &table.name)?.is_some() {
        return Err(validation(format!(
            "Failed to create a the new replica of table with name: ‘{}’ because one or more replicas already existed as tables.",
            table.name
        )));
    }
    match &table.stream {
        Some(stream) if stream.view != "NEW_AND_OLD_IMAGES" => {
            return Err(validation(format!(
                "Table with name: ‘{}’ must have a stream with the view type NEW_AND_OLD_IMAGES to become a global table.",
                table.name
            )));
        }
        Some(_) => {}
        None => {
            let number = cx.rng().u64();
            stream::open(cx.tx, number, cx.now, table, "NEW_AND_OLD_IMAGES")?;
        }
    }
    role(cx);
    let mut copy = replica_of(cx, table, region);
    copy.encryption = key(cx, table, &copy, asked_key)?;
    let arn = |encryption: &Option<Encryption>| encryption.as_ref().map(|key| key.key_arn.clone());
    let with = |region, status, key| Replica { region, status, since: cx.now, key };
    let added = with(region, ReplicaStatus::Creating, arn(&copy.encryption));
    let own = with(cx.region, ReplicaStatus::Active, arn(&table.encryption));
    let others = table.replicas.iter().map(|r| with(r.region, ReplicaStatus::Active, r.key.clone()));
    copy.replicas = others.chain([own]).collect();
    let number = cx.rng().u64();
    stream::open(cx.tx, number, cx.now, &mut copy, "NEW_AND_OLD_IMAGES")?;
    TABLES.put(cx.tx, &copy.own_key(), &copy);
    for other in table.replicas.clone() {
        if let Some(mut record) = member(&*cx.tx, table.account, other.region, &table.name)? {
            record.replicas.push(added.clone());
            TABLES.put(cx.tx, &record.own_key(), &record);
        }
    }
    table.replicas.push(added);
    table.replica_source = Some(cx.now);
    Ok(())
}

/// The record of a new replica, which [`crate::dynamodb::backups`] fills as it fills a restored table.
fn replica_of(cx: &Cx<'_>, table: &TableRecord, region: Region) -> TableRecord {
    let restoring = Restoring {
        account: table.account,
        region: table.region,
        number: table.number,
        table_arn: table.arn(),
        at: cx.now,
        latest: true,
        source: Some(Box::new(table.clone())),
        replica: true,
        ..Restoring::default()
    };
    let mut copy = table.clone();
    copy.forget_insights();
    copy.forget_changes();
    copy.region = region;
    copy.id = base::id::uuid(cx.rng());
    copy.number = cx.rng().u64();
    copy.created = cx.now;
    copy.status = Status::Creating;
    for index in &mut copy.indexes {
        index.status = Status::Creating;
        (index.backfilling, index.allocating) = (false, false);
    }
    (copy.stream, copy.latest_stream) = (None, None);
    (copy.recovery, copy.backup, copy.next_backup) = (None, None, 0);
    (copy.policy, copy.policy_revision) = (None, 0);
    copy.tags.clear();
    copy.deletion_protection = false;
    copy.replica_source = None;
    copy.restore = Some(Box::new(restoring));
    copy
}

/// The role that AWS makes with an account's first replica.
fn role(cx: &mut Cx<'_>) {
    let service = Value::str("replication.dynamodb.amazonaws.com");
    let request = Value::Struct([("AWSServiceName", service)].into_iter().collect());
    // It is there already, but for the first time.
    let who = As::Service { name: "dynamodb.amazonaws.com", account: cx.account };
    let _ = cx.call("iam", "CreateServiceLinkedRole", request, who);
}

fn remove(cx: &mut Cx<'_>, table: &mut TableRecord, region: Region) -> Result<(), Error> {
    let found = table.replicas.iter().any(|r| r.region == region && r.status == ReplicaStatus::Active);
    let gone = member(&*cx.tx, table.account, region, &table.name)?.filter(|_| found);
    let Some(mut gone) = gone else {
        return Err(validation(format!(
            "Update global table operation failed because one or more replicas were not part of the global table. Please retry the request without these replicas: [{}].",
            region.name()
        )));
    };
    check_may_go(&gone, cx.now)?;
    if gone.deletion_protection {
        return Err(validation(format!(
            "Cannot delete table {} in region {} because it has deletion protection enabled. Disable deletion protection first.",
            gone.name,
            region.name()
        )));
    }
    gone.status = Status::Deleting;
    stream::close(cx.tx, cx.now, &mut gone)?;
    TABLES.put(cx.tx, &gone.own_key(), &gone);
    leave(cx, table, region)?;
    Ok(())
}

/// # Errors
/// `ValidationException` for a replica from which others were made within the last day.
pub(crate) fn check_may_go(table: &TableRecord, now: Timestamp) -> Result<(), Error> {
    let recent = table.replica_source.is_some_and(|at| now.since(at) < SOURCE_STAYS);
    if recent && !table.replicas.is_empty() {
        return Err(validation(
            "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in the last 24 hours.",
        ));
    }
    Ok(())
}

/// Notes with all replicas but `table`, whose record the caller writes, that one is leaving.
fn leave(cx: &mut Cx<'_>, table: &mut TableRecord, region: Region) -> Result<(), Error> {
    for replica in table.replicas.clone() {
        if replica.region == region {
            continue;
        }
        if let Some(mut record) = member(&*cx.tx, table.account, replica.region, &table.name)? {
            mark_leaving(&mut record, region);
            TABLES.put(cx.tx, &record.own_key(), &record);
        }
    }
    mark_leaving(table, region);
    Ok(())
}

fn mark_leaving(table: &mut TableRecord, region: Region) {
    for replica in table.replicas.iter_mut().filter(|replica| replica.region == region) {
        replica.status = ReplicaStatus::Deleting;
    }
}

/// The table itself is deleted: the others go on without it.
///
/// # Errors
/// `ValidationException`, the store's.
pub(crate) fn on_delete(cx: &mut Cx<'_>, table: &TableRecord) -> Result<(), Error> {
    check_may_go(table, cx.now)?;
    let own = table.region;
    for replica in &table.replicas {
        if let Some(mut record) = member(&*cx.tx, table.account, replica.region, &table.name)? {
            mark_leaving(&mut record, own);
            TABLES.put(cx.tx, &record.own_key(), &record);
        }
    }
    Ok(())
}

/// Brings what replicas have in common to the others: indexes, billing, time to live. Those that are busy refuse.
///
/// # Errors
/// `ResourceInUseException`, the store's.
pub(crate) fn spread(cx: &mut Cx<'_>, table: &TableRecord) -> Result<(), Error> {
    for replica in table.replicas.clone() {
        let Some(mut other) = member(&*cx.tx, table.account, replica.region, &table.name)? else { continue };
        crate::dynamodb::ops::table::check_idle(&other)?;
        let before = other.clone();
        other.attributes.clone_from(&table.attributes);
        other.indexes.clone_from(&table.indexes);
        other.next_index = table.next_index;
        other.on_demand = table.on_demand;
        other.on_demand_since = table.on_demand_since;
        other.throughput = table.throughput.clone();
        other.on_demand_limits = table.on_demand_limits;
        other.warm = table.warm;
        other.ttl = table.ttl.clone();
        if other != before {
            other.status = table.status;
            TABLES.put(cx.tx, &other.own_key(), &other);
        }
    }
    Ok(())
}
