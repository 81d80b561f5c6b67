//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub(super) mod group;
pub(super) mod schedule;
pub(super) mod tag;

use super::errors::{SchedulerError, invalid};
use kernel::Cx;
use store::{Key, Record, Table};

/// AWS: no list has longer pages.
const PAGE_MAX: i64 = 100;

/// A page of records below a prefix, in the order of their names, and the token of the next.
///
/// # Errors
/// `ValidationException` for a token of another list.
fn page<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    (all, list): (&Key, &str),
    token: Option<&str>,
    limit: Option<i64>,
    wanted: impl Fn(&R) -> bool,
) -> Result<(Vec<R>, Option<String>), SchedulerError> {
    let list = format!("scheduler:{list} {} {}", cx.account, cx.region.name());
    let position = token.map(|token| cx.pager().position(&list, token)).transpose();
    let position = position.map_err(|_| invalid("The specified token is not valid."))?;
    let mut after = position.map(|bytes| Key::of_stored(&bytes));
    let limit = limit.unwrap_or(PAGE_MAX) as usize;
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = table.page(cx.tx, all, after.as_ref(), PAGE_MAX as usize)?;
        for (key, record) in page.items.into_iter().filter(|(_, record)| wanted(record)) {
            if found.len() == limit {
                let token = last.map(|key: Key| cx.pager().token(&list, key.as_bytes()));
                return Ok((found, token));
            }
            last = Some(key);
            found.push(record);
        }
        after = page.next;
        if after.is_none() {
            return Ok((found, None));
        }
    }
}
