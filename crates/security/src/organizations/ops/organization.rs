//! The organization itself and its root.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{
    ATTACHED, Attached, CONTROLS, CREATIONS, FULL_SCP, HANDSHAKES, Kind, MEMBERS, Member, ORGANIZATIONS,
    Organization, TRUSTED, all, member_key, new_id, within,
};
use super::super::page::page;
use super::super::tree;
use super::super::trust;
use kernel::{Cx, Empty, Nothing};
use store::{Direction, Key, StoreError, Tx};

kernel::ops! {
    pub static OPS:
        CreateOrganization: create_organization, "organizations:CreateOrganization", named;
        DescribeOrganization: describe_organization, "organizations:DescribeOrganization", named;
        DeleteOrganization: delete_organization, "organizations:DeleteOrganization", named;
        LeaveOrganization: leave_organization, "organizations:LeaveOrganization", named;
        ListRoots: list_roots, "organizations:ListRoots", named;
}

wire::shape! {
    pub struct CreateOrganization { pub feature_set: Option<String> = "FeatureSet" }

    pub struct OrganizationResult { pub organization: OrganizationShown = "Organization" }

    pub struct OrganizationShown {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub feature_set: String = "FeatureSet",
        pub master_account_arn: String = "MasterAccountArn",
        pub master_account_id: String = "MasterAccountId",
        pub master_account_email: String = "MasterAccountEmail",
        pub available_policy_types: Vec<PolicyType> = "AvailablePolicyTypes",
    }

    pub struct PolicyType {
        pub kind: String = "Type",
        pub status: String = "Status",
    }

    pub struct Paging {
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Roots {
        pub roots: Vec<Root> = "Roots",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct Root {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub name: String = "Name",
        pub policy_types: Vec<PolicyType> = "PolicyTypes",
    }
}

impl Root {
    pub(super) fn of(organization: &Organization) -> Root {
        Root {
            id: organization.root.clone(),
            arn: organization.arn("root", &organization.root),
            name: "Root".into(),
            policy_types: PolicyType::enabled(organization),
        }
    }
}

impl PolicyType {
    fn enabled(organization: &Organization) -> Vec<PolicyType> {
        let kinds = [Kind::Scp, Kind::Rcp].into_iter().filter(|kind| organization.enabled(*kind));
        kinds.map(|kind| PolicyType { kind: kind.name().into(), status: "ENABLED".into() }).collect()
    }
}

fn create_organization(cx: &mut Cx<'_>, req: CreateOrganization) -> Result<OrganizationResult, OrgError> {
    if MEMBERS.contains(cx.tx, &member_key(cx.account))? {
        return Err(Plain::AlreadyInOrganization.into());
    }
    let all_features = req.feature_set.as_deref() != Some("CONSOLIDATED_BILLING");
    let organization = Organization {
        id: new_id(cx.rng(), "o-", 10),
        management: cx.account,
        root: new_id(cx.rng(), "r-", 4),
        all_features,
        created: cx.now,
        // AWS: enabled from the start where all features are, resource control policies are not.
        scp_enabled: all_features,
        ..Organization::default()
    };
    let member = Member {
        account: cx.account,
        organization: organization.id.clone(),
        email: own_email(cx),
        name: "management".into(),
        joined: cx.now,
        parent: organization.root.clone(),
        ..Member::default()
    };
    ORGANIZATIONS.put(cx.tx, &Key::global().str(&organization.id), &organization);
    let root = Attached::first(&organization, &organization.root);
    debug_assert!(!all_features || root.scp == [FULL_SCP]);
    ATTACHED.put(cx.tx, &within(&organization.id, &organization.root), &root);
    tree::join(cx.tx, &organization, &member);
    Ok(OrganizationResult { organization: shown(&organization, &member) })
}

/// The address that AWS knows of an account that it has signed up. Here nobody signs up.
fn own_email(cx: &Cx<'_>) -> String {
    format!("{}@virga.invalid", cx.account)
}

fn shown(organization: &Organization, management: &Member) -> OrganizationShown {
    let kinds = if organization.all_features { vec![Kind::Scp] } else { Vec::new() };
    let kind = |kind: Kind| PolicyType { kind: kind.name().into(), status: "ENABLED".into() };
    OrganizationShown {
        id: organization.id.clone(),
        arn: organization.own_arn(),
        feature_set: if organization.all_features { "ALL" } else { "CONSOLIDATED_BILLING" }.into(),
        master_account_arn: organization.arn("account", organization.management.as_str()),
        master_account_id: organization.management.to_string(),
        master_account_email: management.email.clone(),
        available_policy_types: kinds.into_iter().map(kind).collect(),
    }
}

fn describe_organization(cx: &mut Cx<'_>, _: Nothing) -> Result<OrganizationResult, OrgError> {
    let (organization, _) = tree::own(cx)?;
    let management = MEMBERS.get(cx.tx, &member_key(organization.management))?.unwrap_or_default();
    Ok(OrganizationResult { organization: shown(&organization, &management) })
}

fn delete_organization(cx: &mut Cx<'_>, _: Nothing) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let members = tree::members(cx.tx, &all(&organization.id))?;
    let is_other = |member: &&Member| member.account != organization.management;
    if members.iter().any(|member| is_other(&member)) {
        return Err(Plain::NotEmpty.into());
    }
    for member in &members {
        tree::leave(cx.tx, member);
    }
    ORGANIZATIONS.delete(cx.tx, &Key::global().str(&organization.id));
    forget(cx.tx, &organization.id)?;
    Ok(Empty)
}

/// Units, policies, attachments and requests go with their organization.
fn forget(tx: &mut Tx, organization: &str) -> Result<(), StoreError> {
    use super::super::model::{UNITS, UNITS_OF};
    let prefix = all(organization);
    let units: Result<Vec<_>, _> = UNITS.scan(tx, &prefix, Direction::Forward).collect();
    for (key, unit) in units? {
        UNITS_OF.delete(tx, &within(organization, &unit.parent), &key);
        UNITS.delete(tx, &key);
    }
    let controls: Result<Vec<_>, _> = CONTROLS.scan(tx, &prefix, Direction::Forward).collect();
    controls?.into_iter().for_each(|(key, _)| CONTROLS.delete(tx, &key));
    let attached: Result<Vec<_>, _> = ATTACHED.scan(tx, &prefix, Direction::Forward).collect();
    attached?.into_iter().for_each(|(key, _)| ATTACHED.delete(tx, &key));
    let trusted: Result<Vec<_>, _> = TRUSTED.scan(tx, &prefix, Direction::Forward).collect();
    trusted?.into_iter().for_each(|(key, _)| TRUSTED.delete(tx, &key));
    let creations: Result<Vec<_>, _> = CREATIONS.scan(tx, &prefix, Direction::Forward).collect();
    creations?.into_iter().for_each(|(key, _)| CREATIONS.delete(tx, &key));
    let handshakes: Result<Vec<_>, _> = HANDSHAKES.scan(tx, &Key::global(), Direction::Forward).collect();
    for (key, handshake) in handshakes? {
        if handshake.organization == organization {
            HANDSHAKES.delete(tx, &key);
        }
    }
    Ok(())
}

fn leave_organization(cx: &mut Cx<'_>, _: Nothing) -> Result<Empty, OrgError> {
    let (organization, member) = tree::own(cx)?;
    if organization.management == member.account {
        return Err(Plain::MasterCannotLeave.into());
    }
    trust::check_may_leave(cx.tx, &member.organization, member.account)?;
    tree::leave(cx.tx, &member);
    Ok(Empty)
}

fn list_roots(cx: &mut Cx<'_>, req: Paging) -> Result<Roots, OrgError> {
    let organization = tree::managed(cx)?;
    let all = vec![(organization.root.clone(), Root::of(&organization))];
    let (roots, next_token) = page(cx, "ListRoots", all, req.next_token.as_deref(), req.max_results)?;
    Ok(Roots { roots, next_token })
}
