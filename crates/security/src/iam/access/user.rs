//! What the operations on users touch.

use super::super::model::{self, User};
use super::{attaching, bounded, bounding, holder, listing, named, new};
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

const MEMBER: &str = "UserName";

/// # Errors
/// When the store cannot be read; so all of them.
pub fn one(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    named::<User>(cx, request, MEMBER)
}

pub fn all(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    listing(cx, request, "user")
}

pub fn create(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    new(cx, request, "user", MEMBER)
}

pub fn attach(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    attaching::<User>(cx, request, MEMBER)
}

/// Inline policies and the end of a boundary: `iam:PermissionsBoundary` is the present one.
pub fn policy(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![bounded::<User>(cx, request, MEMBER)?])
}

pub fn boundary(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    bounding::<User>(cx, request, MEMBER)
}

/// A rename needs the permission on the user as it is and as it will be.
pub fn update(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let name = request.str(MEMBER).unwrap_or_default();
    let (old, found) = holder::<User>(cx, name)?;
    let path = request.str("NewPath").or(found.as_ref().map(|user| user.path.as_str())).unwrap_or("/");
    let new = model::arn(cx.account, "user", path, request.str("NewUserName").unwrap_or(name));
    let mut renamed = old.clone();
    renamed.arn = new;
    Ok(if renamed.arn == old.arn { vec![old] } else { vec![old, renamed] })
}
