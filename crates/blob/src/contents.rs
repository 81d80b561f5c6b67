//! [`Contents`]: the handle that services share: writing, reading, and sweeping what nobody refers to.

use crate::ContentId;
use crate::blobs::Blobs;
use crate::cipher::Root;
use crate::hot::{Hot, Name};
use crate::pool::Pool;
use crate::read::{self, Reader};
use crate::refs::{self, CONTENTS, GARBAGE};
use crate::small::Small;
use crate::write::Writer;
use base::{Clock, Rng, Timestamp};
use bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use store::{CommitError, Direction, Key, Store};

/// Contents that one transaction of the sweeper forgets.
const BATCH: usize = 500;
/// Free space that is left alone, in bytes: the store needs it to say that a content is deleted.
const RESERVE: u64 = 128 << 20;

/// All contents of a cloud.
#[derive(Debug)]
pub struct Contents {
    blobs: Arc<dyn Blobs>,
    /// By which ids and waits are dated: the cloud's own clock may be moved by months.
    wall: Clock,
    started: Timestamp,
    pool: Arc<Pool>,
    hot: Arc<Hot>,
    small: Small,
    pins: Arc<Pins>,
}

/// Which contents are being read, and how often.
#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<HashMap<ContentId, usize>>);

/// Keeps a content from being swept.
#[derive(Debug)]
pub struct Pin {
    id: ContentId,
    pins: Arc<Pins>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.id);
            }
        }
    }
}

impl Contents {
    pub fn new(blobs: Arc<dyn Blobs>) -> Contents {
        let wall = Clock::system();
        let started = wall.now();
        Contents {
            blobs,
            wall,
            started,
            pool: Arc::default(),
            hot: Arc::default(),
            small: Small::default(),
            pins: Arc::default(),
        }
    }

    pub fn new_id(&self, rng: &Rng) -> ContentId {
        ContentId::new(self.wall.now(), rng)
    }

    /// The machine's time, by which contents are dated.
    pub fn wall_now(&self) -> Timestamp {
        self.wall.now()
    }

    /// Begins a content. Blocks, as everything that the writer does.
    ///
    /// # Errors
    /// `StorageFull` while the disk has less room than a reserve; else the place's own.
    pub fn write(&self, id: ContentId, root: &Root) -> io::Result<Writer> {
        if self.blobs.room().is_some_and(|room| room < RESERVE) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let sink = self.blobs.create(id)?;
        Ok(Writer::new(id, sink, root.cipher(id), Arc::clone(&self.blobs)))
    }

    /// Keeps the content from being swept. To be taken right after its record was read.
    pub fn pin(&self, id: ContentId) -> Pin {
        *self.pins.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
        Pin { id, pins: Arc::clone(&self.pins) }
    }

    /// Opens a content of `size` bytes. Blocks.
    ///
    /// # Errors
    /// `NotFound` where it is gone.
    pub fn read(&self, id: ContentId, root: &Root, size: u64) -> io::Result<Reader> {
        let source = self.blobs.open(id)?;
        let name = Name::of(root, id);
        Ok(Reader::new(source, root.cipher(id), size, name, Arc::clone(&self.pool), Arc::clone(&self.hot)))
    }

    /// What a content is found by, for [`Contents::hot`].
    pub fn name(&self, id: ContentId, root: &Root) -> Name {
        Name::of(root, id)
    }

    /// What [`Reader::piece`] would give, where that is there already: then nothing blocks.
    pub fn hot(&self, name: Name, from: u64, to: u64) -> Option<Bytes> {
        read::hot(&self.hot, name, from, to)
    }

    /// A whole small content, where it lies open under this very root.
    pub fn open(&self, id: ContentId, root: &Root) -> Option<Bytes> {
        self.small.get(id, root)
    }

    /// A whole content has been opened: if it is small and is read again, [`Contents::open`] has it.
    pub fn opened(&self, id: ContentId, root: &Root, bytes: &Bytes) {
        self.small.opened(id, root, bytes);
    }

    /// Forgets what is kept of contents that are read often.
    pub fn cool(&self) {
        self.hot.clear();
        self.small.clear();
    }

