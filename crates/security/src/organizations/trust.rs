//! Who acts for an organization beside its management account: services with trusted access, and accounts that
//! administer such a service.

use super::errors::OrgError;
use super::model::{DELEGATIONS, Delegation, Organization, TRUSTED, all};
use super::tree;
use base::AccountId;
use kernel::Cx;
use store::{Direction, Key, StoreError, Tx};

/// IAM's centralized root access.
pub const IAM: &str = "iam.amazonaws.com";

/// CloudFormation's stack sets.
pub const STACK_SETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";

/// The services of this cloud that ask for trusted access.
pub const SERVICES: [&str; 2] = [IAM, STACK_SETS];

pub fn delegation_key(organization: &str, account: AccountId, principal: &str) -> Key {
    Key::global().str(organization).account_number(account).str(principal)
}

/// What an account administers, by principal.
///
/// # Errors
/// When the store cannot be read.
pub fn delegations(tx: &Tx, organization: &str, account: AccountId) -> Result<Vec<Delegation>, StoreError> {
    let prefix = Key::global().str(organization).account_number(account);
    DELEGATIONS.scan(tx, &prefix, Direction::Forward).map(|pair| Ok(pair?.1)).collect()
}

/// Every delegation of the organization, by account and principal.
///
/// # Errors
/// When the store cannot be read.
pub fn all_delegations(tx: &Tx, organization: &str) -> Result<Vec<Delegation>, StoreError> {
    DELEGATIONS.scan(tx, &all(organization), Direction::Forward).map(|pair| Ok(pair?.1)).collect()
}

/// Whether the service may act for the organization.
///
/// # Errors
/// When the store cannot be read.
pub fn is_trusted(tx: &Tx, organization: &Organization, principal: &str) -> Result<bool, StoreError> {
    TRUSTED.contains(tx, &super::model::within(&organization.id, principal))
}

/// # Errors
/// `ConstraintViolationException` for an account that still administers a service, which must not leave.
pub fn check_may_leave(tx: &Tx, organization: &str, account: AccountId) -> Result<(), OrgError> {
    if delegations(tx, organization, account)?.is_empty() {
        return Ok(());
    }
    let what = "You cannot remove an account from the organization that is a delegated administrator for a service; \
                deregister it first.";
    Err(OrgError::constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", what))
}

/// What the caller's account is to the organization that it is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Management,
    /// It administers the service that was asked about.
    Administrator,
    Member,
}

/// The caller's organization, and its account's standing there with regard to a service.
///
/// # Errors
/// When the store cannot be read.
pub fn standing(cx: &Cx<'_>, principal: &str) -> Result<Option<(Organization, Standing)>, StoreError> {
    let Some((organization, member)) = tree::home(cx.tx, cx.account)? else { return Ok(None) };
    let standing = if organization.management == member.account {
        Standing::Management
    } else if DELEGATIONS.contains(cx.tx, &delegation_key(&organization.id, member.account, principal))? {
        Standing::Administrator
    } else {
        Standing::Member
    };
    Ok(Some((organization, standing)))
}
