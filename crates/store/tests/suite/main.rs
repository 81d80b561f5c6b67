//! What a store promises, over each engine.

mod damage;
mod ending;
mod faults;
mod hot;
mod model;
mod records;
mod serializable;
mod settle;
mod store;
mod tables;
mod watch;

use ::store::{Options, Store};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for each test; gone afterwards.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn unique() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("virga-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Folder(std::env::temp_dir().join(name))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn open(&self) -> Store {
        Store::open(&self.0, &Options::default()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a check over an empty store of each kind.
pub fn over_both(check: impl Fn(&Store)) {
    check(&Store::memory());
    let folder = Folder::unique();
    check(&folder.open());
}
