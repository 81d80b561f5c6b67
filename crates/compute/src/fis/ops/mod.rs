//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub(crate) mod action;
pub(crate) mod experiment;
pub(crate) mod tag;
pub(crate) mod template;

use super::errors::{FisError, invalid};
use super::model::Token;
use base::tag::Tags;
use kernel::Cx;
use kernel::listing::NoPage;
use store::{Key, Record, Table};
use wire::Pairs;

/// AWS: of one page, by default and at most.
const PAGE: usize = 100;

/// What tells a request that is sent again from another.
fn token(token: &str, request: &impl std::fmt::Debug) -> Token {
    Token { token: token.to_owned(), request: ec2::token::fingerprint(request) }
}

/// Whether a record was made by the same request.
///
/// # Errors
/// `ConflictException` where another came with the same token.
fn is_same(made_by: &Token, asked: &Token) -> Result<bool, FisError> {
    if made_by.token != asked.token {
        return Ok(false);
    }
    if made_by.request != asked.request {
        return Err(FisError::Mismatch(asked.token.clone()));
    }
    Ok(true)
}

/// `EXT` and digits and letters.
fn id(cx: &Cx<'_>, prefix: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    format!("{prefix}{}", cx.rng().text(LETTERS, 15))
}

fn checked(tags: Option<Pairs<String>>) -> Result<Tags, FisError> {
    let pairs = tags.map(|tags| tags.0).unwrap_or_default();
    base::tag::checked(pairs).map_err(|error| invalid(format!("The tags are not valid: {error:?}.")))
}

/// A page of a table of the account's.
fn page<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    narrowed: &str,
    max: Option<i64>,
    next: Option<&str>,
    wanted: impl Fn(&R) -> bool,
) -> Result<(Vec<R>, Option<String>), FisError> {
    let all = Key::regional(cx.account, cx.region);
    let list = format!("{}/{}/{}/{narrowed}", cx.request.operation, cx.account, cx.region);
    cx.list(table, &all, &list, next, most(max), wanted).map_err(wrong)
}

/// A page of a list that is not of the store.
fn cut<V>(
    cx: &Cx<'_>,
    items: Vec<V>,
    narrowed: &str,
    max: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<V>, Option<String>), FisError> {
    let list = format!("{}/{}/{}/{narrowed}", cx.request.operation, cx.account, cx.region);
    cx.cut(items, &list, next, most(max)).map_err(wrong)
}

fn most(max: Option<i64>) -> usize {
    max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE)
}

fn wrong(none: NoPage) -> FisError {
    match none {
        NoPage::Token => invalid("The specified token is not valid."),
        NoPage::Store(error) => error.into(),
    }
}
