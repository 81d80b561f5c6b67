//! What the operations on groups touch.

use super::super::model::{self, Group};
use super::{attaching, holder, listing, named, new};
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

const MEMBER: &str = "GroupName";

/// # Errors
/// When the store cannot be read; so all of them.
pub fn one(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    named::<Group>(cx, request, MEMBER)
}

pub fn all(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    listing(cx, request, "group")
}

pub fn create(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    new(cx, request, "group", MEMBER)
}

pub fn attach(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    attaching::<Group>(cx, request, MEMBER)
}

/// A rename needs the permission on the group as it is and as it will be.
pub fn update(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let name = request.str(MEMBER).unwrap_or_default();
    let (old, found) = holder::<Group>(cx, name)?;
    let path = request.str("NewPath").or(found.as_ref().map(|group| group.path.as_str())).unwrap_or("/");
    let new = model::arn(cx.account, "group", path, request.str("NewGroupName").unwrap_or(name));
    Ok(if new == old.arn { vec![old] } else { vec![old, Target::on(new)] })
}
