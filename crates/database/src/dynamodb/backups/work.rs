//! What happens by itself: restored tables are filled, deleted backups hand over what they have saved, and backups of
//! deleted tables expire.

use super::rows::{ABSENT, Merged};
use crate::dynamodb::change::How;
use crate::dynamodb::codec::Corrupt;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::item::Item;
use crate::dynamodb::model::backup::{self, BACKUPS, BackupRecord, Restoring};
use crate::dynamodb::model::keys;
use crate::dynamodb::model::log::{self, By, Change, Position};
use crate::dynamodb::model::replica::{self, CURSORS, Cursor};
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::table::{Status, TABLES, TableRecord};
use crate::dynamodb::model::transfer::{Changed, Window};
use crate::dynamodb::work::{commit, purge, rest};
use crate::dynamodb::write;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use store::{Direction, Key, KeyRange, Read, Record, Snapshot, Tx};
use wire::Fault;

/// Rows that one transaction writes.
const BATCH: usize = 500;

/// Fills tables that are being restored.
#[derive(Debug)]
pub struct Restore;

impl Reconciler for Restore {
    fn name(&self) -> &'static str {
        "dynamodb restores"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![TABLES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let all: Result<Vec<_>, _> =
            TABLES.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
        for (key, table) in all.map_err(|e| e.to_string())? {
            if table.restore.is_some() {
                restore(cloud, &TABLES.stored_key(&key)).map_err(|e| Fault::from(e).to_string())?;
            }
        }
        Ok(None)
    }
}

/// Fills one table. What a run before a crash has written is written again.
fn restore(cloud: &Arc<Cloud>, key: &[u8]) -> Result<(), Error> {
    let Some(target) = schema::load(cloud, &cloud.store().begin(), key)? else { return Ok(()) };
    let Some(restoring) = target.record.restore.as_deref() else { return Ok(()) };
    let state = cloud.store().snapshot();
    let source = source(cloud, &state, restoring)?;
    // Until somebody who may use the keys has used the tables.
    if !encryption::unlock_known(cloud, &target) || !encryption::unlock_known(cloud, &source) {
        return Ok(());
    }
    let items = keys::items(restoring.account, restoring.region, restoring.number);
    // The changes since the moment, taken back: kept under the new table's own number.
    let undone = backup::saved(target.record.account, target.record.region, target.record.number, 0);
    match restoring.order {
        Some(order) => {
            let table = &source.record;
            let later = backup::of_table(&state, table)?.into_iter().filter(|b| b.order >= order);
            let saved = later.map(|b| backup::saved(table.account, table.region, table.number, b.order));
            let layers = saved.chain([items]).map(|prefix| (&state as &dyn Read, prefix));
            fill(cloud, &target, &source, Merged::new(layers.collect()))?;
        }
        None if restoring.latest => {
            if restoring.replica {
                versions(cloud, &state, &items, &target.prefix)?;
            }
            fill(cloud, &target, &source, Merged::new(vec![(&state as &dyn Read, items)]))?;
        }
        None => {
            purge(cloud, &undone)?;
            undo(cloud, &state, restoring, &source, &undone)?;
            let overlay = cloud.store().snapshot();
            let layers = vec![(&overlay as &dyn Read, undone.clone()), (&state as &dyn Read, items)];
            fill(cloud, &target, &source, Merged::new(layers))?;
        }
    }
    purge(cloud, &undone)?;
    let mut tx = cloud.store().begin();
    match TABLES.get(&tx, &target.record.own_key())? {
        Some(mut current) if current.restore.is_some() => {
            if restoring.replica {
                follow(&mut tx, &state, restoring, &current)?;
            }
            current.restore = None;
            rest(&mut tx, current)?;
        }
        _ => return Ok(()),
    }
    commit(tx).map(drop)
}

/// The past of a table that still has point-in-time recovery, for reading.
pub(in crate::dynamodb) struct Past<'a> {
    cloud: &'a Cloud,
    state: Snapshot,
    restoring: Restoring,
    pub(in crate::dynamodb) source: Arc<Schema>,
    /// Where what is worked out lies meanwhile.
    scratch: Vec<u8>,
}

