//! [`Remembered`]: what texts were read into, so that a policy or a pattern is not read again for each request.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 4_096;

/// One for each kind of text, kept in [`crate::Cloud::memory`].
#[derive(Debug)]
pub struct Remembered<T>(RwLock<HashMap<String, T>>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered(RwLock::default())
    }
}

impl<T: Clone> Remembered<T> {
    /// What this text was read into, read now where it is not known.
    ///
    /// # Errors
    /// Those of `read`, which are not remembered.
    pub fn of<E>(&self, text: &str, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(known.clone());
        }
        let fresh = read()?;
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ENTRIES_MAX {
            all.clear();
        }
        all.insert(text.to_owned(), fresh.clone());
        Ok(fresh)
    }
}
