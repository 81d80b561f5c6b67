//! Lambda's operations, one file for each family.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub(crate) mod account;
pub(crate) mod alias;
pub(crate) mod code;
pub(crate) mod concurrency;
pub(crate) mod configuration;
pub(crate) mod function;
pub(crate) mod handling;
pub(crate) mod invoke;
pub(crate) mod layer;
pub(crate) mod layer_permission;
pub(crate) mod mapping;
pub(crate) mod permission;
pub(crate) mod provision;
pub(crate) mod recursion;
pub(crate) mod signing;
pub(crate) mod source;
pub(crate) mod tag;
pub(crate) mod url;
pub(crate) mod version;

use super::errors::{LambdaError, invalid};
use kernel::Cx;
use kernel::listing::NoPage;
use store::{Key, Record, Table};

/// AWS: every list of Lambda's: fifty at a time unless asked for fewer.
const PAGE: usize = 50;

/// Rows with their keys, and the marker of what follows.
type Found<R> = (Vec<(Key, R)>, Option<String>);

/// How many rows a page has.
fn page_size(most: Option<u32>) -> usize {
    most.map_or(PAGE, |most| PAGE.min(most as usize)).max(1)
}

/// Why a list has no page.
fn no_page(why: NoPage) -> LambdaError {
    match why {
        NoPage::Token => invalid("Invalid Marker"),
        NoPage::Store(error) => error.into(),
    }
}

/// A page of a table's rows with their keys, and the marker of the next one. `list` names the operation and its filters.
fn page<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    prefix: &Key,
    list: &str,
    (marker, most): (Option<&str>, Option<u32>),
) -> Result<Found<R>, LambdaError> {
    let list = format!("lambda:{list} {} {}", cx.account, cx.region.name());
    let after = match marker {
        None => None,
        Some(marker) => {
            let position = cx.pager().position(&list, marker);
            Some(Key::of_stored(&position.map_err(|_| invalid("Invalid Marker"))?))
        }
    };
    let limit = page_size(most);
    let found = table.page(cx.tx, prefix, after.as_ref(), limit)?;
    let next = found.next.map(|key| cx.pager().token(&list, key.as_bytes()));
    Ok((found.items, next))
}
