//! A volume that a machine has: what its programs write, on its way to blocks.
//!
//! Blocks that were written to stay in memory until the next flush; then each becomes a content of its own, and one
//! transaction puts all of them into the volume's map. So after a crash the volume is as it was at some flush, and
//! never a mixture. A volume's operations and bytes a second are limited as its type has it, and with those of all others of
//! its machine as that one's type has it ([`host::pace`]).

use super::blocks::{self, BLOCK, Block};
use super::model::{VOLUMES, Volume};
use super::shape;
use base::{AccountId, Region};
use blob::cipher::Root;
use ec2::register;
use host::disk::Disk;
use host::pace::{self, Common, Pace};
use kernel::Cloud;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, StoreError};

/// Written blocks that wait in memory.
const DIRTY_MAX: usize = 64;
/// Blocks that were read and not changed.
const CLEAN_MAX: usize = 16;

/// Where a volume's record is.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) volume: String,
}

impl Home {
    fn key(&self) -> store::Key {
        register::key(self.account, self.region, &self.volume)
    }
}

/// A volume in use.
#[derive(Debug)]
pub(crate) struct Live {
    cloud: Arc<Cloud>,
    home: Home,
    root: Root,
    size: u64,
    blocks: BTreeMap<u32, Block>,
    dirty: BTreeMap<u32, Vec<u8>>,
    clean: BTreeMap<u32, Vec<u8>>,
    pace: Pace,
    /// Of all that its machine has.
    common: Option<Arc<Common>>,
    /// The most bytes that are one operation.
    unit: u64,
}

fn words(error: StoreError) -> io::Error {
    io::Error::other(error.to_string())
}

impl Live {
    /// # Errors
    /// When the store cannot be read; `NotFound` where the volume is gone.
    pub(crate) fn open(
        cloud: &Arc<Cloud>,
        home: Home,
        root: Root,
        common: Option<Arc<Common>>,
    ) -> io::Result<Live> {
        let snapshot = cloud.store().snapshot();
        let volume = VOLUMES.get(&snapshot, &home.key()).map_err(words)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(Live {
            cloud: Arc::clone(cloud),
            blocks: blocks::all(&snapshot, volume.map).map_err(words)?,
            root,
            size: bytes_of(&volume),
            dirty: BTreeMap::new(),
            clean: BTreeMap::new(),
            pace: Pace::new(shape::rate(&volume.shape()), clock(cloud)),
            unit: shape::unit(&volume.kind),
            common,
            home,
        })
    }

    /// The volume has been modified.
    pub(crate) fn reshape(&mut self, volume: &Volume) {
        self.size = bytes_of(volume);
        self.unit = shape::unit(&volume.kind);
        self.pace.become_of(shape::rate(&volume.shape()), clock(&self.cloud));
    }

    /// How much of its burst is left, of a hundred; none where it has none.
    pub(crate) fn burst_balance(&mut self) -> Option<f64> {
        self.pace.balance(clock(&self.cloud))
    }

    /// Waits as long as an operation of so many bytes must.
    fn pay(&mut self, bytes: usize) {
        let (now, bytes) = (pace::now(), bytes as u64);
        #[allow(clippy::cast_precision_loss, reason = "a few")]
        let operations = bytes.div_ceil(self.unit).max(1) as f64;
        let own = self.pace.due(operations, bytes, now, clock(&self.cloud));
        let common = self.common.as_ref().map(|common| common.due(operations, bytes, now));
        let due = own.max(common.unwrap_or_default());
        if !due.is_zero() {
            std::thread::sleep(due);
        }
    }

