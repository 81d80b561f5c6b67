//! [`Act`]: one write, or check, of one item, as PutItem, UpdateItem, DeleteItem, batches and transactions have it.

use super::change::How;
use super::errors::{Error, parameter, validation};
use super::expression::{Action, Condition, Update, Updated};
use super::item::Item;
use super::model::rows;
use super::model::schema::Schema;
use super::request::holds;
use super::size::{ITEM_MAX, Units};
use super::write::{self, Done};
use store::Tx;

/// What to do to one item.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    /// As the request calls it.
    pub(crate) table: String,
    pub(crate) what: What,
    pub(crate) condition: Option<Condition>,
    /// Whether a failed condition shows the item.
    pub(crate) show_on_failure: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Put(Item),
    /// A new item; where there is one already that is an error, or is let be.
    Insert(Item, bool),
    Delete(Item),
    Update(Item, Update),
    Check(Item),
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The item before, where it was read.
    pub(crate) old: Option<Item>,
    pub(crate) updated: Option<Updated>,
    pub(crate) done: Done,
}

/// Why it was not done.
#[derive(Clone, Debug)]
pub(crate) enum Failed {
    /// The condition does not hold; the item as it is.
    Condition(Option<Item>),
    /// There is an item already.
    Duplicate,
    Refused(Error),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Refused(error.into())
    }
}

/// # Errors
/// `ValidationException` for an item that is too large to be put.
pub(crate) fn check_put_size(item: &Item) -> Result<(), Error> {
    if item.size() > ITEM_MAX {
        return Err(validation("Item size has exceeded the maximum allowed size"));
    }
    Ok(())
}

impl Act {
    /// The item's key, or the item that has it.
    pub(crate) fn key_item(&self) -> &Item {
        match &self.what {
            What::Put(item)
            | What::Insert(item, _)
            | What::Delete(item)
            | What::Update(item, _)
            | What::Check(item) => item,
        }
    }

    /// Checks the key, or the item, against the table, and says where it lies.
    ///
    /// # Errors
    /// `ValidationException`.
    pub(crate) fn check(&self, schema: &Schema) -> Result<Vec<u8>, Error> {
        match &self.what {
            What::Put(item) | What::Insert(item, _) => schema.check_item(item)?,
            What::Delete(key) | What::Check(key) => schema.check_key(key)?,
            What::Update(key, update) => {
                schema.check_key(key)?;
                if let Some(part) =
                    schema.keys.parts().find(|p| update.targets().any(|path| path.attribute() == p.name))
                {
                    return Err(parameter(format_args!(
                        "Cannot update attribute {}. This attribute is part of the key",
                        part.name
                    )));
                }
                schema.check_index_types(|name| update.written_type(name))?;
                let mut nested: Vec<String> = Vec::new();
                update.paths(&mut |path| {
                    if path.is_nested() {
                        nested.push(path.attribute().to_owned());
                    }
                });
                if !nested.is_empty() {
                    schema.check_scalars(|name| nested.iter().any(|one| one == name))?;
                }
            }
        }
        Ok(schema.item_key(self.key_item()))
    }

    /// Does it. The item before is read where it is needed, and where `want_old` asks for it.
    ///
    /// # Errors
    /// [`Failed`].
    pub(crate) fn run(
        self,
        tx: &mut Tx,
        schema: &Schema,
        key: Vec<u8>,
        want_old: bool,
        how: How,
    ) -> Result<Outcome, Failed> {
        let blind = matches!(self.what, What::Put(_) | What::Delete(_))
            && self.condition.is_none()
            && !schema.needs_old()
            && !want_old;
        let old = if blind { None } else { write::read(tx, schema, &key)? };
        if !holds(self.condition.as_ref(), old.as_ref()) {
            return Err(Failed::Condition(old));
        }
        let (new, updated) = match self.what {
            What::Check(_) => {
                let size = old.as_ref().map_or(0, Item::size);
                let done = Done { table: Units::write(size, how.transactional), size, ..Done::default() };
                return Ok(Outcome { old, done, ..Outcome::default() });
            }
            What::Insert(_, false) if old.is_some() => return Err(Failed::Duplicate),
            What::Insert(_, true) if old.is_some() => return Ok(Outcome { old, ..Outcome::default() }),
            What::Put(item) | What::Insert(item, _) => (Some(item), None),
            What::Delete(_) => (None, None),
            What::Update(key, update) => {
                let updated = apply(schema, &update, old.as_ref(), key)?;
                match updated {
                    Some(updated) => (Some(updated.item.clone()), Some(updated)),
                    None => (None, None),
                }
            }
        };
        let before = if blind { size_before(tx, &key)? } else { 0 };
        let mut done = write::replace(tx, schema, key, old.as_ref(), new.as_ref(), how)?;
        done.size = done.size.max(before);
        done.table = done.table.max(Units::write(before, how.transactional));
        Ok(Outcome { old, updated, done })
    }
}

/// How large the item is that is replaced unseen: the write costs what the larger one does.
fn size_before(tx: &Tx, key: &[u8]) -> Result<usize, Error> {
    Ok(tx.glance(key)?.map(|row| rows::size(&row)).transpose()?.unwrap_or(0))
}

/// The item that an update leaves; none where there was none and the update only takes away.
fn apply(schema: &Schema, update: &Update, old: Option<&Item>, key: Item) -> Result<Option<Updated>, Error> {
    let takes_away = |action: &Action| matches!(action, Action::Remove(..) | Action::Delete(..));
    let actions = update.actions();
    let updated = update.apply(old, &key)?;
    if old.is_none() && !actions.is_empty() && actions.iter().all(takes_away) {
        return Ok(None);
    }
    if updated.item.size() > ITEM_MAX {
        return Err(validation("Item size to update has exceeded the maximum allowed size"));
    }
    // What an index that was made later has never taken in may stay as it is.
    let indexed = schema.kept_indexes().flat_map(|index| index.keys.parts());
    let changed = indexed
        .map(|part| part.name.as_str())
        .filter(|name| old.and_then(|old| old.get(name)) != updated.item.get(name));
    schema.check_index_keys(&updated.item.only(changed), |_, part, value| {
        validation(match value.kind() == part.kind {
            false => "The update expression attempted to update the secondary index key to unsupported type",
            true => "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.",
        })
    })?;
    Ok(Some(updated))
}
