//! Who beside the management account acts for the organization: nobody, and these listings say so.
//!
//! No service of this cloud takes part in trusted access, so enabling it and registering delegated administrators are
//! not built (they answer `NotImplemented`). Terraform's `aws_organizations_organization` reads both lists each time.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAWSServiceAccessForOrganization.html>,
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedAdministrators.html>

use super::super::access::named;
use super::super::errors::OrgError;
use super::super::page::page;
use super::super::tree;
use super::organization::Paging;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

kernel::ops! {
    pub static OPS:
        ListAWSServiceAccessForOrganization: list_services, "organizations:ListAWSServiceAccessForOrganization", named;
        ListDelegatedAdministrators: list_administrators, "organizations:ListDelegatedAdministrators", for_service;
}

wire::shape! {
    pub struct Services {
        pub services: Vec<Service> = "EnabledServicePrincipals",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct Service { pub principal: String = "ServicePrincipal" }

    pub struct ListAdministrators {
        pub service: Option<String> = "ServicePrincipal",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Administrators {
        pub administrators: Vec<Administrator> = "DelegatedAdministrators",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct Administrator { pub id: String = "Id" }
}

fn for_service(_cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let target = match request.str("ServicePrincipal") {
        Some(service) => Target::any().key("organizations:ServicePrincipal", service),
        None => Target::any(),
    };
    Ok(vec![target])
}

fn list_services(cx: &mut Cx<'_>, req: Paging) -> Result<Services, OrgError> {
    tree::managed(cx)?;
    let (services, next_token) =
        page(cx, "services", Vec::new(), req.next_token.as_deref(), req.max_results)?;
    Ok(Services { services, next_token })
}

fn list_administrators(cx: &mut Cx<'_>, req: ListAdministrators) -> Result<Administrators, OrgError> {
    tree::managed(cx)?;
    let list = format!("administrators/{}", req.service.as_deref().unwrap_or_default());
    let (administrators, next_token) =
        page(cx, &list, Vec::new(), req.next_token.as_deref(), req.max_results)?;
    Ok(Administrators { administrators, next_token })
}
