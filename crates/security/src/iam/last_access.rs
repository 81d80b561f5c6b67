//! Last access, read from the audit trail: which of an entity's services were used, when, by whom, and where.

use super::IamError;
use super::attached::Compiled;
use super::granting;
use super::model::{
    self, ATTACHMENTS, ActionUse, EntityKind, EntityUse, GROUPS, Group, ROLES, ServiceAccess, USERS,
    attachment_key,
};
use super::source::Source;
use auth::actions::Service;
use base::{AccountId, Arn, Region};
use kernel::Cx;
use kernel::audit::{self, Entry, Query};
use kernel::identity::Attached;
use std::collections::BTreeMap;
use store::Direction;

/// At most this many calls of each region are looked at, the latest first.
const CALLS_MAX: usize = 200_000;

/// What a report is about.
#[derive(Debug)]
pub(crate) struct Scope {
    /// ARNs of users and roles.
    pub(crate) entities: Vec<String>,
    /// What grants the services that the report names.
    pub(crate) policies: Vec<Attached>,
}

/// A user or role itself, or the members of a group.
///
/// # Errors
/// The store's own.
pub(crate) fn of_source(cx: &Cx<'_>, source: &Source) -> Result<Scope, IamError> {
    let entities = match source {
        Source::User(_) | Source::Role(_) => vec![source.arn(cx.account)],
        Source::Group(group) => members(cx, group)?,
    };
    Ok(Scope { entities, policies: granting::policies(cx, source)? })
}

/// Whoever has the policy, itself or through a group.
///
/// # Errors
/// The store's own.
pub(crate) fn of_policy(cx: &Cx<'_>, arn: &str) -> Result<Scope, IamError> {
    let mut entities = Vec::new();
    for kind in [EntityKind::User, EntityKind::Group, EntityKind::Role] {
        for key in ATTACHMENTS.scan(cx.tx, &attachment_key(cx.account, arn, false, kind), Direction::Forward)
        {
            let key = key?;
            match kind {
                EntityKind::User => entities.extend(USERS.get(cx.tx, &key)?.map(|user| user.arn(cx.account))),
                EntityKind::Role => entities.extend(ROLES.get(cx.tx, &key)?.map(|role| role.arn(cx.account))),
                EntityKind::Group => {
                    if let Some(group) = GROUPS.get(cx.tx, &key)? {
                        entities.extend(members(cx, &group)?);
                    }
                }
            }
        }
    }
    entities.sort();
    entities.dedup();
    let policies = Compiled::default().one(cx.tx, cx.account, arn)?.into_iter().collect();
    Ok(Scope { entities, policies })
}

fn members(cx: &Cx<'_>, group: &Group) -> Result<Vec<String>, IamError> {
    let mut out = Vec::new();
    for name in &group.members {
        out.extend(USERS.get(cx.tx, &model::named(cx.account, name))?.map(|user| user.arn(cx.account)));
    }
    Ok(out)
}

/// By service: the latest use of each entity, and of each action.
type Uses = BTreeMap<String, (BTreeMap<String, EntityUse>, BTreeMap<String, ActionUse>)>;

/// The granted services, by prefix, with what the trail tells of their use.
///
/// # Errors
/// The store's own.
pub(crate) fn used(
    cx: &Cx<'_>,
    scope: &Scope,
    granted: &[Service],
    by_action: bool,
) -> Result<Vec<ServiceAccess>, IamError> {
    let mut uses = Uses::new();
    for region in Region::all() {
        let mut left = CALLS_MAX;
        let mut visit = |entry: Entry| {
            note(&entry, cx.account, &scope.entities, &mut uses);
            left -= 1;
            left > 0
        };
        audit::walk(cx.cloud(), &Query::all(cx.account, region), &mut visit)?;
    }
    let services = granted.iter().map(|service| {
        let (entities, actions) = uses.remove(service.prefix()).unwrap_or_default();
        let mut uses: Vec<EntityUse> = entities.into_values().collect();
        uses.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.arn.cmp(&b.arn)));
        let actions = if by_action { actions.into_values().collect() } else { Vec::new() };
        ServiceAccess { namespace: service.prefix().to_owned(), uses, actions }
    });
    Ok(services.collect())
}

fn note(entry: &Entry, account: AccountId, entities: &[String], uses: &mut Uses) {
    let Some(arn) = entities.iter().find(|arn| is_by(&entry.principal, account, arn)) else { return };
    // Operations that everybody may use are decided about by no policy.
    let own = format!("{}:{}", entry.service, entry.operation);
    let asked = entry.decisions.iter().map(|decided| decided.action.as_str());
    let actions = if entry.decisions.is_empty() { vec![own.as_str()] } else { asked.collect() };
    for action in actions {
        let Some((prefix, name)) = action.split_once(':') else { continue };
        let (by_entity, by_action) = uses.entry(prefix.to_owned()).or_default();
        let (at, region) = (entry.time, entry.region.clone());
        let latest = by_entity.entry(arn.clone()).or_default();
        if latest.arn.is_empty() || latest.at < at {
            *latest = EntityUse { arn: arn.clone(), at, region: region.clone() };
        }
        let latest = by_action.entry(name.to_owned()).or_default();
        if latest.arn.is_empty() || latest.at < at {
            *latest = ActionUse { name: name.to_owned(), arn: arn.clone(), at, region };
        }
    }
}

/// Whether a caller is this user, or a session of this role.
fn is_by(caller: &str, account: AccountId, entity: &str) -> bool {
    if caller == entity {
        return true;
    }
    let Some(role) = Arn::parse(entity).filter(|arn| arn.resource.starts_with("role/")) else { return false };
    let name = super::attached::last_part(&role.resource);
    let session = caller.strip_prefix(&format!("arn:aws:sts::{account}:assumed-role/"));
    session.and_then(|rest| rest.split('/').next()) == Some(name)
}

#[cfg(test)]
mod tests {
    use super::is_by;
    use base::AccountId;

    #[test]
    fn sessions_count_for_their_role() {
        let account = AccountId::parse("123456789012").unwrap();
        let role = "arn:aws:iam::123456789012:role/team/builder";
        assert!(is_by("arn:aws:sts::123456789012:assumed-role/builder/ci", account, role));
        assert!(!is_by("arn:aws:sts::123456789012:assumed-role/build/ci", account, role));
        assert!(!is_by("arn:aws:sts::210987654321:assumed-role/builder/ci", account, role));
        let user = "arn:aws:iam::123456789012:user/eva";
        assert!(is_by(user, account, user));
    }
}