impl<'a> Past<'a> {
    /// `scratch` is a number of no table.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::dynamodb) fn of(
        cloud: &'a Arc<Cloud>,
        table: &TableRecord,
        at: Timestamp,
        scratch: u64,
    ) -> Result<Past<'a>, Error> {
        let restoring = Restoring {
            account: table.account,
            region: table.region,
            number: table.number,
            table_arn: table.arn(),
            at,
            source: Some(Box::new(table.clone())),
            ..Restoring::default()
        };
        // Before it is asked whether the table is still there: then it is there with all its rows.
        let state = cloud.store().snapshot();
        let source = source(cloud, &state, &restoring)?;
        let scratch = backup::saved(table.account, table.region, scratch, 0);
        Ok(Past { cloud, state, restoring, source, scratch })
    }

    /// Why the past since `from` cannot be told any more, in the words of the API's errors.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::dynamodb) fn missing(&self, from: Timestamp) -> Result<Option<Refusal>, Error> {
        let was = self.restoring.source.as_deref().ok_or(Refusal::Internal)?;
        let is = TABLES.get(&self.state, &was.own_key())?;
        let Some(is) = is.filter(|is| is.number == was.number && is.status != Status::Deleting) else {
            return Ok(Some(Refusal::TableNotFound(was.name.clone())));
        };
        let earliest = is.recovery.map(|recovery| recovery.earliest(self.cloud.clock().now()));
        let known = earliest.is_some_and(|earliest| earliest.whole_seconds() <= from);
        Ok((!known).then(|| Refusal::NoRecovery(was.name.clone())))
    }

    /// Deletes what was worked out.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::dynamodb) fn forget(&self) -> Result<(), Error> {
        purge(self.cloud, &self.scratch)
    }

    fn rows(&self) -> Vec<u8> {
        keys::items(self.restoring.account, self.restoring.region, self.restoring.number)
    }

    /// Shows every item as it was at the moment.
    ///
    /// # Errors
    /// The store's; those of `each`.
    pub(in crate::dynamodb) fn items<E: From<Error>>(
        &self,
        mut each: impl FnMut(Item) -> Result<(), E>,
    ) -> Result<(), E> {
        self.forget()?;
        undo(self.cloud, &self.state, &self.restoring, &self.source, &self.scratch)?;
        let overlay = self.cloud.store().snapshot();
        let layers =
            vec![(&overlay as &dyn Read, self.scratch.clone()), (&self.state as &dyn Read, self.rows())];
        for row in Merged::new(layers) {
            let (_, row) = row.map_err(Error::from)?;
            each(rows::decode(&self.source.vault, &row).map_err(Error::from)?)?;
        }
        Ok(())
    }

    /// Shows every item that was changed in the window: when it was last written, its key, and what it was before and
    /// after, unless it is neither.
    ///
    /// # Errors
    /// The store's; those of `each`.
    pub(in crate::dynamodb) fn changes<E: From<Error>>(
        &self,
        window: &Window,
        mut each: impl FnMut(Timestamp, Item, Option<Item>, Option<Item>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.forget()?;
        self.gather(window)?;
        let found = self.cloud.store().snapshot();
        let item = |bytes: &Vec<u8>| Item::decode(bytes).map_err(Error::from);
        for pair in found.scan(KeyRange::prefix(&self.scratch), Direction::Forward) {
            let (key, row) = pair.map_err(Error::from)?;
            let changed = self.read_changed(&row)?;
            let old = changed.old.as_ref().map(item).transpose()?;
            let new = if changed.settled {
                changed.new.as_ref().map(item).transpose()?
            } else {
                let own = [&self.rows()[..], key.get(self.scratch.len()..).unwrap_or_default()].concat();
                let row = self.state.get(&own).map_err(Error::from)?;
                row.map(|row| rows::decode(&self.source.vault, &row)).transpose().map_err(Error::from)?
            };
            if old.is_some() || new.is_some() {
                each(changed.time, item(&changed.key)?, old, new)?;
            }
        }
        Ok(())
    }

    fn read_changed(&self, row: &[u8]) -> Result<Changed, Error> {
        let bytes = rows::unwrap(&self.source.vault, row)?;
        Changed::from_bytes(&bytes).map_err(|_| Corrupt.into())
    }

    /// Notes down, by items, what the log has about the window.
    fn gather(&self, window: &Window) -> Result<(), Error> {
        let Restoring { account, region, number, .. } = self.restoring;
        let prefix = log::prefix(account, region, number);
        let source = &self.source;
        let before = Timestamp::from_micros(window.from.micros() - 1);
        let first = first_after(&self.state, &prefix, before)?;
        let mut log = self.state.scan(log::range(&prefix, first, None), Direction::Forward).peekable();
        while log.peek().is_some() {
            let mut tx = self.cloud.store().begin();
            for pair in log.by_ref().take(BATCH) {
                let change = read(&pair?.1)?.opened(&source.vault)?;
                let key = source.item_key(&change.key_item()?);
                let key = [&self.scratch[..], key.get(source.prefix.len()..).unwrap_or_default()].concat();
                let known = tx.get(&key)?.map(|row| self.read_changed(&row)).transpose()?;
                if let Some(changed) = gathered(known, change, window.to) {
                    tx.put(key, rows::wrap(&source.vault, &changed.to_bytes())?);
                }
            }
            if !tx.is_read_only() && !commit(tx)? {
                return Err(Refusal::Internal.into());
            }
        }
        Ok(())
    }
}

