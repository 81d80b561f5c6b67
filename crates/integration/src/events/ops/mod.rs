//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub(super) mod archive;
pub(super) mod bus;
pub(super) mod connection;
pub(super) mod destination;
pub(super) mod partner;
pub(super) mod pattern;
pub(super) mod permission;
pub(super) mod put;
pub(super) mod replay;
pub(super) mod rule;
pub(super) mod source;
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

/// A page of what was gathered in the order of its names, and the token of the next.
///
/// # Errors
/// `ValidationException` for a token of another list.
pub(super) fn page_of<T>(
    cx: &Cx<'_>,
    mut all: Vec<T>,
    list: &str,
    token: Option<&str>,
    limit: Option<i64>,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), EventsError> {
    let list = format!("events:{list} {} {}", cx.account, cx.region.name());
    if let Some(token) = token {
        let after = cx.pager().position(&list, token).ok();
        let after = after.and_then(|bytes| String::from_utf8(bytes).ok());
        let after = after.ok_or_else(|| invalid("The specified token is not valid."))?;
        all.retain(|one| name(one) > after);
    }
    let most = limit.unwrap_or(PAGE_MAX) as usize;
    let is_more = all.len() > most;
    all.truncate(most);
    let token = all.last().filter(|_| is_more).map(|last| cx.pager().token(&list, name(last).as_bytes()));
    Ok((all, token))
}
