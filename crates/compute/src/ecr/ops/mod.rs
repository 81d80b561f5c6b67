//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub(in crate::ecr) mod image;
pub(super) mod layer;
pub(super) mod lifecycle;
pub(super) mod list;
pub(super) mod login;
pub(super) mod policy;
pub(super) mod repository;
pub(super) mod tag;

use super::access;
use super::errors::{EcrError, invalid};
use super::model::{REPOSITORIES, Repository};
use kernel::Cx;

/// The repository that a request names.
///
/// # Errors
/// `RepositoryNotFoundException`
pub(super) fn repository(cx: &Cx<'_>, registry: Option<&str>, name: &str) -> Result<Repository, EcrError> {
    let account = access::registry(cx, registry);
    let found = REPOSITORIES.get(cx.tx, &Repository::key_of(account, cx.region, name))?;
    found.ok_or_else(|| EcrError::NoRepository(name.to_owned(), account.to_string()))
}

/// What a token of this list stands for.
///
/// # Errors
/// `InvalidParameterException`
pub(super) fn position(cx: &Cx<'_>, list: &str, token: Option<&str>) -> Result<Option<String>, EcrError> {
    let Some(token) = token else { return Ok(None) };
    let bytes = cx.pager().position(list, token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| invalid("nextToken", "The token is not valid"))
}
