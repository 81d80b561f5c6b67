//! [`Expiring`]: answers that hold until a time, such as that a caller may use a key.

use base::Timestamp;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// What is remembered under some keys, each until its time. Beyond `MAX` the memory is emptied and fills again. Kept in
/// [`crate::Cloud::memory`].
#[derive(Debug)]
pub struct Expiring<K, V, const MAX: usize>(Mutex<HashMap<K, (V, Timestamp)>>);

impl<K, V, const MAX: usize> Default for Expiring<K, V, MAX> {
    fn default() -> Self {
        Expiring(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone, const MAX: usize> Expiring<K, V, MAX> {
    /// What is remembered, where its time is not over.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Timestamp) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).filter(|(_, until)| *until > now).map(|(value, _)| value.clone())
    }

    pub fn keep(&self, key: K, value: V, until: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX {
            all.clear();
        }
        all.insert(key, (value, until));
    }
}

#[cfg(test)]
mod tests {
    use super::Expiring;
    use base::Timestamp;

    #[test]
    fn each_holds_until_its_time_and_no_more_than_so_many_are_kept() {
        let all: Expiring<u8, &str, 2> = Expiring::default();
        let at = Timestamp::from_seconds;
        all.keep(1, "one", at(10));
        all.keep(2, "two", at(20));
        assert_eq!(
            (all.get(&1, at(9)), all.get(&1, at(10)), all.get(&2, at(10))),
            (Some("one"), None, Some("two"))
        );
        all.keep(3, "three", at(30));
        assert_eq!((all.get(&2, at(9)), all.get(&3, at(9))), (None, Some("three")));
    }
}
