//! Policies as they hang on users, groups and roles, compiled; the same document is compiled once.

use super::managed;
use super::model::{self, GROUPS, Group, MANAGED_POLICIES, PARTNER_BOUNDARIES, Role, User};
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use aws_lc_rs::digest::{SHA256, digest};
use base::AccountId;
use kernel::identity::Attached;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use store::{StoreError, Tx};

/// How the ARNs of product providers' permissions boundaries begin.
pub(crate) const PARTNER_PREFIX: &str = "arn:aws:iam::partner:policy/";

/// Beyond this many the memory is emptied and fills again.
const COMPILED_MAX: usize = 4096;

/// Compiled documents by the hash of their text.
#[derive(Debug, Default)]
pub(crate) struct Compiled(RwLock<HashMap<[u8; 32], Arc<Policy>>>);

impl Compiled {
    /// The compiled document. One that cannot be read allows nothing, which no stored one should be: it was checked
    /// when it was given.
    pub(crate) fn policy(&self, text: &str, kind: PolicyKind) -> Option<Arc<Policy>> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        hash[0] ^= kind_number(kind);
        if let Some(policy) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Some(Arc::clone(policy));
        }
        let policy = match Policy::load(text, kind) {
            Ok(policy) => Arc::new(policy),
            Err(malformed) => {
                kernel::log::error("a stored policy cannot be read", &[("problem", &malformed.message)]);
                return None;
            }
        };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COMPILED_MAX {
            all.clear();
        }
        all.insert(hash, Arc::clone(&policy));
        Some(policy)
    }

    /// A user's own policies and those of its groups.
    pub(crate) fn of_user(
        &self,
        tx: &Tx,
        account: AccountId,
        user: &User,
    ) -> Result<Vec<Attached>, StoreError> {
        let mut out = Vec::new();
        self.add(tx, account, &user.arn(account), &user.inline, &user.attached, &mut out)?;
        for name in &user.groups {
            if let Some(group) = GROUPS.get(tx, &model::named(account, name))? {
                self.add_group(tx, account, &group, &mut out)?;
            }
        }
        Ok(out)
    }

    fn add_group(
        &self,
        tx: &Tx,
        account: AccountId,
        group: &Group,
        out: &mut Vec<Attached>,
    ) -> Result<(), StoreError> {
        self.add(tx, account, &group.arn(account), &group.inline, &group.attached, out)
    }

    /// A group's own policies.
    pub(crate) fn of_group(
        &self,
        tx: &Tx,
        account: AccountId,
        group: &Group,
    ) -> Result<Vec<Attached>, StoreError> {
        let mut out = Vec::new();
        self.add_group(tx, account, group, &mut out)?;
        Ok(out)
    }

    pub(crate) fn of_role(
        &self,
        tx: &Tx,
        account: AccountId,
        role: &Role,
    ) -> Result<Vec<Attached>, StoreError> {
        let mut out = Vec::new();
        self.add(tx, account, &role.arn(account), &role.inline, &role.attached, &mut out)?;
        Ok(out)
    }

    fn add(
        &self,
        tx: &Tx,
        account: AccountId,
        holder: &str,
        inline: &BTreeMap<String, String>,
        attached: &[String],
        out: &mut Vec<Attached>,
    ) -> Result<(), StoreError> {
        for (name, text) in inline {
            if let Some(policy) = self.policy(text, PolicyKind::Identity) {
                out.push((source(name, holder, PolicyForm::Inline), policy));
            }
        }
        for arn in attached {
            out.extend(self.managed(tx, account, arn, holder)?);
        }
        Ok(())
    }

    /// A managed policy's default version, AWS's, a product provider's or the account's.
    pub(crate) fn managed(
        &self,
        tx: &Tx,
        account: AccountId,
        arn: &str,
        holder: &str,
    ) -> Result<Option<Attached>, StoreError> {
        let text = match managed::by_arn(arn) {
            Some(policy) => policy.document(),
            None if arn.starts_with(PARTNER_PREFIX) => {
                match PARTNER_BOUNDARIES.get(tx, &store::Key::global().str(arn))? {
                    Some(boundary) => boundary.document,
                    None => return Ok(None),
                }
            }
            None => match MANAGED_POLICIES.get(tx, &model::named(account, last_part(arn)))? {
                Some(policy) => policy.default_document().to_owned(),
                None => return Ok(None),
            },
        };
        let policy = self.policy(&text, PolicyKind::Identity);
        Ok(policy.map(|policy| (source(arn, holder, PolicyForm::Managed), policy)))
    }

    /// A managed policy on its own.
    pub(crate) fn one(&self, tx: &Tx, account: AccountId, arn: &str) -> Result<Option<Attached>, StoreError> {
        self.managed(tx, account, arn, arn)
    }

    /// A permissions boundary. One that is set but gone bounds everything away.
    pub(crate) fn boundary(
        &self,
        tx: &Tx,
        account: AccountId,
        arn: Option<&str>,
        holder: &str,
    ) -> Result<Option<Attached>, StoreError> {
        let Some(arn) = arn else { return Ok(None) };
        if let Some(found) = self.managed(tx, account, arn, holder)? {
            return Ok(Some(found));
        }
        let nothing = self.policy(NOTHING, PolicyKind::Identity);
        Ok(nothing.map(|policy| (source(arn, holder, PolicyForm::Managed), policy)))
    }
}

const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

/// Tells apart the same text read by different rules.
fn kind_number(kind: PolicyKind) -> u8 {
    match kind {
        PolicyKind::Identity => 0,
        PolicyKind::Trust => 1,
        _ => 2,
    }
}

fn source(id: &str, holder: &str, form: PolicyForm) -> PolicySource {
    PolicySource { id: id.to_owned(), attached_to: holder.to_owned(), form }
}

/// The name at the end of an ARN's path.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
