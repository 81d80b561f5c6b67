//! What KMS keeps in memory: keys ready for use, compiled key policies, and key pairs for imports.
//!
//! Nothing here can be stale. A prepared key is found by the id of its material, which is a hash of it, and a policy
//! by the hash of its text; whether either may be used is read from the transaction every time.

use super::core::import::WrappingPair;
use super::core::material::{MaterialError, MaterialId};
use super::core::prepared::Prepared;
use super::core::spec::WrappingKeySpec;
use auth::policy::{MalformedPolicy, Policy, PolicyKind};
use aws_lc_rs::digest::{SHA256, digest};
use base::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Beyond this many a part of the memory is emptied and fills again.
const ENTRIES_MAX: usize = 4096;
/// How long a wrapping key pair serves. Making one takes up to seconds; each import token still opens for one KMS key.
const WRAPPING_PAIR_LIFE: Duration = Duration::from_secs(60 * 60);

/// KMS's part of the cloud's memory.
#[derive(Default)]
pub(crate) struct KmsMemory {
    prepared: Bounded<MaterialId, Prepared>,
    policies: Bounded<[u8; 32], Policy>,
    wrapping: RwLock<HashMap<&'static str, (Timestamp, Arc<WrappingPair>)>>,
}

/// A map that does not grow without end.
struct Bounded<K, V>(RwLock<HashMap<K, Arc<V>>>);

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Bounded(RwLock::default())
    }
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    fn get<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(make()?);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ENTRIES_MAX {
            all.clear();
        }
        all.insert(key, Arc::clone(&made));
        Ok(made)
    }
}

impl KmsMemory {
    pub(crate) fn prepared<E>(
        &self,
        id: MaterialId,
        make: impl FnOnce() -> Result<Prepared, E>,
    ) -> Result<Arc<Prepared>, E> {
        self.prepared.get(id, make)
    }

    /// Lets go of material that was deleted, or has expired.
    pub(crate) fn forget(&self, ids: impl IntoIterator<Item = MaterialId>) {
        let mut all = self.prepared.0.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            all.remove(&id);
        }
    }

    /// # Errors
    /// [`MalformedPolicy`], which a stored policy never is: it was checked when it was given.
    pub(crate) fn policy(&self, text: &str) -> Result<Arc<Policy>, MalformedPolicy> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        self.policies.get(hash, || Policy::parse(text, PolicyKind::Resource("kms")))
    }

    /// # Errors
    /// [`MaterialError`] when no pair can be made.
    pub(crate) fn wrapping_pair(
        &self,
        spec: WrappingKeySpec,
        now: Timestamp,
    ) -> Result<Arc<WrappingPair>, MaterialError> {
        if let Some((made, pair)) =
            self.wrapping.read().unwrap_or_else(PoisonError::into_inner).get(spec.as_str())
            && *made <= now
            && now < made.plus(WRAPPING_PAIR_LIFE)
        {
            return Ok(Arc::clone(pair));
        }
        let pair = Arc::new(kernel::slow(|| WrappingPair::generate(spec))?);
        let mut all = self.wrapping.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(spec.as_str(), (now, Arc::clone(&pair)));
        Ok(pair)
    }
}
