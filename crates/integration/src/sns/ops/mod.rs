//! SNS's operations, one file for each family.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a handler owns its request, whether or not it takes it apart"
)]

pub(crate) mod application;
pub(crate) mod endpoint;
pub(crate) mod permission;
pub(crate) mod publish;
pub(crate) mod sandbox;
pub(crate) mod sms;
pub(crate) mod subscription;
pub(crate) mod subscription_attributes;
pub(crate) mod tag;
pub(crate) mod topic;
pub(crate) mod topic_attributes;

use super::errors::{SnsError, invalid};
use kernel::Cx;
use store::{Key, Record, Table};

/// AWS: every list of SNS's: a hundred at a time.
const PAGE: usize = 100;

/// A page of a table's rows, and the token of the next one. `name` gives the last parts of a row's key.
fn page<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    prefix: &Key,
    asked: (&str, Option<&str>),
    name: impl Fn(&R) -> Vec<String>,
) -> Result<(Vec<R>, Option<String>), SnsError> {
    page_of(cx, table, prefix, asked, PAGE, name)
}

/// As [`page`], of as many rows as are asked for.
fn page_of<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    prefix: &Key,
    (list, token): (&str, Option<&str>),
    size: usize,
    name: impl Fn(&R) -> Vec<String>,
) -> Result<(Vec<R>, Option<String>), SnsError> {
    let after = match token {
        None => None,
        Some(token) => {
            let bytes = cx.pager().position(list, token).map_err(|_| invalid("NextToken"))?;
            let text = String::from_utf8(bytes).map_err(|_| SnsError::Internal)?;
            Some(text.split(' ').fold(prefix.clone(), |key, part| key.str(part)))
        }
    };
    let found = table.page(cx.tx, prefix, after.as_ref(), size)?;
    let last = found.items.last().filter(|_| found.next.is_some());
    let token = last.map(|(_, row)| cx.pager().token(list, name(row).join(" ").as_bytes()));
    Ok((found.items.into_iter().map(|(_, row)| row).collect(), token))
}
