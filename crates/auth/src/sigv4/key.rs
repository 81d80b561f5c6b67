//! Secrets, the keys derived from them, and a cache of those.
//!
//! Deriving a signing key costs four HMACs (SigV4) or an elliptic-curve multiplication (SigV4A) and is the same all
//! day long, so [`KeyCache`] keeps it. Not here: where secrets are stored.

use super::asymmetric::{self, AsymmetricKey};
use super::head::Scope;
use aws_lc_rs::hmac;
use base::map::{Hashing, Map};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, PoisonError, RwLock};

/// A secret access key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// In constant time, for what is found in the cache must belong to this very secret.
    fn is(&self, other: &Secret) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A key ready to verify with.
#[derive(Debug, Clone)]
pub(super) enum SigningKey {
    Hmac(Arc<hmac::Key>),
    Ecdsa(Arc<AsymmetricKey>),
}

impl SigningKey {
    /// Derives the key of this scope; SigV4A's (a scope without region) depends on the access key instead.
    pub(super) fn derive(access_key: &str, secret: &Secret, scope: &Scope) -> SigningKey {
        match &scope.region {
            Some(region) => SigningKey::Hmac(Arc::new(hmac_key(secret, &scope.date, region, &scope.service))),
            None => SigningKey::Ecdsa(Arc::new(asymmetric::derive(access_key, secret))),
        }
    }
}

/// `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")`
pub(super) fn hmac_key(secret: &Secret, date: &str, region: &str, service: &str) -> hmac::Key {
    let mut seed = Vec::with_capacity(4 + secret.0.len());
    seed.extend_from_slice(b"AWS4");
    seed.extend_from_slice(secret.0.as_bytes());
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
    for part in [date, region, service, "aws4_request"] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}

const SHARDS: usize = 16;

/// Signing keys of the day, shared by all threads: a hit takes one read lock on a sixteenth of the map.
///
/// Only keys that have verified a request are kept, so unknown callers cannot push others' out; when a shard is full,
/// keys of other days go first.
#[derive(Debug)]
pub struct KeyCache {
    hashing: Hashing,
    shards: [RwLock<Map<u64, Entry>>; SHARDS],
    shard_keys_max: usize,
}

struct Entry {
    access_key: String,
    secret: Secret,
    scope: Scope,
    key: SigningKey,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.access_key, self.scope.text())
    }
}

impl Entry {
    fn is_for(&self, access_key: &str, secret: &Secret, scope: &Scope) -> bool {
        self.access_key == access_key && self.scope == *scope && self.secret.is(secret)
    }
}

impl Default for KeyCache {
    fn default() -> KeyCache {
        KeyCache::new(1024)
    }
}

impl KeyCache {
    /// A cache of at most about `keys_max` keys (some 1.5 KiB each).
    pub fn new(keys_max: usize) -> KeyCache {
        KeyCache {
            hashing: Hashing::default(),
            shards: std::array::from_fn(|_| RwLock::default()),
            shard_keys_max: keys_max.div_ceil(SHARDS).max(1),
        }
    }

    /// How many keys it holds now.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn slot(&self, access_key: &str, scope: &Scope) -> u64 {
        self.hashing.hash_one((access_key, &scope.date, &scope.region, &scope.service))
    }

    fn shard(&self, slot: u64) -> &RwLock<Map<u64, Entry>> {
        &self.shards[(slot % SHARDS as u64) as usize]
    }

    pub(super) fn get(&self, access_key: &str, secret: &Secret, scope: &Scope) -> Option<SigningKey> {
        let slot = self.slot(access_key, scope);
        let shard = self.shard(slot).read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.get(&slot)?;
        entry.is_for(access_key, secret, scope).then(|| entry.key.clone())
    }

    pub(super) fn put(&self, access_key: &str, secret: &Secret, scope: &Scope, key: SigningKey) {
        let slot = self.slot(access_key, scope);
        let mut shard = self.shard(slot).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= self.shard_keys_max && !shard.contains_key(&slot) {
            shard.retain(|_, entry| entry.scope.date == scope.date);
            if shard.len() >= self.shard_keys_max {
                shard.clear();
            }
        }
        let (access_key, secret, scope) = (access_key.to_owned(), secret.clone(), scope.clone());
        shard.insert(slot, Entry { access_key, secret, scope, key });
    }
}

impl Hash for Scope {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.date, &self.region, &self.service, &self.terminal).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyCache, Secret, SigningKey, hmac_key};
    use crate::sigv4::encode::hex;
    use crate::sigv4::head::Scope;
    use base::Timestamp;

    #[test]
    fn the_documented_derivation() {
        // The worked example of the IAM user guide.
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let key = hmac_key(&secret, "20150830", "us-east-1", "iam");
        let sts = "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
                   f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
        assert_eq!(
            hex(aws_lc_rs::hmac::sign(&key, sts.as_bytes()).as_ref()),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn the_cache_is_bounded_and_never_gives_another_secrets_key() {
        let cache = KeyCache::new(32);
        let (one, two) = (Secret::new("one"), Secret::new("two"));
        for i in 0..500 {
            let scope = Scope::new(Timestamp::from_seconds(i * 86_400), Some("us-east-1"), "iam");
            cache.put("AKID", &one, &scope, SigningKey::derive("AKID", &one, &scope));
            assert!(cache.get("AKID", &one, &scope).is_some());
            assert!(cache.get("AKID", &two, &scope).is_none());
            assert!(cache.get("OTHER", &one, &scope).is_none());
            assert!(cache.len() <= 32, "{}", cache.len());
        }
        assert!(!cache.is_empty());
        assert_eq!(format!("{one:?}"), "Secret(..)");
    }

    #[test]
    fn many_threads_share_it() {
        let cache = KeyCache::new(64);
        let secret = Secret::new("one");
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let (cache, secret) = (&cache, &secret);
                threads.spawn(move || {
                    for i in 0..200 {
                        let scope =
                            Scope::new(Timestamp::from_seconds(0), Some(&format!("r-{}", i % 90)), "iam");
                        let access_key = format!("AKID{}", thread % 2);
                        let Some(SigningKey::Hmac(key)) = cache.get(&access_key, secret, &scope) else {
                            cache.put(
                                &access_key,
                                secret,
                                &scope,
                                SigningKey::derive(&access_key, secret, &scope),
                            );
                            continue;
                        };
                        let wanted = hmac_key(secret, "19700101", &format!("r-{}", i % 90), "iam");
                        let sign = |key| aws_lc_rs::hmac::sign(key, b"x").as_ref().to_vec();
                        assert_eq!(sign(&key), sign(&wanted));
                    }
                });
            }
        });
        assert!(cache.len() <= 64, "{}", cache.len());
    }
}
