//! The embedded engine: a log-structured tree (fjall) in one folder.
//!
//! ```text
//! DIR/lock         held while the folder is open, by one process
//! DIR/last         a note of the last commit, see `witness`
//! DIR/format       what this folder is; written before the first commit
//! DIR/rows.lsm/    the tree: journals and tables
//! ```
//!
//! A batch is one journal entry with a checksum and one `fdatasync`; an entry that a crash tore is cut off at the
//! next open. A batch is refused as [`EngineError::Full`] *before* anything is written when the disk has less room
//! than a reserve, because the tree cannot undo a write that fails half way. Where that happens all the same, the
//! tree is closed and read back from the disk by [`Engine::recover`].
//!
//! A failed `fdatasync` is never retried: the kernel may have dropped the pages and would report success.

use crate::cache;
use crate::disk::{self, room};
use crate::engine::{Engine, EngineSize, Unreadable, View, ViewScan, Write};
use crate::error::EngineError;
use crate::range::{Direction, KeyRange};
use crate::slice::Slice;
use crate::store::Options;
use crate::witness::Witness;
use fjall::config::{HashRatioPolicy, PartitioningPolicy};
use fjall::{AbstractTree, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const ROWS: &str = "rows.lsm";
const FORMAT: &str = "format";
const LAST: &str = "last";
/// What [`FORMAT`] holds.
const FORMAT_TEXT: &str = "virga store 1\n";
/// Threads that sort and merge in the background. The first of them only sorts, and hands merges on by putting them back
/// into the queue: with two, it spins on that queue, a whole processor, for as long as the other merges; with a third,
/// merges that have nothing to do are taken out meanwhile.
const WORKERS: usize = 3;
/// Files that the tree keeps open.
const OPEN_FILES: usize = 256;
/// The reserve is never more than this part of the disk, so that a small disk can be used at all.
const RESERVE_PART: u64 = 8;

struct Tree {
    db: Database,
    rows: Keyspace,
}

/// A tree in a folder.
pub struct EmbeddedEngine {
    dir: PathBuf,
    options: Options,
    /// None while it could not be read back after a failed write.
    tree: Option<Tree>,
    /// [`FORMAT`] is still to be written: before the first commit, so that opening an empty folder need not wait for
    /// the disk.
    unused: bool,
    witness: Witness,
    _lock: File,
}

impl std::fmt::Debug for EmbeddedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedEngine").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl From<fjall::Error> for EngineError {
    fn from(error: fjall::Error) -> EngineError {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => error.into(),
            fjall::Error::Locked => EngineError::Locked,
            fjall::Error::Poisoned => EngineError::Halted,
            other => EngineError::Damaged(other.to_string()),
        }
    }
}

impl EmbeddedEngine {
    /// Opens the folder, creating it when it is not there.
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it open, [`EngineError::Damaged`] when it cannot be read.
    pub fn open(dir: &Path, options: &Options) -> Result<EmbeddedEngine, EngineError> {
        std::fs::create_dir_all(dir)?;
        let lock = disk::lock(&dir.join("lock"))?;
        let unused = match std::fs::read_to_string(dir.join(FORMAT)) {
            Ok(text) if text == FORMAT_TEXT => false,
            Ok(_) => {
                return Err(EngineError::Damaged("its format is not one that this version knows".to_owned()));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error.into()),
        };
        if unused {
            // Left by a process that ended while it created the folder; unless there are rows after all.
            if disk::holds_rows(&dir.join(ROWS))? {
                return Err(EngineError::Damaged(format!("it holds rows, but no file `{FORMAT}`")));
            }
            disk::remove_folder(&dir.join(ROWS))?;
        }
        let tree = open_tree(&dir.join(ROWS), options)?;
        let witness = Witness::open(&dir.join(LAST))?;
        let (dir, options) = (dir.to_owned(), options.clone());
        Ok(EmbeddedEngine { dir, options, tree: Some(tree), unused, witness, _lock: lock })
    }

    fn tree(&self) -> Result<&Tree, EngineError> {
        self.tree
            .as_ref()
            .ok_or_else(|| EngineError::Io("it could not be read back after a failed write".to_owned()))
    }

    /// Refuses a batch that might not find room.
    fn reserve(&self, batch: &[Write]) -> Result<(), EngineError> {
        let (free, total) = room(&self.dir)?;
        let bytes: u64 =
            batch.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, |v| v.len())) as u64).sum();
        let reserve = self.options.reserve_bytes.min(total / RESERVE_PART);
        // Once for the journal, once for the table that it is sorted into.
        if free < reserve.saturating_add(bytes.saturating_mul(2)) { Err(EngineError::Full) } else { Ok(()) }
    }
}

impl EmbeddedEngine {
    /// Waits while the background is behind with sorting. The tree would wait by itself, but for ever when its
    /// background has ended; so this begins earlier, and looks.
    fn throttle(&self) -> Result<(), EngineError> {
        let tree = self.tree()?;
        while tree.rows.sealed_memtable_count() >= UNSORTED || tree.rows.l0_table_count() >= UNMERGED {
            if let Err(fjall::Error::Poisoned) = tree.db.persist(PersistMode::Buffer) {
                return Err(EngineError::Halted);
            }
            std::thread::sleep(THROTTLE);
        }
        Ok(())
    }
}

/// Full write buffers that may wait to be sorted. The tree blocks at 4, and one commit can add 2.
const UNSORTED: usize = 2;
/// Sorted tables that may wait to be merged. The tree slows down at 20.
const UNMERGED: usize = 16;
const THROTTLE: Duration = Duration::from_millis(1);

