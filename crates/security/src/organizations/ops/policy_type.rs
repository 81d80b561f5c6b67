//! Turning types of policy on and off for the whole organization.
//!
//! AWS does this in the background; here it has happened when the answer comes.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{ATTACHED, Kind, ORGANIZATIONS, Organization, all};
use super::super::tree;
use super::organization::Root;
use kernel::Cx;
use store::{Direction, Key, StoreError, Tx};

kernel::ops! {
    pub static OPS:
        EnablePolicyType: enable_policy_type, "organizations:EnablePolicyType", named;
        DisablePolicyType: disable_policy_type, "organizations:DisablePolicyType", named;
}

wire::shape! {
    pub struct PolicyType {
        pub root: String = "RootId",
        pub kind: String = "PolicyType",
    }

    pub struct RootResult { pub root: Root = "Root" }
}

fn enable_policy_type(cx: &mut Cx<'_>, req: PolicyType) -> Result<RootResult, OrgError> {
    let (organization, kind) = asked(cx, &req)?;
    if !organization.all_features {
        return Err(Plain::TypeNotAvailable.into());
    }
    if organization.enabled(kind) {
        return Err(Plain::TypeAlreadyEnabled.into());
    }
    set(cx.tx, organization, kind, true)
}

fn disable_policy_type(cx: &mut Cx<'_>, req: PolicyType) -> Result<RootResult, OrgError> {
    let (organization, kind) = asked(cx, &req)?;
    if !organization.enabled(kind) {
        return Err(Plain::TypeNotEnabled.into());
    }
    set(cx.tx, organization, kind, false)
}

fn asked(cx: &Cx<'_>, req: &PolicyType) -> Result<(Organization, Kind), OrgError> {
    let organization = tree::managed(cx)?;
    if organization.root != req.root {
        return Err(Plain::RootNotFound.into());
    }
    Ok((organization, super::kind(&req.kind)?))
}

/// AWS: disabling detaches all policies of the type; what is enabled again begins with full access everywhere.
fn set(tx: &mut Tx, mut organization: Organization, kind: Kind, on: bool) -> Result<RootResult, OrgError> {
    organization.enable(kind, on);
    ORGANIZATIONS.put(tx, &Key::global().str(&organization.id), &organization);
    let found: Result<Vec<_>, StoreError> =
        ATTACHED.scan(tx, &all(&organization.id), Direction::Forward).collect();
    for (key, mut attached) in found? {
        *attached.of_mut(kind) = if on { vec![kind.full_access().id] } else { Vec::new() };
        ATTACHED.put(tx, &key, &attached);
    }
    Ok(RootResult { root: Root::of(&organization) })
}
