//! ListBackups.

use super::make::AVAILABLE;
use super::{BackupPlace, access};
use crate::dynamodb::errors::{Error, parameter, validation};
use crate::dynamodb::model::backup::{BACKUPS, BackupRecord};
use crate::dynamodb::model::name::Place;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(in crate::dynamodb) static OPS:
    ListBackups: list_backups, "dynamodb:ListBackups", access::any;
}

const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct ListBackups {
        table: Option<String> = "TableName",
        limit: Option<i64> = "Limit",
        lower: Option<Timestamp> = "TimeRangeLowerBound",
        upper: Option<Timestamp> = "TimeRangeUpperBound",
        start: Option<String> = "ExclusiveStartBackupArn",
        kind: Option<String> = "BackupType",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Summary {
        table: String = "TableName",
        id: String = "TableId",
        table_arn: String = "TableArn",
        arn: String = "BackupArn",
        name: String = "BackupName",
        created: Timestamp = "BackupCreationDateTime",
        expires: Option<Timestamp> = "BackupExpiryDateTime",
        status: String = "BackupStatus",
        kind: String = "BackupType",
        bytes: i64 = "BackupSizeBytes",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ListBackupsOutput {
        summaries: Vec<Summary> = "BackupSummaries",
        last: Option<String> = "LastEvaluatedBackupArn",
    }
}

fn summary(backup: BackupRecord) -> Summary {
    Summary {
        table_arn: backup.table.arn(),
        arn: backup.arn(),
        status: AVAILABLE.to_owned(),
        kind: if backup.is_system() { "SYSTEM" } else { "USER" }.to_owned(),
        bytes: backup.bytes,
        created: backup.created,
        expires: backup.expires,
        name: backup.name,
        id: backup.table.id.clone(),
        table: backup.table.name,
    }
}

fn millis(time: Timestamp) -> i64 {
    time.micros().div_euclid(1_000)
}

/// What the request asks for, beside where to begin.
fn is_wanted(req: &ListBackups, backup: &BackupRecord) -> bool {
    let kind = match req.kind.as_deref() {
        None | Some("USER") => !backup.is_system(),
        Some("SYSTEM") => backup.is_system(),
        Some("ALL") => true,
        // There is no AWS Backup here that could have made one.
        Some(_) => false,
    };
    kind && !backup.deleting
        && req.lower.is_none_or(|lower| backup.created >= lower)
        // AWS: with the bound itself, as far as answers tell the time.
        && req.upper.is_none_or(|upper| millis(backup.created) <= millis(upper))
}

fn list_backups(cx: &mut Cx<'_>, req: ListBackups) -> Result<ListBackupsOutput, Error> {
    if let (Some(lower), Some(upper)) = (req.lower, req.upper)
        && lower > upper
    {
        return Err(parameter("Time range lower bound must be less than or equal to upper bound"));
    }
    let all = Key::regional(cx.account, cx.region);
    let prefix = match &req.table {
        None => all,
        Some(table) => all.str(&Place::read(cx, table)?.name),
    };
    let after = match &req.start {
        None => None,
        Some(arn) => {
            let place = BackupPlace::read(arn)?;
            if place.region != cx.region {
                return Err(validation(
                    "Invalid Request: The supplied ExclusiveStartBackupArn does not match the region",
                ));
            }
            Some(BackupRecord::key(cx.account, cx.region, &place.table, &place.id))
        }
    };
    let limit = req.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX);
    let mut summaries: Vec<Summary> = Vec::new();
    for pair in BACKUPS.scan(&*cx.tx, &prefix, Direction::Forward) {
        let (key, backup) = pair?;
        if after.as_ref().is_some_and(|after| key <= *after) || !is_wanted(&req, &backup) {
            continue;
        }
        if summaries.len() == limit {
            let last = summaries.last().map(|summary| summary.arn.clone());
            return Ok(ListBackupsOutput { summaries, last });
        }
        summaries.push(summary(backup));
    }
    Ok(ListBackupsOutput { summaries, last: None })
}
