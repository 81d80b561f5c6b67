//! Users, their tags, boundary and policies.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html>

use crate::iam::attach::{self, AttachedBoundary, AttachedPage};
use crate::iam::holder::{self, must_hold_nothing};
use crate::iam::inline::{self, NamesPage};
use crate::iam::model::{
    self, ACCESS_KEYS, GROUPS, LOGIN_PROFILES, MFA_DEVICES, SERVICE_CREDENTIALS, SIGNING_CERTIFICATES,
    SSH_PUBLIC_KEYS, USERS, User, mfa_key, of_user,
};
use crate::iam::page::Paging;
use crate::iam::subject::{self, Subject};
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::user as access, quota};
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use store::{Key, Tx};

const USERS_MAX: usize = 5000;

kernel::ops! {
    pub static OPS:
    CreateUser: create_user, "iam:CreateUser", access::create;
    GetUser: get_user, "iam:GetUser", subject::access;
    ListUsers: list_users, "iam:ListUsers", access::all;
    UpdateUser: update_user, "iam:UpdateUser", access::update;
    DeleteUser: delete_user, "iam:DeleteUser", access::one;
    TagUser: tag_user, "iam:TagUser", access::one;
    UntagUser: untag_user, "iam:UntagUser", access::one;
    ListUserTags: list_user_tags, "iam:ListUserTags", access::one;
    PutUserPermissionsBoundary: put_boundary, "iam:PutUserPermissionsBoundary", access::boundary;
    DeleteUserPermissionsBoundary: delete_boundary, "iam:DeleteUserPermissionsBoundary", access::policy;
    AttachUserPolicy: attach_policy, "iam:AttachUserPolicy", access::attach;
    DetachUserPolicy: detach_policy, "iam:DetachUserPolicy", access::attach;
    ListAttachedUserPolicies: list_attached, "iam:ListAttachedUserPolicies", access::one;
    PutUserPolicy: put_policy, "iam:PutUserPolicy", access::policy;
    GetUserPolicy: get_policy, "iam:GetUserPolicy", access::one;
    DeleteUserPolicy: delete_policy, "iam:DeleteUserPolicy", access::policy;
    ListUserPolicies: list_policies, "iam:ListUserPolicies", access::one;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateUser {
        pub user_name: String = "UserName",
        pub path: Option<String> = "Path",
        pub boundary: Option<String> = "PermissionsBoundary",
        pub tags: Vec<Tag> = "Tags",
    }

    /// A user in an answer. Of root only what AWS answers of it.
    #[derive(Clone, Debug)]
    pub struct UserShown {
        pub path: Option<String> = "Path",
        pub user_name: Option<String> = "UserName",
        pub user_id: String = "UserId",
        pub arn: String = "Arn",
        pub create_date: Option<Timestamp> = "CreateDate",
        pub password_last_used: Option<Timestamp> = "PasswordLastUsed",
        pub boundary: Option<AttachedBoundary> = "PermissionsBoundary",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct OneUser {
        pub user: UserShown = "User",
    }

    #[derive(Clone, Debug)]
    pub struct GetUser {
        pub user_name: Option<String> = "UserName",
    }

    #[derive(Clone, Debug)]
    pub struct ListUsers {
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct UserPage {
        pub users: Vec<UserShown> = "Users",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateUser {
        pub user_name: String = "UserName",
        pub new_path: Option<String> = "NewPath",
        pub new_name: Option<String> = "NewUserName",
    }

    #[derive(Clone, Debug)]
    pub struct UserNamed {
        pub user_name: String = "UserName",
    }

    #[derive(Clone, Debug)]
    pub struct TagUser {
        pub user_name: String = "UserName",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagUser {
        pub user_name: String = "UserName",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    /// `ListUserTags`, `ListUserPolicies`.
    #[derive(Clone, Debug)]
    pub struct ListOfUser {
        pub user_name: String = "UserName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct PutBoundary {
        pub user_name: String = "UserName",
        pub boundary: String = "PermissionsBoundary",
    }

    #[derive(Clone, Debug)]
    pub struct AttachPolicy {
        pub user_name: String = "UserName",
        pub policy_arn: String = "PolicyArn",
    }

    #[derive(Clone, Debug)]
    pub struct ListAttached {
        pub user_name: String = "UserName",
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct PutPolicy {
        pub user_name: String = "UserName",
        pub policy_name: String = "PolicyName",
        pub document: String = "PolicyDocument",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyNamed {
        pub user_name: String = "UserName",
        pub policy_name: String = "PolicyName",
    }
}

impl UserShown {
    /// As `CreateUser` and `GetUser` show it.
    pub(super) fn whole(account: AccountId, user: &User) -> UserShown {
        UserShown {
            boundary: attach::boundary_shown(user.boundary.as_deref()),
            tags: tags::shown(&user.tags),
            ..UserShown::brief(account, user)
        }
    }

    /// As lists show it: without boundary and tags.
    pub(super) fn brief(account: AccountId, user: &User) -> UserShown {
        UserShown {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn(account),
            create_date: Some(user.created),
            password_last_used: user.password_last_used,
            boundary: None,
            tags: None,
        }
    }

    /// Root, of which nothing else is known.
    pub(super) fn root(account: AccountId) -> UserShown {
        UserShown {
            path: None,
            user_name: None,
            user_id: account.to_string(),
            arn: format!("arn:aws:iam::{account}:root"),
            create_date: None,
            password_last_used: None,
            boundary: None,
            tags: None,
        }
    }
}

fn create_user(cx: &mut Cx<'_>, req: CreateUser) -> Result<OneUser, IamError> {
    let account = cx.account;
    holder::must_be_new::<User>(cx.tx, account, &req.user_name)?;
    if let Some(arn) = &req.boundary {
        attach::must_be_boundary(cx.tx, account, arn)?;
    }
    if !cx.has_room(&USERS, &Key::account(account), USERS_MAX)? {
        return Err(quota("UsersPerAccount", USERS_MAX));
    }
    let mut user = User {
        name: req.user_name,
        path: req.path.unwrap_or_else(|| "/".into()),
        id: base::id::iam_unique_id(cx.rng(), "AIDA"),
        created: cx.now.whole_seconds(),
        tags: tags::checked(req.tags)?,
        boundary: req.boundary,
        ..User::default()
    };
    holder::index(cx.tx, account, &mut user, true);
    holder::save(cx.tx, account, &user);
    Ok(OneUser { user: UserShown::whole(account, &user) })
}

fn get_user(cx: &mut Cx<'_>, req: GetUser) -> Result<OneUser, IamError> {
    Ok(OneUser {
        user: match Subject::of(cx, req.user_name.as_deref())? {
            Subject::Root => UserShown::root(cx.account),
            Subject::User(user) => UserShown::whole(cx.account, &user),
        },
    })
}

fn list_users(cx: &mut Cx<'_>, req: ListUsers) -> Result<UserPage, IamError> {
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::of(cx, &[prefix], req.marker.as_deref(), req.max_items)?;
    let page = paging.table(cx, &USERS, |user| &user.name, |user| user.path.starts_with(prefix))?;
    let (users, is_truncated, marker) = page.map(|user| UserShown::brief(cx.account, &user)).parts();
    Ok(UserPage { users, is_truncated, marker })
}

/// The user's id stays, and with it everything that belongs to the id.
fn update_user(cx: &mut Cx<'_>, req: UpdateUser) -> Result<Empty, IamError> {
    let account = cx.account;
    let mut user: User = holder::find(cx.tx, account, &req.user_name)?;
    if let Some(path) = req.new_path {
        user.path = path;
    }
    if let Some(name) = req.new_name {
        rename(cx.tx, account, &mut user, name)?;
    }
    holder::save(cx.tx, account, &user);
    Ok(Empty)
}

/// Wherever the user is known by its name, it is from now on known by the new one.
fn rename(tx: &mut Tx, account: AccountId, user: &mut User, name: String) -> Result<(), IamError> {
    if !name.eq_ignore_ascii_case(&user.name) {
        holder::must_be_new::<User>(tx, account, &name)?;
    }
    let old = std::mem::take(&mut user.name);
    user.name = old.clone();
    holder::index(tx, account, user, false);
    USERS.delete(tx, &model::named(account, &old));
    user.name = name;
    holder::index(tx, account, user, true);
    for group in &user.groups {
        let key = model::named(account, group);
        if let Some(mut group) = GROUPS.get(tx, &key)? {
            group
                .members
                .iter_mut()
                .filter(|member| **member == old)
                .for_each(|member| member.clone_from(&user.name));
            GROUPS.put(tx, &key, &group);
        }
    }
    for id in &user.access_keys {
        let key = Key::global().str(id);
        if let Some(mut access_key) = ACCESS_KEYS.get(tx, &key)? {
            access_key.user = Some(user.name.clone());
            ACCESS_KEYS.put(tx, &key, &access_key);
        }
    }
    for serial in &user.mfa_devices {
        let key = mfa_key(account, serial);
        if let Some(mut device) = MFA_DEVICES.get(tx, &key)? {
            device.user = Some(user.name.clone());
            MFA_DEVICES.put(tx, &key, &device);
        }
    }
    Ok(())
}

fn delete_user(cx: &mut Cx<'_>, req: UserNamed) -> Result<Empty, IamError> {
    let account = cx.account;
    let mut user: User = holder::find(cx.tx, account, &req.user_name)?;
    must_hold_nothing(&mut user)?;
    if let Some(what) = left_behind(cx.tx, account, &user)? {
        return Err(IamError::DeleteConflict(format!("Cannot delete entity, must {what} first.")));
    }
    holder::index(cx.tx, account, &mut user, false);
    USERS.delete(cx.tx, &model::named(account, &user.name));
    Ok(Empty)
}

/// What the user still has, in AWS's words.
fn left_behind(tx: &Tx, account: AccountId, user: &User) -> Result<Option<&'static str>, IamError> {
    let own = of_user(account, &user.id);
    Ok(if !user.groups.is_empty() {
        Some("remove users from group")
    } else if LOGIN_PROFILES.contains(tx, &own)? {
        Some("delete login profile")
    } else if !user.access_keys.is_empty() {
        Some("delete access keys")
    } else if !user.mfa_devices.is_empty() {
        Some("delete MFA device")
    } else if SIGNING_CERTIFICATES.count(tx, &own)? > 0 {
        Some("delete certificates")
    } else if SSH_PUBLIC_KEYS.count(tx, &own)? > 0 || SERVICE_CREDENTIALS.count(tx, &own)? > 0 {
        Some("remove referenced objects")
    } else {
        None
    })
}

fn tag_user(cx: &mut Cx<'_>, req: TagUser) -> Result<Empty, IamError> {
    let mut user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    tags::add(&mut user.tags, req.tags, "TagsPerUser")?;
    holder::save(cx.tx, cx.account, &user);
    Ok(Empty)
}

fn untag_user(cx: &mut Cx<'_>, req: UntagUser) -> Result<Empty, IamError> {
    let mut user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    tags::remove(&mut user.tags, &req.tag_keys);
    holder::save(cx.tx, cx.account, &user);
    Ok(Empty)
}

fn list_user_tags(cx: &mut Cx<'_>, req: ListOfUser) -> Result<TagPage, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let paging = Paging::of(cx, &[&user.id], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags::list(&user.tags), |tag| tag.key.clone()).into())
}

fn put_boundary(cx: &mut Cx<'_>, req: PutBoundary) -> Result<Empty, IamError> {
    attach::set_boundary::<User>(cx, &req.user_name, Some(&req.boundary)).map(|()| Empty)
}

fn delete_boundary(cx: &mut Cx<'_>, req: UserNamed) -> Result<Empty, IamError> {
    attach::set_boundary::<User>(cx, &req.user_name, None).map(|()| Empty)
}

fn attach_policy(cx: &mut Cx<'_>, req: AttachPolicy) -> Result<Empty, IamError> {
    attach::attach::<User>(cx, &req.user_name, &req.policy_arn).map(|()| Empty)
}

fn detach_policy(cx: &mut Cx<'_>, req: AttachPolicy) -> Result<Empty, IamError> {
    attach::detach::<User>(cx, &req.user_name, &req.policy_arn).map(|()| Empty)
}

fn list_attached(cx: &mut Cx<'_>, req: ListAttached) -> Result<AttachedPage, IamError> {
    attach::list::<User>(cx, &req.user_name, req.path_prefix.as_deref(), req.marker.as_deref(), req.max_items)
}

fn put_policy(cx: &mut Cx<'_>, req: PutPolicy) -> Result<Empty, IamError> {
    inline::put::<User>(cx, &req.user_name, req.policy_name, req.document).map(|()| Empty)
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct OnePolicy {
        pub user_name: String = "UserName",
        pub policy_name: String = "PolicyName",
        pub document: String = "PolicyDocument",
    }
}

fn get_policy(cx: &mut Cx<'_>, req: PolicyNamed) -> Result<OnePolicy, IamError> {
    let (user_name, document) = inline::get::<User>(cx, &req.user_name, &req.policy_name)?;
    Ok(OnePolicy { user_name, policy_name: req.policy_name, document })
}

fn delete_policy(cx: &mut Cx<'_>, req: PolicyNamed) -> Result<Empty, IamError> {
    inline::delete::<User>(cx, &req.user_name, &req.policy_name).map(|()| Empty)
}

fn list_policies(cx: &mut Cx<'_>, req: ListOfUser) -> Result<NamesPage, IamError> {
    inline::list::<User>(cx, &req.user_name, req.marker.as_deref(), req.max_items)
}
