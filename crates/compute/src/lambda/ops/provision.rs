//! Provisioned concurrency: how many environments of a version or an alias are kept ready.

use super::account::{CONCURRENCY, reserved};
use super::concurrency::UNRESERVED_MIN;
use super::page;
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::image;
use crate::lambda::model::{self, Alias, Function, PROVISIONS, Provision};
use crate::lambda::name::{LATEST, Named};
use crate::lambda::provision;
use crate::lambda::workshop::Workshop;
use kernel::{Cx, Empty};
use std::collections::BTreeSet;

kernel::ops! { pub(crate) static OPS:
    PutProvisionedConcurrencyConfig: put, "lambda:PutProvisionedConcurrencyConfig", access::qualified;
    GetProvisionedConcurrencyConfig: get, "lambda:GetProvisionedConcurrencyConfig", access::qualified;
    DeleteProvisionedConcurrencyConfig: delete, "lambda:DeleteProvisionedConcurrencyConfig", access::qualified;
    ListProvisionedConcurrencyConfigs: list, "lambda:ListProvisionedConcurrencyConfigs", access::function;
}

const UNPUBLISHED: &str =
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
const TAKEN: &str =
    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutProvision {
        name: String = "FunctionName",
        qualifier: String = "Qualifier",
        requested: u32 = "ProvisionedConcurrentExecutions",
    }

    #[derive(Debug)]
    pub(crate) struct OneProvision {
        name: String = "FunctionName",
        qualifier: String = "Qualifier",
    }

    #[derive(Debug)]
    pub(crate) struct ListProvisions {
        name: String = "FunctionName",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        requested: u32 = "RequestedProvisionedConcurrentExecutions",
        available: u32 = "AvailableProvisionedConcurrentExecutions",
        allocated: u32 = "AllocatedProvisionedConcurrentExecutions",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        modified: String = "LastModified",
    }

    #[derive(Debug)]
    pub(crate) struct Item {
        arn: String = "FunctionArn",
        requested: u32 = "RequestedProvisionedConcurrentExecutions",
        available: u32 = "AvailableProvisionedConcurrentExecutions",
        allocated: u32 = "AllocatedProvisionedConcurrentExecutions",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        modified: String = "LastModified",
    }

    #[derive(Debug)]
    pub(crate) struct Provisions {
        all: Vec<Item> = "ProvisionedConcurrencyConfigs",
        marker: Option<String> = "NextMarker",
    }
}

/// What a provision is about: the function as a whole, and what is named of it.
fn found(cx: &Cx<'_>, name: &str, qualifier: &str) -> Result<(Function, Named), LambdaError> {
    let named = Named::read(cx, name, Some(qualifier))?;
    let function = model::function(cx.tx, &named)?;
    if model::number_of(qualifier).is_some() {
        model::version(cx.tx, &named, qualifier)?;
    } else if model::alias(cx.tx, &named, qualifier)?.is_none() {
        return Err(LambdaError::NotFound(format!("Cannot find alias arn: {}", named.qualified_arn())));
    }
    Ok((function, named))
}

/// # Errors
/// `InvalidParameterValueException` for the version that changes.
fn check_qualifier(qualifier: &str) -> Result<(), LambdaError> {
    match qualifier {
        LATEST => Err(invalid("The function resource provided must be an alias or a published version.")),
        _ => Ok(()),
    }
}

/// AWS: a version has at most one provision: its own, or that of an alias that leads to it.
fn check_alone(
    cx: &Cx<'_>,
    named: &Named,
    versions: &BTreeSet<String>,
    conflict: &str,
) -> Result<(), LambdaError> {
    for other in provision::of(cx.tx, &named.key())? {
        if Some(other.qualifier.as_str()) == named.qualifier.as_deref() {
            continue;
        }
        let others = provision::divided(cx.tx, &other.named(), other.requested)?;
        if others.iter().any(|(version, _)| versions.contains(version)) {
            return Err(LambdaError::Conflict(conflict.to_owned()));
        }
    }
    Ok(())
}

/// Whether a changed alias may lead to where it does now, if it has a provision.
///
/// # Errors
/// `InvalidParameterValueException`, `ResourceConflictException`
pub(crate) fn check_moved(cx: &Cx<'_>, function: &Named, alias: &Alias) -> Result<(), LambdaError> {
    if !PROVISIONS.contains(cx.tx, &function.key().str(&alias.name))? {
        return Ok(());
    }
    if alias.version == LATEST {
        return Err(invalid(UNPUBLISHED));
    }
    let named = Named { qualifier: Some(alias.name.clone()), ..function.clone() };
    let versions = provision::shares(alias, 0).into_iter().map(|(version, _)| version).collect();
    check_alone(cx, &named, &versions, TAKEN)
}