    /// A block as it is now.
    fn load(&mut self, index: u32) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.clean.remove(&index) {
            return Ok(bytes);
        }
        let mut bytes = vec![0; BLOCK];
        blocks::read(&self.cloud, &self.root, self.blocks.get(&index), &mut bytes).inspect_err(|why| {
            let (volume, problem) = (&self.home.volume, why.to_string());
            kernel::log::error("a block cannot be read", &[("volume", volume), ("problem", &problem)]);
        })?;
        Ok(bytes)
    }

    fn remember(&mut self, index: u32, bytes: Vec<u8>) {
        if self.clean.len() >= CLEAN_MAX {
            // Programs go forward more often than back.
            self.clean.pop_first();
        }
        self.clean.insert(index, bytes);
    }

    /// Changes a part of a block.
    fn change(&mut self, index: u32, work: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if let Some(bytes) = self.dirty.get_mut(&index) {
            work(bytes);
            return Ok(());
        }
        if self.dirty.len() >= DIRTY_MAX {
            self.flush()?;
        }
        let mut bytes = self.load(index)?;
        work(&mut bytes);
        self.dirty.insert(index, bytes);
        Ok(())
    }

    /// Puts blocks that are on the disk into the map that the volume has now.
    fn put(&self, written: &[(u32, blocks::Written)]) -> io::Result<Vec<(u32, Block)>> {
        loop {
            let mut tx = self.cloud.store().begin();
            let volume = VOLUMES.get(&tx, &self.home.key()).map_err(words)?.ok_or(io::ErrorKind::NotFound)?;
            let mut out = Vec::new();
            for (index, block) in written {
                out.push((*index, block.put(&self.cloud, &mut tx, volume.map, *index).map_err(words)?));
            }
            match tx.commit().wait() {
                Ok(_) => return Ok(out),
                // A snapshot was taken just now: then it is another map.
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
    }
}

/// What volumes save up by: the cloud's clock.
fn clock(cloud: &Cloud) -> Duration {
    Duration::from_micros(u64::try_from(cloud.clock().now().micros()).unwrap_or(0))
}

fn bytes_of(volume: &Volume) -> u64 {
    volume.size.unsigned_abs() << 30
}

/// The parts of a range: block, first byte within it, and length.
fn parts(at: u64, length: u64) -> impl Iterator<Item = (u32, usize, usize)> {
    let block = BLOCK as u64;
    let (mut at, end) = (at, at + length);
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let (index, from) = (at / block, at % block);
        let count = (block - from).min(end - at);
        at += count;
        Some((u32::try_from(index).ok()?, from as usize, count as usize))
    })
}

impl Disk for Live {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.pay(out.len());
        let mut done = 0;
        for (index, from, count) in parts(at, out.len() as u64) {
            let part = &mut out[done..done + count];
            if let Some(bytes) = self.dirty.get(&index) {
                part.copy_from_slice(&bytes[from..from + count]);
            } else if self.blocks.contains_key(&index) {
                let bytes = self.load(index)?;
                part.copy_from_slice(&bytes[from..from + count]);
                self.remember(index, bytes);
            } else {
                part.fill(0);
            }
            done += count;
        }
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.pay(bytes.len());
        let mut done = 0;
        for (index, from, count) in parts(at, bytes.len() as u64) {
            let part = &bytes[done..done + count];
            self.change(index, |block| block[from..from + count].copy_from_slice(part))?;
            done += count;
        }
        Ok(())
    }

    fn discard(&mut self, at: u64, length: u64) -> io::Result<()> {
        for (index, from, count) in parts(at, length) {
            // What was never written is zeros already.
            if self.dirty.contains_key(&index) || self.blocks.contains_key(&index) {
                self.change(index, |block| block[from..from + count].fill(0))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        let mut written = Vec::new();
        for (index, bytes) in &self.dirty {
            written.push((*index, blocks::write(&self.cloud, &self.root, bytes)?));
        }
        let put = self.put(&written);
        written.into_iter().for_each(|(_, block)| block.keep());
        let put = put.inspect_err(|why| {
            let (volume, problem) = (&self.home.volume, why.to_string());
            kernel::log::error("a volume cannot be written", &[("volume", volume), ("problem", &problem)]);
        })?;
        self.blocks.extend(put);
        self.dirty.clear();
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, parts};

    #[test]
    fn a_range_falls_into_blocks() {
        let all = |at, length| parts(at, length).collect::<Vec<_>>();
        assert_eq!(all(0, 0), []);
        assert_eq!(all(5, 10), [(0, 5, 10)]);
        let edge = BLOCK as u64 - 1;
        assert_eq!(all(edge, 2), [(0, BLOCK - 1, 1), (1, 0, 1)]);
        assert_eq!(all(0, 2 * BLOCK as u64), [(0, 0, BLOCK), (1, 0, BLOCK)]);
    }
}
