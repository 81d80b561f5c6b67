//! The rules of imported key material: what may be imported into which key, and what a key then is.
//!
//! A key of any spec but `SYMMETRIC_DEFAULT` has one material for ever; a symmetric one may get new generations, which
//! wait to be rotated to. All generations that were ever current must be there for the key to be usable.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-import-key-material.html>

use super::KmsError;
use super::core::material::MaterialId;
use super::model::{KeyState, KmsKey, Material, Stage};
use base::Timestamp;
use store::{StoreError, Tx};

/// `ImportType`, explicit or as it follows from the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ImportType {
    New,
    Existing,
}

impl ImportType {
    pub(crate) fn of(asked: Option<&str>, all: &[Material]) -> ImportType {
        match asked {
            Some("NEW_KEY_MATERIAL") => ImportType::New,
            Some(_) => ImportType::Existing,
            None if all.is_empty() => ImportType::New,
            None => ImportType::Existing,
        }
    }
}

/// Where material with this id belongs among a key's generations.
///
/// # Errors
/// `IncorrectKeyMaterialException` for other material than the key had, `KMSInvalidStateException` while another
/// generation waits, `UnsupportedOperationException` for new material of a replica.
pub(crate) fn slot(
    key: &KmsKey,
    kind: ImportType,
    id: MaterialId,
    all: &[Material],
) -> Result<Material, KmsError> {
    let incorrect = |what: &str| Err(KmsError::IncorrectMaterial(format!("{what} {}.", key.arn())));
    let known = all.iter().find(|material| material.id == id.0);
    match (kind, known) {
        (ImportType::Existing, Some(known)) => Ok(known.clone()),
        (ImportType::Existing, None) => incorrect("The key material is not that of"),
        // An import of what is waiting may be repeated.
        (ImportType::New, Some(known)) if known.stage.is_pending() => Ok(known.clone()),
        (ImportType::New, Some(_)) => incorrect("The key material already belongs to"),
        (ImportType::New, None) => new_slot(key, id, all),
    }
}

fn new_slot(key: &KmsKey, id: MaterialId, all: &[Material]) -> Result<Material, KmsError> {
    if !key.is_primary() {
        let what = "New key material is imported into the multi-Region primary key first.";
        return Err(KmsError::Unsupported(what.into()));
    }
    let (fresh, id) = (Material::default(), id.0.to_vec());
    if all.is_empty() {
        return Ok(Material { id, ..fresh });
    }
    if !key.is_rotatable() {
        return Err(KmsError::IncorrectMaterial(format!("The key material is not that of {}.", key.arn())));
    }
    if all.iter().any(|material| material.stage.is_pending()) {
        let what = format!("{} already has key material that waits for its rotation.", key.arn());
        return Err(KmsError::InvalidState(what));
    }
    let number = all.iter().map(|material| material.number + 1).max().unwrap_or_default();
    let alone = key.other_regions().is_empty();
    let stage = if alone { Stage::PendingRotation } else { Stage::PendingMultiRegionImportAndRotation };
    Ok(Material { id, number, stage, ..fresh })
}

/// Whether every generation that was ever current is there.
///
/// # Errors
/// The store's own.
pub(crate) fn is_complete(tx: &Tx, key: &KmsKey) -> Result<bool, StoreError> {
    let all = Material::all(tx, key)?;
    let mut tied = all.iter().filter(|material| !material.stage.is_pending()).peekable();
    Ok(tied.peek().is_some() && tied.all(Material::is_present))
}

/// Brings the key's expiry up to date with its materials.
///
/// # Errors
/// The store's own.
pub(crate) fn note_expiry(tx: &Tx, key: &mut KmsKey) -> Result<(), StoreError> {
    let all = Material::all(tx, key)?;
    let earliest = |pending: bool| {
        let chosen =
            all.iter().filter(|material| material.stage.is_pending() == pending && material.is_present());
        chosen.filter_map(|material| material.valid_to).min()
    };
    (key.expires, key.pending_expires) = (earliest(false), earliest(true));
    Ok(())
}

/// The key after a change of its materials: usable when they are all there.
///
/// # Errors
/// The store's own.
pub(crate) fn settle(tx: &Tx, key: &mut KmsKey, before: KeyState) -> Result<(), StoreError> {
    note_expiry(tx, key)?;
    if before.is_pending_deletion() {
        return Ok(());
    }
    key.stored_state = match (is_complete(tx, key)?, before) {
        (false, _) => KeyState::PendingImport,
        (true, KeyState::PendingImport) => KeyState::Enabled,
        (true, before) => before,
    };
    Ok(())
}

/// Lets go of imported material; what was never current leaves no trace.
pub(crate) fn remove(tx: &mut Tx, key: &KmsKey, material: &Material) {
    if material.stage.is_pending() {
        material.delete(tx, key);
    } else {
        Material { sealed: Vec::new(), valid_to: None, ..material.clone() }.save(tx, key);
    }
}

/// Takes away what has expired; returns the ids.
///
/// # Errors
/// The store's own.
pub(crate) fn expire(tx: &mut Tx, key: &mut KmsKey, now: Timestamp) -> Result<Vec<Material>, StoreError> {
    let mut gone = Vec::new();
    for material in Material::all(tx, key)? {
        if material.is_present() && !material.is_good(now) {
            remove(tx, key, &material);
            gone.push(material);
        }
    }
    let before = key.stored_state;
    settle(tx, key, before)?;
    Ok(gone)
}
