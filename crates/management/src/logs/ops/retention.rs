//! How long a group keeps its events.

use super::group::OneGroup;
use super::named;
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::group::RETENTION_DAYS;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    PutRetentionPolicy: put, "logs:PutRetentionPolicy", access::group;
    DeleteRetentionPolicy: delete, "logs:DeleteRetentionPolicy", access::group;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutRetentionPolicy {
        name: String = "logGroupName",
        days: i64 = "retentionInDays",
    }
}

fn put(cx: &mut Cx<'_>, req: PutRetentionPolicy) -> Result<Empty, LogsError> {
    let days = u32::try_from(req.days).ok().filter(|days| RETENTION_DAYS.contains(days));
    let days = days.ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value '{}' at 'retentionInDays' failed to satisfy constraint: Member \
             must satisfy enum value set: {RETENTION_DAYS:?}",
            req.days
        ))
    })?;
    let mut group = named(cx, &req.name)?;
    group.retention_days = Some(days);
    group.save(cx.tx);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: OneGroup) -> Result<Empty, LogsError> {
    let mut group = named(cx, &req.name)?;
    group.retention_days = None;
    group.save(cx.tx);
    Ok(Empty)
}
