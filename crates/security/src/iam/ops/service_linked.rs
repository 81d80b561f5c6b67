//! Service-linked roles: made for a service that is known to use one, changed by nobody, deleted by task.
//!
//! A deletion is carried out with the request that asks for it, and its task has succeeded at once.
//! GAP: AWS asks the service first whether something still needs the role, and may fail the task for it.

use super::role::{self, ByName, OneRole};
use crate::iam::model::{self, ROLE_DELETIONS, ROLES, Role, RoleDeletion, job_key};
use crate::iam::{IamError, access::role as access, document, service_linked, trust};
use auth::policy::Principal;
use kernel::Cx;

kernel::ops! {
    pub static OPS:
    CreateServiceLinkedRole: create, "iam:CreateServiceLinkedRole", access::create_linked;
    DeleteServiceLinkedRole: delete, "iam:DeleteServiceLinkedRole", access::one;
    GetServiceLinkedRoleDeletionStatus: status, "iam:GetServiceLinkedRoleDeletionStatus", access::deletion;
}

const NAME_CHARACTERS_MAX: usize = 64;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateLinked {
        pub service: String = "AWSServiceName",
        pub description: Option<String> = "Description",
        pub suffix: Option<String> = "CustomSuffix",
    }

    #[derive(Clone, Debug)]
    pub struct Task { pub id: String = "DeletionTaskId" }

    #[derive(Clone, Debug)]
    pub struct Status { pub status: String = "Status" }
}

/// The name of the role that a service is linked to.
///
/// # Errors
/// `InvalidInput` for a service that has none.
pub(super) fn named(service: &str) -> Result<String, IamError> {
    Ok(linked_to(service)?.name(None))
}

/// Makes the role of a service that has one.
///
/// # Errors
/// As `CreateServiceLinkedRole`.
pub(super) fn make(cx: &mut Cx<'_>, service: &str) -> Result<(), IamError> {
    let linked = linked_to(service)?;
    let asked = CreateLinked { service: service.to_owned(), description: own_words(linked), suffix: None };
    create(cx, asked).map(drop)
}

fn linked_to(service: &str) -> Result<&'static service_linked::ServiceLinkedRole, IamError> {
    service_linked::find(service).ok_or_else(|| {
        IamError::InvalidInput(format!(
            "Service-linked roles are not supported for service principal {service}."
        ))
    })
}

fn create(cx: &mut Cx<'_>, req: CreateLinked) -> Result<OneRole, IamError> {
    let linked = linked_to(&req.service)?;
    if req.suffix.is_some() && !linked.custom_suffix {
        return Err(IamError::InvalidInput(format!("Custom suffix is not allowed for {}", req.service)));
    }
    let name = linked.name(req.suffix.as_deref());
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(IamError::InvalidInput(format!("The role name {name} is longer than 64 characters.")));
    }
    if ROLES.contains(cx.tx, &model::named(cx.account, &name))? {
        return Err(IamError::InvalidInput(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )));
    }
    let description = match req.description {
        None if asked_by_a_service(cx) => own_words(linked),
        asked => asked,
    };
    let mut role = Role {
        name,
        path: linked.path(),
        id: base::id::iam_unique_id(cx.rng(), "AROA"),
        created: cx.now.whole_seconds(),
        attached: linked.policy().map(|policy| policy.arn()).into_iter().collect(),
        description,
        session_seconds_max: 3600,
        linked_service: Some(req.service),
        ..Role::default()
    };
    trust::set(cx.tx, &mut role, &linked.trust_policy())?;
    let role = role::add(cx, role)?;
    let shown = role::RoleShown {
        // AWS: recorded; it answers its own text once, and afterwards the one that it keeps.
        trust: document::encoded(&linked.first_trust_policy()),
        last_used: None,
        session_seconds_max: None,
        ..role::shown(cx.tx, cx.account, &role)?
    };
    Ok(OneRole { role: shown })
}

/// What a service says of the role that it has made; AWS says nothing of one that a user asked for.
fn own_words(linked: &service_linked::ServiceLinkedRole) -> Option<String> {
    Some(linked.description).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Templates are what a user asks for.
fn asked_by_a_service(cx: &Cx<'_>) -> bool {
    let via = cx.request.via.last();
    matches!(cx.caller.principal, Principal::Service { .. })
        || via.is_some_and(|&service| service != "cloudformation.amazonaws.com")
}

fn delete(cx: &mut Cx<'_>, req: ByName) -> Result<Task, IamError> {
    let role = role::find(cx, &req.role_name)?;
    let Some(service) = role.linked_service.clone() else {
        return Err(IamError::NoSuchEntity(format!(
            "The service-linked role with name {} cannot be found.",
            req.role_name
        )));
    };
    let id = format!("task/aws-service-role/{service}/{}/{}", role.name, base::id::uuid(cx.rng()));
    let task = RoleDeletion { id: id.clone(), finished: cx.now };
    ROLE_DELETIONS.put(cx.tx, &job_key(cx.account, &id), &task);
    role::remove(cx, role);
    Ok(Task { id })
}

fn status(cx: &mut Cx<'_>, req: Task) -> Result<Status, IamError> {
    if !req.id.starts_with("task/aws-service-role/") {
        return Err(IamError::InvalidInput("Invalid task id".into()));
    }
    if !ROLE_DELETIONS.contains(cx.tx, &job_key(cx.account, &req.id))? {
        return Err(IamError::NoSuchEntity("Cannot find deletion status for given id.".into()));
    }
    Ok(Status { status: "SUCCEEDED".into() })
}
