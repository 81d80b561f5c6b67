//! Trusted access of services, and the accounts that administer them for the organization.
//!
//! Of the services that AWS knows to ask for trusted access this cloud has two, IAM with its centralized root access and
//! CloudFormation with its stack sets; the others are refused by name, so that nobody waits for what they would do.
//!
//! AWS: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html>,
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_RegisterDelegatedAdministrator.html>

use super::super::errors::{OrgError, Plain};
use super::super::model::{DELEGATIONS, Delegation, Member, Organization, TRUSTED, Trusted, all, within};
use super::super::page::page;
use super::super::tree::{self, Node};
use super::super::trust::{self, delegation_key};
use super::account_list;
use super::organization::Paging;
use crate::organizations::access::named;
use base::Timestamp;
use kernel::{Cx, Empty, Failure, Target};
use store::Direction;
use wire::{Fault, Struct};

kernel::ops! {
    pub static OPS:
        EnableAWSServiceAccess: enable, "organizations:EnableAWSServiceAccess", for_service;
        DisableAWSServiceAccess: disable, "organizations:DisableAWSServiceAccess", for_service;
        ListAWSServiceAccessForOrganization: list_services, "organizations:ListAWSServiceAccessForOrganization", named;
        RegisterDelegatedAdministrator: register, "organizations:RegisterDelegatedAdministrator", of_account;
        DeregisterDelegatedAdministrator: deregister, "organizations:DeregisterDelegatedAdministrator", of_account;
        ListDelegatedAdministrators: list_administrators, "organizations:ListDelegatedAdministrators", for_service;
        ListDelegatedServicesForAccount: list_delegated, "organizations:ListDelegatedServicesForAccount", named;
}

