//! [`Map`]: the hash table of what every request looks up.

use std::collections::HashMap;

/// Seeded by chance, each by its own.
pub type Hashing = foldhash::quality::RandomState;

/// A hash table whose lookups cost a fraction of the standard library's, which holds out against strangers who choose
/// keys that collide. For tables that stay small: a cache with a bound, or one of our own names.
pub type Map<K, V> = HashMap<K, V, Hashing>;
