//! Who holds which access key, remembered between requests until anything changes that decides it.

use crate::identity::Caller;
use auth::sigv4::Secret;
use base::Map;
use std::sync::{Arc, PoisonError, RwLock};
use store::Watch;

/// Beyond this many the memory is emptied and fills again: sessions come and go, and a cache must not grow with them.
const ENTRIES_MAX: usize = 10_000;

/// A cache of callers. An entry holds while no watched table has moved since before it was read.
#[derive(Debug)]
pub(crate) struct Callers {
    watches: Vec<Watch>,
    entries: RwLock<Map<String, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The whole session token: the key id alone does not prove it.
    token: Option<String>,
    generation: u64,
    known: Arc<Remembered>,
}

/// A caller as requests use it.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) caller: Arc<Caller>,
    /// `None` for an account's shared root key, and for those who need not sign.
    pub(crate) secret: Option<Secret>,
    /// What the audit trail says of this caller, which is the same for all its calls.
    pub(crate) audit: Vec<u8>,
}

impl Callers {
    pub(crate) fn new(watches: Vec<Watch>) -> Callers {
        Callers { watches, entries: RwLock::default() }
    }

    /// Counts every change of a watched table. To be read before the tables are.
    pub(crate) fn generation(&self) -> u64 {
        self.watches.iter().map(Watch::generation).sum()
    }

    pub(crate) fn get(&self, access_key: &str, token: Option<&str>) -> Option<Arc<Remembered>> {
        let generation = self.generation();
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(access_key)?;
        let holds = entry.generation == generation && entry.token.as_deref() == token;
        holds.then(|| Arc::clone(&entry.known))
    }

    pub(crate) fn put(
        &self,
        access_key: &str,
        token: Option<&str>,
        generation: u64,
        known: &Arc<Remembered>,
    ) {
        let entry = Entry { token: token.map(str::to_owned), generation, known: Arc::clone(known) };
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(access_key.to_owned(), entry);
    }

    pub(crate) fn clear(&self) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