/// Whether a number is left of what the function has reserved, or else the account's functions share.
fn check_number(cx: &Cx<'_>, function: &Function, named: &Named, asked: u32) -> Result<(), LambdaError> {
    let (own, unreserved) = provision::totals(cx.tx, (named.account, named.region), &named.name)?;
    let qualifier = named.qualifier.as_deref().unwrap_or_default();
    let before = PROVISIONS.get(cx.tx, &named.key().str(qualifier))?.map_or(0, |known| known.requested);
    if let Some(limit) = function.reserved {
        return match (own - before).saturating_add(asked) > limit {
            true => Err(invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
            )),
            false => Ok(()),
        };
    }
    if asked > CONCURRENCY {
        return Err(invalid(format!(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{CONCURRENCY}]."
        )));
    }
    let left = CONCURRENCY.saturating_sub(reserved(cx)?).saturating_sub(unreserved - before);
    if left < asked.saturating_add(UNRESERVED_MIN) {
        return Err(invalid(format!(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
        )));
    }
    Ok(())
}

fn put(cx: &mut Cx<'_>, req: PutProvision) -> Result<View, LambdaError> {
    if req.qualifier == LATEST {
        return Err(invalid(UNPUBLISHED));
    }
    let (function, named) = found(cx, &req.name, &req.qualifier)?;
    let divided = provision::divided(cx.tx, &named, req.requested)?;
    let versions: BTreeSet<String> = divided.into_iter().map(|(version, _)| version).collect();
    if versions.contains(LATEST) {
        return Err(invalid(UNPUBLISHED));
    }
    let conflict = match model::number_of(&req.qualifier) {
        Some(_) => "Version is pointed by a Provisioned Concurrency alias",
        None => TAKEN,
    };
    check_alone(cx, &named, &versions, conflict)?;
    for version in &versions {
        image::running(cx.tx, model::version(cx.tx, &named, version)?)?;
    }
    check_number(cx, &function, &named, req.requested)?;
    let provision = Provision {
        account: named.account,
        region: named.region,
        function: named.name.clone(),
        qualifier: req.qualifier,
        requested: req.requested,
        modified: cx.now,
        id: base::id::uuid(cx.rng()),
    };
    PROVISIONS.put(cx.tx, &named.key().str(&provision.qualifier), &provision);
    // AWS: it answers before it begins.
    Ok(View { status: "IN_PROGRESS".into(), reason: None, ..view(cx, &provision)? })
}

fn view(cx: &Cx<'_>, provision: &Provision) -> Result<View, LambdaError> {
    let workshop = cx.memory::<Workshop>();
    let (mut held, mut is_ready, mut reason) = (0, true, None);
    for (runs, share) in provision::wanted(cx.tx, provision)? {
        let standing = workshop.environments.standing(&provision.id, &runs.key(), share);
        held += standing.held;
        is_ready &= standing.is_ready;
        reason = reason.or(standing.failure);
    }
    let status = match (&reason, is_ready) {
        (Some(_), _) => "FAILED",
        (None, true) => "READY",
        (None, false) => "IN_PROGRESS",
    };
    Ok(View {
        requested: provision.requested,
        available: held,
        allocated: if status == "READY" { provision.requested } else { held },
        status: status.into(),
        reason,
        modified: format!("{}+0000", provision.modified.iso8601().trim_end_matches('Z')),
    })
}

fn get(cx: &mut Cx<'_>, req: OneProvision) -> Result<View, LambdaError> {
    check_qualifier(&req.qualifier)?;
    let (_, named) = found(cx, &req.name, &req.qualifier)?;
    let known = PROVISIONS.get(cx.tx, &named.key().str(&req.qualifier))?;
    view(cx, &known.ok_or(LambdaError::NoProvision)?)
}

/// AWS: one that is not there is no error.
fn delete(cx: &mut Cx<'_>, req: OneProvision) -> Result<Empty, LambdaError> {
    check_qualifier(&req.qualifier)?;
    let (_, named) = found(cx, &req.name, &req.qualifier)?;
    PROVISIONS.delete(cx.tx, &named.key().str(&req.qualifier));
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListProvisions) -> Result<Provisions, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    model::function(cx.tx, &named)?;
    let list = format!("ListProvisionedConcurrencyConfigs {}", named.name);
    let (found, marker) = page(cx, &PROVISIONS, &named.key(), &list, (req.marker.as_deref(), req.most))?;
    let item = |(_, provision): &(_, Provision)| {
        let View { requested, available, allocated, status, reason, modified } = view(cx, provision)?;
        let arn = provision.named().qualified_arn();
        Ok(Item { arn, requested, available, allocated, status, reason, modified })
    };
    let all: Result<_, LambdaError> = found.iter().map(item).collect();
    Ok(Provisions { all: all?, marker })
}