/// What is known of an item after one more of its changes; none where that adds nothing.
fn gathered(known: Option<Changed>, change: Change, to: Timestamp) -> Option<Changed> {
    match known {
        None if change.time < to => {
            Some(Changed { time: change.time, key: change.key, old: change.old, new: None, settled: false })
        }
        Some(known) if known.settled => None,
        Some(known) if change.time < to => Some(Changed { time: change.time, ..known }),
        Some(known) => Some(Changed { new: change.old, settled: true, ..known }),
        None => None,
    }
}

/// Takes over when and where items were last written, deleted ones too.
fn versions(cloud: &Cloud, state: &Snapshot, from: &[u8], to: &[u8]) -> Result<(), Error> {
    let (from, to) = (replica::version_key(from), replica::version_key(to));
    let mut rows = state.scan(KeyRange::prefix(&from), Direction::Forward).peekable();
    while rows.peek().is_some() {
        let mut tx = cloud.store().begin();
        for pair in rows.by_ref().take(BATCH) {
            let (key, version) = pair?;
            tx.put([&to[..], key.get(from.len()..).unwrap_or_default()].concat(), version);
        }
        if !commit(tx)? {
            return Err(Refusal::Internal.into());
        }
    }
    Ok(())
}

/// A new replica holds its source's state: from there on it gets changes, and of the other replicas those that its
/// source had not got yet.
fn follow(tx: &mut Tx, state: &Snapshot, restoring: &Restoring, table: &TableRecord) -> Result<(), Error> {
    let (account, to) = (table.account, table.region);
    let source = replica::cursor_key(account, restoring.region, restoring.number, to);
    CURSORS.put(tx, &source, &Cursor { commit: state.seq().number() + 1, within: 0 });
    for other in table.replicas.iter().filter(|other| other.region != restoring.region) {
        let Some(record) = TABLES.get(state, &TableRecord::key(account, other.region, &table.name))? else {
            continue;
        };
        let known = replica::cursor_key(account, other.region, record.number, restoring.region);
        let cursor = CURSORS.get(state, &known)?.unwrap_or_default();
        CURSORS.put(tx, &replica::cursor_key(account, other.region, record.number, to), &cursor);
    }
    Ok(())
}

/// The source, by whose keys its rows in this state are opened: as it is, and as it was where it is gone. Everything that is
/// kept of a table is under its keys of that moment ([`crate::dynamodb::work`]).
fn source(cloud: &Cloud, state: &Snapshot, restoring: &Restoring) -> Result<Arc<Schema>, Error> {
    let was = restoring.source.as_deref().ok_or(Refusal::Internal)?;
    let is = schema::load(cloud, state, &TABLES.stored_key(&was.own_key()))?;
    match is.filter(|is| is.record.number == was.number) {
        Some(is) => Ok(is),
        None => Ok(Arc::new(Schema::of(was.clone())?)),
    }
}

/// Writes the rows as items of the new table.
fn fill(cloud: &Cloud, target: &Schema, source: &Schema, rows: Merged<'_>) -> Result<(), Error> {
    let mut all = rows.peekable();
    while all.peek().is_some() {
        let mut tx = cloud.store().begin();
        for row in all.by_ref().take(BATCH) {
            let item = rows::decode(&source.vault, &row?.1)?;
            let how = How::by(By::Filling, cloud.clock().now());
            write::replace(&mut tx, target, target.item_key(&item), None, Some(&item), how)?;
        }
        if !commit(tx)? {
            return Err(Refusal::Internal.into());
        }
    }
    Ok(())
}

