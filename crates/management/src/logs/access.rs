//! Which groups and streams each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>. What is
//! about a whole group is asked of `log-group:NAME:log-stream:`, as the messages of refusals show: a policy names a
//! group by `log-group:NAME:*`. Tags are asked of the group's ARN without anything behind it.

use super::errors::LogsError;
use super::model::group::{Group, group_arn};
use super::ops::name_of;
use super::ops::policy::POLICIES;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource, ResourceMode};
use base::Arn;
use kernel::identity::Attached;
use kernel::{Cx, Target};
use std::sync::Arc;
use store::{Direction, Key};
use wire::{Fault, Struct, Value};

type Targets = Result<Vec<Target>, Fault>;

/// The account, region and name of the group that a request names.
fn place(cx: &Cx<'_>, request: &Struct) -> (Option<Arn>, String) {
    let text = ["logGroupName", "logGroupIdentifier", "resourceArn"].iter().find_map(|m| request.str(m));
    let text = text.unwrap_or_default();
    let arn = Arn::parse(text).filter(|arn| arn.account != cx.account.as_str());
    (arn, name_of(text).unwrap_or_default())
}

fn target(cx: &Cx<'_>, request: &Struct, behind: &str) -> Result<Target, LogsError> {
    let (foreign, name) = place(cx, request);
    if let Some(arn) = foreign {
        let owner = base::AccountId::parse(&arn.account).unwrap_or(cx.account);
        let target = Target::on(format!("{}{behind}", group_arn(owner, &arn.region, &name)));
        return Ok(target.owned_by(owner));
    }
    let target = Target::on(format!("{}{behind}", group_arn(cx.account, cx.region.name(), &name)));
    let target = match Group::load(cx.tx, cx.account, cx.region, &name)? {
        Some(group) => target.tagged(group.tags),
        None => target,
    };
    Ok(match combined(cx)? {
        Some(policy) => target.guarded(policy, ResourceMode::Optional),
        None => target,
    })
}

/// The account's resource policies as one, since each allows by itself.
fn combined(cx: &Cx<'_>) -> Result<Option<Attached>, LogsError> {
    let all = POLICIES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let mut policies = Vec::new();
    for pair in all {
        let policy = Policy::load(&pair?.1.document, PolicyKind::Resource("logs"));
        policies.push(policy.map_err(|_| LogsError::Unreadable)?);
    }
    let Some(policy) = Policy::joined(policies) else { return Ok(None) };
    let arn = format!("arn:aws:logs:{}:{}:resource-policy", cx.region.name(), cx.account);
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    Ok(Some((source, Arc::new(policy))))
}

/// A whole group.
///
/// # Errors
/// The store's.
pub(super) fn group(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![target(cx, request, ":log-stream:")?])
}

/// The groups that a query is about.
///
/// # Errors
/// The store's.
pub(super) fn queried(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let lists = [("logGroupNames", "logGroupName"), ("logGroupIdentifiers", "logGroupIdentifier")];
    let mut targets = Vec::new();
    for (list, one) in lists {
        for name in request.get(list).and_then(Value::as_list).unwrap_or_default() {
            let about = Struct::from_iter([(one, name.clone())]);
            targets.push(target(cx, &about, ":log-stream:")?);
        }
    }
    if targets.is_empty() || request.get("logGroupName").is_some() {
        targets.push(target(cx, request, ":log-stream:")?);
    }
    Ok(targets)
}

/// A group that is to be made.
///
/// # Errors
/// The store's.
pub(super) fn new_group(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = group(cx, request)?;
    if request.get("tags").is_some() {
        targets.push(target(cx, request, "")?.doing("logs:TagResource"));
    }
    Ok(targets)
}

/// All groups of the account.
///
/// # Errors
/// Never.
pub(super) fn groups(cx: &mut Cx<'_>, _: &Struct) -> Targets {
    let arn = group_arn(cx.account, cx.region.name(), "");
    Ok(vec![Target::on(format!("{arn}:log-stream:"))])
}

/// An account policy that is to be: who puts one must be let do what it does as well.
/// AWS: the page of `PutAccountPolicy`.
///
/// # Errors
/// Never.
pub(super) fn put_account_policy(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    account_policy(cx, request, "logs:PutSubscriptionFilter")
}

/// One that is to go.
///
/// # Errors
/// Never.
pub(super) fn delete_account_policy(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    account_policy(cx, request, "logs:DeleteSubscriptionFilter")
}

fn account_policy(cx: &mut Cx<'_>, request: &Struct, also: &'static str) -> Targets {
    let mut targets = vec![Target::on("*")];
    if request.str("policyType") == Some(super::ops::account_policy::SUBSCRIPTIONS) {
        targets.extend(groups(cx, request)?.into_iter().map(|target| target.doing(also)));
    }
    Ok(targets)
}

/// The group that a listing is about, or all of them.
///
/// # Errors
/// The store's.
pub(super) fn described(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    match request.str("logGroupName") {
        Some(_) => group(cx, request),
        None => groups(cx, request),
    }
}

/// A stream.
///
/// # Errors
/// The store's.
pub(super) fn stream(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("logStreamName").unwrap_or_default();
    Ok(vec![target(cx, request, &format!(":log-stream:{name}"))?])
}

/// What tags are about.
///
/// # Errors
/// The store's.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![target(cx, request, "")?])
}
