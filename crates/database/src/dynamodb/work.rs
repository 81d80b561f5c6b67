//! What happens to tables by themselves: they become ready, take in new indexes, and go; items expire.

use super::backups::ABSENT;
use super::census;
use super::change::How;
use super::codec::Corrupt;
use super::encryption;
use super::errors::Error;
use super::insights;
use super::model::backup::{self, BACKUPS};
use super::model::keys::{self, EXPIRIES};
use super::model::log::{self, By, Change};
use super::model::replica::{self, CURSORS};
use super::model::rows;
use super::model::schema::{self, Schema};
use super::model::stream::StreamRecord;
use super::model::table::{Status, TABLES, TableRecord};
use super::model::token::{LIFE, TOKENS};
use super::vitals;
use super::write;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, Record, Slice, Tx};
use wire::Fault;

/// Rows that one transaction enters into an index, or deletes.
const BATCH: usize = 500;

/// AWS: the guide on TTL: items that expired longer ago than this are left alone.
const TOO_OLD: Duration = Duration::from_secs(5 * 365 * 86_400);

/// Ends the transient states of tables and indexes.
#[derive(Debug)]
pub struct TableLife;

impl Reconciler for TableLife {
    fn name(&self) -> &'static str {
        "dynamodb tables"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![TABLES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let all: Result<Vec<_>, _> =
            TABLES.scan(&cloud.store().begin(), &Key::empty(), Direction::Forward).collect();
        for (key, table) in all.map_err(|e| e.to_string())? {
            // What is being filled becomes active with its last item.
            if table.restore.is_some() || table.import.is_some() {
                continue;
            }
            let passes = table.insights().any(|(_, insights)| insights.state.is_passing());
            let beside = table.warm.changing
                || table.indexes.iter().any(|index| index.status != Status::Active || index.warm.changing);
            let changes = table.ttl.enabling || table.next_encryption.is_some() || passes || beside;
            if table.status != Status::Active || changes {
                settle(cloud, &TABLES.stored_key(&key)).map_err(|e| Fault::from(e).to_string())?;
            }
        }
        Ok(None)
    }
}

