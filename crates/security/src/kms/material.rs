//! From a key's record to the key ready for use.

use super::KmsError;
use super::cache::KmsMemory;
use super::core::material::MaterialId;
use super::core::prepared::Prepared;
use super::core::symmetric::SymmetricKey;
use super::model::{KmsKey, Material};
use kernel::Cx;
use std::sync::Arc;

/// What the key encrypts, signs and computes with now.
///
/// # Errors
/// [`KmsError::Internal`] when its material is missing or damaged, which no enabled key's is.
pub(crate) fn current(cx: &Cx<'_>, key: &KmsKey) -> Result<Arc<Prepared>, KmsError> {
    prepared(cx, key, key.current_material().ok_or(KmsError::Internal)?)
}

fn prepared(cx: &Cx<'_>, key: &KmsKey, id: MaterialId) -> Result<Arc<Prepared>, KmsError> {
    cx.memory::<KmsMemory>().prepared(id, || {
        let material =
            Material::load(cx.tx, key, &id.0)?.filter(Material::is_present).ok_or(KmsError::Internal)?;
        Ok(Prepared::new(&material.open(cx.sealer())?, key.usage, key.account, &key.id)?)
    })
}

/// The generation that a ciphertext names; `None` where the key never had it.
///
/// # Errors
/// As [`current`].
pub(crate) fn generation(
    cx: &Cx<'_>,
    key: &KmsKey,
    id: MaterialId,
) -> Result<Option<Arc<Prepared>>, KmsError> {
    if key.current_material() != Some(id) {
        let known = Material::load(cx.tx, key, &id.0)?.filter(Material::is_present);
        if known.is_none_or(|material| material.stage.is_pending()) {
            return Ok(None);
        }
    }
    prepared(cx, key, id).map(Some)
}

/// A prepared key of the symmetric kind.
///
/// # Errors
/// `InvalidKeyUsageException` for keys of any other spec.
pub(crate) fn symmetric<'a>(key: &KmsKey, prepared: &'a Prepared) -> Result<&'a SymmetricKey, KmsError> {
    match prepared {
        Prepared::Symmetric(symmetric) => Ok(symmetric),
        _ => Err(KmsError::InvalidKeyUsage(format!(
            "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec {}.",
            key.spec
        ))),
    }
}
