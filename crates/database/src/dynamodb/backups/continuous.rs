//! UpdateContinuousBackups and DescribeContinuousBackups: point-in-time recovery is switched on and off.

use super::{access, source};
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::model::backup::{DAYS_MAX, Recovery};
use crate::dynamodb::model::table::TABLES;
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(in crate::dynamodb) static OPS:
    UpdateContinuousBackups: update_continuous_backups, "dynamodb:UpdateContinuousBackups", access::on_table;
    DescribeContinuousBackups: describe_continuous_backups, "dynamodb:DescribeContinuousBackups", access::on_table;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct UpdateContinuousBackups {
        table: String = "TableName",
        specification: Specification = "PointInTimeRecoverySpecification",
    }

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Specification {
        enabled: bool = "PointInTimeRecoveryEnabled",
        days: Option<u32> = "RecoveryPeriodInDays",
    }

    #[derive(Clone, Debug)]
    pub(super) struct DescribeContinuousBackups { table: String = "TableName" }

    #[derive(Clone, Debug)]
    pub(super) struct RecoveryDescription {
        status: String = "PointInTimeRecoveryStatus",
        days: Option<i64> = "RecoveryPeriodInDays",
        earliest: Option<Timestamp> = "EarliestRestorableDateTime",
        latest: Option<Timestamp> = "LatestRestorableDateTime",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Description {
        status: String = "ContinuousBackupsStatus",
        recovery: RecoveryDescription = "PointInTimeRecoveryDescription",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Output { description: Description = "ContinuousBackupsDescription" }
}

fn describe(recovery: Option<Recovery>, now: Timestamp) -> Output {
    let status = if recovery.is_some() { "ENABLED" } else { "DISABLED" };
    let recovery = RecoveryDescription {
        status: status.to_owned(),
        days: recovery.map(|recovery| recovery.days.into()),
        earliest: recovery.map(|recovery| recovery.earliest(now).whole_seconds()),
        latest: recovery.map(|_| now.whole_seconds()),
    };
    // AWS: every table has continuous backups, with or without recovery.
    Output { description: Description { status: "ENABLED".to_owned(), recovery } }
}

fn update_continuous_backups(cx: &mut Cx<'_>, req: UpdateContinuousBackups) -> Result<Output, Error> {
    let Specification { enabled, days } = req.specification;
    if !enabled && days.is_some() {
        return Err(validation(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
        ));
    }
    let schema = source(cx, &req.table)?;
    let mut table = schema.record.clone();
    table.recovery = match (enabled, table.recovery) {
        (false, _) => None,
        (true, None) => Some(Recovery { since: cx.now, days: days.unwrap_or(DAYS_MAX) }),
        (true, Some(known)) => {
            // What was trimmed under a shorter window does not come back with a longer one.
            let since = known.earliest(cx.now);
            Some(Recovery { since, days: days.unwrap_or(known.days) })
        }
    };
    if table != schema.record {
        TABLES.put(cx.tx, &table.own_key(), &table);
    }
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    Ok(describe(table.recovery, cx.now))
}

fn describe_continuous_backups(cx: &mut Cx<'_>, req: DescribeContinuousBackups) -> Result<Output, Error> {
    let schema = source(cx, &req.table)?;
    Ok(describe(schema.record.recovery, cx.now))
}
