//! [`Holder`]: what users, groups and roles have in common, which is that policies hang on them.

use super::IamError;
use super::model::{self, ATTACHMENTS, EntityKind, GROUPS, Group, ROLES, Role, USERS, User, attachment_key};
use base::AccountId;
use base::tag::Tags;
use std::collections::BTreeMap;
use store::{Record, Table, Tx};

/// A user, a group or a role.
pub trait Holder: Record {
    const TABLE: Table<Self>;
    const KIND: EntityKind;
    /// `user`, as AWS's messages have it.
    const NOUN: &'static str;
    const ATTACHED_QUOTA: (&'static str, usize);
    /// All inline policies together, without white space.
    const INLINE_CHARACTERS_MAX: usize;

    fn name(&self) -> &str;
    fn arn(&self, account: AccountId) -> String;
    fn inline(&mut self) -> &mut BTreeMap<String, String>;
    fn attached(&mut self) -> &mut Vec<String>;
    /// The ARN of its permissions boundary, where it can have one.
    fn boundary(&self) -> Option<&str>;
    fn tags(&self) -> Option<&Tags>;
}

/// A holder that can have a permissions boundary.
pub trait Bounded: Holder {
    fn boundary_mut(&mut self) -> &mut Option<String>;
}

macro_rules! holder {
    ($ty:ty, $table:expr, $kind:ident, $noun:literal, $quota:literal, $inline:literal, $self:ident => $boundary:expr, $tags:expr) => {
        impl Holder for $ty {
            const TABLE: Table<Self> = $table;
            const KIND: EntityKind = EntityKind::$kind;
            const NOUN: &'static str = $noun;
            const ATTACHED_QUOTA: (&'static str, usize) = ($quota, 10);
            const INLINE_CHARACTERS_MAX: usize = $inline;

            fn name(&self) -> &str {
                &self.name
            }

            fn arn(&self, account: AccountId) -> String {
                <$ty>::arn(self, account)
            }

            fn inline(&mut self) -> &mut BTreeMap<String, String> {
                &mut self.inline
            }

            fn attached(&mut self) -> &mut Vec<String> {
                &mut self.attached
            }

            fn boundary(&$self) -> Option<&str> {
                $boundary
            }

            fn tags(&$self) -> Option<&Tags> {
                $tags
            }
        }
    };
}

// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
holder!(User, USERS, User, "user", "PoliciesPerUser", 2048, self => self.boundary.as_deref(), Some(&self.tags));
holder!(Group, GROUPS, Group, "group", "PoliciesPerGroup", 5120, self => None, None);
holder!(Role, ROLES, Role, "role", "PoliciesPerRole", 10_240, self => self.boundary.as_deref(), Some(&self.tags));

impl Bounded for User {
    fn boundary_mut(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

impl Bounded for Role {
    fn boundary_mut(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

/// # Errors
/// `NoSuchEntity`: "The user with name bob cannot be found."
pub fn find<H: Holder>(tx: &Tx, account: AccountId, name: &str) -> Result<H, IamError> {
    let found = H::TABLE.get(tx, &model::named(account, name))?;
    found.ok_or_else(|| IamError::NoSuchEntity(format!("The {} with name {name} cannot be found.", H::NOUN)))
}

/// Writes a holder that was found or made; its name is its key.
pub fn save<H: Holder>(tx: &mut Tx, account: AccountId, holder: &H) {
    H::TABLE.put(tx, &model::named(account, holder.name()), holder);
}

/// # Errors
/// `EntityAlreadyExists`: "User with name bob already exists."
pub fn must_be_new<H: Holder>(tx: &Tx, account: AccountId, name: &str) -> Result<(), IamError> {
    if !H::TABLE.contains(tx, &model::named(account, name))? {
        return Ok(());
    }
    let noun = H::NOUN;
    let capital = noun.get(..1).unwrap_or_default().to_uppercase();
    let noun = format!("{capital}{}", noun.get(1..).unwrap_or_default());
    Err(IamError::EntityAlreadyExists(format!("{noun} with name {name} already exists.")))
}

/// Policies of any kind must be gone before their holder goes.
///
/// # Errors
/// `DeleteConflict`.
pub fn must_hold_nothing<H: Holder>(holder: &mut H) -> Result<(), IamError> {
    if !holder.attached().is_empty() {
        return Err(IamError::DeleteConflict("Cannot delete entity, must detach all policies first.".into()));
    }
    if !holder.inline().is_empty() {
        return Err(IamError::DeleteConflict("Cannot delete entity, must delete policies first.".into()));
    }
    Ok(())
}

/// Moves the entries of the index of attachments when a holder's key changes; call it with `put` false before the
/// name changes and true afterwards.
pub fn index<H: Holder>(tx: &mut Tx, account: AccountId, holder: &mut H, put: bool) {
    let primary = model::named(account, holder.name());
    let boundary = holder.boundary().map(|arn| attachment_key(account, arn, true, H::KIND));
    let attached = holder.attached().iter().map(|arn| attachment_key(account, arn, false, H::KIND));
    for second in attached.chain(boundary).collect::<Vec<_>>() {
        if put {
            ATTACHMENTS.put(tx, &second, &primary);
        } else {
            ATTACHMENTS.delete(tx, &second, &primary);
        }
    }
}
