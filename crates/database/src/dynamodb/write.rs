//! One item changes: its row, the entries of its indexes, and when it expires, in the same transaction.

use super::change::{self, How};
use super::errors::Error;
use super::item::Item;
use super::model::keys;
use super::model::rows;
use super::model::schema::{IndexSchema, Schema};
use super::size::Units;
use super::value::AttributeValue;
use base::Timestamp;
use store::Tx;

/// The item at a row's key.
///
/// # Errors
/// The store's.
pub(crate) fn read(tx: &Tx, schema: &Schema, key: &[u8]) -> Result<Option<Item>, Error> {
    tx.get(key)?.map(|row| rows::decode(&schema.vault, &row)).transpose().map_err(Error::from)
}

/// What a write did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// For the table itself: of the images before and after, the larger counts.
    pub(crate) table: Units,
    /// Bytes of that image.
    pub(crate) size: usize,
    /// For indexes, by their place in the schema.
    pub(crate) indexes: Vec<(usize, Units)>,
    /// For indexes that are watched, the keys of their entries.
    pub(crate) entries: Vec<(usize, Item, Units)>,
}

/// Replaces `old` at `key` by `new`. `old` may be left out where [`Schema::needs_old`] says so.
///
/// # Errors
/// The store's; where the table's key is not unlocked.
pub(crate) fn replace(
    tx: &mut Tx,
    schema: &Schema,
    key: Vec<u8>,
    old: Option<&Item>,
    new: Option<&Item>,
    how: How,
) -> Result<Done, Error> {
    change::record(tx, schema, &key, old, new, how)?;
    let mut done = Done::default();
    for (at, index) in schema.indexes.iter().enumerate().filter(|(_, index)| index.is_kept()) {
        let units = enter(tx, schema, index, old, new)?;
        if units > Units::ZERO {
            done.indexes.push((at, units));
            let entry = new.filter(|new| index.entry_key(&schema.keys, new).is_some()).or(old);
            if let Some(entry) = entry.filter(|_| index.watch.is_some()) {
                let key = entry.only(index.keys.parts().map(|part| part.name.as_str()));
                done.entries.push((at, key, units));
            }
        }
    }
    let size = new.map_or(0, Item::size);
    done.size = size.max(old.map_or(0, Item::size));
    done.table = Units::write(done.size, how.transactional);
    match new {
        None => tx.delete(key),
        Some(item) => {
            if let Some(at) = expiry(schema, item) {
                tx.put(keys::expiry(at, &key), schema.record.own_key().as_bytes());
            }
            tx.put(key, rows::encode(&schema.vault, item, size)?);
        }
    }
    Ok(done)
}

/// Brings one index up to date. AWS: an entry that moves costs a deletion and a put, one whose attributes change costs
/// the larger image, one that stays as it is costs nothing; and it is a transaction's item that costs twice, not its entries.
fn enter(
    tx: &mut Tx,
    schema: &Schema,
    index: &IndexSchema,
    old: Option<&Item>,
    new: Option<&Item>,
) -> Result<Units, Error> {
    let entry = |item: &Item| Some((index.entry_key(&schema.keys, item)?, index.project(item)));
    let cost = |size: usize| Units::write(size, false);
    Ok(match (old.and_then(entry), new.and_then(entry)) {
        (None, None) => Units::ZERO,
        (Some((key, before)), Some((new_key, after))) if key == new_key => {
            if before == after {
                return Ok(Units::ZERO);
            }
            let size = after.size();
            tx.put(key, rows::encode(&schema.vault, &after, size)?);
            cost(size.max(before.size()))
        }
        (before, after) => {
            let mut units = Units::ZERO;
            if let Some((key, before)) = before {
                units += cost(before.size());
                tx.delete(key);
            }
            if let Some((key, after)) = after {
                let size = after.size();
                units += cost(size);
                tx.put(key, rows::encode(&schema.vault, &after, size)?);
            }
            units
        }
    })
}

/// When an item expires: its table's TTL attribute is a number of seconds since 1970.
pub(crate) fn expiry(schema: &Schema, item: &Item) -> Option<Timestamp> {
    let attribute = schema.record.ttl.attribute.as_deref()?;
    let Some(AttributeValue::N(number)) = item.get(attribute) else { return None };
    let seconds: f64 = number.to_string().parse().ok()?;
    Timestamp::from_seconds_f64(seconds.floor())
}
