//! Backups on demand, and recovery to any moment of the last days.
//!
//! How past states are kept stands in [`super::model::backup`] (backups) and [`super::model::log`] (the change log,
//! from which a moment is rebuilt); [`rows`] reads such a state, and [`work`] makes tables of it.
//!
//! `LatestRestorableDateTime` is the present: AWS is about five minutes behind.

mod access;
mod continuous;
mod describe;
mod list;
pub(crate) mod make;
pub(crate) mod restore;
mod rows;
pub mod work;

pub(crate) use rows::ABSENT;

use super::errors::{Error, Refusal, validation};
use super::model::backup::{BACKUPS, BackupRecord};
use super::model::name::Place;
use super::model::schema::{self, Schema};
use super::model::table::Status;
use base::{AccountId, Arn, Region};
use kernel::Cx;
use std::sync::Arc;

pub(super) use continuous::OPS as CONTINUOUS;
pub(super) use describe::OPS as DESCRIBE;
pub(super) use list::OPS as LIST;
pub(super) use make::OPS as MAKE;
pub(super) use restore::OPS as RESTORE;

/// What a backup's ARN says.
pub(super) struct BackupPlace {
    account: AccountId,
    region: Region,
    table: String,
    id: String,
}

impl BackupPlace {
    /// # Errors
    /// `ValidationException`.
    fn read(text: &str) -> Result<BackupPlace, Error> {
        let invalid = || validation("Invalid Backup ARN");
        let elsewhere = || validation("Invalid Request: BackupArn is not valid");
        let arn = Arn::parse(text).ok_or_else(invalid)?;
        let (table, id) = arn
            .resource
            .strip_prefix("table/")
            .and_then(|rest| rest.split_once("/backup/"))
            .ok_or_else(invalid)?;
        if table.contains('/') || id.is_empty() {
            return Err(invalid());
        }
        if arn.service != "dynamodb" || arn.partition != "aws" {
            return Err(elsewhere());
        }
        Ok(BackupPlace {
            account: AccountId::parse(&arn.account).ok_or_else(invalid)?,
            region: Region::parse(&arn.region).ok_or_else(elsewhere)?,
            table: table.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// The backup that an ARN names.
///
/// # Errors
/// `ValidationException`, `BackupNotFoundException`.
fn existing(cx: &Cx<'_>, arn: &str) -> Result<BackupRecord, Error> {
    let place = BackupPlace::read(arn)?;
    let key = BackupRecord::key(place.account, place.region, &place.table, &place.id);
    let found = BACKUPS.get(&*cx.tx, &key)?.filter(|backup| !backup.deleting);
    found.ok_or_else(|| Refusal::NoBackup(arn.to_owned()).into())
}

/// The table of which something is to be kept. These operations have a word of their own for one that is not there.
///
/// # Errors
/// `TableNotFoundException`, `ValidationException`.
fn source(cx: &Cx<'_>, name: &str) -> Result<Arc<Schema>, Error> {
    let place = Place::read(cx, name)?;
    let found = schema::find(cx, &place)?.filter(|schema| schema.record.status != Status::Creating);
    found.ok_or_else(|| Refusal::TableNotFound(place.name).into())
}
