//! Which tables and backups each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html> and the guide's
//! page on IAM and backups: who restores needs what it takes to fill the new table.

use super::BackupPlace;
use crate::dynamodb::access::target;
use crate::dynamodb::errors::Refusal;
use crate::dynamodb::model::name::Place;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

pub(super) use crate::dynamodb::access::on_table;
pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// What filling a new table takes.
const FILLS: &[&str] = &[
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
];

fn backup(cx: &Cx<'_>, request: &Struct) -> Result<Target, Fault> {
    let arn = request.str("BackupArn").unwrap_or_default();
    let account = BackupPlace::read(arn)?.account;
    // AWS: recorded; there is no policy by which another account could let anybody in.
    if account != cx.account {
        return Err(Refusal::Denied.into());
    }
    Ok(Target::on(arn).owned_by(account))
}

pub(super) fn on_backup(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![backup(cx, request)?])
}

/// The table that is to be made: the operation's own action, and what filling takes.
fn filled(cx: &Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(cx, request.str("TargetTableName").unwrap_or_default())?;
    let on = || Target::on(place.arn()).owned_by(place.account);
    Ok(std::iter::once(on()).chain(FILLS.iter().map(|action| on().doing(action))).collect())
}

pub(super) fn from_backup(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = vec![backup(cx, request)?];
    targets.extend(filled(cx, request)?);
    Ok(targets)
}

pub(super) fn from_moment(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = filled(cx, request)?;
    if let Some(source) = super::restore::source_place(cx, request)? {
        targets.insert(0, target(cx, &source, None)?.0);
    }
    Ok(targets)
}
