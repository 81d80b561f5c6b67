//! Client tokens: who sends the same request again is told again what was done.
//!
//! AWS does not say for how long; here it is a day.

use super::errors::SchedulerError;
use super::model::Home;
use base::{AccountId, Region, Timestamp};
use kernel::Cx;
use std::time::Duration;
use store::{Key, Table};

/// By account, region, operation, token.
const TOKENS: Table<Used> = Table::new(0x1A05, "scheduler/tokens");
/// By when they are forgotten, account, region, operation, token.
pub(super) const ENDS: Table<End> = Table::new(0x1A06, "scheduler/token ends");

const KEPT: Duration = Duration::from_secs(86_400);

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Used {
        /// What was asked for, all of it.
        1 => request: String,
        2 => at: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct End {
        1 => account: AccountId,
        2 => region: Region,
        3 => operation: String,
        4 => token: String,
        5 => at: Timestamp,
    }
}

fn key((account, region): Home, operation: &str, token: &str) -> Key {
    Key::regional(account, region).str(operation).str(token)
}

/// Remembers a request by its token; whether it was done already.
///
/// # Errors
/// `ConflictException` where the token came with another request.
pub(super) fn is_repeated(
    cx: &mut Cx<'_>,
    operation: &str,
    token: Option<&str>,
    request: String,
) -> Result<bool, SchedulerError> {
    let Some(token) = token else { return Ok(false) };
    let key = key((cx.account, cx.region), operation, token);
    if let Some(used) = TOKENS.get(cx.tx, &key)?.filter(|used| cx.now.since(used.at) < KEPT) {
        return if used.request == request { Ok(true) } else { Err(SchedulerError::TokenUsed) };
    }
    TOKENS.put(cx.tx, &key, &Used { request, at: cx.now });
    let end = End {
        account: cx.account,
        region: cx.region,
        operation: operation.to_owned(),
        token: token.to_owned(),
        at: cx.now,
    };
    let when = Key::global().time(cx.now.plus(KEPT)).str(cx.account.as_str()).str(cx.region.name());
    ENDS.put(cx.tx, &when.str(operation).str(token), &end);
    Ok(false)
}

/// Forgets a token, unless it has been used anew.
pub(super) fn forget(tx: &mut store::Tx, end: &End) -> Result<(), store::StoreError> {
    let key = key((end.account, end.region), &end.operation, &end.token);
    if TOKENS.get(tx, &key)?.is_some_and(|used| used.at == end.at) {
        TOKENS.delete(tx, &key);
    }
    Ok(())
}
