//! The register of resources: for every one that exists its kind, its tags, and the condition keys that policies ask
//! about. Whatever makes a resource registers it, in the same transaction, and strikes it out with its end.
//!
//! So the operations on tags and the authorization step know every resource of the API without knowing its room.

use crate::errors::Ec2Error;
use crate::kind::Kind;
use base::tag::Tags;
use base::{AccountId, Region};
use kernel::{Cx, Target};
use std::collections::BTreeMap;
use store::{Key, Read, StoreError, Table, Tx};

store::record! {
    /// A resource as tags and policies see it.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Entry {
        /// `route-table`.
        1 => pub noun: String,
        2 => pub tags: Tags,
        /// Its own condition keys, which last as long as it does: `ec2:Vpc` and the ARN.
        3 => pub keys: BTreeMap<String, String>,
    }
}

impl Entry {
    /// A target with the resource's tags, also as `ec2:ResourceTag/*`.
    #[must_use]
    pub fn tag(self, target: Target) -> Target {
        let keys = self.tags.iter().map(|(key, value)| (format!("ec2:ResourceTag/{key}"), value.clone()));
        keys.fold(target, |target, (key, value)| target.key(key, value)).tagged(self.tags)
    }

    /// A target with the resource's condition keys and its tags.
    #[must_use]
    pub fn describe(mut self, target: Target) -> Target {
        let keys = std::mem::take(&mut self.keys);
        self.tag(keys.into_iter().fold(target, |target, (key, value)| target.key(key, value)))
    }
}

pub const REGISTER: Table<Entry> = Table::new(0x1F01, "ec2/register");

/// Where a resource's records are, in this table and in every other of the API.
pub fn key(account: AccountId, region: Region, id: &str) -> Key {
    Key::regional(account, region).str(id)
}

/// `arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1`; snapshots and images, which accounts share, have none in theirs.
pub fn arn(account: AccountId, region: Region, noun: &str, id: &str) -> String {
    let account = if matches!(noun, "snapshot" | "image") { "" } else { account.as_str() };
    base::Arn::new("ec2", region.name(), account, &format!("{noun}/{id}")).to_string()
}

/// # Errors
/// When the store cannot be read.
pub fn find(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    id: &str,
) -> Result<Option<Entry>, StoreError> {
    REGISTER.get(from, &key(account, region, id))
}

/// Registers a new resource; `keys` are its condition keys beside the id's own.
pub fn enter(cx: &mut Cx<'_>, kind: &Kind, id: &str, tags: &Tags, keys: &[(&str, String)]) {
    let mut all: BTreeMap<String, String> = keys.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    if !kind.id_key.is_empty() {
        all.insert(kind.id_key.to_owned(), id.to_owned());
    }
    let entry = Entry { noun: kind.noun.to_owned(), tags: tags.clone(), keys: all };
    REGISTER.put(cx.tx, &key(cx.account, cx.region, id), &entry);
    let named = cx.arn("ec2", &format!("{}/{id}", kind.noun));
    cx.touch(named);
}

/// Gives a resource another value of one of its condition keys; `None` takes the key away.
///
/// # Errors
/// When the store cannot be read.
pub fn set_key(cx: &mut Cx<'_>, id: &str, key: &str, value: Option<String>) -> Result<(), Ec2Error> {
    let place = self::key(cx.account, cx.region, id);
    let Some(mut entry) = REGISTER.get(cx.tx, &place)? else { return Ok(()) };
    match value {
        Some(value) => entry.keys.insert(key.to_owned(), value),
        None => entry.keys.remove(key),
    };
    REGISTER.put(cx.tx, &place, &entry);
    Ok(())
}

/// Strikes out a resource that is gone.
pub fn strike(tx: &mut Tx, account: AccountId, region: Region, id: &str) {
    REGISTER.delete(tx, &key(account, region, id));
}

/// The tags of a resource; none where it is not registered.
///
/// # Errors
/// When the store cannot be read.
pub fn tags(cx: &Cx<'_>, id: &str) -> Result<Tags, Ec2Error> {
    Ok(find(cx.tx, cx.account, cx.region, id)?.map(|entry| entry.tags).unwrap_or_default())
}
