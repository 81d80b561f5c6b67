//! Bytes that are to lie under another key: copied block by block by [`super::work`], while the volume is `creating` or
//! the snapshot `pending`.

use super::blocks::{self, Seal};
use super::key;
use ec2::Ec2Error;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{Direction, Key, StoreError, Table, Tx};

store::record! {
    /// Under the new map's number.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Copy {
        1 => pub from: u64,
        2 => pub to: u64,
        /// Data keys, as [`key::keep`] has them.
        3 => pub from_key: Vec<u8>,
        4 => pub to_key: Vec<u8>,
    }
}

pub(super) const COPIES: Table<Copy> = Table::new(0x230A, "ebs/copies");

/// Blocks that are written between two commits.
const BATCH: usize = 32;

fn at(map: u64) -> Key {
    Key::global().u64(map)
}

/// Begins a copy of one map's bytes to a new one under the seal. The caller must be allowed to open both.
///
/// # Errors
/// As KMS has it.
pub(super) fn begin(cx: &mut Cx<'_>, from: u64, to: u64, seal: Option<Seal>) -> Result<(), Ec2Error> {
    let lower = blocks::map(cx.tx, from)?.seal;
    let from_key = key::keep(cx, lower.as_ref())?;
    let to_key = key::keep(cx, seal.as_ref())?;
    blocks::hold(cx.tx, from)?;
    blocks::ground(cx.tx, to, seal);
    COPIES.put(cx.tx, &at(to), &Copy { from, to, from_key, to_key });
    Ok(())
}

/// Whether the bytes of a map are still on their way.
///
/// # Errors
/// The store's.
pub(super) fn is_under_way(tx: &Tx, map: u64) -> Result<bool, StoreError> {
    COPIES.contains(tx, &at(map))
}

/// Ends a copy before it is done, for what it was made is gone.
///
/// # Errors
/// The store's.
pub(super) fn give_up(tx: &mut Tx, map: u64) -> Result<(), StoreError> {
    if let Some(copy) = COPIES.get(tx, &at(map))? {
        COPIES.delete(tx, &at(map));
        blocks::let_go(tx, copy.from)?;
    }
    Ok(())
}

/// Copies all that is to be copied.
///
/// # Errors
/// A sentence.
pub(super) fn run(cloud: &Arc<Cloud>) -> Result<(), String> {
    let snapshot = cloud.store().snapshot();
    let all: Vec<Copy> = COPIES
        .scan(&snapshot, &Key::global(), Direction::Forward)
        .map(|pair| pair.map(|(_, copy)| copy))
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    all.iter().try_for_each(|copy| one(cloud, copy))
}

fn one(cloud: &Arc<Cloud>, copy: &Copy) -> Result<(), String> {
    let words = |e: StoreError| e.to_string();
    let snapshot = cloud.store().snapshot();
    let (from, there) =
        (blocks::all(&snapshot, copy.from).map_err(words)?, blocks::own(&snapshot, copy.to).map_err(words)?);
    let open = |kept: &[u8]| key::root_of(cloud.sealer(), kept).ok_or("a data key does not open");
    let (from_root, to_root) = (open(&copy.from_key)?, open(&copy.to_key)?);
    let left: Vec<_> = from.into_iter().filter(|(index, _)| !there.contains_key(index)).collect();
    let mut bytes = vec![0; blocks::BLOCK];
    for part in left.chunks(BATCH) {
        let mut written = Vec::new();
        for (index, block) in part {
            blocks::read(cloud, &from_root, Some(block), &mut bytes).map_err(|e| e.to_string())?;
            written.push((*index, blocks::write(cloud, &to_root, &bytes).map_err(|e| e.to_string())?));
        }
        let mut tx = cloud.store().begin();
        if !is_under_way(&tx, copy.to).map_err(words)? {
            return Ok(());
        }
        for (index, block) in &written {
            block.put(cloud, &mut tx, copy.to, *index).map_err(words)?;
        }
        let done = tx.commit().wait();
        written.into_iter().for_each(|(_, block)| block.keep());
        done.map_err(|e| e.to_string())?;
    }
    let mut tx = cloud.store().begin();
    give_up(&mut tx, copy.to).map_err(words)?;
    tx.commit().wait().map(|_| ()).map_err(|e| e.to_string())
}
