//! [`Hot`]: rows that are read again and again, beside the engine.
//!
//! Every request reads the same few rows: its table's, its bucket's, its queue's. The engine looks for each of them in
//! several places; here it is one look.
//!
//! What is here is never stale. A row says since which commit it has its value, and serves only states at or after it.
//! Before a group is written, its keys are taken out, and their shards note its number: a value that was read from an
//! older state is not let in any more.

use crate::slice::Slice;
use base::map::Hashing;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const SHARDS: usize = 64;
/// A shard beyond this is emptied and fills again; all of them are 4 MiB.
const SHARD_BYTES: usize = 64 << 10;
/// Longer rows are no one's settings.
const ROW_BYTES: usize = 4 << 10;
/// What a row costs beside its bytes, about.
const ROW_OVERHEAD: usize = 96;
/// Rows that were read once and not yet twice, for each shard: what is read once in a long while never comes in.
const GUESTS: usize = 64;

pub(crate) struct Hot {
    hasher: Hashing,
    shards: Box<[RwLock<Shard>]>,
}

struct Shard {
    rows: HashMap<u64, Row, BuildHasherDefault<AsItIs>>,
    bytes: usize,
    /// The last commit that wrote a key of this shard.
    written: u64,
    guests: [u32; GUESTS],
}

struct Row {
    key: Slice,
    /// None where there is no such row.
    value: Option<Slice>,
    /// The oldest state that is known to have it so.
    since: u64,
}

impl Row {
    fn bytes(&self) -> usize {
        ROW_OVERHEAD + self.key.len() + self.value.as_ref().map_or(0, |value| value.len())
    }
}

/// The keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Default for Hot {
    fn default() -> Hot {
        let shard =
            || RwLock::new(Shard { rows: HashMap::default(), bytes: 0, written: 0, guests: [0; GUESTS] });
        Hot { hasher: Hashing::default(), shards: (0..SHARDS).map(|_| shard()).collect() }
    }
}

impl Hot {
    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // The map takes the lowest and the highest bits for itself.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    fn read(&self, hash: u64) -> RwLockReadGuard<'_, Shard> {
        self.shard(hash).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, Shard> {
        self.shard(hash).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key's value in the state after commit `seq`, read by `read` where it is not known.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn get<E>(
        &self,
        seq: u64,
        key: &[u8],
        read: impl FnOnce() -> Result<Option<Slice>, E>,
    ) -> Result<Option<Slice>, E> {
        let hash = self.hasher.hash_one(key);
        {
            let shard = self.read(hash);
            if let Some(row) = shard.rows.get(&hash)
                && row.since <= seq
                && row.key[..] == *key
            {
                return Ok(row.value.clone());
            }
        }
        let value = read()?;
        if key.len() + value.as_ref().map_or(0, |value| value.len()) <= ROW_BYTES {
            self.write(hash).offer(hash, seq, key, value.as_ref());
        }
        Ok(value)
    }

    /// Forgets what is about to be written, all of it by commits up to `last`.
    pub(crate) fn forget<'a>(&self, keys: impl Iterator<Item = &'a Slice>, last: u64) {
        for key in keys {
            let hash = self.hasher.hash_one(&key[..]);
            let mut shard = self.write(hash);
            shard.written = last;
            if let Some(row) = shard.rows.remove(&hash) {
                shard.bytes -= row.bytes();
            }
        }
    }
}

impl Shard {
    fn offer(&mut self, hash: u64, seq: u64, key: &[u8], value: Option<&Slice>) {
        if self.written > seq {
            return;
        }
        let guest = &mut self.guests[hash as usize % GUESTS];
        let mark = (hash >> 16) as u32;
        if *guest != mark {
            *guest = mark;
            return;
        }
        // Copies: what comes from a table is a part of its block, which would be kept whole.
        let row = Row { key: key.into(), value: value.map(|value| Slice::from(&value[..])), since: seq };
        if self.bytes + row.bytes() > SHARD_BYTES {
            self.rows.clear();
            self.bytes = 0;
        }
        self.bytes += row.bytes();
        if let Some(before) = self.rows.insert(hash, row) {
            self.bytes -= before.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hot, ROW_BYTES, SHARD_BYTES, SHARDS};
    use crate::slice::Slice;
    use std::convert::Infallible;

    fn read(hot: &Hot, seq: u64, key: &str, there: Option<&str>) -> (Option<Slice>, bool) {
        let mut asked = false;
        let value = hot.get(seq, key.as_bytes(), || {
            asked = true;
            Ok::<_, Infallible>(there.map(Slice::from))
        });
        let Ok(value) = value;
        (value, asked)
    }

    fn asks(hot: &Hot, seq: u64, key: &str, there: Option<&str>) -> bool {
        let (value, asked) = read(hot, seq, key, there);
        assert_eq!(value.as_deref(), there.map(str::as_bytes), "{key} in {seq}");
        asked
    }

    #[test]
    fn the_third_read_of_a_row_asks_nobody() {
        let hot = Hot::default();
        for there in [Some("value"), None] {
            let key = format!("{there:?}");
            assert_eq!([1, 2, 3, 9].map(|seq| asks(&hot, seq, &key, there)), [true, true, false, false]);
            // Whether an older state had it so is not known.
            assert!(asks(&hot, 1, &key, there));
        }
    }

    #[test]
    fn what_is_written_is_asked_for_again_and_no_older_value_comes_in() {
        let hot = Hot::default();
        for _ in 0..3 {
            asks(&hot, 1, "row", Some("old"));
        }
        hot.forget([Slice::from("row")].iter(), 2);
        for _ in 0..3 {
            assert!(asks(&hot, 1, "row", Some("old")), "a reader of the state before the commit");
        }
        assert!(asks(&hot, 2, "row", Some("new")));
        assert!(!asks(&hot, 3, "row", Some("new")));
        assert!(asks(&hot, 1, "row", Some("old")), "a reader of the state before the commit");
    }

    #[test]
    fn large_rows_stay_out_and_all_rows_have_an_end() {
        let hot = Hot::default();
        let large = "x".repeat(ROW_BYTES);
        assert_eq!([0; 3].map(|seq| asks(&hot, seq, "large", Some(&large))), [true; 3]);
        let value = "x".repeat(1000);
        for n in 0..20_000 {
            for _ in 0..2 {
                asks(&hot, 0, &format!("key-{n}"), Some(&value));
            }
        }
        let sizes: Vec<usize> = hot.shards.iter().map(|shard| shard.read().unwrap().bytes).collect();
        assert_eq!(sizes.len(), SHARDS);
        assert!(sizes.iter().all(|size| *size <= SHARD_BYTES), "{sizes:?}");
        assert!(sizes.iter().any(|size| *size > 0));
    }
}
