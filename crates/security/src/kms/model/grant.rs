//! Grants: permissions beside all policies.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html>

use super::key::{KmsKey, key_arn, key_of};
use auth::policy::Principal;
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use store::{Direction, Index, Key, StoreError, Table, Tx};

/// AWS: "Quotas": grants per key.
pub const GRANTS_PER_KEY_MAX: u32 = 50_000;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct KeyGrant {
        /// 64 hexadecimal digits.
        1 => pub id: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub key_id: String,
        5 => pub created: Timestamp,
        6 => pub name: Option<String>,
        7 => pub grantee: String,
        8 => pub retiring: Option<String>,
        /// The account of who created it.
        9 => pub issuer: AccountId,
        10 => pub operations: Vec<String>,
        11 => pub equals: Option<BTreeMap<String, String>>,
        12 => pub subset: Option<BTreeMap<String, String>>,
    }
}

pub const GRANTS: Table<KeyGrant> = Table::new(0x0303, "kms/grants");
/// From a key and a grantee to grants.
const BY_GRANTEE: Index = Index::new(0x0304, "kms/grants-by-grantee");
/// From a retiring principal and a region to grants.
const BY_RETIRER: Index = Index::new(0x0305, "kms/grants-by-retiring-principal");

/// The operations that take an encryption context; constraints apply to no others.
const WITH_CONTEXT: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// What of a request decides whether a grant covers it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// A grant operation: `ReEncryptFrom`.
    pub operation: &'a str,
    pub context: &'a [(&'a str, &'a str)],
    /// Of `CreateGrant`: what the new grant would give.
    pub child: Option<Child<'a>>,
}

/// A grant that is to be made with the permission of another.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    pub operations: &'a [&'a str],
    pub equals: Option<&'a BTreeMap<String, String>>,
    pub subset: Option<&'a BTreeMap<String, String>>,
}

/// The names by which a grant may mean this principal, the closest first.
pub fn names_of(principal: &Principal) -> Vec<String> {
    let mut names = vec![principal.arn().into_owned()];
    if let Principal::AssumedRole { role_arn, .. } = principal {
        names.push(role_arn.clone());
    }
    if let Some(account) = principal.account() {
        names.push(format!("arn:aws:iam::{account}:root"));
    }
    names.dedup();
    names
}

impl KeyGrant {
    pub fn key(&self) -> Key {
        key_of(self.account, self.region, &self.key_id).str(&self.id)
    }

    pub fn key_arn(&self) -> String {
        key_arn(self.account, self.region, &self.key_id)
    }

    /// # Errors
    /// The store's own.
    pub fn load(tx: &Tx, key: &KmsKey, id: &str) -> Result<Option<KeyGrant>, StoreError> {
        GRANTS.get(tx, &key.key().str(id))
    }

    pub fn save(&self, tx: &mut Tx) {
        let primary = self.key();
        GRANTS.put(tx, &primary, self);
        BY_GRANTEE.put(tx, &self.grantee_key(), &primary);
        if let Some(retiring) = &self.retiring {
            BY_RETIRER.put(tx, &retirer_key(self.region, retiring), &primary);
        }
    }

    pub fn delete(&self, tx: &mut Tx) {
        let primary = self.key();
        GRANTS.delete(tx, &primary);
        BY_GRANTEE.delete(tx, &self.grantee_key(), &primary);
        if let Some(retiring) = &self.retiring {
            BY_RETIRER.delete(tx, &retirer_key(self.region, retiring), &primary);
        }
    }

    fn grantee_key(&self) -> Key {
        key_of(self.account, self.region, &self.key_id).str(&self.grantee)
    }

    /// The grants of a key that name this grantee, word for word.
    ///
    /// # Errors
    /// The store's own.
    pub fn of_grantee(tx: &Tx, key: &KmsKey, grantee: &str) -> Result<Vec<KeyGrant>, StoreError> {
        read(tx, BY_GRANTEE.scan(tx, &key.key().str(grantee), Direction::Forward))
    }

    /// The grants of a region that name this retiring principal, whoever's keys they are for.
    ///
    /// # Errors
    /// The store's own.
    pub fn of_retirer(tx: &Tx, region: Region, retiring: &str) -> Result<Vec<KeyGrant>, StoreError> {
        read(tx, BY_RETIRER.scan(tx, &retirer_key(region, retiring), Direction::Forward))
    }

