//! An engine in memory, for tests: every key keeps the versions that living views can still see.
//!
//! It is not durable, and a scan looks each key up anew so that it never blocks the writer.

use crate::engine::{Engine, EngineSize, Pair, View, ViewScan, Write};
use crate::error::EngineError;
use crate::range::{Direction, KeyRange, successor};
use crate::slice::Slice;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

/// Versions of one key, oldest first: the batch that wrote it and the value, `None` where it was deleted.
type Versions = Vec<(u64, Option<Slice>)>;

#[derive(Default)]
struct Map {
    keys: BTreeMap<Slice, Versions>,
    /// Which batch deleted which key, oldest first.
    deleted: VecDeque<(u64, Slice)>,
}

/// Ordered bytes in memory.
#[derive(Default)]
pub struct MemoryEngine {
    map: Arc<RwLock<Map>>,
    batch: u64,
    views: Vec<Weak<MemoryView>>,
}

impl std::fmt::Debug for MemoryEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryEngine").field("batch", &self.batch).finish_non_exhaustive()
    }
}

fn read(map: &RwLock<Map>) -> RwLockReadGuard<'_, Map> {
    map.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(map: &RwLock<Map>) -> RwLockWriteGuard<'_, Map> {
    map.write().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryEngine {
    /// The batch of the oldest view that is still held.
    fn horizon(&mut self) -> u64 {
        self.views.retain(|view| view.strong_count() > 0);
        self.views.iter().filter_map(|v| v.upgrade().map(|v| v.batch)).min().unwrap_or(self.batch)
    }
}

impl Map {
    /// Writes one version and drops those that no view from `horizon` on can see.
    fn put(&mut self, key: &Slice, value: Option<Slice>, batch: u64, horizon: u64) {
        let versions = self.keys.entry(key.clone()).or_default();
        versions.push((batch, value));
        let visible = versions.iter().rposition(|(b, _)| *b <= horizon).unwrap_or(0);
        versions.drain(..visible);
    }

    /// Forgets the deleted keys that no view can see any more.
    fn bury(&mut self, horizon: u64) {
        while self.deleted.front().is_some_and(|(batch, _)| *batch <= horizon) {
            let Some((batch, key)) = self.deleted.pop_front() else { break };
            if self.keys.get(&key).and_then(|v| v.last()) == Some(&(batch, None)) {
                self.keys.remove(&key);
            }
        }
    }

    fn visible(versions: &Versions, batch: u64) -> Option<&Slice> {
        versions.iter().rfind(|(b, _)| *b <= batch)?.1.as_ref()
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&mut self) -> Arc<dyn View> {
        let view = Arc::new(MemoryView { map: self.map.clone(), batch: self.batch });
        self.views.push(Arc::downgrade(&view));
        view
    }

    fn apply(&mut self, batch: &[Write], _last: u64) -> Result<(), EngineError> {
        let horizon = self.horizon();
        let mut map = write(&self.map);
        self.batch += 1;
        map.bury(horizon);
        for (key, value) in batch {
            map.put(key, value.clone(), self.batch, horizon);
            if value.is_none() {
                map.deleted.push_back((self.batch, key.clone()));
            }
        }
        Ok(())
    }

    fn witness(&self) -> u64 {
        0
    }

    fn recover(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn copy_to(&mut self, _dir: &Path) -> Result<(), EngineError> {
        Err(EngineError::Io("a store in memory has no copy on a disk".to_owned()))
    }

    fn size(&self) -> EngineSize {
        EngineSize::default()
    }
}

#[derive(Clone)]
struct MemoryView {
    map: Arc<RwLock<Map>>,
    batch: u64,
}

impl View for MemoryView {
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        Ok(read(&self.map).keys.get(key).and_then(|v| Map::visible(v, self.batch)).cloned())
    }

    fn scan(self: Arc<Self>, range: &KeyRange, direction: Direction) -> ViewScan {
        Box::new(MemoryScan { view: self, rest: range.clone(), direction })
    }
}

struct MemoryScan {
    view: Arc<MemoryView>,
    rest: KeyRange,
    direction: Direction,
}

impl MemoryScan {
    fn step(&self) -> Option<Pair> {
        let map = read(&self.view.map);
        let end = self.rest.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut left = map.keys.range::<Slice, _>((Bound::Included(&self.rest.start), end));
        loop {
            let (key, versions) = match self.direction {
                Direction::Forward => left.next()?,
                Direction::Backward => left.next_back()?,
            };
            if let Some(value) = Map::visible(versions, self.view.batch) {
                return Some((key.clone(), value.clone()));
            }
        }
    }
}

impl Iterator for MemoryScan {
    type Item = Result<Pair, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((key, value)) = self.step() else {
            self.rest.end = Some(self.rest.start.clone());
            return None;
        };
        match self.direction {
            Direction::Forward => self.rest.start = successor(&key),
            Direction::Backward => self.rest.end = Some(key.clone()),
        }
        Some(Ok((key, value)))
    }
}