/// Writes, for each item that was changed since the moment, what it was then.
fn undo(
    cloud: &Cloud,
    state: &Snapshot,
    restoring: &Restoring,
    source: &Schema,
    undone: &[u8],
) -> Result<(), Error> {
    let prefix = log::prefix(restoring.account, restoring.region, restoring.number);
    let first = first_after(state, &prefix, restoring.at)?;
    let mut changes = state.scan(log::range(&prefix, first, None), Direction::Forward).peekable();
    while changes.peek().is_some() {
        let mut tx = cloud.store().begin();
        for pair in changes.by_ref().take(BATCH) {
            let change = read(&pair?.1)?.opened(&source.vault)?;
            let key = source.item_key(&change.key_item()?);
            let key = [undone, key.get(source.prefix.len()..).unwrap_or_default()].concat();
            // Of several changes of an item, the first tells what it was.
            if tx.get(&key)?.is_some() {
                continue;
            }
            match &change.old {
                None => tx.put(key, ABSENT),
                Some(old) => {
                    let item = Item::decode(old)?;
                    tx.put(key, rows::encode(&source.vault, &item, item.size())?);
                }
            }
        }
        if !tx.is_read_only() && !commit(tx)? {
            return Err(Refusal::Internal.into());
        }
    }
    Ok(())
}

fn read(value: &[u8]) -> Result<Change, Error> {
    Change::from_bytes(value).map_err(|_| Corrupt.into())
}

/// The place of the first change that came after `at`. What is behind it is taken back, so the state is one that the
/// table really had.
fn first_after(state: &Snapshot, prefix: &[u8], at: Timestamp) -> Result<Position, Error> {
    let mut first = Position { commit: u64::MAX, within: 0 };
    for pair in state.scan(KeyRange::prefix(prefix), Direction::Backward) {
        let (key, value) = pair?;
        if read(&value)?.time <= at {
            break;
        }
        first = Position::of_key(prefix, &key).ok_or(Refusal::Internal)?;
    }
    Ok(first)
}

/// Ends backups.
#[derive(Debug)]
pub struct BackupLife;

impl Reconciler for BackupLife {
    fn name(&self) -> &'static str {
        "dynamodb backups"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![BACKUPS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let all: Result<Vec<_>, _> =
            BACKUPS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
        let mut next = None;
        for (_, backup) in all.map_err(|e| e.to_string())? {
            let expires = backup.expires.filter(|at| *at > cloud.clock().now());
            next = next.into_iter().chain(expires).min();
            if backup.deleting || backup.expires.is_some() && expires.is_none() {
                end(cloud, &backup).map_err(|e| Fault::from(e).to_string())?;
            }
        }
        Ok(next)
    }
}

/// Hands what a backup has saved to the one before it, and forgets it.
fn end(cloud: &Cloud, backup: &BackupRecord) -> Result<(), Error> {
    let table = &*backup.table;
    let of = |order| backup::saved(table.account, table.region, table.number, order);
    let (own, mut done) = (of(backup.order), false);
    while !done {
        let mut tx = cloud.store().begin();
        let all = backup::of_table(&tx, table)?;
        let before = all.iter().rev().find(|other| other.order < backup.order).map(|other| other.order);
        let saved: Vec<_> =
            tx.scan(KeyRange::prefix(&own), Direction::Forward).take(BATCH).collect::<Result<_, _>>()?;
        done = saved.is_empty();
        for (key, row) in saved {
            if let Some(before) = before {
                let heir = [&of(before)[..], key.get(own.len()..).unwrap_or_default()].concat();
                if tx.get(&heir)?.is_none() {
                    tx.put(heir, row);
                }
            }
            tx.delete(key);
        }
        if done {
            BACKUPS.delete(&mut tx, &backup.own_key());
            let current = TABLES.get(&tx, &table.own_key())?.filter(|t| t.number == table.number);
            if let Some(mut current) = current.filter(|t| t.backup == Some(backup.order)) {
                current.backup = before;
                TABLES.put(&mut tx, &current.own_key(), &current);
            }
        }
        // Where a writer was faster it is done again.
        done = commit(tx)? && done;
    }
    forget_rows(cloud, table)
}

/// The rows of a table that is gone go with its last backup.
fn forget_rows(cloud: &Cloud, table: &TableRecord) -> Result<(), Error> {
    let state = cloud.store().snapshot();
    let lives = TABLES.get(&state, &table.own_key())?.is_some_and(|t| t.number == table.number);
    if lives || !backup::of_table(&state, table)?.is_empty() {
        return Ok(());
    }
    purge(cloud, &keys::items(table.account, table.region, table.number))
}
