//! The bytes of volumes and snapshots: blocks of 512 KiB, found by maps that stand on each other.
//!
//! ```text
//! MAPS     map                   what it stands on, who holds it, the key of its blocks
//! BLOCKS   map · index           a content, and its SHA-256
//!
//! snapshot A ──holds──▶ map 1 ◀──stands on── map 2 ◀──holds── volume
//! ```
//!
//! A block that a map does not have is that of the map below, or zeros where there is none. A snapshot takes the map
//! that a volume wrote to, and the volume gets a new, empty one on top: that is all that it costs. A volume of a snapshot
//! is a new map on the snapshot's. Whatever is written goes to the uppermost map, into a content of its own
//! ([`blob`]): so a crash leaves either the old block or the new one.
//!
//! A map that nobody holds goes: at once if nothing stands on it, and if just one map does, its blocks move up to that
//! one ([`collect`]). All maps of one pile lie under one key.
//!
//! Not here: which key that is ([`super::key`]).

use blob::ContentId;
use blob::cipher::Root;
use kernel::Cloud;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use store::{Direction, Index, Key, Read, StoreError, Table, Tx};

/// In bytes, as EBS's direct APIs have it.
pub const BLOCK: usize = 512 << 10;
pub const BLOCKS_PER_GIB: u64 = (1 << 30) / BLOCK as u64;
/// Rows that one transaction of the collector touches.
const BATCH: usize = 500;

store::record! {
    /// The key under which a pile's blocks lie, as KMS sealed it.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Seal {
        /// The KMS key's ARN.
        1 => pub key: String,
        2 => pub sealed: Vec<u8>,
        /// What stands in the encryption context: the id of the volume or snapshot that it was made for.
        3 => pub context: String,
        /// Known to the ring of keys by this.
        4 => pub number: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Map {
        /// 0 where it stands on nothing.
        1 => pub below: u64,
        /// Volumes and snapshots.
        2 => pub holders: u64,
        /// Maps that stand on it.
        3 => pub above: u64,
        /// `None` where it is the cloud's own key.
        4 => pub seal: Option<Seal>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Block {
        /// Absent where all is zeros.
        1 => pub content: ContentId,
        /// The SHA-256.
        2 => pub checksum: Vec<u8>,
    }

    /// A map that may have become superfluous.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Loose {
        1 => pub map: u64,
    }
}

pub const MAPS: Table<Map> = Table::new(0x2303, "ebs/maps");
pub const BLOCKS: Table<Block> = Table::new(0x2304, "ebs/blocks");
/// From a map to those that stand on it.
const ABOVE: Index = Index::new(0x2309, "ebs/maps-above");
pub const LOOSE: Table<Loose> = Table::new(0x2308, "ebs/loose-maps");

fn key(map: u64) -> Key {
    Key::global().u64(map)
}

fn place(map: u64, index: u32) -> Key {
    key(map).u32(index)
}

/// The index of a block's key.
fn index_of(key: &Key) -> Option<u32> {
    let mut reader = key.reader();
    reader.scope()?;
    reader.u64()?;
    reader.u32()
}

/// # Errors
/// The store's; `Damaged` never: a map that is not there is an empty one.
pub fn map(from: &dyn Read, number: u64) -> Result<Map, StoreError> {
    Ok(MAPS.get(from, &key(number))?.unwrap_or_default())
}

/// A new map with one holder, on nothing.
pub fn ground(tx: &mut Tx, number: u64, seal: Option<Seal>) -> u64 {
    MAPS.put(tx, &key(number), &Map { holders: 1, seal, ..Map::default() });
    number
}

/// A new map with one holder that stands on another.
///
/// # Errors
/// The store's.
pub fn on(tx: &mut Tx, number: u64, below: u64) -> Result<u64, StoreError> {
    onto(tx, number, below)?;
    Ok(number)
}

