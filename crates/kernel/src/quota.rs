//! Quotas on how many records of a kind there may be, without counting them at every creation.
//!
//! A count inside the transaction would read every record, and any two creations would conflict. Instead an upper
//! bound is remembered: it grows with each creation that was let through (even one that failed later) and never
//! shrinks. Only when it reaches the quota are the records really counted, on a snapshot of their own. Creations that
//! are under way at that very moment are not in it, so a quota may be overrun by as many as run side by side.

use crate::cx::Cx;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::{Key, Record, StoreError, Table};

/// Beyond this many the memory is emptied, and the next creations count anew.
const BOUNDS_MAX: usize = 10_000;

/// Upper bounds by the stored prefix of what they count.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Mutex<HashMap<Vec<u8>, u64>>);

impl Quotas {
    /// Takes one place if the remembered bound has room.
    fn take(&self, prefix: &[u8], max: u64) -> bool {
        let mut bounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match bounds.get_mut(prefix) {
            Some(bound) if *bound < max => {
                *bound += 1;
                true
            }
            _ => false,
        }
    }

    fn learn(&self, prefix: Vec<u8>, bound: u64) {
        let mut bounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bounds.len() >= BOUNDS_MAX {
            bounds.clear();
        }
        bounds.insert(prefix, bound);
    }
}

impl Cx<'_> {
    /// Whether one more record fits below `prefix` in `table` when `max` are allowed. To be asked once per creation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_room<R: Record>(
        &self,
        table: &Table<R>,
        prefix: &Key,
        max: usize,
    ) -> Result<bool, StoreError> {
        let (stored, max) = (table.stored_key(prefix), max as u64);
        let quotas = &self.cloud.quotas;
        if quotas.take(&stored, max) {
            return Ok(true);
        }
        let count = table.count(&self.cloud.store().snapshot(), prefix)? as u64;
        let fits = count < max;
        quotas.learn(stored, count + u64::from(fits));
        Ok(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::Quotas;

    #[test]
    fn a_bound_has_room_until_it_reaches_the_quota() {
        let quotas = Quotas::default();
        assert!(!quotas.take(b"users", 3), "nothing is known yet");
        quotas.learn(b"users".to_vec(), 1);
        assert_eq!([(); 3].map(|()| quotas.take(b"users", 3)), [true, true, false]);
    }
}
