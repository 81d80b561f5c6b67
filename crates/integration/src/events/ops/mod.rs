//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub(super) mod archive;
pub(super) mod bus;
pub(super) mod connection;
pub(super) mod destination;
pub(super) mod pattern;
pub(super) mod permission;
pub(super) mod put;
pub(super) mod replay;
pub(super) mod rule;
pub(super) mod tag;
pub(super) mod target;

use super::errors::{EventsError, invalid};
use kernel::Cx;
use kernel::listing::NoPage;
use store::{Key, Record, Table};

/// AWS: no list has longer pages.
const PAGE_MAX: i64 = 100;

/// A page of records below a prefix, in the order of their names, and the token of the next.
///
/// # Errors
/// `ValidationException` for a token of another list.
pub(super) fn page<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    (all, list): (&Key, &str),
    token: Option<&str>,
    limit: Option<i64>,
    wanted: impl Fn(&R) -> bool,
) -> Result<(Vec<R>, Option<String>), EventsError> {
    let list = format!("events:{list} {} {}", cx.account, cx.region.name());
    let limit = limit.unwrap_or(PAGE_MAX) as usize;
    cx.list(table, all, &list, token, limit, wanted).map_err(|none| match none {
        NoPage::Token => invalid("The specified token is not valid."),
        NoPage::Store(error) => error.into(),
    })
}