    pub fn covers(&self, wanted: &Wanted<'_>) -> bool {
        if !self.operations.iter().any(|operation| operation == wanted.operation) {
            return false;
        }
        if let Some(child) = &wanted.child {
            return self.covers_child(child);
        }
        if !WITH_CONTEXT.contains(&wanted.operation) {
            return true;
        }
        let has = |(key, value): (&String, &String)| {
            wanted.context.iter().any(|(k, v)| k.eq_ignore_ascii_case(key) && v == value)
        };
        let equal = |pairs: &BTreeMap<_, _>| pairs.len() == wanted.context.len() && pairs.iter().all(has);
        self.equals.as_ref().is_none_or(equal)
            && self.subset.as_ref().is_none_or(|pairs| pairs.iter().all(has))
    }

    /// Who got a grant with `CreateGrant` may pass on what it got, or less.
    fn covers_child(&self, child: &Child<'_>) -> bool {
        let given = |operation: &&str| self.operations.iter().any(|own| own == operation);
        let holds =
            |pairs: &BTreeMap<String, String>, key: &String, value: &String| pairs.get(key) == Some(value);
        let equal = |own: &BTreeMap<_, _>| child.equals == Some(own);
        let within = |own: &BTreeMap<String, String>| {
            let narrower = child.equals.or(child.subset);
            narrower.is_some_and(|pairs| own.iter().all(|(key, value)| holds(pairs, key, value)))
        };
        child.operations.iter().all(given)
            && self.equals.as_ref().is_none_or(equal)
            && self.subset.as_ref().is_none_or(within)
    }
}

fn retirer_key(region: Region, retiring: &str) -> Key {
    Key::global().region(region).str(retiring)
}

fn read(tx: &Tx, keys: impl Iterator<Item = Result<Key, StoreError>>) -> Result<Vec<KeyGrant>, StoreError> {
    let mut out = Vec::new();
    for key in keys {
        out.extend(GRANTS.get(tx, &key?)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{Child, KeyGrant, Wanted};
    use std::collections::BTreeMap;

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    fn grant(operations: &[&str]) -> KeyGrant {
        KeyGrant { operations: operations.iter().map(|o| (*o).into()).collect(), ..KeyGrant::default() }
    }

    #[test]
    fn constraints_compare_keys_without_case_and_values_with() {
        let subset =
            KeyGrant { subset: Some(pairs(&[("Team", "red")])), ..grant(&["Encrypt", "DescribeKey"]) };
        let equals = KeyGrant { equals: Some(pairs(&[("Team", "red")])), ..grant(&["Encrypt"]) };
        let asks = |grant: &KeyGrant, operation, context: &[(&str, &str)]| {
            grant.covers(&Wanted { operation, context, child: None })
        };
        assert!(asks(&subset, "Encrypt", &[("team", "red"), ("more", "1")]));
        assert!(!asks(&equals, "Encrypt", &[("team", "red"), ("more", "1")]));
        assert!(asks(&equals, "Encrypt", &[("team", "red")]));
        assert!(!asks(&subset, "Encrypt", &[("Team", "Red")]));
        assert!(!asks(&subset, "Encrypt", &[]));
        // Constraints say nothing about operations without a context, and a grant nothing about other operations.
        assert!(asks(&subset, "DescribeKey", &[]));
        assert!(!asks(&subset, "Decrypt", &[("team", "red")]));
    }

    #[test]
    fn a_grantee_passes_on_no_more_than_it_got() {
        let parent = KeyGrant { subset: Some(pairs(&[("a", "1")])), ..grant(&["CreateGrant", "Decrypt"]) };
        let asks = |operations: &[&str], subset: Option<&BTreeMap<String, String>>| {
            let child = Some(Child { operations, equals: None, subset });
            parent.covers(&Wanted { operation: "CreateGrant", context: &[], child })
        };
        let narrower = pairs(&[("a", "1"), ("b", "2")]);
        assert!(asks(&["Decrypt"], Some(&narrower)));
        assert!(!asks(&["Encrypt"], Some(&narrower)));
        assert!(!asks(&["Decrypt"], Some(&pairs(&[("b", "2")]))));
        assert!(!asks(&["Decrypt"], None));
    }
}
