//! Tokens of blocks and of pages: sealed, so that only what this cloud gave out is taken, and dated.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::Cx;
use std::time::Duration;

/// For how long a block's token is taken.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// When tokens that are given out now are no longer taken.
pub(super) fn expiry(now: Timestamp) -> Timestamp {
    now.plus(LIFE)
}

/// `of` names what it is for: a snapshot, or a list.
pub(super) fn give(cx: &Cx<'_>, purpose: &str, of: &str, index: u32) -> String {
    let end = expiry(cx.now).seconds().to_be_bytes();
    let plain = [&end[..], &index.to_be_bytes(), of.as_bytes()].concat();
    STANDARD.encode(cx.sealer().seal(cx.rng(), purpose, &plain))
}

/// The index in a token; `None` where it is not for this or too old.
pub(super) fn take(cx: &Cx<'_>, purpose: &str, of: &str, token: &str) -> Option<u32> {
    let sealed = STANDARD.decode(token).ok()?;
    let plain = cx.sealer().open(purpose, &sealed).ok()?;
    let (end, rest) = plain.split_first_chunk::<8>()?;
    let (index, named) = rest.split_first_chunk::<4>()?;
    let is_alive = cx.now < Timestamp::from_seconds(i64::from_be_bytes(*end));
    (is_alive && named == of.as_bytes()).then(|| u32::from_be_bytes(*index))
}
