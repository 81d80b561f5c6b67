//! Access control lists: how a request states one ([`canned`], [`headers`], [`document`]), whether it is taken
//! ([`accept`]), and what it lets whom do.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>
//!
//! Grantees by email address are refused, as AWS has done since October 2025.

pub mod accept;
pub mod canned;
pub mod document;
pub mod headers;

use super::model::acl::{Grant, Grantee, Permission};
use super::model::object::Version;
use auth::policy::Principal;
use base::AccountId;
use std::borrow::Cow;

pub(crate) const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
pub(crate) const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
pub(crate) const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// AWS: "Access control list overview": an ACL can have up to 100 grants.
pub const GRANTS_MAX: usize = 100;

/// What the owner has of everything that is private.
pub fn private(owner: AccountId) -> Vec<Grant> {
    vec![full_control(owner)]
}

/// A version's list; silence stands for its owner's full control.
pub fn of(version: &Version) -> Cow<'_, [Grant]> {
    if version.grants.is_empty() {
        Cow::Owned(private(version.owner))
    } else {
        Cow::Borrowed(&version.grants)
    }
}

pub(crate) fn full_control(account: AccountId) -> Grant {
    Grant { grantee: Grantee::Account(account), permission: Permission::FullControl }
}

/// Whether the list grants anything to everybody, with or without credentials.
pub fn is_public(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| is_public_group(grant.grantee))
}

fn is_public_group(grantee: Grantee) -> bool {
    matches!(grantee, Grantee::AllUsers | Grantee::AuthenticatedUsers)
}

/// Whether the list lets this principal do what needs `wanted`. `without_public` leaves out what is granted to
/// everybody (`IgnorePublicAcls`).
pub fn grants(list: &[Grant], principal: &Principal, wanted: Permission, without_public: bool) -> bool {
    list.iter().any(|grant| {
        let enough = grant.permission == Permission::FullControl || grant.permission == wanted;
        enough && !(without_public && is_public_group(grant.grantee)) && is_grantee(grant.grantee, principal)
    })
}

fn is_grantee(grantee: Grantee, principal: &Principal) -> bool {
    match grantee {
        Grantee::AllUsers => true,
        Grantee::AuthenticatedUsers => principal.account().is_some(),
        Grantee::LogDelivery => {
            matches!(principal, Principal::Service { name } if name == super::logging::SERVICE)
        }
        Grantee::Account(AccountId::ANONYMOUS) => matches!(principal, Principal::Anonymous),
        Grantee::Account(account) => principal.account() == Some(account),
    }
}

/// The name of a permission on the wire.
pub fn permission_name(permission: Permission) -> &'static str {
    match permission {
        Permission::FullControl => "FULL_CONTROL",
        Permission::Write => "WRITE",
        Permission::WriteAcp => "WRITE_ACP",
        Permission::Read => "READ",
        Permission::ReadAcp => "READ_ACP",
    }
}

/// The permission of this name.
pub fn permission(name: &str) -> Option<Permission> {
    use Permission::{FullControl, Read, ReadAcp, Write, WriteAcp};
    [FullControl, Write, WriteAcp, Read, ReadAcp].into_iter().find(|p| permission_name(*p) == name)
}

/// The group that a URI stands for.
pub(crate) fn group(uri: &str) -> Option<Grantee> {
    match uri {
        ALL_USERS => Some(Grantee::AllUsers),
        AUTHENTICATED_USERS => Some(Grantee::AuthenticatedUsers),
        LOG_DELIVERY => Some(Grantee::LogDelivery),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(digits: &str) -> AccountId {
        AccountId::parse(digits).unwrap()
    }

    #[test]
    fn whom_a_list_lets_in() {
        let (anna, ben) = (account("111111111111"), account("222222222222"));
        let root = |account| Principal::Root { account };
        let to = |grantee, permission| vec![Grant { grantee, permission }];
        let everybody = to(Grantee::AllUsers, Permission::Read);
        let known = to(Grantee::AuthenticatedUsers, Permission::Read);
        let table = [
            (private(anna), root(anna), Permission::WriteAcp, true),
            (private(anna), root(ben), Permission::Read, false),
            (everybody.clone(), Principal::Anonymous, Permission::Read, true),
            (everybody.clone(), Principal::Anonymous, Permission::Write, false),
            (known.clone(), Principal::Anonymous, Permission::Read, false),
            (known.clone(), root(ben), Permission::Read, true),
            (private(AccountId::ANONYMOUS), Principal::Anonymous, Permission::WriteAcp, true),
            (private(AccountId::ANONYMOUS), root(ben), Permission::Read, false),
        ];
        for (list, principal, wanted, want) in table {
            assert_eq!(grants(&list, &principal, wanted, false), want, "{list:?} {principal:?} {wanted:?}");
        }
        assert!(
            !grants(&everybody, &Principal::Anonymous, Permission::Read, true),
            "public grants are ignored"
        );
        assert!(is_public(&everybody) && is_public(&known) && !is_public(&private(anna)));
    }
}
