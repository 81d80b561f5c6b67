//! Deleting keys, with time to think it over.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html>

use super::key::{OneKey, touch};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::model::{KeyState, Needs, days};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    ScheduleKeyDeletion: schedule, "kms:ScheduleKeyDeletion", access::on_key;
    CancelKeyDeletion: cancel, "kms:CancelKeyDeletion", access::on_key;
}

/// AWS: `ScheduleKeyDeletion`, `PendingWindowInDays`. The model allows more than the operation does.
const DAYS_MIN: u32 = 7;
const DAYS_MAX: u32 = 30;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Schedule {
        key_id: String = "KeyId",
        days: Option<u32> = "PendingWindowInDays",
    }

    #[derive(Debug)]
    pub(crate) struct Scheduled {
        key_id: String = "KeyId",
        deletion: Option<Timestamp> = "DeletionDate",
        state: String = "KeyState",
        days: u32 = "PendingWindowInDays",
    }
}

fn window(asked: Option<u32>) -> Result<u32, KmsError> {
    let count = asked.unwrap_or(DAYS_MAX);
    let refused = |bound: &str| {
        Err(KmsError::Validation(format!(
            "1 validation error detected: Value '{count}' at 'pendingWindowInDays' failed to satisfy constraint: \
             Member must have value {bound}"
        )))
    };
    match count {
        ..DAYS_MIN => refused(&format!("greater than or equal to {DAYS_MIN}")),
        DAYS_MIN..=DAYS_MAX => Ok(count),
        _ => refused(&format!("less than or equal to {DAYS_MAX}")),
    }
}

fn schedule(cx: &mut Cx<'_>, request: Schedule) -> Result<Scheduled, KmsError> {
    let window = window(request.days)?;
    let mut key = identify::key_that(cx, &request.key_id, Needs::Lasting)?;
    // A primary waits for its replicas, and only then does its time begin to run.
    let waits = key.is_primary() && !key.other_regions().is_empty();
    if waits {
        (key.stored_state, key.pending_days) = (KeyState::PendingReplicaDeletion, Some(window));
    } else {
        (key.stored_state, key.deletion) = (KeyState::PendingDeletion, Some(cx.now.plus(days(window))));
    }
    let answer = Scheduled {
        key_id: key.arn(),
        deletion: key.deletion,
        state: key.stored_state.as_str().to_owned(),
        days: window,
    };
    touch(cx, &key);
    key.save(cx.tx);
    Ok(answer)
}

/// The key comes back disabled, or waiting for the material that it did not have.
fn cancel(cx: &mut Cx<'_>, request: OneKey) -> Result<OneKey, KmsError> {
    let mut key = identify::key_that(cx, &request.key_id, Needs::PendingDeletion)?;
    let has_material = !key.external || crate::kms::import::is_complete(cx.tx, &key)?;
    key.stored_state = if has_material { KeyState::Disabled } else { KeyState::PendingImport };
    (key.deletion, key.pending_days) = (None, None);
    let arn = key.arn();
    touch(cx, &key);
    key.save(cx.tx);
    Ok(OneKey { key_id: arn })
}
