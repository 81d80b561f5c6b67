//! Small contents, in the store: so they ride its group commits, and need no file.

use crate::ContentId;
use store::field::{Field, Input, Malformed};
use store::{Record, StoreError, Table, Tx};

/// Larger contents go into files. A store's row may be larger; but rows are moved when tables are merged.
pub const SIZE_MAX: u64 = 64 << 10;

/// Bytes as they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raw(pub Vec<u8>);

impl Field for Raw {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(&self.0);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        Vec::read(input).map(Raw)
    }

    fn absent() -> Self {
        Raw(Vec::new())
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

impl Record for Raw {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Raw(bytes.to_vec()))
    }
}

/// By content id.
pub const INLINE: Table<Raw> = Table::new(0x0011, "blob/inline contents");

pub fn put(tx: &mut Tx, id: ContentId, bytes: &[u8]) {
    tx.put(INLINE.stored_key(&id.key()), bytes);
}

pub fn delete(tx: &mut Tx, id: ContentId) {
    INLINE.delete(tx, &id.key());
}

/// # Errors
/// The store's.
pub fn get(from: &dyn store::Read, id: ContentId) -> Result<Option<store::Slice>, StoreError> {
    from.get(&INLINE.stored_key(&id.key()))
}
