//! Roles, their trust, tags and boundary.
//!
//! Service-linked roles are made and deleted by `ops::service_linked`; of them only the description may be changed.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>

use crate::iam::attach::{self, AttachedBoundary};
use crate::iam::holder::{self, must_be_new, must_hold_nothing};
use crate::iam::model::{self, PROFILES_BY_ROLE, ROLES, Role, role_key};
use crate::iam::page::Paging;
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::role as access, document, quota, trust};
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use store::{Key, Tx};

kernel::ops! {
    pub static OPS:
    CreateRole: create, "iam:CreateRole", access::create;
    GetRole: get, "iam:GetRole", access::one;
    ListRoles: list, "iam:ListRoles", access::all;
    UpdateRole: update, "iam:UpdateRole", access::one;
    UpdateRoleDescription: update_description, "iam:UpdateRoleDescription", access::one;
    UpdateAssumeRolePolicy: update_trust, "iam:UpdateAssumeRolePolicy", access::one;
    DeleteRole: delete, "iam:DeleteRole", access::one;
    TagRole: tag, "iam:TagRole", access::one;
    UntagRole: untag, "iam:UntagRole", access::one;
    ListRoleTags: list_tags, "iam:ListRoleTags", access::one;
    PutRolePermissionsBoundary: put_boundary, "iam:PutRolePermissionsBoundary", access::boundary;
    DeleteRolePermissionsBoundary: delete_boundary, "iam:DeleteRolePermissionsBoundary", access::policy;
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const ROLES_MAX: usize = 1000;
const SESSION_SECONDS_DEFAULT: u32 = 3600;
/// Where only `CreateServiceLinkedRole` makes roles.
const SERVICE_LINKED_PATH: &str = "/aws-service-role/";

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateRole {
        pub role_name: String = "RoleName",
        pub path: Option<String> = "Path",
        pub trust: String = "AssumeRolePolicyDocument",
        pub description: Option<String> = "Description",
        pub session_seconds_max: Option<u32> = "MaxSessionDuration",
        pub boundary: Option<String> = "PermissionsBoundary",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct RoleShown {
        pub path: String = "Path",
        pub role_name: String = "RoleName",
        pub role_id: String = "RoleId",
        pub arn: String = "Arn",
        pub create_date: Timestamp = "CreateDate",
        pub trust: String = "AssumeRolePolicyDocument",
        pub description: Option<String> = "Description",
        pub session_seconds_max: Option<u32> = "MaxSessionDuration",
        pub boundary: Option<AttachedBoundary> = "PermissionsBoundary",
        pub tags: Option<Vec<Tag>> = "Tags",
        pub last_used: Option<RoleLastUsed> = "RoleLastUsed",
    }

    #[derive(Clone, Debug)]
    pub struct RoleLastUsed {
        pub at: Option<Timestamp> = "LastUsedDate",
        pub region: Option<String> = "Region",
    }

    #[derive(Clone, Debug)]
    pub struct OneRole { pub role: RoleShown = "Role" }

    #[derive(Clone, Debug)]
    pub struct ByName { pub role_name: String = "RoleName" }

    #[derive(Clone, Debug)]
    pub struct ListRoles {
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct RolePage {
        pub roles: Vec<RoleShown> = "Roles",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateRole {
        pub role_name: String = "RoleName",
        pub description: Option<String> = "Description",
        pub session_seconds_max: Option<u32> = "MaxSessionDuration",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateDescription {
        pub role_name: String = "RoleName",
        pub description: String = "Description",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateTrust {
        pub role_name: String = "RoleName",
        pub policy_document: String = "PolicyDocument",
    }

    #[derive(Clone, Debug)]
    pub struct TagRole {
        pub role_name: String = "RoleName",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagRole {
        pub role_name: String = "RoleName",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct PageOf {
        pub role_name: String = "RoleName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct PutBoundary {
        pub role_name: String = "RoleName",
        pub boundary: String = "PermissionsBoundary",
    }
}

/// A role as `GetRole` shows it.
///
/// # Errors
/// The store's own.
pub fn shown(tx: &Tx, account: AccountId, role: &Role) -> Result<RoleShown, IamError> {
    Ok(RoleShown {
        boundary: attach::boundary_shown(role.boundary.as_deref()),
        tags: tags::shown(&role.tags),
        last_used: Some(last_used(role)),
        ..listed(tx, account, role)?
    })
}

/// A role as lists show it: without boundary, tags and last use.
///
/// # Errors
/// The store's own.
pub fn listed(tx: &Tx, account: AccountId, role: &Role) -> Result<RoleShown, IamError> {
    Ok(RoleShown {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        arn: role.arn(account),
        create_date: role.created,
        trust: document::encoded(&trust::shown(tx, role)?),
        description: role.description.clone(),
        session_seconds_max: Some(role.session_seconds_max),
        boundary: None,
        tags: None,
        last_used: None,
    })
}

pub fn last_used(role: &Role) -> RoleLastUsed {
    RoleLastUsed { at: role.last_used, region: role.last_used_region.clone() }
}

/// # Errors
/// `NoSuchEntity`.
pub fn find(cx: &Cx<'_>, name: &str) -> Result<Role, IamError> {
    holder::find(cx.tx, cx.account, name)
}

/// A role that its account may change.
///
/// # Errors
/// `NoSuchEntity`; `UnmodifiableEntity` for a service-linked role.
pub fn find_modifiable(cx: &Cx<'_>, name: &str) -> Result<Role, IamError> {
    let role = find(cx, name)?;
    if role.linked_service.is_some() {
        return Err(protected(&role));
    }
    Ok(role)
}

fn protected(role: &Role) -> IamError {
    IamError::UnmodifiableEntity(format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        role.name
    ))
}

pub fn save(cx: &mut Cx<'_>, role: &Role) {
    holder::save(cx.tx, cx.account, role);
}

/// Writes a role that was made, and what leads to it.
///
/// # Errors
/// `EntityAlreadyExists`, `LimitExceeded`.
pub fn add(cx: &mut Cx<'_>, mut role: Role) -> Result<Role, IamError> {
    must_be_new::<Role>(cx.tx, cx.account, &role.name)?;
    if !cx.has_room(&ROLES, &Key::account(cx.account), ROLES_MAX)? {
        return Err(quota("RolesPerAccount", ROLES_MAX));
    }
    save(cx, &role);
    holder::index(cx.tx, cx.account, &mut role, true);
    Ok(role)
}

/// Deletes a role with what leads to it.
pub fn remove(cx: &mut Cx<'_>, mut role: Role) {
    holder::index(cx.tx, cx.account, &mut role, false);
    ROLES.delete(cx.tx, &model::named(cx.account, &role.name));
}

/// Whether an instance profile holds the role.
///
/// # Errors
/// `DeleteConflict`.
pub fn must_be_in_no_profile(cx: &Cx<'_>, role: &Role) -> Result<(), IamError> {
    if PROFILES_BY_ROLE.first(cx.tx, &role_key(cx.account, &role.name))?.is_some() {
        return Err(IamError::DeleteConflict(
            "Cannot delete entity, must remove roles from instance profile first.".into(),
        ));
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: CreateRole) -> Result<OneRole, IamError> {
    if req.path.as_deref().is_some_and(|path| path.starts_with(SERVICE_LINKED_PATH)) {
        return Err(IamError::InvalidInput(format!(
            "Path prefix '{SERVICE_LINKED_PATH}' can only be used for AWS Service linked Roles"
        )));
    }
    must_be_new::<Role>(cx.tx, cx.account, &req.role_name)?;
    if let Some(boundary) = &req.boundary {
        attach::must_be_boundary(cx.tx, cx.account, boundary)?;
    }
    let mut role = Role {
        name: req.role_name,
        path: req.path.unwrap_or_else(|| "/".into()),
        id: base::id::iam_unique_id(cx.rng(), "AROA"),
        created: cx.now.whole_seconds(),
        tags: tags::checked(req.tags)?,
        boundary: req.boundary,
        description: req.description,
        session_seconds_max: req.session_seconds_max.unwrap_or(SESSION_SECONDS_DEFAULT),
        ..Role::default()
    };
    trust::set(cx.tx, &mut role, &req.trust)?;
    let role = add(cx, role)?;
    // AWS: what is new is shown as it was asked for.
    let shown = RoleShown {
        trust: document::encoded(&req.trust),
        session_seconds_max: req.session_seconds_max,
        last_used: None,
        ..shown(cx.tx, cx.account, &role)?
    };
    Ok(OneRole { role: shown })
}

fn get(cx: &mut Cx<'_>, req: ByName) -> Result<OneRole, IamError> {
    let role = find(cx, &req.role_name)?;
    Ok(OneRole { role: shown(cx.tx, cx.account, &role)? })
}

fn list(cx: &mut Cx<'_>, req: ListRoles) -> Result<RolePage, IamError> {
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::of(cx, &[prefix], req.marker.as_deref(), req.max_items)?;
    let page = paging.table(cx, &ROLES, |role| &role.name, |role| role.path.starts_with(prefix))?;
    let (roles, is_truncated, marker) = page.parts();
    let roles = roles.iter().map(|role| listed(cx.tx, cx.account, role)).collect::<Result<_, _>>()?;
    Ok(RolePage { roles, is_truncated, marker })
}

fn update(cx: &mut Cx<'_>, req: UpdateRole) -> Result<Empty, IamError> {
    let mut role = find(cx, &req.role_name)?;
    if let Some(seconds) = req.session_seconds_max {
        if role.linked_service.is_some() {
            return Err(IamError::UnmodifiableEntity(format!(
                "{} is an AWS service linked role, max session duration cannot be changed.",
                role.name
            )));
        }
        role.session_seconds_max = seconds;
    }
    if let Some(description) = req.description {
        role.description = Some(description);
    }
    save(cx, &role);
    Ok(Empty)
}

fn update_description(cx: &mut Cx<'_>, req: UpdateDescription) -> Result<OneRole, IamError> {
    let mut role = find(cx, &req.role_name)?;
    role.description = Some(req.description);
    save(cx, &role);
    Ok(OneRole { role: shown(cx.tx, cx.account, &role)? })
}

fn update_trust(cx: &mut Cx<'_>, req: UpdateTrust) -> Result<Empty, IamError> {
    let mut role = find_modifiable(cx, &req.role_name)?;
    trust::set(cx.tx, &mut role, &req.policy_document)?;
    save(cx, &role);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: ByName) -> Result<Empty, IamError> {
    let mut role = find_modifiable(cx, &req.role_name)?;
    must_be_in_no_profile(cx, &role)?;
    must_hold_nothing(&mut role)?;
    remove(cx, role);
    Ok(Empty)
}

fn tag(cx: &mut Cx<'_>, req: TagRole) -> Result<Empty, IamError> {
    let mut role = find(cx, &req.role_name)?;
    tags::add(&mut role.tags, req.tags, "TagsPerRole")?;
    save(cx, &role);
    Ok(Empty)
}

fn untag(cx: &mut Cx<'_>, req: UntagRole) -> Result<Empty, IamError> {
    let mut role = find(cx, &req.role_name)?;
    tags::remove(&mut role.tags, &req.tag_keys);
    save(cx, &role);
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: PageOf) -> Result<TagPage, IamError> {
    let role = find(cx, &req.role_name)?;
    let paging = Paging::of(cx, &[&role.name], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags::list(&role.tags), |tag| tag.key.clone()).into())
}

fn put_boundary(cx: &mut Cx<'_>, req: PutBoundary) -> Result<Empty, IamError> {
    find_modifiable(cx, &req.role_name)?;
    attach::set_boundary::<Role>(cx, &req.role_name, Some(&req.boundary))?;
    Ok(Empty)
}

fn delete_boundary(cx: &mut Cx<'_>, req: ByName) -> Result<Empty, IamError> {
    find_modifiable(cx, &req.role_name)?;
    attach::set_boundary::<Role>(cx, &req.role_name, None)?;
    Ok(Empty)
}
