//! Instance profiles: one role each, carried to an EC2 instance.

use super::role::{self, RoleShown};
use crate::iam::model::{self, INSTANCE_PROFILES, InstanceProfile, PROFILES_BY_ROLE, ROLES, Role, role_key};
use crate::iam::page::{Page, Paging};
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::instance_profile as access, access::role as role_access, quota};
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use store::{Direction, Key, Tx};

kernel::ops! {
    pub static OPS:
    CreateInstanceProfile: create, "iam:CreateInstanceProfile", access::create;
    GetInstanceProfile: get, "iam:GetInstanceProfile", access::one;
    DeleteInstanceProfile: delete, "iam:DeleteInstanceProfile", access::one;
    ListInstanceProfiles: list, "iam:ListInstanceProfiles", access::all;
    ListInstanceProfilesForRole: list_for_role, "iam:ListInstanceProfilesForRole", role_access::one;
    AddRoleToInstanceProfile: add_role, "iam:AddRoleToInstanceProfile", access::add_role;
    RemoveRoleFromInstanceProfile: remove_role, "iam:RemoveRoleFromInstanceProfile", access::one;
    TagInstanceProfile: tag, "iam:TagInstanceProfile", access::one;
    UntagInstanceProfile: untag, "iam:UntagInstanceProfile", access::one;
    ListInstanceProfileTags: list_tags, "iam:ListInstanceProfileTags", access::one;
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const PROFILES_MAX: usize = 1000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateInstanceProfile {
        pub name: String = "InstanceProfileName",
        pub path: Option<String> = "Path",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct ProfileShown {
        pub path: String = "Path",
        pub name: String = "InstanceProfileName",
        pub id: String = "InstanceProfileId",
        pub arn: String = "Arn",
        pub create_date: Timestamp = "CreateDate",
        pub roles: Vec<RoleShown> = "Roles",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct OneProfile { pub profile: ProfileShown = "InstanceProfile" }

    #[derive(Clone, Debug)]
    pub struct ByName { pub name: String = "InstanceProfileName" }

    #[derive(Clone, Debug)]
    pub struct ListProfiles {
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct ProfilePage {
        pub profiles: Vec<ProfileShown> = "InstanceProfiles",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct WithRole {
        pub name: String = "InstanceProfileName",
        pub role_name: String = "RoleName",
    }

    #[derive(Clone, Debug)]
    pub struct TagProfile {
        pub name: String = "InstanceProfileName",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagProfile {
        pub name: String = "InstanceProfileName",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct ListTags {
        pub name: String = "InstanceProfileName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

/// A profile as lists show it: without tags.
///
/// # Errors
/// The store's own.
pub fn listed(tx: &Tx, account: AccountId, profile: &InstanceProfile) -> Result<ProfileShown, IamError> {
    let held = match &profile.role {
        Some(name) => ROLES.get(tx, &model::named(account, name))?,
        None => None,
    };
    Ok(ProfileShown {
        path: profile.path.clone(),
        name: profile.name.clone(),
        id: profile.id.clone(),
        arn: profile.arn(account),
        create_date: profile.created,
        roles: held.iter().map(|held| role::listed(tx, account, held)).collect::<Result<_, _>>()?,
        tags: None,
    })
}

fn shown(tx: &Tx, account: AccountId, profile: &InstanceProfile) -> Result<OneProfile, IamError> {
    let listed = listed(tx, account, profile)?;
    Ok(OneProfile { profile: ProfileShown { tags: Some(tags::list(&profile.tags)), ..listed } })
}

/// The profiles that hold a role.
///
/// # Errors
/// The store's own.
pub fn of_role(tx: &Tx, account: AccountId, role: &Role) -> Result<Vec<InstanceProfile>, IamError> {
    let mut all = Vec::new();
    for key in PROFILES_BY_ROLE.scan(tx, &role_key(account, &role.name), Direction::Forward) {
        all.extend(INSTANCE_PROFILES.get(tx, &key?)?);
    }
    Ok(all)
}

fn find(cx: &Cx<'_>, name: &str) -> Result<InstanceProfile, IamError> {
    let found = INSTANCE_PROFILES.get(cx.tx, &model::named(cx.account, name))?;
    found.ok_or_else(|| IamError::NoSuchEntity(format!("Instance Profile {name} cannot be found.")))
}

fn save(cx: &mut Cx<'_>, profile: &InstanceProfile) {
    let key = model::named(cx.account, &profile.name);
    INSTANCE_PROFILES.put(cx.tx, &key, profile);
}

fn page(cx: &Cx<'_>, page: Page<InstanceProfile>) -> Result<ProfilePage, IamError> {
    let (profiles, is_truncated, marker) = page.parts();
    let profiles =
        profiles.iter().map(|profile| listed(cx.tx, cx.account, profile)).collect::<Result<_, _>>()?;
    Ok(ProfilePage { profiles, is_truncated, marker })
}

fn create(cx: &mut Cx<'_>, req: CreateInstanceProfile) -> Result<OneProfile, IamError> {
    let tags = tags::checked(req.tags)?;
    if INSTANCE_PROFILES.contains(cx.tx, &model::named(cx.account, &req.name))? {
        return Err(IamError::EntityAlreadyExists(format!("Instance Profile {} already exists.", req.name)));
    }
    if !cx.has_room(&INSTANCE_PROFILES, &Key::account(cx.account), PROFILES_MAX)? {
        return Err(quota("InstanceProfilesPerAccount", PROFILES_MAX));
    }
    let profile = InstanceProfile {
        name: req.name,
        path: req.path.unwrap_or_else(|| "/".into()),
        id: base::id::iam_unique_id(cx.rng(), "AIPA"),
        created: cx.now.whole_seconds(),
        tags,
        role: None,
    };
    save(cx, &profile);
    shown(cx.tx, cx.account, &profile)
}

fn get(cx: &mut Cx<'_>, req: ByName) -> Result<OneProfile, IamError> {
    let profile = find(cx, &req.name)?;
    shown(cx.tx, cx.account, &profile)
}

fn delete(cx: &mut Cx<'_>, req: ByName) -> Result<Empty, IamError> {
    let profile = find(cx, &req.name)?;
    if profile.role.is_some() {
        return Err(IamError::DeleteConflict(
            "Cannot delete entity, must remove roles from instance profile first.".into(),
        ));
    }
    INSTANCE_PROFILES.delete(cx.tx, &model::named(cx.account, &profile.name));
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListProfiles) -> Result<ProfilePage, IamError> {
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::of(cx, &[prefix], req.marker.as_deref(), req.max_items)?;
    let found = paging.table(cx, &INSTANCE_PROFILES, |p| &p.name, |p| p.path.starts_with(prefix))?;
    page(cx, found)
}

fn list_for_role(cx: &mut Cx<'_>, req: role::PageOf) -> Result<ProfilePage, IamError> {
    let role = role::find(cx, &req.role_name)?;
    let paging = Paging::of(cx, &[&role.name], req.marker.as_deref(), req.max_items)?;
    let all = of_role(cx.tx, cx.account, &role)?;
    let found = paging.slice(cx, all, |profile| profile.name.clone());
    page(cx, found)
}

fn add_role(cx: &mut Cx<'_>, req: WithRole) -> Result<Empty, IamError> {
    let mut profile = find(cx, &req.name)?;
    let role = role::find_modifiable(cx, &req.role_name)?;
    if profile.role.is_some() {
        return Err(quota("InstanceSessionsPerInstanceProfile", 1));
    }
    let key = model::named(cx.account, &profile.name);
    PROFILES_BY_ROLE.put(cx.tx, &role_key(cx.account, &role.name), &key);
    profile.role = Some(role.name);
    save(cx, &profile);
    Ok(Empty)
}

fn remove_role(cx: &mut Cx<'_>, req: WithRole) -> Result<Empty, IamError> {
    let mut profile = find(cx, &req.name)?;
    let role = role::find_modifiable(cx, &req.role_name)?;
    if profile.role.as_deref() != Some(role.name.as_str()) {
        return Err(IamError::NoSuchEntity(format!("The role with name {} cannot be found.", req.role_name)));
    }
    let key = model::named(cx.account, &profile.name);
    PROFILES_BY_ROLE.delete(cx.tx, &role_key(cx.account, &role.name), &key);
    profile.role = None;
    save(cx, &profile);
    Ok(Empty)
}

fn tag(cx: &mut Cx<'_>, req: TagProfile) -> Result<Empty, IamError> {
    let mut profile = find(cx, &req.name)?;
    tags::add(&mut profile.tags, req.tags, "TagsPerInstanceProfile")?;
    save(cx, &profile);
    Ok(Empty)
}

fn untag(cx: &mut Cx<'_>, req: UntagProfile) -> Result<Empty, IamError> {
    let mut profile = find(cx, &req.name)?;
    tags::remove(&mut profile.tags, &req.tag_keys);
    save(cx, &profile);
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<TagPage, IamError> {
    let profile = find(cx, &req.name)?;
    let paging = Paging::of(cx, &[&profile.name], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags::list(&profile.tags), |tag| tag.key.clone()).into())
}
