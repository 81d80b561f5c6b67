//! `GetAccountAuthorizationDetails`: every user, group, role and policy of an account with what hangs on it.
//!
//! Of AWS's policies those are told that somebody in the account has.

use super::instance_profile::{self, ProfileShown};
use super::policy::{self, AnyPolicy};
use super::policy_list;
use super::policy_version::{self, PolicyVersion};
use super::role::{self, RoleLastUsed};
use crate::iam::attach::{self, AttachedBoundary, AttachedPolicy};
use crate::iam::attached::last_part;
use crate::iam::model::{GROUPS, Group, ROLES, Role, USERS, User};
use crate::iam::page::Paging;
use crate::iam::tags::{self, Tag};
use crate::iam::{IamError, document, trust};
use base::Timestamp;
use kernel::Cx;
use std::collections::BTreeMap;
use store::{Direction, Key, Record, Table};

kernel::ops! {
    pub static OPS:
    GetAccountAuthorizationDetails: get, "iam:GetAccountAuthorizationDetails", kernel::access::any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct GetDetails {
        pub filter: Vec<String> = "Filter",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Details {
        pub users: Vec<UserDetail> = "UserDetailList",
        pub groups: Vec<GroupDetail> = "GroupDetailList",
        pub roles: Vec<RoleDetail> = "RoleDetailList",
        pub policies: Vec<PolicyInFull> = "Policies",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct InlinePolicy {
        pub name: String = "PolicyName",
        pub document: String = "PolicyDocument",
    }

    #[derive(Clone, Debug)]
    pub struct UserDetail {
        pub path: String = "Path",
        pub name: String = "UserName",
        pub id: String = "UserId",
        pub arn: String = "Arn",
        pub create_date: Timestamp = "CreateDate",
        pub inline: Vec<InlinePolicy> = "UserPolicyList",
        pub groups: Vec<String> = "GroupList",
        pub attached: Vec<AttachedPolicy> = "AttachedManagedPolicies",
        pub boundary: Option<AttachedBoundary> = "PermissionsBoundary",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct GroupDetail {
        pub path: String = "Path",
        pub name: String = "GroupName",
        pub id: String = "GroupId",
        pub arn: String = "Arn",
        pub create_date: Timestamp = "CreateDate",
        pub inline: Vec<InlinePolicy> = "GroupPolicyList",
        pub attached: Vec<AttachedPolicy> = "AttachedManagedPolicies",
    }

    #[derive(Clone, Debug)]
    pub struct RoleDetail {
        pub path: String = "Path",
        pub name: String = "RoleName",
        pub id: String = "RoleId",
        pub arn: String = "Arn",
        pub create_date: Timestamp = "CreateDate",
        pub trust: String = "AssumeRolePolicyDocument",
        pub profiles: Vec<ProfileShown> = "InstanceProfileList",
        pub inline: Vec<InlinePolicy> = "RolePolicyList",
        pub attached: Vec<AttachedPolicy> = "AttachedManagedPolicies",
        pub boundary: Option<AttachedBoundary> = "PermissionsBoundary",
        pub tags: Vec<Tag> = "Tags",
        pub last_used: RoleLastUsed = "RoleLastUsed",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyInFull {
        pub name: String = "PolicyName",
        pub id: String = "PolicyId",
        pub arn: String = "Arn",
        pub path: String = "Path",
        pub default_version: String = "DefaultVersionId",
        pub attachment_count: i32 = "AttachmentCount",
        pub boundary_count: i32 = "PermissionsBoundaryUsageCount",
        pub is_attachable: bool = "IsAttachable",
        pub description: Option<String> = "Description",
        pub create_date: Timestamp = "CreateDate",
        pub update_date: Timestamp = "UpdateDate",
        pub versions: Vec<PolicyVersion> = "PolicyVersionList",
    }
}

/// One entry of the answer, before it is dressed.
enum Item {
    User(User),
    Group(Group),
    Role(Role),
    Policy(AnyPolicy),
}

fn inline(policies: &BTreeMap<String, String>) -> Vec<InlinePolicy> {
    let shown = |(name, text): (&String, &String)| InlinePolicy {
        name: name.clone(),
        document: document::encoded(text),
    };
    policies.iter().map(shown).collect()
}

fn attached(arns: &[String]) -> Vec<AttachedPolicy> {
    let shown =
        |arn: &String| AttachedPolicy { policy_name: last_part(arn).to_owned(), policy_arn: arn.clone() };
    arns.iter().map(shown).collect()
}

fn all<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    wrap: fn(R) -> Item,
    out: &mut Vec<Item>,
) -> Result<(), IamError> {
    for pair in table.scan(cx.tx, &Key::account(cx.account), Direction::Forward) {
        out.push(wrap(pair?.1));
    }
    Ok(())
}

fn items(cx: &Cx<'_>, filter: &[String]) -> Result<Vec<Item>, IamError> {
    let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|one| one == kind);
    let mut out = Vec::new();
    if wanted("User") {
        all(cx, &USERS, Item::User, &mut out)?;
    }
    if wanted("Group") {
        all(cx, &GROUPS, Item::Group, &mut out)?;
    }
    if wanted("Role") {
        all(cx, &ROLES, Item::Role, &mut out)?;
    }
    if wanted("LocalManagedPolicy") {
        out.extend(policy_list::of_scope(cx.tx, cx.account, true, false)?.into_iter().map(Item::Policy));
    }
    if wanted("AWSManagedPolicy") {
        for policy in policy_list::of_scope(cx.tx, cx.account, false, true)? {
            let arn = policy.arn(cx.account);
            let uses = |boundary| policy::uses(cx.tx, cx.account, &arn, boundary);
            if uses(false)? + uses(true)? > 0 {
                out.push(Item::Policy(policy));
            }
        }
    }
    Ok(out)
}

fn get(cx: &mut Cx<'_>, req: GetDetails) -> Result<Details, IamError> {
    let paging = Paging::of(cx, &[&req.filter.join(",")], req.marker.as_deref(), req.max_items)?;
    let account = cx.account;
    let position = |item: &Item| match item {
        Item::User(user) => user.arn(account),
        Item::Group(group) => group.arn(account),
        Item::Role(role) => role.arn(account),
        Item::Policy(policy) => policy.arn(account),
    };
    let all = items(cx, &req.filter)?;
    let (items, is_truncated, marker) = paging.slice(cx, all, position).parts();
    let mut details =
        Details { users: vec![], groups: vec![], roles: vec![], policies: vec![], is_truncated, marker };
    for item in items {
        match item {
            Item::User(user) => details.users.push(user_detail(cx, user)),
            Item::Group(group) => details.groups.push(group_detail(cx, group)),
            Item::Role(role) => details.roles.push(role_detail(cx, role)?),
            Item::Policy(policy) => details.policies.push(policy_detail(cx, &policy)?),
        }
    }
    Ok(details)
}

fn user_detail(cx: &Cx<'_>, user: User) -> UserDetail {
    UserDetail {
        arn: user.arn(cx.account),
        inline: inline(&user.inline),
        attached: attached(&user.attached),
        boundary: attach::boundary_shown(user.boundary.as_deref()),
        tags: tags::list(&user.tags),
        path: user.path,
        name: user.name,
        id: user.id,
        create_date: user.created,
        groups: user.groups,
    }
}

fn group_detail(cx: &Cx<'_>, group: Group) -> GroupDetail {
    GroupDetail {
        arn: group.arn(cx.account),
        inline: inline(&group.inline),
        attached: attached(&group.attached),
        path: group.path,
        name: group.name,
        id: group.id,
        create_date: group.created,
    }
}

fn role_detail(cx: &Cx<'_>, role: Role) -> Result<RoleDetail, IamError> {
    let profiles = instance_profile::of_role(cx.tx, cx.account, &role)?;
    let profiles = profiles.iter().map(|profile| instance_profile::listed(cx.tx, cx.account, profile));
    Ok(RoleDetail {
        arn: role.arn(cx.account),
        trust: document::encoded(&trust::shown(cx.tx, &role)?),
        profiles: profiles.collect::<Result<_, _>>()?,
        inline: inline(&role.inline),
        attached: attached(&role.attached),
        boundary: attach::boundary_shown(role.boundary.as_deref()),
        tags: tags::list(&role.tags),
        last_used: role::last_used(&role),
        path: role.path,
        name: role.name,
        id: role.id,
        create_date: role.created,
    })
}

fn policy_detail(cx: &Cx<'_>, policy: &AnyPolicy) -> Result<PolicyInFull, IamError> {
    let shown = policy.shown(cx.tx, cx.account)?;
    Ok(PolicyInFull {
        name: shown.policy_name,
        id: shown.policy_id,
        arn: shown.arn,
        path: shown.path,
        default_version: shown.default_version_id,
        attachment_count: shown.attachment_count,
        boundary_count: shown.permissions_boundary_usage_count,
        is_attachable: shown.is_attachable,
        description: match policy {
            AnyPolicy::Own(policy) => policy.description.clone(),
            AnyPolicy::Aws(_) | AnyPolicy::Partner(_) => None,
        },
        create_date: shown.create_date,
        update_date: shown.update_date,
        versions: policy_version::versions(policy),
    })
}