    fn is_pinned(&self, id: ContentId) -> bool {
        self.pins.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Removes what was released long enough ago. Says when there is more to do.
    ///
    /// # Errors
    /// A sentence.
    pub fn sweep(&self, store: &Store) -> Result<Option<Timestamp>, String> {
        let mut after: Option<Key> = None;
        let mut next = None;
        loop {
            let now = self.wall.now();
            let snapshot = store.snapshot();
            let page = GARBAGE.page(&snapshot, &Key::empty(), after.as_ref(), BATCH);
            let page = page.map_err(|e| e.to_string())?;
            let mut gone = Vec::new();
            for (key, garbage) in page.items {
                match refs::due(&key) {
                    Some(due) if due > now => {
                        next.get_or_insert(due);
                        break;
                    }
                    _ if self.is_pinned(garbage.content) => {
                        next = Some(now.plus(refs::GRACE));
                    }
                    _ => {
                        self.blobs.delete(garbage.content).map_err(|e| e.to_string())?;
                        gone.push(key);
                    }
                }
            }
            let mut tx = store.begin();
            gone.iter().for_each(|key| GARBAGE.delete(&mut tx, key));
            match tx.commit().wait() {
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
            match page.next {
                Some(last) if next.is_none() => after = Some(last),
                _ => return Ok(next),
            }
        }
    }

    /// Removes what was written before this process began and never claimed. Blocks for as long as it takes to list
    /// all contents.
    ///
    /// # Errors
    /// A sentence.
    pub fn sweep_orphans(&self, store: &Store) -> Result<usize, String> {
        let mut old = Vec::new();
        let limit = ContentId::first_at(self.started);
        let listed = self.blobs.list(&mut |id| {
            if id < limit {
                old.push(id);
            }
        });
        listed.map_err(|e| e.to_string())?;
        // Released contents have rows of their own.
        let snapshot = store.snapshot();
        let waiting: Result<std::collections::HashSet<_>, _> = GARBAGE
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .map(|pair| pair.map(|(_, garbage)| garbage.content))
            .collect();
        let waiting = waiting.map_err(|e| e.to_string())?;
        let mut removed = 0;
        for id in old {
            let claimed = CONTENTS.contains(&snapshot, &id.key()).map_err(|e| e.to_string())?;
            if !claimed && !waiting.contains(&id) {
                self.blobs.delete(id).map_err(|e| e.to_string())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes everything.
    ///
    /// # Errors
    /// The place's own.
    pub fn clear(&self) -> io::Result<()> {
        let mut all = Vec::new();
        self.blobs.list(&mut |id| all.push(id))?;
        all.into_iter().try_for_each(|id| self.blobs.delete(id))
    }
}

#[cfg(test)]
mod tests {
    use super::Contents;
    use crate::cipher::{BLOCK, Root};
    use crate::refs::{self, CONTENTS};
    use crate::{Blobs, ContentId, Files, Memory};
    use base::{Rng, Timestamp};
    use std::sync::Arc;
    use store::Store;

    fn root() -> Root {
        Root::new(&[3; 32])
    }

    fn put(contents: &Contents, id: ContentId, bytes: &[u8]) {
        let mut writer = contents.write(id, &root()).unwrap();
        bytes.chunks(1000).for_each(|part| writer.write(part).unwrap());
        let finished = writer.finish().unwrap();
        assert_eq!((finished.id, finished.size), (id, bytes.len() as u64));
        finished.keep();
    }

    fn count(blobs: &dyn Blobs) -> usize {
        let mut count = 0;
        blobs.list(&mut |_| count += 1).unwrap();
        count
    }

    fn everywhere(test: impl Fn(Arc<dyn Blobs>)) {
        test(Arc::new(Memory::default()));
        static DIRS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let n = DIRS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("virga-blob-{}-{n}", std::process::id()));
        test(Arc::new(Files::open(&dir).unwrap()));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn any_range_is_what_was_written() {
        everywhere(|blobs| {
            let contents = Contents::new(blobs);
            let rng = Rng::seeded(1);
            for size in [1, BLOCK - 1, BLOCK, 5 * BLOCK + 17] {
                let bytes: Vec<u8> = (0..size).map(|n| (n * 31 % 253) as u8).collect();
                let id = contents.new_id(&rng);
                put(&contents, id, &bytes);
                let reader = contents.read(id, &root(), size as u64).unwrap();
                for (from, to) in
                    [(0, size), (0, 1), (size - 1, size), (size / 2, size), (size / 3, size / 2)]
                {
                    let mut got = Vec::new();
                    while got.len() < to - from {
                        let at = from + got.len();
                        got.extend_from_slice(&reader.piece(at as u64, to as u64).unwrap());
                    }
                    assert!(got == bytes[from..to], "{from}..{to} of {size}");
                }
            }
        });
    }

    #[test]
    fn what_is_read_twice_is_open_to_whom_has_its_key() {
        let contents = Contents::new(Arc::new(Memory::default()));
        let id = contents.new_id(&Rng::seeded(1));
        let bytes: Vec<u8> = (0..5 * BLOCK + 17).map(|n| (n * 31 % 253) as u8).collect();
        let size = bytes.len() as u64;
        put(&contents, id, &bytes);
        let name = contents.name(id, &root());
        let read = |root: &Root, from| contents.read(id, root, size).and_then(|open| open.piece(from, size));
        for _ in 0..2 {
            assert_eq!(contents.hot(name, 0, size), None);
            assert_eq!(read(&root(), 0).unwrap(), bytes[..4 * BLOCK]);
        }
        assert_eq!(contents.hot(name, 7, 10).unwrap(), bytes[7..10]);
        assert_eq!(contents.hot(name, 7, size).unwrap(), bytes[7..4 * BLOCK]);
        assert_eq!(contents.hot(name, 4 * BLOCK as u64, size), None);
        let another = Root::new(&[4; 32]);
        assert_eq!(contents.hot(contents.name(id, &another), 0, size), None);
        assert_eq!(read(&another, 0).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
        contents.cool();
        assert_eq!(contents.hot(name, 0, size), None);
    }

    #[test]
    fn what_nobody_keeps_is_gone() {
        everywhere(|blobs| {
            let contents = Contents::new(Arc::clone(&blobs));
            let rng = Rng::seeded(1);
            let mut writer = contents.write(contents.new_id(&rng), &root()).unwrap();
            writer.write(&vec![1; 3 * BLOCK]).unwrap();
            drop(writer);
            let mut writer = contents.write(contents.new_id(&rng), &root()).unwrap();
            writer.write(b"finished").unwrap();
            drop(writer.finish().unwrap());
            assert_eq!(count(&*blobs), 0);
        });
    }

    #[test]
    fn orphans_go_and_claimed_contents_stay() {
        everywhere(|blobs| {
            let store = Store::memory();
            let rng = Rng::seeded(1);
            let [orphan, claimed, released] =
                [1, 2, 3].map(|second| ContentId::new(Timestamp::from_seconds(second), &rng));
            let contents = Contents::new(Arc::clone(&blobs));
            [orphan, claimed, released, contents.new_id(&rng)]
                .into_iter()
                .for_each(|id| put(&contents, id, b"bytes"));
            let mut tx = store.begin();
            refs::claim(&mut tx, claimed, 5);
            refs::claim(&mut tx, released, 5);
            assert!(refs::share(&mut tx, claimed).unwrap());
            refs::release(&mut tx, claimed, Timestamp::from_seconds(0)).unwrap();
            refs::release(&mut tx, released, Timestamp::from_seconds(0)).unwrap();
            tx.commit().wait().unwrap();
            assert_eq!(contents.sweep_orphans(&store), Ok(1));
            assert!(blobs.open(claimed).is_ok() && blobs.open(released).is_ok());
            let pin = contents.pin(released);
            assert!(contents.sweep(&store).unwrap().is_some(), "it is being read");
            assert!(blobs.open(released).is_ok());
            drop(pin);
            assert_eq!(contents.sweep(&store), Ok(None));
            assert!(blobs.open(released).is_err());
            assert_eq!(count(&*blobs), 2);
            assert!(CONTENTS.contains(&store.snapshot(), &claimed.key()).unwrap());
        });
    }
}
