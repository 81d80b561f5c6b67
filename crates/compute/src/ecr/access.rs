//! Which repositories each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html>

use super::errors::EcrError;
use super::model::{REPOSITORIES, Repository, arn};
use super::policy;
use auth::policy::ResourceMode;
use base::{AccountId, Arn, Region};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

fn target(cx: &Cx<'_>, account: AccountId, region: Region, name: &str) -> Result<Target, EcrError> {
    // Services come in by a policy only, and by none where there is none.
    let target =
        Target { mode: ResourceMode::Optional, ..Target::on(arn(account, region, name)).owned_by(account) };
    let Some(repository) = REPOSITORIES.get(cx.tx, &Repository::key_of(account, region, name))? else {
        return Ok(target);
    };
    guarded(cx, target, &repository, repository.policy.as_deref())
}

/// A repository with one of its policies: the one that it has, or the one that it is about to get.
pub(super) fn guarded(
    cx: &Cx<'_>,
    target: Target,
    repository: &Repository,
    policy: Option<&str>,
) -> Result<Target, EcrError> {
    let target = target.tagged(repository.tags.clone());
    Ok(match policy {
        Some(text) => target.guarded(policy::attached(cx, repository, text)?, ResourceMode::Optional),
        None => target,
    })
}

/// In which registry a request is: the caller's, unless it names another.
pub(super) fn registry(cx: &Cx<'_>, id: Option<&str>) -> AccountId {
    id.and_then(AccountId::parse).unwrap_or(cx.account)
}

/// The repository that `repositoryName` tells.
///
/// # Errors
/// The store's.
pub(super) fn named(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let account = registry(cx, request.str("registryId"));
    let name = request.str("repositoryName").unwrap_or_default();
    Ok(vec![target(cx, account, cx.region, name)?])
}

/// A repository that is to be made; its tags want their own right.
///
/// # Errors
/// The store's.
pub(super) fn new(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = named(cx, request)?;
    let is_tagged = request.get("tags").and_then(Value::as_list).is_some_and(|tags| !tags.is_empty());
    if let Some(target) = targets.first().filter(|_| is_tagged) {
        targets.push(target.clone().doing("ecr:TagResource"));
    }
    Ok(targets)
}

/// The repositories that `repositoryNames` tells, or all.
///
/// # Errors
/// The store's.
pub(super) fn several(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let account = registry(cx, request.str("registryId"));
    let names = request.get("repositoryNames").and_then(Value::as_list).unwrap_or_default();
    if names.is_empty() {
        return Ok(vec![Target::on(arn(account, cx.region, "*")).owned_by(account)]);
    }
    let names = names.iter().filter_map(Value::as_str);
    names.map(|name| Ok(target(cx, account, cx.region, name)?)).collect()
}

/// Where a repository's ARN points.
pub(super) fn place(text: &str) -> Option<(AccountId, Region, String)> {
    let arn = Arn::parse(text).filter(|arn| arn.service == "ecr")?;
    let name = arn.resource.strip_prefix("repository/")?.to_owned();
    Some((AccountId::parse(&arn.account)?, Region::parse(&arn.region)?, name))
}

/// What tags are about.
///
/// # Errors
/// The store's.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = request.str("resourceArn").unwrap_or_default();
    Ok(vec![match place(text) {
        Some((account, region, name)) => target(cx, account, region, &name)?,
        None => Target::on(text),
    }])
}
