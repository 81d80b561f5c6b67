//! Which pipes each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgepipes.html>

use super::consumer::NAME;
use super::errors::PipesError;
use super::model::{Pipe, pipe_arn};
use base::{AccountId, Arn};
use kernel::{Cx, Target};
use wire::{Fault, Struct};

pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

fn named(cx: &Cx<'_>, name: &str) -> Result<Target, PipesError> {
    let home = (cx.account, cx.region);
    let target = Target::on(pipe_arn(home, name)).owned_by(cx.account);
    Ok(match Pipe::load(cx.tx, home, name)? {
        Some(pipe) => target.tagged(pipe.tags),
        None => target,
    })
}

/// The pipe that `Name` tells.
///
/// # Errors
/// The store's.
pub(super) fn pipe(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![named(cx, request.str("Name").unwrap_or_default())?])
}

/// A pipe that is put, with the role that it is given.
///
/// # Errors
/// The store's.
pub(super) fn put_pipe(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = pipe(cx, request)?;
    let passed = |role: &str| Target::on(role).doing("iam:PassRole").key("iam:PassedToService", NAME);
    targets.extend(request.str("RoleArn").map(passed));
    Ok(targets)
}

/// What tags are about.
///
/// # Errors
/// `ValidationException` for what is no ARN of a pipe's; the store's.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = request.str("resourceArn").unwrap_or_default();
    let wrong = || super::errors::invalid(format!("The ARN {text} is not valid."));
    let arn = Arn::parse(text).ok_or_else(wrong)?;
    let owner = AccountId::parse(&arn.account).ok_or_else(wrong)?;
    let target = Target::on(text).owned_by(owner);
    Ok(vec![match super::ops::tag::find(cx, text) {
        Ok(pipe) => target.tagged(pipe.tags),
        Err(_) => target,
    }])
}
