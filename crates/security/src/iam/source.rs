//! The user, group or role that an ARN names, as the source of policies: for simulations and reports.

use super::IamError;
use super::attached::{Compiled, last_part};
use super::model::{self, GROUPS, Group, ROLES, Role, USERS, User};
use auth::policy::Principal;
use base::{AccountId, Arn};
use kernel::Cx;
use kernel::identity::Attached;
use store::{StoreError, Tx};

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Source {
    User(User),
    Group(Group),
    Role(Role),
}

/// The user, group or role of the caller's account.
///
/// # Errors
/// `InvalidInput` for an ARN that names nothing of the kind, `NoSuchEntity`.
pub(crate) fn find(cx: &Cx<'_>, arn: &str) -> Result<Source, IamError> {
    let bad = || {
        IamError::InvalidInput(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        ))
    };
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "iam").ok_or_else(bad)?;
    let account = AccountId::parse(&parsed.account).ok_or_else(bad)?;
    if !["user/", "group/", "role/"].iter().any(|kind| parsed.resource.starts_with(kind)) {
        return Err(bad());
    }
    let found = if account == cx.account { of_arn(cx.tx, account, arn)? } else { None };
    found.ok_or_else(|| IamError::NoSuchEntity(format!("The entity with ARN {arn} cannot be found.")))
}

/// What has exactly this ARN.
pub(crate) fn of_arn(tx: &Tx, account: AccountId, arn: &str) -> Result<Option<Source>, StoreError> {
    let key = model::named(account, last_part(arn));
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let found = match resource.split('/').next() {
        Some("user") => USERS.get(tx, &key)?.map(Source::User),
        Some("group") => GROUPS.get(tx, &key)?.map(Source::Group),
        Some("role") => ROLES.get(tx, &key)?.map(Source::Role),
        _ => None,
    };
    Ok(found.filter(|source| source.arn(account) == arn))
}

/// The principal that an ARN stands for, whether it exists or not; of a role, some session of it.
pub(crate) fn principal(tx: &Tx, arn: &str) -> Result<Option<Principal>, StoreError> {
    let Some(account) = Arn::parse(arn).and_then(|arn| AccountId::parse(&arn.account)) else {
        return Ok(None);
    };
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    if resource == "root" {
        return Ok(Some(Principal::Root { account }));
    }
    let found = of_arn(tx, account, arn)?;
    Ok(match resource.split('/').next() {
        _ if !arn.starts_with("arn:aws:iam::") => None,
        Some("user" | "group") => Some(match found {
            Some(source) => source.principal(account),
            None => Principal::User { account, arn: arn.to_owned(), id: String::new() },
        }),
        Some("role") => Some(match found {
            Some(source) => source.principal(account),
            None => session(account, arn, String::new(), false),
        }),
        _ => None,
    })
}

fn session(account: AccountId, role_arn: &str, role_id: String, service_linked: bool) -> Principal {
    let name = last_part(role_arn);
    Principal::AssumedRole {
        account,
        role_arn: role_arn.to_owned(),
        role_id,
        session_arn: format!("arn:aws:sts::{account}:assumed-role/{name}/simulated"),
        service_linked,
    }
}

impl Source {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        match self {
            Source::User(user) => user.arn(account),
            Source::Group(group) => group.arn(account),
            Source::Role(role) => role.arn(account),
        }
    }

    /// Who acts with the source's policies: for a group, a member of it without a name.
    pub(crate) fn principal(&self, account: AccountId) -> Principal {
        match self {
            Source::User(user) => Principal::User { account, arn: user.arn(account), id: user.id.clone() },
            Source::Group(group) => {
                Principal::User { account, arn: group.arn(account), id: group.id.clone() }
            }
            Source::Role(role) => {
                session(account, &role.arn(account), role.id.clone(), role.linked_service.is_some())
            }
        }
    }

    /// Its permissions policies; a user's with those of its groups.
    pub(crate) fn policies(&self, compiled: &Compiled, cx: &Cx<'_>) -> Result<Vec<Attached>, StoreError> {
        match self {
            Source::User(user) => compiled.of_user(cx.tx, cx.account, user),
            Source::Group(group) => compiled.of_group(cx.tx, cx.account, group),
            Source::Role(role) => compiled.of_role(cx.tx, cx.account, role),
        }
    }

    pub(crate) fn boundary(&self, compiled: &Compiled, cx: &Cx<'_>) -> Result<Option<Attached>, StoreError> {
        let arn = match self {
            Source::User(user) => user.boundary.as_deref(),
            Source::Group(_) => None,
            Source::Role(role) => role.boundary.as_deref(),
        };
        compiled.boundary(cx.tx, cx.account, arn, &self.arn(cx.account))
    }
}
