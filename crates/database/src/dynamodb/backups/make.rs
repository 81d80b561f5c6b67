//! CreateBackup, and the backup that the service makes of a table that is deleted.

use super::{access, source};
use crate::dynamodb::census;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::Error;
use crate::dynamodb::model::backup::{BACKUPS, BackupRecord, DAYS_MAX};
use crate::dynamodb::model::keys;
use crate::dynamodb::model::table::{TABLES, TableRecord};
use base::Timestamp;
use kernel::Cx;
use std::time::Duration;

kernel::ops! { pub(in crate::dynamodb) static OPS:
    CreateBackup: create_backup, "dynamodb:CreateBackup", access::on_table;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct CreateBackup {
        table: String = "TableName",
        name: String = "BackupName",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Details {
        arn: String = "BackupArn",
        name: String = "BackupName",
        bytes: i64 = "BackupSizeBytes",
        status: String = "BackupStatus",
        kind: String = "BackupType",
        created: Timestamp = "BackupCreationDateTime",
        expires: Option<Timestamp> = "BackupExpiryDateTime",
    }

    #[derive(Clone, Debug)]
    pub(super) struct CreateBackupOutput { details: Details = "BackupDetails" }
}

/// A backup is whole as soon as its record is there; AWS says otherwise only in the answer that makes it.
pub(super) const AVAILABLE: &str = "AVAILABLE";

pub(super) fn details(backup: &BackupRecord, status: &str) -> Details {
    Details {
        arn: backup.arn(),
        name: backup.name.clone(),
        bytes: backup.bytes,
        status: status.to_owned(),
        kind: if backup.is_system() { "SYSTEM" } else { "USER" }.to_owned(),
        created: backup.created,
        expires: backup.expires,
    }
}

fn create_backup(cx: &mut Cx<'_>, req: CreateBackup) -> Result<CreateBackupOutput, Error> {
    let schema = source(cx, &req.table)?;
    let mut table = schema.record.clone();
    encryption::check_usable(cx, table.encryption.as_ref())?;
    let suffix = format!("{:08x}", cx.rng().u64() >> 32);
    let backup = mark(cx, &mut table, req.name, &suffix, None)?;
    TABLES.put(cx.tx, &table.own_key(), &table);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    Ok(CreateBackupOutput { details: details(&backup, "CREATING") })
}

/// Marks the state of the table. The caller writes the table's record.
fn mark(
    cx: &mut Cx<'_>,
    table: &mut TableRecord,
    name: String,
    suffix: &str,
    expires: Option<Timestamp>,
) -> Result<BackupRecord, Error> {
    let counted = census::count(cx.tx, &keys::items(table.account, table.region, table.number))?;
    let backup = BackupRecord {
        id: format!("{:014}-{suffix}", cx.now.micros().div_euclid(1_000).max(0)),
        name,
        table: Box::new(table.clone()),
        order: table.next_backup,
        created: cx.now,
        expires,
        items: counted.items,
        bytes: counted.bytes,
        deleting: false,
    };
    table.backup = Some(table.next_backup);
    table.next_backup += 1;
    BACKUPS.put(cx.tx, &backup.own_key(), &backup);
    Ok(backup)
}

/// AWS: the guide on point-in-time recovery: when a table that has it is deleted, a backup of its last state is kept
/// for 35 days.
///
/// # Errors
/// The store's.
pub(crate) fn of_deleted(cx: &mut Cx<'_>, table: &mut TableRecord) -> Result<(), Error> {
    if table.recovery.is_none() {
        return Ok(());
    }
    let name = format!("{}$DeletedTableBackup", table.name);
    let expires = cx.now.plus(Duration::from_secs(u64::from(DAYS_MAX) * 86_400));
    mark(cx, table, name, "00000000", Some(expires)).map(drop)
}