/// A map that holds nothing yet stands on another.
///
/// # Errors
/// The store's.
pub fn onto(tx: &mut Tx, number: u64, below: u64) -> Result<(), StoreError> {
    let mut lower = map(tx, below)?;
    lower.above += 1;
    MAPS.put(tx, &key(below), &lower);
    MAPS.put(tx, &key(number), &Map { below, holders: 1, seal: lower.seal, ..Map::default() });
    ABOVE.put(tx, &key(below), &key(number));
    Ok(())
}

/// One holder more.
///
/// # Errors
/// The store's.
pub fn hold(tx: &mut Tx, number: u64) -> Result<(), StoreError> {
    let mut held = map(tx, number)?;
    held.holders += 1;
    MAPS.put(tx, &key(number), &held);
    Ok(())
}

/// One holder less.
///
/// # Errors
/// The store's.
pub fn let_go(tx: &mut Tx, number: u64) -> Result<(), StoreError> {
    let mut held = map(tx, number)?;
    held.holders = held.holders.saturating_sub(1);
    MAPS.put(tx, &key(number), &held);
    if held.holders == 0 {
        LOOSE.put(tx, &key(number), &Loose { map: number });
    }
    Ok(())
}

/// One block; `None` where it is zeros that nobody wrote.
///
/// # Errors
/// The store's.
pub fn find(from: &dyn Read, mut number: u64, index: u32) -> Result<Option<Block>, StoreError> {
    while number != 0 {
        if let Some(block) = BLOCKS.get(from, &place(number, index))? {
            return Ok(Some(block));
        }
        number = map(from, number)?.below;
    }
    Ok(None)
}

/// All blocks that a map sees.
///
/// # Errors
/// The store's.
pub fn all(from: &dyn Read, mut number: u64) -> Result<BTreeMap<u32, Block>, StoreError> {
    let mut out = BTreeMap::new();
    while number != 0 {
        for pair in BLOCKS.scan(from, &key(number), Direction::Forward) {
            let (key, block) = pair?;
            if let Some(index) = index_of(&key) {
                out.entry(index).or_insert(block);
            }
        }
        number = map(from, number)?.below;
    }
    Ok(out)
}

/// The blocks that a map has itself, by index.
///
/// # Errors
/// The store's.
pub fn own(from: &dyn Read, number: u64) -> Result<BTreeMap<u32, Block>, StoreError> {
    let mut out = BTreeMap::new();
    for pair in BLOCKS.scan(from, &key(number), Direction::Forward) {
        let (key, block) = pair?;
        out.extend(index_of(&key).map(|index| (index, block)));
    }
    Ok(out)
}

/// Bytes that are on the disk and that no map has yet.
#[derive(Debug)]
pub struct Written {
    finished: Option<blob::Finished>,
    checksum: Vec<u8>,
}

/// Writes a block's bytes, all of them. Blocks the thread.
///
/// # Errors
/// The disk's.
pub fn write(cloud: &Cloud, root: &Root, bytes: &[u8]) -> io::Result<Written> {
    let checksum = sha256(bytes);
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(Written { finished: None, checksum });
    }
    let contents = cloud.contents();
    let mut writer = contents.write(contents.new_id(cloud.rng()), root)?;
    writer.write(bytes)?;
    Ok(Written { finished: Some(writer.finish()?), checksum })
}

pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

impl Written {
    /// Puts it into a map, in place of what that had there.
    ///
    /// # Errors
    /// The store's.
    pub fn put(&self, cloud: &Cloud, tx: &mut Tx, map: u64, index: u32) -> Result<Block, StoreError> {
        let at = place(map, index);
        if let Some(old) = BLOCKS.get(tx, &at)? {
            release(cloud, tx, &old)?;
        }
        let mut block = Block { checksum: self.checksum.clone(), ..Block::default() };
        if let Some(finished) = &self.finished {
            blob::refs::claim(tx, finished.id, finished.size);
            block.content = finished.id;
        }
        BLOCKS.put(tx, &at, &block);
        Ok(block)
    }

