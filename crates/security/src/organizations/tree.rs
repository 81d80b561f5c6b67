//! The tree of an organization: the root, units, accounts, and how to find them.

use super::errors::{OrgError, Plain};
use super::model::{
    ATTACHED, Attached, CONTROLS, Control, DEPTH_MAX, FULL_RCP, FULL_SCP, Kind, MEMBERS, MEMBERS_OF, Member,
    ORGANIZATIONS, Organization, UNITS, UNITS_OF, Unit, member_key, within,
};
use base::AccountId;
use base::tag::Tags;
use kernel::Cx;
use store::Read;
use store::{Direction, Key, StoreError, Tx};

/// What policies and tags hang on, other than policies themselves.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    Root,
    Unit(Unit),
    Account(Member),
}

impl Node {
    /// `TargetType`, `ParentType`, `ChildType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Root => "ROOT",
            Node::Unit(_) => "ORGANIZATIONAL_UNIT",
            Node::Account(_) => "ACCOUNT",
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Node::Root => "Root",
            Node::Unit(unit) => &unit.name,
            Node::Account(member) => &member.name,
        }
    }

    pub fn arn(&self, organization: &Organization) -> String {
        match self {
            Node::Root => organization.arn("root", &organization.root),
            Node::Unit(unit) => organization.arn("ou", &unit.id),
            Node::Account(member) => organization.arn("account", member.account.as_str()),
        }
    }

    pub fn tags<'n>(&'n self, organization: &'n Organization) -> &'n Tags {
        match self {
            Node::Root => &organization.root_tags,
            Node::Unit(unit) => &unit.tags,
            Node::Account(member) => &member.tags,
        }
    }
}

/// The organization that an account is in.
///
/// # Errors
/// When the store cannot be read.
pub fn home(from: &dyn Read, account: AccountId) -> Result<Option<(Organization, Member)>, StoreError> {
    let Some(member) = MEMBERS.get(from, &member_key(account))? else { return Ok(None) };
    let organization = ORGANIZATIONS.get(from, &Key::global().str(&member.organization))?;
    Ok(organization.map(|organization| (organization, member)))
}

/// The organization of the caller's account.
///
/// # Errors
/// `AWSOrganizationsNotInUseException`.
pub fn own(cx: &Cx<'_>) -> Result<(Organization, Member), OrgError> {
    home(cx.tx, cx.account)?.ok_or_else(|| Plain::NotInUse.into())
}

/// The organization that the caller's account manages.
///
/// # Errors
/// As [`own`]; `AccessDeniedException` for other members.
pub fn managed(cx: &Cx<'_>) -> Result<Organization, OrgError> {
    let (organization, member) = own(cx)?;
    if organization.management == member.account { Ok(organization) } else { Err(Plain::AccessDenied.into()) }
}

/// Finds a root, unit or account of the organization by its id.
///
/// # Errors
/// When the store cannot be read.
pub fn node(from: &dyn Read, organization: &Organization, id: &str) -> Result<Option<Node>, StoreError> {
    if id == organization.root {
        return Ok(Some(Node::Root));
    }
    if let Some(account) = AccountId::parse(id) {
        return Ok(member(from, organization, account)?.map(Node::Account));
    }
    Ok(UNITS.get(from, &within(&organization.id, id))?.map(Node::Unit))
}

/// An account of this organization.
///
/// # Errors
/// When the store cannot be read.
pub fn member(
    from: &dyn Read,
    organization: &Organization,
    account: AccountId,
) -> Result<Option<Member>, StoreError> {
    let member = MEMBERS.get(from, &member_key(account))?;
    Ok(member.filter(|member| member.organization == organization.id))
}

/// As [`node`], for a root or unit that is to be a parent.
///
/// # Errors
/// `missing` where there is none.
pub fn parent(tx: &Tx, organization: &Organization, id: &str, missing: Plain) -> Result<Node, OrgError> {
    match node(tx, organization, id)? {
        Some(node @ (Node::Root | Node::Unit(_))) => Ok(node),
        _ => Err(missing.into()),
    }
}

/// The ids from the root down to `id`, a unit or the root.
///
/// # Errors
/// When the store cannot be read.
pub fn path(from: &dyn Read, organization: &Organization, id: &str) -> Result<Vec<String>, StoreError> {
    let mut path = Vec::new();
    let mut at = id.to_owned();
    // Bounded, should the tree ever be damaged.
    while at != organization.root && path.len() <= DEPTH_MAX {
        let Some(unit) = UNITS.get(from, &within(&organization.id, &at))? else { break };
        path.push(at);
        at = unit.parent;
    }
    path.push(organization.root.clone());
    path.reverse();
    Ok(path)
}

/// Units directly below a parent; all of the organization without one. By id.
///
/// # Errors
/// When the store cannot be read.
pub fn units(tx: &Tx, organization: &str, parent: &str) -> Result<Vec<Unit>, StoreError> {
    let keys: Result<Vec<Key>, _> =
        UNITS_OF.scan(tx, &within(organization, parent), Direction::Forward).collect();
    let mut units = Vec::new();
    for key in keys? {
        units.extend(UNITS.get(tx, &key)?);
    }
    Ok(units)
}

/// Accounts directly below a parent, by number.
///
/// # Errors
/// When the store cannot be read.
pub fn accounts(tx: &Tx, organization: &str, parent: &str) -> Result<Vec<Member>, StoreError> {
    members(tx, &within(organization, parent))
}

/// The accounts under a prefix of [`MEMBERS_OF`].
///
/// # Errors
/// When the store cannot be read.
pub fn members(tx: &Tx, prefix: &Key) -> Result<Vec<Member>, StoreError> {
    let keys: Result<Vec<Key>, _> = MEMBERS_OF.scan(tx, prefix, Direction::Forward).collect();
    let mut members = Vec::new();
    for key in keys? {
        members.extend(MEMBERS.get(tx, &key)?);
    }
    members.sort_by_key(|member| member.account);
    Ok(members)
}

/// Makes an account part of the organization, below the root.
pub fn join(tx: &mut Tx, organization: &Organization, member: &Member) {
    let key = member_key(member.account);
    MEMBERS.put(tx, &key, member);
    MEMBERS_OF.put(tx, &within(&organization.id, &member.parent), &key);
    let account = member.account.as_str();
    ATTACHED.put(tx, &within(&organization.id, account), &Attached::first(organization, account));
}

/// Takes an account out of its organization.
pub fn leave(tx: &mut Tx, member: &Member) {
    let key = member_key(member.account);
    MEMBERS.delete(tx, &key);
    MEMBERS_OF.delete(tx, &within(&member.organization, &member.parent), &key);
    ATTACHED.delete(tx, &within(&member.organization, member.account.as_str()));
}

/// A policy of the organization or of AWS.
///
/// # Errors
/// When the store cannot be read.
pub fn control(from: &dyn Read, organization: &str, id: &str) -> Result<Option<Control>, StoreError> {
    match id {
        FULL_SCP => Ok(Some(Kind::Scp.full_access())),
        FULL_RCP => Ok(Some(Kind::Rcp.full_access())),
        _ => CONTROLS.get(from, &within(organization, id)),
    }
}

/// What hangs at a target.
///
/// # Errors
/// When the store cannot be read.
pub fn attached(from: &dyn Read, organization: &Organization, target: &str) -> Result<Attached, StoreError> {
    let found = ATTACHED.get(from, &within(&organization.id, target))?;
    Ok(found.unwrap_or_else(|| Attached { target: target.to_owned(), ..Attached::default() }))
}
