//! KMS keys.

use super::state::{KeyState, Needs};
use crate::kms::KmsError;
use crate::kms::core::material::MaterialId;
use crate::kms::core::spec::{KeySpec, KeyUsage};
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use store::field::{Field, Input, Malformed};
use store::{Key, StoreError, Table, Tx};

store::record! {
    /// A key in one region. Related multi-Region keys are one record in each of their regions.
    #[derive(Clone, PartialEq, Debug)]
    pub struct KmsKey {
        /// A UUID, or `mrk-` and 32 hexadecimal digits.
        1 => pub id: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub created: Timestamp,
        5 => pub description: String,
        6 => pub spec: KeySpec,
        7 => pub usage: KeyUsage,
        /// Its material comes from outside (`EXTERNAL`).
        8 => pub external: bool,
        /// As it was set; what counts is [`KmsKey::state`].
        9 => pub stored_state: KeyState,
        /// With users and roles by their unique ids; `policy_names` has their ARNs.
        10 => pub policy: String,
        11 => pub tags: BTreeMap<String, String>,
        12 => pub multi_region: Option<MultiRegion>,
        /// The id of the material that encrypts, also after an imported one is gone; empty before the first import.
        13 => pub current: Vec<u8>,
        /// When imported material expires; the earliest, where there are several.
        14 => pub expires: Option<Timestamp>,
        15 => pub rotation_days: Option<u32>,
        16 => pub next_rotation: Option<Timestamp>,
        17 => pub on_demand_rotations: u32,
        18 => pub deletion: Option<Timestamp>,
        /// Of a primary that waits for its replicas to go.
        19 => pub pending_days: Option<u32>,
        /// Names of its aliases, with `alias/`, in the order of their creation.
        20 => pub aliases: Vec<String>,
        /// How many grants it has, so that keys without any need not look for them.
        21 => pub grants: u32,
        /// When the reconciler will have something to do, as it stands in [`DUE`].
        22 => pub due: Option<Timestamp>,
        /// Made by a service of the cloud for itself (`KeyManager: AWS`).
        23 => pub managed_by_aws: bool,
        /// When imported material that has not been rotated to expires.
        24 => pub pending_expires: Option<Timestamp>,
        25 => pub policy_names: BTreeMap<String, String>,
    }

    /// Its place among related multi-Region keys. The same in each of them.
    #[derive(Clone, PartialEq, Debug)]
    pub struct MultiRegion {
        1 => pub primary: Region,
        /// In the order of their creation, without the primary.
        2 => pub replicas: Vec<Region>,
    }

    /// A key with something to do at the time with which its own key begins.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Due {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub id: String,
    }
}

pub const KEYS: Table<KmsKey> = Table::new(0x0301, "kms/keys");
pub const DUE: Table<Due> = Table::new(0x0307, "kms/due");

macro_rules! stored_by_name {
    ($($name:ident or $absent:ident: $problem:literal;)+) => { $(
        impl Field for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend(self.as_str().as_bytes());
            }

            fn read(input: Input<'_>) -> Result<$name, Malformed> {
                $name::parse(&String::read(input)?).ok_or(Malformed::new($problem))
            }

            fn absent() -> $name {
                $name::$absent
            }

            fn is_absent(&self) -> bool {
                *self == $name::$absent
            }
        }
    )+ };
}

stored_by_name! {
    KeySpec or Symmetric: "it is no key spec";
    KeyUsage or EncryptDecrypt: "it is no key usage";
}

pub fn key_arn(account: AccountId, region: Region, id: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:key/{id}")
}

/// Where the key with this id lies.
pub(super) fn key_of(account: AccountId, region: Region, id: &str) -> Key {
    Key::regional(account, region).str(id)
}

impl KmsKey {
    pub fn arn(&self) -> String {
        key_arn(self.account, self.region, &self.id)
    }

    pub fn key(&self) -> Key {
        key_of(self.account, self.region, &self.id)
    }

    /// The state at this time: imported material that has expired is gone before the reconciler takes it away.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match self.stored_state {
            KeyState::Enabled | KeyState::Disabled if self.expires.is_some_and(|at| at <= now) => {
                KeyState::PendingImport
            }
            state => state,
        }
    }

    /// # Errors
    /// [`KeyState::check`]'s.
    pub fn check(&self, needs: Needs, now: Timestamp) -> Result<(), KmsError> {
        self.state(now).check(needs, &self.arn())
    }

    /// Whether its time has come: such a key does not exist any more.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion.is_some_and(|at| at <= now)
    }

    pub fn origin(&self) -> &'static str {
        if self.external { "EXTERNAL" } else { "AWS_KMS" }
    }

    /// Keys of which there can be several generations of material.
    pub fn is_rotatable(&self) -> bool {
        self.spec == KeySpec::Symmetric
    }

    pub fn is_primary(&self) -> bool {
        self.multi_region.as_ref().is_none_or(|related| related.primary == self.region)
    }

    pub fn current_material(&self) -> Option<MaterialId> {
        Some(MaterialId(self.current.as_slice().try_into().ok()?))
    }

    /// The regions of its related keys, without its own.
    pub fn other_regions(&self) -> Vec<Region> {
        let Some(related) = &self.multi_region else { return Vec::new() };
        let all = std::iter::once(related.primary).chain(related.replicas.iter().copied());
        all.filter(|region| *region != self.region).collect()
    }

    /// # Errors
    /// The store's own.
    pub fn load(tx: &Tx, account: AccountId, region: Region, id: &str) -> Result<Option<KmsKey>, StoreError> {
        KEYS.get(tx, &key_of(account, region, id))
    }

    /// Writes it, and when it next has something to do.
    pub fn save(mut self, tx: &mut Tx) {
        let due = self.next_event();
        if due != self.due {
            self.forget_due(tx);
            if let Some(at) = due {
                let entry = Due { account: self.account, region: self.region, id: self.id.clone() };
                DUE.put(tx, &self.due_key(at), &entry);
            }
            self.due = due;
        }
        KEYS.put(tx, &self.key(), &self);
    }

    pub fn forget_due(&self, tx: &mut Tx) {
        if let Some(at) = self.due {
            DUE.delete(tx, &self.due_key(at));
        }
    }

    fn due_key(&self, at: Timestamp) -> Key {
        Key::global().time(at).account_number(self.account).region(self.region).str(&self.id)
    }

    fn next_event(&self) -> Option<Timestamp> {
        let rotates = self.stored_state == KeyState::Enabled && self.is_primary();
        let rotation = self.next_rotation.filter(|_| rotates);
        [self.deletion, self.expires, self.pending_expires, rotation].into_iter().flatten().min()
    }
}

/// Days as KMS counts them.
pub fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 24 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use super::{KeyState, KmsKey};
    use crate::kms::core::spec::{KeySpec, KeyUsage};
    use base::Timestamp;
    use store::record::Record;

    #[test]
    fn specs_and_usages_are_stored_by_name() {
        let key =
            KmsKey { spec: KeySpec::MlKem768, usage: KeyUsage::EncapsulateDecapsulate, ..KmsKey::default() };
        assert_eq!(KmsKey::from_bytes(&key.to_bytes()), Ok(key));
    }

    #[test]
    fn expired_material_is_missing_at_once() {
        let at = Timestamp::from_seconds(100);
        let key = KmsKey { expires: Some(at), ..KmsKey::default() };
        assert_eq!(key.state(Timestamp::from_seconds(99)), KeyState::Enabled);
        assert_eq!(key.state(at), KeyState::PendingImport);
    }
}
