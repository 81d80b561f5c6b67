//! [`record`]: the one place that hears of every change of an item, whoever made it, in the transaction that makes it.

use super::backups::ABSENT;
use super::errors::Error;
use super::item::Item;
use super::model::backup;
use super::model::log::{self, By, Change, What};
use super::model::replica::{self, Version};
use super::model::schema::Schema;
use base::Timestamp;
use store::Tx;

/// How an item comes to be changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// As part of a transaction of the caller's, which costs twice.
    pub(crate) transactional: bool,
    /// By the cloud's clock.
    pub(crate) now: Timestamp,
    pub(crate) by: By,
}

impl How {
    /// By a caller's own request.
    pub(crate) fn plain(now: Timestamp) -> How {
        How { transactional: false, now, by: By::Caller }
    }

    pub(crate) fn transactional(now: Timestamp) -> How {
        How { transactional: true, ..How::plain(now) }
    }

    pub(crate) fn by(by: By, now: Timestamp) -> How {
        How { by, ..How::plain(now) }
    }
}

/// Keeps what readers of the table's changes will need. Costs nothing where there are none, and where an item stays
/// as it was.
///
/// # Errors
/// The store's; where the table's key is not unlocked.
pub(crate) fn record(
    tx: &mut Tx,
    schema: &Schema,
    key: &[u8],
    old: Option<&Item>,
    new: Option<&Item>,
    how: How,
) -> Result<(), Error> {
    let keeps = schema.keeps;
    if !keeps.any && schema.record.backup.is_none() || old == new || how.by == By::Filling {
        return Ok(());
    }
    save(tx, schema, key)?;
    if !schema.record.replicas.is_empty() && how.by != By::Replication {
        let region = schema.record.region.name().to_owned();
        replica::set_version(tx, key, &Version { time: how.now, region });
    }
    if !keeps.any {
        return Ok(());
    }
    let Some(item) = new.or(old) else { return Ok(()) };
    let hash = key.get(schema.prefix.len()..).and_then(|rest| rest.first_chunk::<4>());
    let change = Change {
        time: how.now,
        hash: hash.map_or(0, |hash| u32::from_be_bytes(*hash)),
        what: match (old, new) {
            (None, _) => What::Insert,
            (Some(_), Some(_)) => What::Modify,
            (Some(_), None) => What::Remove,
        },
        by: how.by,
        key: schema.key_of(item).encode(),
        old: old.filter(|_| keeps.old).map(Item::encode),
        new: new.filter(|_| keeps.new).map(Item::encode),
        sealed: None,
    };
    log::append(tx, &schema.log, &change.sealed(&schema.vault)?);
    Ok(())
}

/// Saves the row as it is for the latest backup, if that has not saved it yet.
fn save(tx: &mut Tx, schema: &Schema, key: &[u8]) -> Result<(), Error> {
    let table = &schema.record;
    let Some(order) = table.backup else { return Ok(()) };
    let mut saved = backup::saved(table.account, table.region, table.number, order);
    saved.extend_from_slice(key.get(schema.prefix.len()..).unwrap_or_default());
    if tx.get(&saved)?.is_none() {
        match tx.get(key)? {
            Some(row) => tx.put(saved, row),
            None => tx.put(saved, ABSENT),
        }
    }
    Ok(())
}
