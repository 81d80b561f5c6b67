//! [`Memory`]: what a service keeps in memory between requests, beside the store: caches, and notes to be written
//! later.
//!
//! Each service has its own type; one value of it belongs to each cloud, made when it is first asked for and gone
//! when the cloud is reset. Nothing in it may decide what is true: that is in the store, and a restart forgets the
//! rest.

use base::Map;
use std::any::{Any, TypeId};
use std::sync::{Arc, PoisonError, RwLock};

/// One value of each type.
#[derive(Default)]
pub(crate) struct Memory(RwLock<Map<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Memory {
    pub(crate) fn of<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let id = TypeId::of::<T>();
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let value = found.unwrap_or_else(|| {
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(id).or_insert_with(|| Arc::new(T::default())))
        });
        // What is under a type's id is of that type; a fresh value is the harmless answer all the same.
        value.downcast().unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_value_of_each_type_until_it_is_cleared() {
        let memory = Memory::default();
        memory.of::<AtomicU32>().store(7, Ordering::Relaxed);
        assert_eq!(memory.of::<AtomicU32>().load(Ordering::Relaxed), 7);
        assert!(memory.of::<String>().is_empty());
        memory.clear();
        assert_eq!(memory.of::<AtomicU32>().load(Ordering::Relaxed), 0);
    }
}
