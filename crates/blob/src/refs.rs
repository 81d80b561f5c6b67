//! Who may claim a content, and what happens to one that nobody refers to any more.
//!
//! ```text
//! CONTENTS   content           how many records refer to it
//! GARBAGE    due (8) · content   nobody does, since a while before `due`
//! ```
//!
//! A content is claimed in the very transaction that makes the record that refers to it, and released in the one that
//! deletes it. What was written and never claimed has no row: it is removed by its writer, or after a crash by
//! [`crate::Contents::sweep_orphans`]. What was released waits a little: somebody may just have read the record.
//! Inline contents ([`crate::inline`]) need none of this: their rows go with their records.

use crate::ContentId;
use base::Timestamp;
use std::time::Duration;
use store::{Key, StoreError, Table, Tx};

/// How long a released content waits, by the machine's clock.
pub const GRACE: Duration = Duration::from_secs(60);

store::record! {
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Content {
        1 => pub refs: u64,
        /// In bytes, unencrypted.
        2 => pub size: u64,
    }

    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Garbage {
        1 => pub content: ContentId,
    }
}

pub const CONTENTS: Table<Content> = Table::new(0x0012, "blob/contents");
pub const GARBAGE: Table<Garbage> = Table::new(0x0013, "blob/garbage");

/// The first reference to a content that has just been written.
pub fn claim(tx: &mut Tx, id: ContentId, size: u64) {
    CONTENTS.put(tx, &id.key(), &Content { refs: 1, size });
}

/// A further reference; false where the content is gone.
///
/// # Errors
/// The store's.
pub fn share(tx: &mut Tx, id: ContentId) -> Result<bool, StoreError> {
    let Some(mut content) = CONTENTS.get(tx, &id.key())? else { return Ok(false) };
    content.refs += 1;
    CONTENTS.put(tx, &id.key(), &content);
    Ok(true)
}

/// One reference less. `wall` is the machine's time.
///
/// # Errors
/// The store's.
pub fn release(tx: &mut Tx, id: ContentId, wall: Timestamp) -> Result<(), StoreError> {
    let Some(mut content) = CONTENTS.get(tx, &id.key())? else { return Ok(()) };
    if content.refs > 1 {
        content.refs -= 1;
        CONTENTS.put(tx, &id.key(), &content);
        return Ok(());
    }
    CONTENTS.delete(tx, &id.key());
    GARBAGE.put(tx, &garbage_key(wall.plus(GRACE), id), &Garbage { content: id });
    Ok(())
}

fn garbage_key(due: Timestamp, id: ContentId) -> Key {
    Key::global().time(due).bytes(id.as_bytes())
}

/// When the entry is due.
pub(crate) fn due(key: &Key) -> Option<Timestamp> {
    let mut reader = key.reader();
    reader.scope()?;
    reader.time()
}
