//! What each operation of IAM touches: resources, their tags, IAM's own condition keys.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>

pub mod credential;
pub mod delegation;
pub mod group;
pub mod instance_profile;
pub mod policy;
pub mod provider;
pub mod role;
pub mod source;
pub mod user;

use super::holder::Holder;
use super::model;
use base::tag::Tags;
use kernel::{Cx, access::Target};
use wire::{Fault, Struct};

/// A user, group or role that should exist: its real ARN, its tags (also as `iam:ResourceTag/*`). One that does not
/// exist is asked for by its bare name, so that only who may see it learns that it is missing.
pub fn holder<H: Holder>(cx: &Cx<'_>, name: &str) -> Result<(Target, Option<H>), Fault> {
    let found = H::TABLE.get(cx.tx, &model::named(cx.account, name)).map_err(kernel::Failure::from)?;
    let target = match &found {
        Some(holder) => tagged(Target::on(holder.arn(cx.account)), holder.tags()),
        None => Target::on(model::arn(cx.account, H::NOUN, "/", name)),
    };
    Ok((target, found))
}

/// Tags of users and roles count for `iam:ResourceTag/*` too.
fn tagged(target: Target, tags: Option<&Tags>) -> Target {
    let Some(tags) = tags else { return target };
    let keyed =
        tags.iter().fold(target, |target, (key, value)| target.key(format!("iam:ResourceTag/{key}"), value));
    keyed.tagged(tags.clone())
}

/// The holder that the member `member` names.
///
/// # Errors
/// When the store cannot be read.
pub fn named<H: Holder>(cx: &mut Cx<'_>, request: &Struct, member: &str) -> Result<Vec<Target>, Fault> {
    Ok(vec![holder::<H>(cx, request.str(member).unwrap_or_default())?.0])
}

/// [`named`], with `iam:PolicyARN` and the holder's present boundary as `iam:PermissionsBoundary`.
///
/// # Errors
/// When the store cannot be read.
pub fn attaching<H: Holder>(cx: &mut Cx<'_>, request: &Struct, member: &str) -> Result<Vec<Target>, Fault> {
    let mut target = bounded::<H>(cx, request, member)?;
    if let Some(arn) = request.str("PolicyArn") {
        target = target.key("iam:PolicyARN", arn);
    }
    Ok(vec![target])
}

/// [`named`], with the holder's present boundary as `iam:PermissionsBoundary`.
///
/// # Errors
/// When the store cannot be read.
pub fn bounded<H: Holder>(cx: &mut Cx<'_>, request: &Struct, member: &str) -> Result<Target, Fault> {
    let (target, found) = holder::<H>(cx, request.str(member).unwrap_or_default())?;
    Ok(match found.as_ref().and_then(Holder::boundary) {
        Some(arn) => target.key("iam:PermissionsBoundary", arn),
        None => target,
    })
}

/// [`named`], with the boundary that the request sets as `iam:PermissionsBoundary`.
///
/// # Errors
/// When the store cannot be read.
pub fn bounding<H: Holder>(cx: &mut Cx<'_>, request: &Struct, member: &str) -> Result<Vec<Target>, Fault> {
    let (target, _) = holder::<H>(cx, request.str(member).unwrap_or_default())?;
    Ok(vec![with_boundary_of(target, request)])
}

/// A list of everything of a kind, below the request's `PathPrefix`: `arn:aws:iam::123456789012:user/`, as AWS's
/// refusals name it.
///
/// # Errors
/// Never.
pub fn listing(cx: &Cx<'_>, request: &Struct, kind: &str) -> Result<Vec<Target>, Fault> {
    Ok(vec![Target::on(model::arn(cx.account, kind, request.str("PathPrefix").unwrap_or("/"), ""))])
}

/// Something that is about to be made: its ARN with the path of the request, the boundary that the request sets.
///
/// # Errors
/// Never.
pub fn new(cx: &Cx<'_>, request: &Struct, kind: &str, member: &str) -> Result<Vec<Target>, Fault> {
    let (path, name) = (request.str("Path").unwrap_or("/"), request.str(member).unwrap_or_default());
    Ok(vec![with_boundary_of(Target::on(model::arn(cx.account, kind, path, name)), request)])
}

fn with_boundary_of(target: Target, request: &Struct) -> Target {
    match request.str("PermissionsBoundary") {
        Some(arn) => target.key("iam:PermissionsBoundary", arn),
        None => target,
    }
}