fn open_tree(dir: &Path, options: &Options) -> Result<Tree, EngineError> {
    // The tree's reader asserts things about its files; a damaged folder is to be an error, not the end.
    catch_unwind(AssertUnwindSafe(|| {
        let db = Database::builder(dir)
            .cache_size(options.cache_bytes)
            .worker_threads(WORKERS)
            .max_cached_files(Some(OPEN_FILES))
            .max_journaling_size(JOURNAL_BYTES)
            .manual_journal_persist(true)
            .open()?;
        let buffer = options.write_buffer_bytes;
        let rows = db.keyspace("rows", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(buffer)
                .manual_journal_persist(true)
                .data_block_hash_ratio_policy(HashRatioPolicy::all(HASH_RATIO))
                .index_block_partitioning_policy(PartitioningPolicy::new(PARTED))
                .filter_block_partitioning_policy(PartitioningPolicy::new(PARTED))
        })?;
        Ok(Tree { db, rows })
    }))
    .unwrap_or_else(|_| Err(EngineError::Damaged("its files are not what they should be".to_owned())))
}

/// On which levels a table's index and filter lie in pieces of 4 KiB: on all but the first, whose tables are small and
/// merged soon. Whole, they are most of a megabyte, and a read that does not find them in the cache reads all of it. The
/// tree counts levels here from the first that holds rows, and when a folder is opened from the top: so the tables of its
/// second would be kept in memory whole for as long as they are written, and read whole again and again afterwards.
const PARTED: [bool; 2] = [false, true];

/// Buckets per row in a table's blocks: a point read finds its row without a binary search.
const HASH_RATIO: f32 = 1.5;

/// Above this the tree sorts early so that old journals can go; the least that it allows.
const JOURNAL_BYTES: u64 = 64 << 20;

impl Engine for EmbeddedEngine {
    fn snapshot(&mut self) -> Arc<dyn View> {
        match &self.tree {
            Some(tree) => Arc::new(TreeView { snapshot: tree.db.snapshot(), rows: tree.rows.clone() }),
            None => Arc::new(Unreadable),
        }
    }

    fn apply(&mut self, batch: &[Write], last: u64) -> Result<(), EngineError> {
        self.reserve(batch)?;
        self.throttle()?;
        if self.unused {
            disk::sync_parent(&self.dir)?;
            disk::write_file(&self.dir, FORMAT, FORMAT_TEXT.as_bytes())?;
            self.unused = false;
        }
        let tree = self.tree()?;
        let mut entry = fjall::OwnedWriteBatch::with_capacity(tree.db.clone(), batch.len())
            .durability(Some(PersistMode::SyncData));
        for (key, value) in batch {
            match value {
                Some(value) => entry.insert(&tree.rows, key.0.clone(), value.0.clone()),
                None => entry.remove(&tree.rows, key.0.clone()),
            }
        }
        entry.commit().map_err(|error| match EngineError::from(error) {
            EngineError::Full => EngineError::Torn,
            other => other,
        })?;
        // The commit is on the disk whether or not this succeeds; an older note only says less.
        let _ = self.witness.note(last);
        Ok(())
    }

    fn witness(&self) -> u64 {
        self.witness.last()
    }

    fn recover(&mut self) -> Result<(), EngineError> {
        self.tree = None;
        self.tree = Some(open_tree(&self.dir.join(ROWS), &self.options)?);
        Ok(())
    }

    fn copy_to(&mut self, dir: &Path) -> Result<(), EngineError> {
        self.tree()?.db.persist(PersistMode::SyncAll)?;
        std::fs::create_dir_all(dir)?;
        let _lock = disk::lock(&dir.join("lock"))?;
        if dir.join(FORMAT).try_exists()? {
            return Err(EngineError::Io(format!("{} holds a store already", dir.display())));
        }
        disk::copy_steady(&self.dir.join(ROWS), &dir.join(ROWS))?;
        Witness::open(&dir.join(LAST))?.note(self.witness.last())?;
        disk::sync_parent(dir)?;
        disk::write_file(dir, FORMAT, FORMAT_TEXT.as_bytes())?;
        Ok(())
    }

    fn size(&self) -> EngineSize {
        self.tree.as_ref().map_or(EngineSize::default(), |tree| EngineSize {
            disk: tree.db.disk_space().unwrap_or_default(),
            write_buffer: tree.db.write_buffer_size(),
            cache: tree.db.cache_size(),
        })
    }

    fn sort(&mut self) -> Result<(), EngineError> {
        self.tree()?.rows.rotate_memtable()?;
        Ok(())
    }

    fn cool(&mut self) {
        if let Some(tree) = &self.tree {
            cache::empty(&tree.rows.tree.tree_config().cache);
        }
    }

    fn is_sorting(&self) -> bool {
        self.tree
            .as_ref()
            .is_some_and(|tree| tree.rows.sealed_memtable_count() > 0 || tree.db.active_compactions() > 0)
    }
}

struct TreeView {
    snapshot: fjall::Snapshot,
    rows: Keyspace,
}

impl View for TreeView {
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        Ok(self.snapshot.get(&self.rows, key)?.map(Slice))
    }

    fn scan(self: Arc<Self>, range: &KeyRange, direction: Direction) -> ViewScan {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let pairs = match &range.end {
            Some(end) => self.snapshot.range(&self.rows, &range.start[..]..&end[..]),
            None => self.snapshot.range(&self.rows, &range.start[..]..),
        };
        let pair = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner()?;
            Ok((Slice(key), Slice(value)))
        };
        match direction {
            Direction::Forward => Box::new(pairs.map(pair)),
            Direction::Backward => Box::new(pairs.rev().map(pair)),
        }
    }
}