wire::shape! {
    pub struct ByService { pub service: String = "ServicePrincipal" }

    pub struct Services {
        pub services: Vec<Service> = "EnabledServicePrincipals",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct Service {
        pub principal: String = "ServicePrincipal",
        pub enabled: Timestamp = "DateEnabled",
    }

    pub struct Delegate {
        pub account: String = "AccountId",
        pub service: String = "ServicePrincipal",
    }

    pub struct ListAdministrators {
        pub service: Option<String> = "ServicePrincipal",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Administrators {
        pub administrators: Vec<Administrator> = "DelegatedAdministrators",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct Administrator {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub email: String = "Email",
        pub name: String = "Name",
        pub status: String = "Status",
        pub state: String = "State",
        pub joined_method: String = "JoinedMethod",
        pub joined: Timestamp = "JoinedTimestamp",
        pub enabled: Timestamp = "DelegationEnabledDate",
    }

    pub struct ListDelegated {
        pub account: String = "AccountId",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct DelegatedServices {
        pub services: Vec<DelegatedService> = "DelegatedServices",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct DelegatedService {
        pub principal: String = "ServicePrincipal",
        pub enabled: Timestamp = "DelegationEnabledDate",
    }
}

fn with_service(target: Target, request: &Struct) -> Target {
    match request.str("ServicePrincipal") {
        Some(service) => target.key("organizations:ServicePrincipal", service),
        None => target,
    }
}

fn for_service(_: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![with_service(Target::any(), request)])
}

fn of_account(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let id = request.str("AccountId").unwrap_or_default();
    let home = tree::home(cx.tx, cx.account).map_err(Failure::from)?;
    let target = match &home {
        Some((organization, _)) => Target::on(organization.arn("account", id)),
        None => Target::any(),
    };
    Ok(vec![with_service(target, request)])
}

/// # Errors
/// `InvalidInputException` for services that take no part.
fn check_service(principal: &str) -> Result<(), OrgError> {
    if trust::SERVICES.contains(&principal) {
        return Ok(());
    }
    let what = format!(
        "You specified an unrecognized service principal: of the services of this cloud only {} have trusted access.",
        trust::SERVICES.join(", ")
    );
    Err(OrgError::input("INVALID_PRINCIPAL", &what))
}

fn enable(cx: &mut Cx<'_>, req: ByService) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    check_service(&req.service)?;
    let key = within(&organization.id, &req.service);
    if !TRUSTED.contains(cx.tx, &key)? {
        TRUSTED.put(cx.tx, &key, &Trusted { principal: req.service, enabled: cx.now });
    }
    Ok(Empty)
}

fn disable(cx: &mut Cx<'_>, req: ByService) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    check_service(&req.service)?;
    TRUSTED.delete(cx.tx, &within(&organization.id, &req.service));
    Ok(Empty)
}

fn list_services(cx: &mut Cx<'_>, req: Paging) -> Result<Services, OrgError> {
    let organization = tree::managed(cx)?;
    let mut services = Vec::new();
    for pair in TRUSTED.scan(cx.tx, &all(&organization.id), Direction::Forward) {
        let Trusted { principal, enabled } = pair?.1;
        services.push((principal.clone(), Service { principal, enabled }));
    }
    let (services, next_token) = page(cx, "services", services, req.next_token.as_deref(), req.max_results)?;
    Ok(Services { services, next_token })
}

/// The member of the organization that an account id names.
fn account(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Member, OrgError> {
    match tree::node(cx.tx, organization, id)? {
        Some(Node::Account(member)) => Ok(member),
        _ => Err(Plain::AccountNotFound.into()),
    }
}

fn register(cx: &mut Cx<'_>, req: Delegate) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    check_service(&req.service)?;
    let member = account(cx, &organization, &req.account)?;
    if member.account == organization.management {
        let what =
            "You cannot register master account/yourself as delegated administrator for your organization.";
        return Err(OrgError::constraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", what));
    }
    if !trust::is_trusted(cx.tx, &organization, &req.service)? {
        let what =
            "You must enable trusted access for the service before you register a delegated administrator.";
        return Err(OrgError::constraint("SERVICE_ACCESS_NOT_ENABLED", what));
    }
    let key = delegation_key(&organization.id, member.account, &req.service);
    if DELEGATIONS.contains(cx.tx, &key)? {
        return Err(Plain::AlreadyRegistered.into());
    }
    let delegation = Delegation { account: member.account, principal: req.service, enabled: cx.now };
    DELEGATIONS.put(cx.tx, &key, &delegation);
    Ok(Empty)
}

fn deregister(cx: &mut Cx<'_>, req: Delegate) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    check_service(&req.service)?;
    let member = account(cx, &organization, &req.account)?;
    let key = delegation_key(&organization.id, member.account, &req.service);
    if !DELEGATIONS.contains(cx.tx, &key)? {
        return Err(Plain::NotRegistered.into());
    }
    DELEGATIONS.delete(cx.tx, &key);
    Ok(Empty)
}

fn list_administrators(cx: &mut Cx<'_>, req: ListAdministrators) -> Result<Administrators, OrgError> {
    let organization = tree::managed(cx)?;
    let mut administrators: Vec<(String, Administrator)> = Vec::new();
    for delegation in trust::all_delegations(cx.tx, &organization.id)? {
        let wanted = req.service.as_ref().is_none_or(|service| *service == delegation.principal);
        let id = delegation.account.to_string();
        if !wanted || administrators.last().is_some_and(|(last, _)| *last == id) {
            continue;
        }
        let Some(member) = tree::member(cx.tx, &organization, delegation.account)? else { continue };
        let shown = account_list::shown(cx, &organization, &member)?;
        administrators.push((id, Administrator::of(shown, delegation.enabled)));
    }
    let list = format!("administrators/{}", req.service.as_deref().unwrap_or_default());
    let (administrators, next_token) =
        page(cx, &list, administrators, req.next_token.as_deref(), req.max_results)?;
    Ok(Administrators { administrators, next_token })
}

impl Administrator {
    fn of(account: account_list::Account, enabled: Timestamp) -> Administrator {
        Administrator {
            id: account.id,
            arn: account.arn,
            email: account.email,
            name: account.name,
            status: account.status,
            state: account.state,
            joined_method: account.joined_method,
            joined: account.joined,
            enabled,
        }
    }
}

fn list_delegated(cx: &mut Cx<'_>, req: ListDelegated) -> Result<DelegatedServices, OrgError> {
    let organization = tree::managed(cx)?;
    let member = account(cx, &organization, &req.account)?;
    let found = trust::delegations(cx.tx, &organization.id, member.account)?;
    if found.is_empty() {
        return Err(Plain::NotRegistered.into());
    }
    let services = found.into_iter().map(|one| {
        let Delegation { principal, enabled, .. } = one;
        (principal.clone(), DelegatedService { principal, enabled })
    });
    let list = format!("delegated/{}", req.account);
    let (services, next_token) =
        page(cx, &list, services.collect(), req.next_token.as_deref(), req.max_results)?;
    Ok(DelegatedServices { services, next_token })
}
