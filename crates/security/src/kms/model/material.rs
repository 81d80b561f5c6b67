//! Key material as it is kept: sealed, one record for each generation in each region.
//!
//! A record outlives its material: of imported material that was deleted or has expired only the name is left, so
//! that the same material can come back and no other can take its place.

use super::key::{KmsKey, key_of};
use crate::kms::KmsError;
use crate::kms::core::material::{KeyMaterial, MaterialId};
use base::{Rng, Timestamp};
use kernel::seal::Sealer;
use store::{Direction, Key, StoreError, Table, Tx};

/// The purpose under which key material is sealed.
const PURPOSE: &str = "kms/key-material";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Material {
        /// 32 bytes.
        1 => pub id: Vec<u8>,
        /// Empty while imported material is missing.
        2 => pub sealed: Vec<u8>,
        /// Order of generation: 0 for the first.
        3 => pub number: u32,
        4 => pub stage: Stage,
        /// When it became current by rotation.
        5 => pub rotated: Option<Timestamp>,
        6 => pub rotation: Rotation,
        7 => pub description: Option<String>,
        8 => pub valid_to: Option<Timestamp>,
    }
}

store::record_enum! {
    /// `KeyMaterialState`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Stage {
        1 => Current,
        2 => NonCurrent,
        3 => PendingRotation,
        4 => PendingMultiRegionImportAndRotation,
    }

    /// `RotationType`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Rotation {
        1 => Automatic,
        2 => OnDemand,
    }
}

const MATERIALS: Table<Material> = Table::new(0x0302, "kms/materials");

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Current => "CURRENT",
            Stage::NonCurrent => "NON_CURRENT",
            Stage::PendingRotation => "PENDING_ROTATION",
            Stage::PendingMultiRegionImportAndRotation => "PENDING_MULTI_REGION_IMPORT_AND_ROTATION",
        }
    }

    /// Not yet tied to the key.
    pub fn is_pending(self) -> bool {
        matches!(self, Stage::PendingRotation | Stage::PendingMultiRegionImportAndRotation)
    }
}

impl Rotation {
    pub fn as_str(self) -> &'static str {
        match self {
            Rotation::Automatic => "AUTOMATIC",
            Rotation::OnDemand => "ON_DEMAND",
        }
    }
}

/// Where the material lies: `account · region · key · id`.
fn material_key(key: &KmsKey, id: &[u8]) -> Key {
    key_of(key.account, key.region, &key.id).bytes(id)
}

impl Material {
    pub fn new(sealer: &Sealer, rng: &Rng, id: MaterialId, material: &KeyMaterial) -> Material {
        let sealed = sealer.seal(rng, PURPOSE, &material.to_bytes());
        Material { id: id.0.to_vec(), sealed, ..Material::default() }
    }

    pub fn name(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn is_present(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// Whether it is there and has not expired.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.is_present() && self.valid_to.is_none_or(|at| at > now)
    }

    /// # Errors
    /// [`KmsError::Internal`] when it does not open, or is missing.
    pub fn open(&self, sealer: &Sealer) -> Result<KeyMaterial, KmsError> {
        let bytes = sealer.open(PURPOSE, &self.sealed).map_err(|problem| {
            kernel::log::error("key material cannot be opened", &[("problem", &problem.to_string())]);
            KmsError::Internal
        })?;
        Ok(KeyMaterial::from_bytes(&bytes)?)
    }

    /// # Errors
    /// The store's own.
    pub fn load(tx: &Tx, key: &KmsKey, id: &[u8]) -> Result<Option<Material>, StoreError> {
        MATERIALS.get(tx, &material_key(key, id))
    }

    /// Every generation of a key, the first one first.
    ///
    /// # Errors
    /// The store's own.
    pub fn all(tx: &Tx, key: &KmsKey) -> Result<Vec<Material>, StoreError> {
        let found = MATERIALS.scan(tx, &key.key(), Direction::Forward).map(|pair| Ok(pair?.1));
        let mut all = found.collect::<Result<Vec<_>, StoreError>>()?;
        all.sort_by_key(|material| material.number);
        Ok(all)
    }

    pub fn save(&self, tx: &mut Tx, key: &KmsKey) {
        MATERIALS.put(tx, &material_key(key, &self.id), self);
    }

    pub fn delete(&self, tx: &mut Tx, key: &KmsKey) {
        MATERIALS.delete(tx, &material_key(key, &self.id));
    }
}