/// Brings one table to rest.
fn settle(cloud: &Arc<Cloud>, key: &[u8]) -> Result<(), Error> {
    let Some(schema) = schema::load(cloud, &cloud.store().begin(), key)? else { return Ok(()) };
    let table = &schema.record;
    if table.status == Status::Deleting {
        return delete(cloud, &schema);
    }
    if table.indexes.iter().any(|index| index.allocating) {
        return allocate(cloud, table);
    }
    // Until somebody who may use the key has used the table.
    if reads_rows(table) && !encryption::unlock_known(cloud, &schema) {
        return Ok(());
    }
    for index in &schema.indexes {
        match index.record.status {
            Status::Deleting => purge(cloud, &index.prefix)?,
            Status::Creating if index.record.backfilling => {
                walk(cloud, &schema.prefix, |tx, _, item_row| {
                    let item = rows::decode(&schema.vault, item_row)?;
                    // What does not fit the index's key stays out, as in AWS.
                    if let Some(entry) = index.entry_key(&schema.keys, &item) {
                        let projected = index.project(&item);
                        tx.put(entry, rows::encode(&schema.vault, &projected, projected.size())?);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
    }
    if table.ttl.enabling {
        walk(cloud, &schema.prefix, |tx, key, row| {
            if let Some(at) = write::expiry(&schema, &rows::decode(&schema.vault, row)?) {
                tx.put(keys::expiry(at, key), table.own_key().as_bytes());
            }
            Ok(())
        })?;
    }
    if table.next_encryption.is_some() {
        seal_anew(cloud, &schema)?;
    }
    let mut tx = cloud.store().begin();
    // Whoever changed the table meanwhile has woken the next run.
    match TABLES.get(&tx, &table.own_key())? {
        Some(current) if current == *table => rest(&mut tx, current)?,
        _ => return Ok(()),
    }
    commit(tx).map(drop)
}

/// Lets the filling of new indexes begin. Unless something else goes on the table is active from here on.
fn allocate(cloud: &Cloud, table: &TableRecord) -> Result<(), Error> {
    let mut tx = cloud.store().begin();
    let Some(mut current) = TABLES.get(&tx, &table.own_key())?.filter(|current| current == table) else {
        return Ok(());
    };
    current.indexes.iter_mut().for_each(|index| index.allocating = false);
    if !current.is_changing() {
        current.status = Status::Active;
    }
    TABLES.put(&mut tx, &current.own_key(), &current);
    commit(tx).map(drop)
}

/// Writes what is kept of a table's items under its next key. Rows that backups saved come after the items, of which
/// they are copies; so what is saved meanwhile has the next key already.
fn seal_anew(cloud: &Cloud, schema: &Schema) -> Result<(), Error> {
    let TableRecord { account, region, number, .. } = schema.record;
    let saved = backup::all_saved(account, region, number);
    for prefix in [&schema.prefix, &keys::entries(account, region, number), &saved] {
        walk(cloud, prefix, |tx, key, row| {
            if *row != *ABSENT {
                let item = rows::decode(&schema.vault, row)?;
                tx.put(key, rows::encode(&schema.vault, &item, rows::size(row)?)?);
            }
            Ok(())
        })?;
    }
    walk(cloud, &schema.log, |tx, key, row| {
        let change = Change::from_bytes(row).map_err(|_| Error::from(Corrupt))?;
        let change = change.opened(&schema.vault)?.sealed(&schema.vault)?;
        tx.put(key, change.to_bytes());
        Ok(())
    })
}

/// Whether what is to be done needs to read items.
fn reads_rows(table: &TableRecord) -> bool {
    table.ttl.enabling
        || table.next_encryption.is_some()
        || table.indexes.iter().any(|index| index.status == Status::Creating && index.backfilling)
}

/// # Errors
/// The store's.
pub(crate) fn rest(tx: &mut Tx, mut table: TableRecord) -> Result<(), Error> {
    for index in table.indexes.iter().filter(|index| index.status == Status::Deleting) {
        insights::forget(tx, &table, Some(index))?;
        census::forget(tx, &keys::index_entries(table.account, table.region, table.number, index.number));
    }
    table.indexes.retain(|index| index.status != Status::Deleting);
    for index in &mut table.indexes {
        (index.status, index.backfilling, index.allocating) = (Status::Active, false, false);
        index.throughput.before = None;
        index.warm.settle();
    }
    table.throughput.settle();
    table.warm.settle();
    let used = |name: &str| {
        table.hash == name
            || table.range.as_ref().is_some_and(|range| range == name)
            || table.indexes.iter().any(|index| index.has_key(name))
    };
    let unused: Vec<String> =
        table.attributes.iter().map(|a| a.name.clone()).filter(|name| !used(name)).collect();
    table.attributes.retain(|a| !unused.contains(&a.name));
    insights::settle(tx, &mut table)?;
    table.status = Status::Active;
    table.ttl.enabling = false;
    if let Some(next) = table.next_encryption.take() {
        table.encryption = next.to;
        for mut backup in backup::of_table(tx, &table)? {
            (backup.table.encryption, backup.table.next_encryption) = (table.encryption.clone(), None);
            BACKUPS.put(tx, &backup.own_key(), &backup);
        }
    }
    if let Some(stream) = &mut table.stream {
        stream.changing = false;
    }
    table.stream_closing = false;
    if let Some(class) = table.next_class.take() {
        table.class = Some(class);
        table.class_updated = table.class_changes.last().copied();
    }
    TABLES.put(tx, &table.own_key(), &table);
    Ok(())
}

/// Commits; false where somebody else was faster.
pub(crate) fn commit(tx: Tx) -> Result<bool, Error> {
    match tx.commit().wait() {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(error) => {
            kernel::log::error("a table could not be changed", &[("problem", &error.to_string())]);
            Err(super::errors::Refusal::Internal.into())
        }
    }
}

/// Shows every row whose key begins with `prefix` to `each`, some in a transaction. Where writers get in the way the transaction is made smaller.
fn walk(
    cloud: &Cloud,
    prefix: &[u8],
    each: impl Fn(&mut Tx, &[u8], &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut range = KeyRange::prefix(prefix);
    let mut batch = BATCH;
    loop {
        let mut tx = cloud.store().begin();
        let pairs: Vec<_> =
            tx.scan(range.clone(), Direction::Forward).take(batch).collect::<Result<_, _>>()?;
        let Some((last, _)) = pairs.last().cloned() else { return Ok(()) };
        for (key, row) in &pairs {
            each(&mut tx, key, row)?;
        }
        if commit(tx)? {
            range = range.after(&last);
            batch = BATCH;
        } else {
            batch = (batch / 4).max(1);
        }
    }
}

/// Deletes all rows whose keys begin so. Nobody writes them any more.
pub(crate) fn purge(cloud: &Cloud, prefix: &[u8]) -> Result<(), Error> {
    loop {
        let mut tx = cloud.store().begin();
        let found: Vec<Slice> = tx
            .scan(KeyRange::prefix(prefix), Direction::Forward)
            .take(BATCH)
            .map(|pair| pair.map(|(key, _)| key))
            .collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Ok(());
        }
        found.into_iter().for_each(|key| tx.delete(key));
        commit(tx)?;
    }
}

fn delete(cloud: &Cloud, schema: &Schema) -> Result<(), Error> {
    let table = &schema.record;
    purge(cloud, &keys::entries(table.account, table.region, table.number))?;
    // The rows are what backups are made of.
    let kept = !backup::of_table(&cloud.store().snapshot(), table)?.is_empty();
    if !kept {
        purge(cloud, &schema.prefix)?;
    }
    purge(cloud, &replica::version_key(&schema.prefix))?;
    purge(cloud, &CURSORS.stored_key(&log::table(table.account, table.region, table.number)))?;
    let mut tx = cloud.store().begin();
    census::forget(&mut tx, &schema.prefix);
    for index in &schema.indexes {
        census::forget(&mut tx, &index.prefix);
    }
    for (index, _) in table.insights() {
        insights::forget(&mut tx, table, index)?;
    }
    if !schema.vault.locks().is_empty() {
        StreamRecord::outlive(&mut tx, table)?;
    }
    TABLES.delete(&mut tx, &table.own_key());
    commit(tx).map(drop)
}

/// Deletes items whose time has come. AWS does it within days; here it happens as soon as the clock is there.
#[derive(Debug)]
pub struct Expire;

impl Reconciler for Expire {
    fn name(&self) -> &'static str {
        "dynamodb time to live"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![EXPIRIES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let mut range = KeyRange::prefix(&EXPIRIES.stored_key(&Key::empty()));
        loop {
            let mut tx = cloud.store().begin();
            let now = cloud.clock().now();
            let first: Result<Vec<_>, _> = tx.scan(range.clone(), Direction::Forward).take(1).collect();
            let Some((key, table)) = first.map_err(|e| e.to_string())?.pop() else { return Ok(None) };
            let Some((at, item)) = due(&key) else {
                tx.delete(key);
                commit(tx).map_err(|e| Fault::from(e).to_string())?;
                continue;
            };
            if at > now {
                return Ok(Some(at));
            }
            let item = item.to_vec();
            let done =
                expire(cloud, &mut tx, &table, item, at, now).map_err(|e| Fault::from(e).to_string())?;
            if !done {
                range = range.after(&key);
                continue;
            }
            tx.delete(key);
            commit(tx).map_err(|e| Fault::from(e).to_string())?;
        }
    }
}

/// When, and which item. The layout is [`keys::expiry`]'s.
fn due(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let start = EXPIRIES.stored_key(&Key::global()).len();
    let (time, item) = key.get(start..)?.split_first_chunk::<8>()?;
    let micros = (u64::from_be_bytes(*time) ^ (1 << 63)) as i64;
    Some((Timestamp::from_micros(micros), item))
}

/// Deletes the item if it still expires at that time. False where the key of its table is not unlocked.
fn expire(
    cloud: &Cloud,
    tx: &mut Tx,
    table: &[u8],
    key: Vec<u8>,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let record = [&TABLES.id().to_be_bytes()[..], table].concat();
    let Some(schema) = schema::load(cloud, tx, &record)? else { return Ok(true) };
    if !key.starts_with(&schema.prefix) || now.since(at) > TOO_OLD {
        return Ok(true);
    }
    if !encryption::unlock_known(cloud, &schema) {
        return Ok(false);
    }
    let item = write::read(tx, &schema, &key)?;
    if let Some(item) = item.filter(|item| write::expiry(&schema, item) == Some(at)) {
        vitals::expired_in(tx, cloud, now, &schema);
        write::replace(tx, &schema, key, Some(&item), None, How::by(By::TimeToLive, now))?;
    }
    Ok(true)
}

/// Forgets tokens of transactions whose ten minutes are over.
#[derive(Debug)]
pub struct ForgetTokens;

impl Reconciler for ForgetTokens {
    fn name(&self) -> &'static str {
        "dynamodb transaction tokens"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        LIFE
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let mut tx = cloud.store().begin();
        let mut old = Vec::new();
        for pair in TOKENS.scan(&tx, &Key::empty(), Direction::Forward) {
            let (key, token) = pair.map_err(|e| e.to_string())?;
            if now.since(token.done) >= LIFE {
                old.push(key);
            }
            if old.len() == BATCH {
                break;
            }
        }
        let more = old.len() == BATCH;
        old.iter().for_each(|key| TOKENS.delete(&mut tx, key));
        commit(tx).map_err(|e| Fault::from(e).to_string())?;
        Ok(more.then_some(now))
    }
}
