//! Which roots sandboxes stand on: those are not taken away, whoever needs them besides.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<HashMap<PathBuf, usize>>);

/// Keeps a root; no longer than it lives.
#[derive(Debug)]
pub(crate) struct Pin {
    pins: Arc<Pins>,
    root: PathBuf,
}

impl Pins {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<PathBuf, usize>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn pin(self: &Arc<Self>, root: PathBuf) -> Pin {
        self.with(|all| *all.entry(root.clone()).or_default() += 1);
        Pin { pins: Arc::clone(self), root }
    }

    pub(crate) fn is_pinned(&self, root: &Path) -> bool {
        self.with(|all| all.contains_key(root))
    }
}

impl Pin {
    pub(crate) fn is_of(&self, root: &Path) -> bool {
        self.root == root
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pins.with(|all| {
            if let Some(count) = all.get_mut(&self.root) {
                *count -= 1;
                if *count == 0 {
                    all.remove(&self.root);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_long_as_somebody_stands_there() {
        let pins = Arc::new(Pins::default());
        let at = || PathBuf::from("/a");
        let (one, other) = (pins.pin(at()), pins.pin(at()));
        drop(one);
        assert!(pins.is_pinned(&at()));
        drop(other);
        assert!(!pins.is_pinned(&at()));
    }
}
