//! What the operations on roles touch, and [`pass`] for the services that are given one.

use super::{attaching, bounded, bounding, holder, listing, named, new};
use crate::iam::attached::last_part;
use crate::iam::model::{self, Role};
use crate::iam::service_linked;
use base::{AccountId, Arn};
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

const MEMBER: &str = "RoleName";

/// # Errors
/// When the store cannot be read; so all of them.
pub fn one(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    named::<Role>(cx, request, MEMBER)
}

pub fn all(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    listing(cx, request, "role")
}

pub fn create(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    new(cx, request, "role", MEMBER)
}

pub fn attach(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    attaching::<Role>(cx, request, MEMBER)
}

/// Inline policies and the end of a boundary: `iam:PermissionsBoundary` is the present one.
pub fn policy(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![bounded::<Role>(cx, request, MEMBER)?])
}

pub fn boundary(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    bounding::<Role>(cx, request, MEMBER)
}

/// The role that a service is to get; of a service that has none, the place where it would be.
pub fn create_linked(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let service = request.str("AWSServiceName").unwrap_or_default();
    Ok(vec![linked(cx, service, request.str("CustomSuffix"))])
}

/// As [`create_linked`], of a service by name.
pub fn linked(cx: &Cx<'_>, service: &str, suffix: Option<&str>) -> Target {
    let name = service_linked::find(service).map(|linked| linked.name(suffix));
    let path = format!("/aws-service-role/{service}/");
    let arn = model::arn(cx.account, "role", &path, name.as_deref().unwrap_or_default());
    Target::on(arn).key("iam:AWSServiceName", service)
}

/// The role that a deletion task is about: `task/aws-service-role/service/name/uuid`.
pub fn deletion(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let id = request.str("DeletionTaskId").unwrap_or_default();
    let role = id.strip_prefix("task/").and_then(|rest| rest.rsplit_once('/')).map_or("", |(role, _)| role);
    Ok(vec![Target::on(format!("arn:aws:iam::{}:role/{role}", cx.account))])
}

/// The permission to hand a role to a service, which every operation needs that takes a role's ARN:
/// `iam:PassRole` on the role, with `iam:PassedToService` (`lambda.amazonaws.com`) and, where the service knows it,
/// `iam:AssociatedResourceArn`.
///
/// # Errors
/// When the store cannot be read.
pub fn pass(cx: &Cx<'_>, role_arn: &str, service: &str, resource: Option<&str>) -> Result<Target, Fault> {
    let owner = Arn::parse(role_arn).and_then(|arn| AccountId::parse(&arn.account)).unwrap_or(cx.account);
    let target = if owner == cx.account {
        let (target, found) = holder::<Role>(cx, last_part(role_arn))?;
        // Another path is another role, which does not exist.
        if found.is_some_and(|role| role.arn(owner) == role_arn) { target } else { Target::on(role_arn) }
    } else {
        Target::on(role_arn).owned_by(owner)
    };
    let target = target.doing("iam:PassRole").key("iam:PassedToService", service);
    Ok(match resource {
        Some(arn) => target.key("iam:AssociatedResourceArn", arn),
        None => target,
    })
}
