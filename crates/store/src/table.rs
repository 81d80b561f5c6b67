//! [`Table`]: records of one type under typed keys; [`Index`]: a second way to find them.
//!
//! A table is a constant of the service that owns it. Its number is its name on the disk: never changed, never used
//! again for something else.

use crate::error::StoreError;
use crate::key::Key;
use crate::range::{Direction, KeyRange};
use crate::record::Record;
use crate::tx::{Read, Tx};
use std::marker::PhantomData;

/// Records of the type `R`.
pub struct Table<R> {
    id: u16,
    name: &'static str,
    record: PhantomData<fn() -> R>,
}

impl<R> std::fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:#06x})", self.name, self.id)
    }
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Table<R> {}

/// Part of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<R> {
    pub items: Vec<(Key, R)>,
    /// Where the next page starts after; none when this is the last one.
    pub next: Option<Key>,
}

/// The key `table · key` as it is stored.
fn stored(id: u16, key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 + key.as_bytes().len());
    bytes.extend(id.to_be_bytes());
    bytes.extend(key.as_bytes());
    bytes
}

/// Refuses, when it is compiled, the numbers whose keys the store could not hold.
const fn checked(id: u16) -> u16 {
    assert!(id > 0 && id < 0xFF00, "a table's number is above 0 and below 0xFF00");
    id
}

impl<R: Record> Table<R> {
    /// The table `id`, called `service/noun` in messages.
    ///
    /// # Panics
    /// When `id` is 0 or above 0xFEFF; in a constant, that is an error of the compiler.
    pub const fn new(id: u16, name: &'static str) -> Table<R> {
        Table { id: checked(id), name, record: PhantomData }
    }

    pub const fn id(&self) -> u16 {
        self.id
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The stored key, for a [`watch`](crate::Store::watch) or a read without decoding.
    pub fn stored_key(&self, key: &Key) -> Vec<u8> {
        stored(self.id, key)
    }

    fn decode(&self, key: &[u8], value: &[u8]) -> Result<R, StoreError> {
        R::from_bytes(value).map_err(|what| StoreError::Damaged {
            table: self.name,
            key: key.escape_ascii().to_string(),
            what: what.to_string(),
        })
    }

    /// # Errors
    /// When the disk cannot be read, or the record is damaged.
    pub fn get(&self, from: &dyn Read, key: &Key) -> Result<Option<R>, StoreError> {
        match from.get(&stored(self.id, key))? {
            Some(value) => self.decode(key.as_bytes(), &value).map(Some),
            None => Ok(None),
        }
    }

    /// # Errors
    /// When the disk cannot be read.
    pub fn contains(&self, from: &dyn Read, key: &Key) -> Result<bool, StoreError> {
        Ok(from.get(&stored(self.id, key))?.is_some())
    }

    pub fn put(&self, tx: &mut Tx, key: &Key, record: &R) {
        tx.put(stored(self.id, key), record.to_bytes());
    }

    pub fn delete(&self, tx: &mut Tx, key: &Key) {
        tx.delete(stored(self.id, key));
    }

    /// The records whose keys begin with `prefix`, in order.
    pub fn scan<'a>(
        &self,
        from: &'a dyn Read,
        prefix: &Key,
        direction: Direction,
    ) -> impl Iterator<Item = Result<(Key, R), StoreError>> + use<'a, R> {
        self.range(from, KeyRange::prefix(&stored(self.id, prefix)), direction)
    }

    /// The records of a range of stored keys ([`Table::stored_key`]) of this table, in order.
    pub fn range<'a>(
        &self,
        from: &'a dyn Read,
        range: KeyRange,
        direction: Direction,
    ) -> impl Iterator<Item = Result<(Key, R), StoreError>> + use<'a, R> {
        let table = *self;
        from.scan(range, direction).map(move |pair| {
            let (key, value) = pair?;
            let key = key.get(2..).unwrap_or_default();
            Ok((Key::of_stored(key), table.decode(key, &value)?))
        })
    }

    /// At most `limit` records whose keys begin with `prefix` and lie behind `after`.
    ///
    /// # Errors
    /// When the disk cannot be read, or a record is damaged.
    pub fn page(
        &self,
        from: &dyn Read,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Page<R>, StoreError> {
        let mut range = KeyRange::prefix(&stored(self.id, prefix));
        if let Some(after) = after {
            range = range.after(&stored(self.id, after));
        }
        let mut rest = self.range(from, range, Direction::Forward);
        let items = rest.by_ref().take(limit).collect::<Result<Vec<_>, _>>()?;
        let more = rest.next().transpose()?.is_some();
        let next = if more { items.last().map(|(key, _)| key.clone()) } else { None };
        Ok(Page { items, next })
    }

    /// How many keys begin with `prefix`. Reads them all, without decoding.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn count(&self, from: &dyn Read, prefix: &Key) -> Result<usize, StoreError> {
        let range = KeyRange::prefix(&stored(self.id, prefix));
        from.scan(range, Direction::Forward).try_fold(0, |count, pair| pair.map(|_| count + 1))
    }
}

/// From a second key to the keys of a table. Not unique: several records may share an index key. For a unique one,
/// read [`Index::first`] in the transaction that writes.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    id: u16,
    name: &'static str,
}

impl Index {
    /// The index `id`, numbered among the tables.
    ///
    /// # Panics
    /// As [`Table::new`].
    pub const fn new(id: u16, name: &'static str) -> Index {
        Index { id: checked(id), name }
    }

    /// `second` is complete: the record's own key follows it.
    fn entry(&self, second: &Key, primary: &Key) -> Vec<u8> {
        let mut bytes = stored(self.id, second);
        bytes.extend(primary.as_bytes());
        bytes
    }

    pub fn put(&self, tx: &mut Tx, second: &Key, primary: &Key) {
        tx.put(self.entry(second, primary), primary.as_bytes());
    }

    pub fn delete(&self, tx: &mut Tx, second: &Key, primary: &Key) {
        tx.delete(self.entry(second, primary));
    }

    /// The keys of the records whose index keys begin with `second`, in the index's order.
    pub fn scan<'a>(
        &self,
        from: &'a dyn Read,
        second: &Key,
        direction: Direction,
    ) -> impl Iterator<Item = Result<Key, StoreError>> + use<'a> {
        let range = KeyRange::prefix(&stored(self.id, second));
        from.scan(range, direction).map(|pair| Ok(Key::of_stored(&pair?.1)))
    }

    /// # Errors
    /// When the disk cannot be read.
    pub fn first(&self, from: &dyn Read, second: &Key) -> Result<Option<Key>, StoreError> {
        self.scan(from, second, Direction::Forward).next().transpose()
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }
}