    /// To be called when that transaction has been handed over: see [`blob::Finished::keep`].
    pub fn keep(self) {
        if let Some(finished) = self.finished {
            finished.keep();
        }
    }
}

fn release(cloud: &Cloud, tx: &mut Tx, block: &Block) -> Result<(), StoreError> {
    if block.content == ContentId::default() {
        return Ok(());
    }
    blob::refs::release(tx, block.content, cloud.contents().wall_now())
}

/// Reads a block's bytes into `out`, which has the size of one. Blocks the thread.
///
/// # Errors
/// The disk's; `InvalidData` where the bytes are damaged or the key is another.
pub fn read(cloud: &Cloud, root: &Root, block: Option<&Block>, out: &mut [u8]) -> io::Result<()> {
    let Some(block) = block.filter(|block| block.content != ContentId::default()) else {
        out.fill(0);
        return Ok(());
    };
    let _pin = cloud.contents().pin(block.content);
    let reader = cloud.contents().read(block.content, root, BLOCK as u64)?;
    let mut at = 0;
    while at < out.len() {
        let piece = reader.piece(at as u64, out.len() as u64)?;
        out[at..at + piece.len()].copy_from_slice(&piece);
        at += piece.len();
    }
    Ok(())
}

/// Takes away maps that nobody needs any more, and what only they had.
///
/// # Errors
/// A sentence.
pub fn collect(cloud: &Arc<Cloud>) -> Result<(), String> {
    loop {
        let mut tx = cloud.store().begin();
        let first = LOOSE.scan(&tx, &Key::global(), Direction::Forward).next();
        let Some((at, loose)) = first.transpose().map_err(|e| e.to_string())? else { return Ok(()) };
        if step(cloud, &mut tx, loose.map).map_err(|e| e.to_string())? {
            LOOSE.delete(&mut tx, &at);
        }
        match tx.commit().wait() {
            Ok(_) | Err(store::CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// A part of the work on one map; whether it was the last.
fn step(cloud: &Cloud, tx: &mut Tx, number: u64) -> Result<bool, StoreError> {
    let Some(held) = MAPS.get(tx, &key(number))? else { return Ok(true) };
    if held.holders > 0 || held.above > 1 {
        return Ok(true);
    }
    let heir = if held.above == 1 { heir(tx, number)? } else { None };
    let page = BLOCKS.page(tx, &key(number), None, BATCH)?;
    for (at, block) in page.items {
        let Some(index) = index_of(&at) else { continue };
        match heir {
            Some(heir) if !BLOCKS.contains(tx, &place(heir, index))? => {
                BLOCKS.put(tx, &place(heir, index), &block);
            }
            _ => release(cloud, tx, &block)?,
        }
        BLOCKS.delete(tx, &at);
    }
    if page.next.is_some() {
        return Ok(false);
    }
    MAPS.delete(tx, &key(number));
    if held.below != 0 {
        ABOVE.delete(tx, &key(held.below), &key(number));
    }
    if let Some(heir) = heir {
        let mut upper = map(tx, heir)?;
        upper.below = held.below;
        MAPS.put(tx, &key(heir), &upper);
        ABOVE.delete(tx, &key(number), &key(heir));
        if held.below != 0 {
            ABOVE.put(tx, &key(held.below), &key(heir));
        }
    } else if held.below != 0 {
        let mut lower = map(tx, held.below)?;
        lower.above = lower.above.saturating_sub(1);
        MAPS.put(tx, &key(held.below), &lower);
        if lower.holders == 0 {
            LOOSE.put(tx, &key(held.below), &Loose { map: held.below });
        }
    }
    Ok(true)
}

/// The one map that stands on this one.
fn heir(tx: &Tx, number: u64) -> Result<Option<u64>, StoreError> {
    let first = ABOVE.scan(tx, &key(number), Direction::Forward).next().transpose()?;
    Ok(first.and_then(|at| {
        let mut reader = at.reader();
        reader.scope()?;
        reader.u64()
    }))
}
