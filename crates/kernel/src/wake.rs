//! [`Wakes`]: how whoever reads a resource by asking for it again and again is spared the asking.
//!
//! The service that owns the resource says which keys change with it, and who reads watches those
//! ([`store::Store::watch`]): it learns that something has changed and no more, and reads by the service's operations.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Resources, by their ARNs, and the prefix of the keys that change with each. Kept by [`crate::Cloud::memory`].
#[derive(Debug, Default)]
pub struct Wakes(RwLock<HashMap<String, Vec<u8>>>);

impl Wakes {
    /// Says which keys change with a resource.
    pub fn tell(&self, arn: &str, prefix: Vec<u8>) {
        let known = self.of(arn);
        if known.as_ref() != Some(&prefix) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(arn.to_owned(), prefix);
        }
    }

    /// The prefix to watch, once the service was asked about the resource.
    pub fn of(&self, arn: &str) -> Option<Vec<u8>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::Wakes;

    #[test]
    fn the_last_word_holds() {
        let wakes = Wakes::default();
        assert_eq!(wakes.of("a"), None);
        wakes.tell("a", vec![1]);
        wakes.tell("a", vec![2]);
        assert_eq!((wakes.of("a"), wakes.of("b")), (Some(vec![2]), None));
    }
}
