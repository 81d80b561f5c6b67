//! Listing managed policies, and who has one.

use super::policy::{self, AnyPolicy, Policy};
use crate::iam::model::{ATTACHMENTS, EntityKind, GROUPS, MANAGED_POLICIES, ROLES, USERS, attachment_key};
use crate::iam::{IamError, access, managed, page::Paging};
use base::AccountId;
use kernel::Cx;
use std::collections::BTreeMap;
use store::{Direction, Key, Tx};

kernel::ops! {
    pub static OPS:
    ListPolicies: list, "iam:ListPolicies", kernel::access::any;
    ListEntitiesForPolicy: list_entities, "iam:ListEntitiesForPolicy", access::policy::one;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct ListPolicies {
        pub scope: Option<String> = "Scope",
        pub only_attached: Option<bool> = "OnlyAttached",
        pub path_prefix: Option<String> = "PathPrefix",
        pub policy_usage_filter: Option<String> = "PolicyUsageFilter",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyPage {
        pub policies: Vec<Policy> = "Policies",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct ListEntities {
        pub policy_arn: String = "PolicyArn",
        pub entity_filter: Option<String> = "EntityFilter",
        pub path_prefix: Option<String> = "PathPrefix",
        pub policy_usage_filter: Option<String> = "PolicyUsageFilter",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct EntityPage {
        pub policy_groups: Vec<PolicyGroup> = "PolicyGroups",
        pub policy_users: Vec<PolicyUser> = "PolicyUsers",
        pub policy_roles: Vec<PolicyRole> = "PolicyRoles",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyGroup {
        pub group_name: String = "GroupName",
        pub group_id: String = "GroupId",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyUser {
        pub user_name: String = "UserName",
        pub user_id: String = "UserId",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyRole {
        pub role_name: String = "RoleName",
        pub role_id: String = "RoleId",
    }
}

/// Which uses count: as policy, as boundary.
fn wanted_uses(filter: Option<&str>) -> &'static [bool] {
    match filter {
        Some("PermissionsPolicy") => &[false],
        Some("PermissionsBoundary") => &[true],
        _ => &[false, true],
    }
}

/// All policies of a scope: the account's own by name, then AWS's by name.
pub fn of_scope(tx: &Tx, account: AccountId, own: bool, aws: bool) -> Result<Vec<AnyPolicy>, IamError> {
    let mut all = Vec::new();
    if own {
        for pair in MANAGED_POLICIES.scan(tx, &Key::account(account), Direction::Forward) {
            all.push(AnyPolicy::Own(pair?.1));
        }
    }
    if aws {
        all.extend(managed::all().map(AnyPolicy::Aws));
    }
    Ok(all)
}

fn list(cx: &mut Cx<'_>, req: ListPolicies) -> Result<PolicyPage, IamError> {
    let scope = req.scope.as_deref().unwrap_or("All");
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let usage = req.policy_usage_filter.as_deref();
    let attached = req.only_attached == Some(true);
    let filters = [scope, prefix, usage.unwrap_or_default(), if attached { "attached" } else { "" }];
    let paging = Paging::of(cx, &filters, req.marker.as_deref(), req.max_items)?;
    let mut all = of_scope(cx.tx, cx.account, scope != "AWS", scope != "Local")?;
    all.retain(|policy| policy.path().starts_with(prefix));
    if attached || usage.is_some() {
        let mut used = Vec::with_capacity(all.len());
        for policy in all {
            let arn = policy.arn(cx.account);
            let mut count = 0;
            for boundary in wanted_uses(usage) {
                count += policy::uses(cx.tx, cx.account, &arn, *boundary)?;
            }
            if count > 0 {
                used.push(policy);
            }
        }
        all = used;
    }
    let account = cx.account;
    let (policies, is_truncated, marker) = paging.slice(cx, all, |policy| policy.arn(account)).parts();
    let policies = policies.iter().map(|policy| policy.shown(cx.tx, account)).collect::<Result<_, _>>()?;
    Ok(PolicyPage { policies, is_truncated, marker })
}

/// Kind, name and id of a holder.
type Entity = (EntityKind, String, String);

fn holders(cx: &Cx<'_>, req: &ListEntities) -> Result<Vec<Entity>, IamError> {
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let kinds = [(EntityKind::Group, "Group"), (EntityKind::User, "User"), (EntityKind::Role, "Role")];
    let mut all = Vec::new();
    for (kind, name) in kinds {
        if req.entity_filter.as_deref().is_some_and(|filter| filter != name) {
            continue;
        }
        let mut found: BTreeMap<Vec<u8>, Entity> = BTreeMap::new();
        for boundary in wanted_uses(req.policy_usage_filter.as_deref()) {
            let second = attachment_key(cx.account, &req.policy_arn, *boundary, kind);
            for key in ATTACHMENTS.scan(cx.tx, &second, Direction::Forward) {
                let key = key?;
                let entity = match kind {
                    EntityKind::Group => {
                        GROUPS.get(cx.tx, &key)?.map(|group| (group.path, group.name, group.id))
                    }
                    EntityKind::User => USERS.get(cx.tx, &key)?.map(|user| (user.path, user.name, user.id)),
                    EntityKind::Role => ROLES.get(cx.tx, &key)?.map(|role| (role.path, role.name, role.id)),
                };
                if let Some((path, name, id)) = entity
                    && path.starts_with(prefix)
                {
                    found.insert(key.as_bytes().to_vec(), (kind, name, id));
                }
            }
        }
        all.extend(found.into_values());
    }
    Ok(all)
}

fn list_entities(cx: &mut Cx<'_>, req: ListEntities) -> Result<EntityPage, IamError> {
    policy::find(cx.tx, cx.account, &req.policy_arn)?;
    let text = |member: &Option<String>| member.clone().unwrap_or_default();
    let (entity, prefix, usage) =
        (text(&req.entity_filter), text(&req.path_prefix), text(&req.policy_usage_filter));
    let filters = [req.policy_arn.as_str(), &entity, &prefix, &usage];
    let paging = Paging::of(cx, &filters, req.marker.as_deref(), req.max_items)?;
    let all = holders(cx, &req)?;
    let position = |(kind, name, _): &Entity| format!("{}:{name}", *kind as u8);
    let (entities, is_truncated, marker) = paging.slice(cx, all, position).parts();
    let mut page = EntityPage {
        policy_groups: Vec::new(),
        policy_users: Vec::new(),
        policy_roles: Vec::new(),
        is_truncated,
        marker,
    };
    for (kind, name, id) in entities {
        match kind {
            EntityKind::Group => page.policy_groups.push(PolicyGroup { group_name: name, group_id: id }),
            EntityKind::User => page.policy_users.push(PolicyUser { user_name: name, user_id: id }),
            EntityKind::Role => page.policy_roles.push(PolicyRole { role_name: name, role_id: id }),
        }
    }
    Ok(page)
}
