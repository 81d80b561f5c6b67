//! Groups, who is in them, and their policies.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Group.html>

use super::user::UserShown;
use crate::iam::attach::{self, AttachedPage};
use crate::iam::holder::{self, must_hold_nothing};
use crate::iam::inline::{self, NamesPage};
use crate::iam::model::{self, GROUPS, Group, USERS, User};
use crate::iam::page::Paging;
use crate::iam::{IamError, access::group as access, access::user as user_access, quota};
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use store::Key;

const GROUPS_MAX: usize = 300;
const GROUPS_PER_USER_MAX: usize = 10;

kernel::ops! {
    pub static OPS:
    CreateGroup: create_group, "iam:CreateGroup", access::create;
    GetGroup: get_group, "iam:GetGroup", access::one;
    ListGroups: list_groups, "iam:ListGroups", access::all;
    UpdateGroup: update_group, "iam:UpdateGroup", access::update;
    DeleteGroup: delete_group, "iam:DeleteGroup", access::one;
    AddUserToGroup: add_user, "iam:AddUserToGroup", access::one;
    RemoveUserFromGroup: remove_user, "iam:RemoveUserFromGroup", access::one;
    ListGroupsForUser: list_groups_for_user, "iam:ListGroupsForUser", user_access::one;
    AttachGroupPolicy: attach_policy, "iam:AttachGroupPolicy", access::attach;
    DetachGroupPolicy: detach_policy, "iam:DetachGroupPolicy", access::attach;
    ListAttachedGroupPolicies: list_attached, "iam:ListAttachedGroupPolicies", access::one;
    PutGroupPolicy: put_policy, "iam:PutGroupPolicy", access::one;
    GetGroupPolicy: get_policy, "iam:GetGroupPolicy", access::one;
    DeleteGroupPolicy: delete_policy, "iam:DeleteGroupPolicy", access::one;
    ListGroupPolicies: list_policies, "iam:ListGroupPolicies", access::one;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateGroup {
        pub group_name: String = "GroupName",
        pub path: Option<String> = "Path",
    }

    #[derive(Clone, Debug)]
    pub struct GroupShown {
        pub path: String = "Path",
        pub group_name: String = "GroupName",
        pub group_id: String = "GroupId",
        pub arn: String = "Arn",
        pub create_date: Timestamp = "CreateDate",
    }

    #[derive(Clone, Debug)]
    pub struct OneGroup {
        pub group: GroupShown = "Group",
    }

    #[derive(Clone, Debug)]
    pub struct GroupNamed {
        pub group_name: String = "GroupName",
    }

    /// `GetGroup`, `ListGroupPolicies`.
    #[derive(Clone, Debug)]
    pub struct ListOfGroup {
        pub group_name: String = "GroupName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct GroupAndUsers {
        pub group: GroupShown = "Group",
        pub users: Vec<UserShown> = "Users",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct ListGroups {
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct ListGroupsForUser {
        pub user_name: String = "UserName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct GroupPage {
        pub groups: Vec<GroupShown> = "Groups",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateGroup {
        pub group_name: String = "GroupName",
        pub new_path: Option<String> = "NewPath",
        pub new_name: Option<String> = "NewGroupName",
    }

    #[derive(Clone, Debug)]
    pub struct Membership {
        pub group_name: String = "GroupName",
        pub user_name: String = "UserName",
    }

    #[derive(Clone, Debug)]
    pub struct AttachPolicy {
        pub group_name: String = "GroupName",
        pub policy_arn: String = "PolicyArn",
    }

    #[derive(Clone, Debug)]
    pub struct ListAttached {
        pub group_name: String = "GroupName",
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyNamed {
        pub group_name: String = "GroupName",
        pub policy_name: String = "PolicyName",
    }

    /// `PutGroupPolicy` in, `GetGroupPolicy` out.
    #[derive(Clone, Debug)]
    pub struct OnePolicy {
        pub group_name: String = "GroupName",
        pub policy_name: String = "PolicyName",
        pub document: String = "PolicyDocument",
    }
}

fn shown(account: AccountId, group: &Group) -> GroupShown {
    GroupShown {
        path: group.path.clone(),
        group_name: group.name.clone(),
        group_id: group.id.clone(),
        arn: group.arn(account),
        create_date: group.created,
    }
}

fn create_group(cx: &mut Cx<'_>, req: CreateGroup) -> Result<OneGroup, IamError> {
    let account = cx.account;
    holder::must_be_new::<Group>(cx.tx, account, &req.group_name)?;
    if !cx.has_room(&GROUPS, &Key::account(account), GROUPS_MAX)? {
        return Err(quota("GroupsPerAccount", GROUPS_MAX));
    }
    let group = Group {
        name: req.group_name,
        path: req.path.unwrap_or_else(|| "/".into()),
        id: base::id::iam_unique_id(cx.rng(), "AGPA"),
        created: cx.now.whole_seconds(),
        ..Group::default()
    };
    holder::save(cx.tx, account, &group);
    Ok(OneGroup { group: shown(account, &group) })
}

fn get_group(cx: &mut Cx<'_>, req: ListOfGroup) -> Result<GroupAndUsers, IamError> {
    let account = cx.account;
    let group: Group = holder::find(cx.tx, account, &req.group_name)?;
    let paging = Paging::of(cx, &[&group.id], req.marker.as_deref(), req.max_items)?;
    let (names, is_truncated, marker) = paging.slice(cx, group.members.clone(), String::clone).parts();
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        let user = USERS.get(cx.tx, &model::named(account, &name))?;
        users.extend(user.map(|user| UserShown::brief(account, &user)));
    }
    Ok(GroupAndUsers { group: shown(account, &group), users, is_truncated, marker })
}

fn list_groups(cx: &mut Cx<'_>, req: ListGroups) -> Result<GroupPage, IamError> {
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::of(cx, &[prefix], req.marker.as_deref(), req.max_items)?;
    let page = paging.table(cx, &GROUPS, |group| &group.name, |group| group.path.starts_with(prefix))?;
    let (groups, is_truncated, marker) = page.map(|group| shown(cx.account, &group)).parts();
    Ok(GroupPage { groups, is_truncated, marker })
}

/// The users in it follow a new name; its id stays.
fn update_group(cx: &mut Cx<'_>, req: UpdateGroup) -> Result<Empty, IamError> {
    let account = cx.account;
    let mut group: Group = holder::find(cx.tx, account, &req.group_name)?;
    if let Some(path) = req.new_path {
        group.path = path;
    }
    if let Some(name) = req.new_name {
        if !name.eq_ignore_ascii_case(&group.name) {
            holder::must_be_new::<Group>(cx.tx, account, &name)?;
        }
        holder::index(cx.tx, account, &mut group, false);
        GROUPS.delete(cx.tx, &model::named(account, &group.name));
        let old = std::mem::replace(&mut group.name, name);
        holder::index(cx.tx, account, &mut group, true);
        for member in &group.members {
            let key = model::named(account, member);
            if let Some(mut user) = USERS.get(cx.tx, &key)? {
                user.groups
                    .iter_mut()
                    .filter(|held| **held == old)
                    .for_each(|held| held.clone_from(&group.name));
                USERS.put(cx.tx, &key, &user);
            }
        }
    }
    holder::save(cx.tx, account, &group);
    Ok(Empty)
}

fn delete_group(cx: &mut Cx<'_>, req: GroupNamed) -> Result<Empty, IamError> {
    let account = cx.account;
    let mut group: Group = holder::find(cx.tx, account, &req.group_name)?;
    if !group.members.is_empty() {
        return Err(IamError::DeleteConflict(
            "Cannot delete entity, must remove users from group first.".into(),
        ));
    }
    must_hold_nothing(&mut group)?;
    GROUPS.delete(cx.tx, &model::named(account, &group.name));
    Ok(Empty)
}

/// Who is in it already stays in it.
fn add_user(cx: &mut Cx<'_>, req: Membership) -> Result<Empty, IamError> {
    let account = cx.account;
    let mut group: Group = holder::find(cx.tx, account, &req.group_name)?;
    let mut user: User = holder::find(cx.tx, account, &req.user_name)?;
    if user.groups.contains(&group.name) {
        return Ok(Empty);
    }
    if user.groups.len() >= GROUPS_PER_USER_MAX {
        return Err(quota("GroupsPerUser", GROUPS_PER_USER_MAX));
    }
    user.groups.push(group.name.clone());
    group.members.push(user.name.clone());
    holder::save(cx.tx, account, &user);
    holder::save(cx.tx, account, &group);
    Ok(Empty)
}

fn remove_user(cx: &mut Cx<'_>, req: Membership) -> Result<Empty, IamError> {
    let account = cx.account;
    let mut group: Group = holder::find(cx.tx, account, &req.group_name)?;
    let mut user: User = holder::find(cx.tx, account, &req.user_name)?;
    if !user.groups.contains(&group.name) {
        let (user, group) = (user.name, group.name);
        return Err(IamError::NoSuchEntity(format!("User {user} not in group {group}")));
    }
    user.groups.retain(|name| *name != group.name);
    group.members.retain(|name| *name != user.name);
    holder::save(cx.tx, account, &user);
    holder::save(cx.tx, account, &group);
    Ok(Empty)
}

fn list_groups_for_user(cx: &mut Cx<'_>, req: ListGroupsForUser) -> Result<GroupPage, IamError> {
    let account = cx.account;
    let user: User = holder::find(cx.tx, account, &req.user_name)?;
    let paging = Paging::of(cx, &[&user.id], req.marker.as_deref(), req.max_items)?;
    let (names, is_truncated, marker) = paging.slice(cx, user.groups, String::clone).parts();
    let mut groups = Vec::with_capacity(names.len());
    for name in names {
        let group = GROUPS.get(cx.tx, &model::named(account, &name))?;
        groups.extend(group.map(|group| shown(account, &group)));
    }
    Ok(GroupPage { groups, is_truncated, marker })
}

fn attach_policy(cx: &mut Cx<'_>, req: AttachPolicy) -> Result<Empty, IamError> {
    attach::attach::<Group>(cx, &req.group_name, &req.policy_arn).map(|()| Empty)
}

fn detach_policy(cx: &mut Cx<'_>, req: AttachPolicy) -> Result<Empty, IamError> {
    attach::detach::<Group>(cx, &req.group_name, &req.policy_arn).map(|()| Empty)
}

fn list_attached(cx: &mut Cx<'_>, req: ListAttached) -> Result<AttachedPage, IamError> {
    attach::list::<Group>(
        cx,
        &req.group_name,
        req.path_prefix.as_deref(),
        req.marker.as_deref(),
        req.max_items,
    )
}

fn put_policy(cx: &mut Cx<'_>, req: OnePolicy) -> Result<Empty, IamError> {
    inline::put::<Group>(cx, &req.group_name, req.policy_name, req.document).map(|()| Empty)
}

fn get_policy(cx: &mut Cx<'_>, req: PolicyNamed) -> Result<OnePolicy, IamError> {
    let (group_name, document) = inline::get::<Group>(cx, &req.group_name, &req.policy_name)?;
    Ok(OnePolicy { group_name, policy_name: req.policy_name, document })
}

fn delete_policy(cx: &mut Cx<'_>, req: PolicyNamed) -> Result<Empty, IamError> {
    inline::delete::<Group>(cx, &req.group_name, &req.policy_name).map(|()| Empty)
}

fn list_policies(cx: &mut Cx<'_>, req: ListOfGroup) -> Result<NamesPage, IamError> {
    inline::list::<Group>(cx, &req.group_name, req.marker.as_deref(), req.max_items)
}
