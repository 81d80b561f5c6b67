//! `GetKeyLastUsage`.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html>

use super::key::OneKey;
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::model::Usage;
use crate::kms::usage;
use base::Timestamp;
use kernel::Cx;
use kernel::audit::{self, Query};

kernel::ops! { pub(crate) static OPS:
    GetKeyLastUsage: last_usage, "kms:GetKeyLastUsage", access::on_key;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct LastUsage {
        key_id: String = "KeyId",
        usage: UsageShown = "KeyLastUsage",
        since: Timestamp = "TrackingStartDate",
        created: Timestamp = "KeyCreationDate",
    }

    /// Empty where the key has not been used.
    #[derive(Debug)]
    pub(crate) struct UsageShown {
        operation: Option<String> = "Operation",
        at: Option<Timestamp> = "Timestamp",
        event_id: Option<String> = "CloudTrailEventId",
        request_id: Option<String> = "KmsRequestId",
    }
}

fn last_usage(cx: &mut Cx<'_>, request: OneKey) -> Result<LastUsage, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    let usage = usage::last(cx, &key)?;
    let event_id = usage.as_ref().map(|usage| event_id(cx, usage)).transpose()?.flatten();
    Ok(LastUsage {
        since: usage::tracked_since(cx, &key)?,
        created: key.created,
        key_id: key.id,
        usage: UsageShown {
            operation: usage.as_ref().map(|usage| usage.operation.clone()),
            at: usage.as_ref().map(|usage| usage.at),
            request_id: usage.map(|usage| usage.request_id),
            event_id,
        },
    })
}

/// The event of the use, as long as the event history has it.
fn event_id(cx: &Cx<'_>, usage: &Usage) -> Result<Option<String>, KmsError> {
    let query = Query { since: usage.at, until: usage.at, ..Query::all(usage.account, cx.region) };
    let mut found = None;
    audit::walk(cx.cloud(), &query, &mut |entry| {
        if entry.service == "kms"
            && entry.request_id == usage.request_id
            && entry.operation == usage.operation
        {
            found = Some(entry.event_id);
        }
        found.is_none()
    })?;
    Ok(found)
}
