//! Operations about the user, group or role that an ARN names.

use super::tagged;
use crate::iam::source::{Source, of_arn};
use base::{AccountId, Arn};
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

/// # Errors
/// When the store cannot be read; so all of them.
pub fn simulated(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    named(cx, request.str("PolicySourceArn").unwrap_or_default())
}

pub fn reported(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    named(cx, request.str("Arn").unwrap_or_default())
}

fn named(cx: &Cx<'_>, arn: &str) -> Result<Vec<Target>, Fault> {
    // What is no ARN is for the handler to refuse.
    let Some(parsed) = Arn::parse(arn) else { return Ok(vec![Target::any()]) };
    let target = Target::on(arn);
    let owner = AccountId::parse(&parsed.account).unwrap_or(cx.account);
    if owner != cx.account {
        return Ok(vec![target.owned_by(owner)]);
    }
    Ok(vec![match of_arn(cx.tx, owner, arn).map_err(kernel::Failure::from)? {
        Some(Source::User(user)) => tagged(target, Some(&user.tags)),
        Some(Source::Role(role)) => tagged(target, Some(&role.tags)),
        Some(Source::Group(_)) | None => target,
    }])
}
