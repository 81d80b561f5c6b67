//! What the operations on instance profiles touch.

use super::{listing, new, tagged};
use crate::iam::model::{self, INSTANCE_PROFILES, ROLES};
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

/// # Errors
/// When the store cannot be read; so all of them.
pub fn one(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let name = request.str("InstanceProfileName").unwrap_or_default();
    let found =
        INSTANCE_PROFILES.get(cx.tx, &model::named(cx.account, name)).map_err(kernel::Failure::from)?;
    Ok(vec![match found {
        Some(profile) => tagged(Target::on(profile.arn(cx.account)), Some(&profile.tags)),
        None => Target::on(model::arn(cx.account, "instance-profile", "/", name)),
    }])
}

pub fn all(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    listing(cx, request, "instance-profile")
}

pub fn create(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    new(cx, request, "instance-profile", "InstanceProfileName")
}

/// The profile, and that the role may be passed to EC2.
pub fn add_role(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut targets = one(cx, request)?;
    let name = request.str("RoleName").unwrap_or_default();
    let found = ROLES.get(cx.tx, &model::named(cx.account, name)).map_err(kernel::Failure::from)?;
    let arn = match found {
        Some(role) => role.arn(cx.account),
        None => model::arn(cx.account, "role", "/", name),
    };
    targets.push(super::role::pass(cx, &arn, "ec2.amazonaws.com", None)?);
    Ok(targets)
}
