//! [`Vault`]: the keys under which a table's rows lie, as far as they are unlocked.
//!
//! A table with a KMS key has a key of its own that KMS has sealed; it is opened when somebody who may use the KMS
//! key first asks for the table ([`crate::dynamodb::encryption`]), and is forgotten at the latest when the process
//! ends. While a table changes its key there are two: rows are written under the next one and read under either.

use super::table::{Encryption, TableRecord};
use base::Rng;
use kernel::seal::Sealer;
use std::sync::OnceLock;

/// What rows are sealed for.
const PURPOSE: &str = "dynamodb row";

#[derive(Default, Debug)]
pub struct Vault {
    /// The first is the one that is written under.
    locks: Vec<Lock>,
    /// Whether rows are written as they are: no key, or on the way to none.
    plain: bool,
}

/// One key of a table.
#[derive(Debug)]
pub struct Lock {
    pub encryption: Encryption,
    key: OnceLock<Key>,
}

#[derive(Debug)]
struct Key {
    sealer: Sealer,
    rng: Rng,
}

/// The key is not unlocked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Locked;

impl Vault {
    pub fn of(table: &TableRecord) -> Vault {
        let lock = |encryption: &Encryption| Lock { encryption: encryption.clone(), key: OnceLock::new() };
        let next = table.next_encryption.as_ref();
        let plain = match next {
            Some(next) => next.to.is_none(),
            None => table.encryption.is_none(),
        };
        let next = next.and_then(|next| next.to.as_ref());
        Vault { locks: next.into_iter().chain(&table.encryption).map(lock).collect(), plain }
    }

    /// Whether rows are written as they are.
    pub fn is_plain(&self) -> bool {
        self.plain || self.locks.is_empty()
    }

    pub fn locks(&self) -> &[Lock] {
        &self.locks
    }

    /// Whether every row can be read and written.
    pub fn is_open(&self) -> bool {
        self.locks.iter().all(|lock| lock.key.get().is_some())
    }

    /// What is written now: the number of the key that it is sealed with, and behind it the sealed body; none where
    /// rows lie as they are.
    ///
    /// # Errors
    /// [`Locked`].
    pub(super) fn seal(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Locked> {
        if self.plain {
            return Ok(None);
        }
        let Some(lock) = self.locks.first() else { return Ok(None) };
        let key = lock.key.get().ok_or(Locked)?;
        let sealed = key.sealer.seal(&key.rng, PURPOSE, body);
        Ok(Some([&lock.encryption.id.to_be_bytes()[..], &sealed].concat()))
    }

    /// The body that was sealed so; none where it does not open.
    ///
    /// # Errors
    /// [`Locked`].
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Option<Vec<u8>>, Locked> {
        let Some((id, sealed)) = sealed.split_first_chunk::<8>() else { return Ok(None) };
        let id = u64::from_be_bytes(*id);
        let lock = self.locks.iter().find(|lock| lock.encryption.id == id).ok_or(Locked)?;
        let key = lock.key.get().ok_or(Locked)?;
        Ok(key.sealer.open(PURPOSE, sealed).ok().map(|body| body.to_vec()))
    }
}

impl Lock {
    pub fn is_open(&self) -> bool {
        self.key.get().is_some()
    }

    /// `chance` is for what is sealed.
    pub fn unlock(&self, key: &[u8; 32], chance: Rng) {
        self.key.get_or_init(|| Key { sealer: Sealer::new(key), rng: chance });
    }
}
