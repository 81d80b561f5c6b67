//! Archives: how they come into a vault's inventories and leave them, and how long their bytes stay.

use super::errors::{GlacierError, Refusal};
use super::intake::release;
use super::model::{
    ARCHIVES, Archive, CHANGED, Changed, INVENTORIES_DUE, LEAVES, NEEDS, PARTS, Part, Vault, part_key, scope,
};
use super::tree::{self, Hash, LEAF};
use super::vaults;
use base::Timestamp;
use kernel::{Cloud, Cx};
use std::ops::Range;
use std::time::Duration;
use store::{Direction, Key, Read, StoreError, Tx};

/// AWS: an inventory is taken about once a day.
const BETWEEN: Duration = Duration::from_secs(24 * 3600);
const ID_LEN: usize = 138;

/// Notes that the vault has changed since its last inventory: so there will be another one.
///
/// # Errors
/// The store's.
pub(super) fn changed(cx: &mut Cx<'_>, vault: &Vault) -> Result<(), StoreError> {
    // Only the first change writes, so that uploads do not meet.
    if !CHANGED.contains(cx.tx, &vault.scope())? {
        CHANGED.put(cx.tx, &vault.scope(), &Changed {});
        let due = Key::global().time(cx.now.plus(BETWEEN)).u64(vault.number);
        INVENTORIES_DUE.put(cx.tx, &due, &vault.due());
    }
    Ok(())
}

/// An archive of a series of parts that is there. Answers its id.
///
/// # Errors
/// The store's.
pub(super) fn enter(
    cx: &mut Cx<'_>,
    vault: &Vault,
    series: u64,
    (size, hash): (u64, Hash),
    description: Option<String>,
) -> Result<String, StoreError> {
    let archive = Archive {
        id: vaults::id(cx, ID_LEN),
        description,
        created: cx.now,
        size,
        hash: hash.to_vec(),
        series,
        since: vault.next_inventory(),
        gone: None,
    };
    ARCHIVES.put(cx.tx, &vault.scope().str(&archive.id), &archive);
    changed(cx, vault)?;
    Ok(archive.id)
}

/// An archive that was not deleted, if there is one.
///
/// # Errors
/// The store's.
pub(super) fn there(cx: &Cx<'_>, vault: &Vault, id: &str) -> Result<Option<Archive>, StoreError> {
    let found = ARCHIVES.get(cx.tx, &vault.scope().str(id))?;
    Ok(found.filter(|archive| archive.gone.is_none()))
}

/// As [`there`], where there must be one.
///
/// # Errors
/// `ResourceNotFoundException`
pub(super) fn find(cx: &Cx<'_>, vault: &Vault, id: &str) -> Result<Archive, GlacierError> {
    there(cx, vault, id)?.ok_or_else(|| Refusal::NoArchive(id.to_owned()).into())
}

/// What is needed to look after an archive that was deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeper<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) vault: u64,
    /// The inventory that was taken last; everything where the vault is gone.
    pub(super) listed: u64,
}

/// Whether a job needs the bytes of an archive.
///
/// # Errors
/// The store's.
pub(super) fn is_needed(from: &dyn Read, vault: u64, archive: &str) -> Result<bool, StoreError> {
    let prefix = scope(vault).str(archive);
    NEEDS.scan(from, &prefix, Direction::Forward).next().transpose().map(|need| need.is_some())
}

impl Keeper<'_> {
    /// Lets go of the bytes of a deleted archive once no job needs them, and of its row once no inventory lists it.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn look_after(&self, tx: &mut Tx, archive: &Archive) -> Result<(), StoreError> {
        let Some(gone) = archive.gone else { return Ok(()) };
        if is_needed(tx, self.vault, &archive.id)? {
            return Ok(());
        }
        drop_series(tx, self.cloud, self.vault, archive.series)?;
        if gone <= self.listed {
            ARCHIVES.delete(tx, &scope(self.vault).str(&archive.id));
        }
        Ok(())
    }

    /// As [`Keeper::look_after`], of the archive with this id.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn look_after_id(&self, tx: &mut Tx, id: &str) -> Result<(), StoreError> {
        match ARCHIVES.get(tx, &scope(self.vault).str(id))? {
            Some(archive) => self.look_after(tx, &archive),
            None => Ok(()),
        }
    }
}

/// The parts of a series, in their order.
///
/// # Errors
/// The store's.
pub(super) fn parts(from: &dyn Read, vault: u64, series: u64) -> Result<Vec<Part>, StoreError> {
    let all = PARTS.scan(from, &scope(vault).u64(series), Direction::Forward);
    all.map(|pair| pair.map(|(_, part)| part)).collect()
}

/// Lets go of all parts of a series.
///
/// # Errors
/// The store's.
pub(super) fn drop_series(tx: &mut Tx, cloud: &Cloud, vault: u64, series: u64) -> Result<(), StoreError> {
    for part in parts(tx, vault, series)? {
        release(tx, cloud, &part.piece)?;
        let key = part_key(vault, series, part.first);
        PARTS.delete(tx, &key);
        LEAVES.delete(tx, &key);
    }
    Ok(())
}

/// The tree hash of a range of an archive of these parts; `None` where its tree has no such node. The hash of all of it is
/// known without them.
///
/// # Errors
/// The store's.
pub(super) fn range_hash(
    from: &dyn Read,
    (vault, series): (u64, u64),
    (size, whole): (u64, &[u8]),
    parts: &[Part],
    range: &Range<u64>,
) -> Result<Option<Vec<u8>>, StoreError> {
    if !tree::is_aligned(range, size) {
        return Ok(None);
    }
    if *range == (0..size) {
        return Ok(Some(whole.to_vec()));
    }
    let mut leaves = Vec::new();
    for part in parts {
        let end = part.first + part.piece.size;
        let (first, last) = (range.start.max(part.first), range.end.min(end));
        if first >= last {
            continue;
        }
        if let Some(kept) = LEAVES.get(from, &part_key(vault, series, part.first))? {
            let own = tree::unpacked(&kept.0);
            let (skip, upto) = ((first - part.first) / LEAF, (last - part.first).div_ceil(LEAF));
            leaves.extend(own.into_iter().take(upto as usize).skip(skip as usize));
        }
    }
    Ok(Some(tree::root(&leaves).to_vec()))
}

/// Deletes an archive: from now on no job can retrieve it.
///
/// # Errors
/// The store's.
pub(super) fn delete(cx: &mut Cx<'_>, vault: &Vault, mut archive: Archive) -> Result<(), StoreError> {
    let next = vault.next_inventory();
    archive.gone = Some(next);
    // One that no inventory has listed leaves no trace.
    let listed = if archive.since == next { next } else { next - 1 };
    ARCHIVES.put(cx.tx, &vault.scope().str(&archive.id), &archive);
    let cloud = std::sync::Arc::clone(cx.cloud());
    let keeper = Keeper { cloud: &cloud, vault: vault.number, listed };
    keeper.look_after(cx.tx, &archive)?;
    changed(cx, vault)
}

/// When the last inventory was taken, for the documents of those before the first.
pub(super) fn taken(vault: &Vault) -> Option<(u64, Timestamp)> {
    vault.inventory.as_ref().map(|last| (last.number, last.at))
}
