//! Managed policies.

use super::tagged;
use crate::iam::attached::last_part;
use crate::iam::model::{self, MANAGED_POLICIES};
use base::{AccountId, Arn};
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

/// A policy that is about to be made.
///
/// # Errors
/// Never.
pub fn new(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    super::new(cx, request, "policy", "PolicyName")
}

/// The policy that `PolicyArn` names, with its tags.
///
/// # Errors
/// When the store cannot be read.
pub fn one(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let arn = request.str("PolicyArn").unwrap_or_default();
    // What is no ARN is for the handler to refuse.
    let Some(parsed) = Arn::parse(arn) else { return Ok(vec![Target::any()]) };
    let target = Target::on(arn);
    // The policies of another account are refused by evaluation; those of AWS and of providers belong to everyone.
    let owner = AccountId::parse(&parsed.account).unwrap_or(cx.account);
    if owner != cx.account {
        return Ok(vec![target.owned_by(owner)]);
    }
    let found =
        MANAGED_POLICIES.get(cx.tx, &model::named(owner, last_part(arn))).map_err(kernel::Failure::from)?;
    let found = found.filter(|policy| policy.arn(owner) == arn);
    Ok(vec![match &found {
        Some(policy) => tagged(target, Some(&policy.tags)),
        None => target,
    }])
}
