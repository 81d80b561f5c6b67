//! The policies of roles, inline and managed. Those of service-linked roles are AWS's alone to change.

use super::role;
use crate::iam::attach::{self, AttachedPage};
use crate::iam::inline::{self, NamesPage};
use crate::iam::model::Role;
use crate::iam::{IamError, access::role as access};
use kernel::{Cx, Empty};

kernel::ops! {
    pub static OPS:
    PutRolePolicy: put, "iam:PutRolePolicy", access::policy;
    GetRolePolicy: get, "iam:GetRolePolicy", access::one;
    DeleteRolePolicy: delete, "iam:DeleteRolePolicy", access::policy;
    ListRolePolicies: list, "iam:ListRolePolicies", access::one;
    AttachRolePolicy: attach_policy, "iam:AttachRolePolicy", access::attach;
    DetachRolePolicy: detach_policy, "iam:DetachRolePolicy", access::attach;
    ListAttachedRolePolicies: list_attached, "iam:ListAttachedRolePolicies", access::one;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct PutRolePolicy {
        pub role_name: String = "RoleName",
        pub policy_name: String = "PolicyName",
        pub policy_document: String = "PolicyDocument",
    }

    #[derive(Clone, Debug)]
    pub struct Inline {
        pub role_name: String = "RoleName",
        pub policy_name: String = "PolicyName",
    }

    #[derive(Clone, Debug)]
    pub struct InlineShown {
        pub role_name: String = "RoleName",
        pub policy_name: String = "PolicyName",
        pub policy_document: String = "PolicyDocument",
    }

    #[derive(Clone, Debug)]
    pub struct Managed {
        pub role_name: String = "RoleName",
        pub policy_arn: String = "PolicyArn",
    }

    #[derive(Clone, Debug)]
    pub struct ListAttached {
        pub role_name: String = "RoleName",
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

fn put(cx: &mut Cx<'_>, req: PutRolePolicy) -> Result<Empty, IamError> {
    role::find_modifiable(cx, &req.role_name)?;
    inline::put::<Role>(cx, &req.role_name, req.policy_name, req.policy_document)?;
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: Inline) -> Result<InlineShown, IamError> {
    let (role_name, policy_document) = inline::get::<Role>(cx, &req.role_name, &req.policy_name)?;
    Ok(InlineShown { role_name, policy_name: req.policy_name, policy_document })
}

fn delete(cx: &mut Cx<'_>, req: Inline) -> Result<Empty, IamError> {
    role::find_modifiable(cx, &req.role_name)?;
    inline::delete::<Role>(cx, &req.role_name, &req.policy_name)?;
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: role::PageOf) -> Result<NamesPage, IamError> {
    inline::list::<Role>(cx, &req.role_name, req.marker.as_deref(), req.max_items)
}

fn attach_policy(cx: &mut Cx<'_>, req: Managed) -> Result<Empty, IamError> {
    role::find_modifiable(cx, &req.role_name)?;
    attach::attach::<Role>(cx, &req.role_name, &req.policy_arn)?;
    Ok(Empty)
}

fn detach_policy(cx: &mut Cx<'_>, req: Managed) -> Result<Empty, IamError> {
    role::find_modifiable(cx, &req.role_name)?;
    attach::detach::<Role>(cx, &req.role_name, &req.policy_arn)?;
    Ok(Empty)
}

fn list_attached(cx: &mut Cx<'_>, req: ListAttached) -> Result<AttachedPage, IamError> {
    let ListAttached { role_name, path_prefix, marker, max_items } = req;
    attach::list::<Role>(cx, &role_name, path_prefix.as_deref(), marker.as_deref(), max_items)
}
