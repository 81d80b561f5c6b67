//! Handlers, one file a noun.

pub(super) mod account_policy;
pub(super) mod deletion;
pub(super) mod event;
pub(super) mod export;
pub(super) mod field;
pub(super) mod filter;
pub(super) mod get;
pub(super) mod group;
pub(super) mod key;
pub(super) mod live;
pub(super) mod metric_filter;
pub(super) mod policy;
pub(super) mod put;
pub(super) mod query;
pub(super) mod query_definition;
pub(super) mod retention;
pub(super) mod stream;
pub(super) mod subscription;
pub(super) mod tag;
pub(super) mod test_filter;

use super::errors::{LogsError, invalid};
use super::model::group::Group;
use base::Arn;
use kernel::Cx;

/// A group by its name, in the caller's account and region.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(super) fn named(cx: &Cx<'_>, name: &str) -> Result<Group, LogsError> {
    Group::load(cx.tx, cx.account, cx.region, name)?.ok_or(LogsError::NoGroup)
}

/// The name that an identifier holds: a name, or the ARN of a group with or without its `:*`.
pub(super) fn name_of(identifier: &str) -> Option<String> {
    if !identifier.starts_with("arn:") {
        return Some(identifier.to_owned());
    }
    let arn = Arn::parse(identifier)?;
    let name = arn.resource.strip_prefix("log-group:")?;
    (arn.service == "logs").then(|| name.strip_suffix(":*").unwrap_or(name).to_owned())
}

/// A group by the two members that most operations have, of which a request gives one.
///
/// # Errors
/// `InvalidParameterException` for none, both, or an ARN of something else; `ResourceNotFoundException`.
pub(super) fn identified(
    cx: &Cx<'_>,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Result<Group, LogsError> {
    match (name, identifier) {
        (Some(name), None) => named(cx, name),
        (None, Some(identifier)) => {
            let foreign = Arn::parse(identifier)
                .is_some_and(|arn| arn.account != cx.account.as_str() || arn.region != cx.region.name());
            if foreign {
                return Err(LogsError::NoGroup);
            }
            named(cx, &name_of(identifier).ok_or_else(|| invalid("Invalid logGroupIdentifier."))?)
        }
        (Some(_), Some(_)) => {
            Err(invalid("Only one of logGroupName and logGroupIdentifier can be specified."))
        }
        (None, None) => Err(invalid("Either logGroupName or logGroupIdentifier must be specified.")),
    }
}

/// What a token of this list stands for.
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn position(cx: &Cx<'_>, list: &str, token: Option<&str>) -> Result<Option<String>, LogsError> {
    let Some(token) = token else { return Ok(None) };
    let bytes = cx.pager().position(list, token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| invalid("The specified nextToken is invalid."))
}
