//! Glacier's operations, by noun.

pub(super) mod archive;
pub(super) mod capacity;
pub(super) mod job;
pub(super) mod lock;
pub(super) mod notification;
pub(super) mod output;
pub(super) mod part;
pub(super) mod policy;
pub(super) mod retrieval_policy;
pub(super) mod tag;
pub(super) mod upload;
pub(super) mod vault;

use super::errors::{GlacierError, invalid};

wire::shape! {
    /// A vault, and nothing else.
    #[derive(Clone, Debug)]
    pub(super) struct OfVault {
        pub(super) account: String = "accountId",
        pub(super) vault: String = "vaultName",
    }

    /// An account, and nothing else.
    #[derive(Clone, Debug)]
    pub(super) struct OfAccount { pub(super) account: String = "accountId" }
}

/// AWS: the most that one page has, and what it has where nobody says.
const PAGE: usize = 50;

/// How many a page may have.
///
/// # Errors
/// `InvalidParameterValueException`
fn limit(text: Option<&str>, most: usize) -> Result<usize, GlacierError> {
    let Some(text) = text else { return Ok(most) };
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| invalid(format!("Invalid limit: {text}. Limit must be between 1 and {most}.")))
}

/// AWS: printable ASCII, of at most 1,024 characters.
///
/// # Errors
/// `InvalidParameterValueException`
fn described(text: Option<String>, what: &str) -> Result<Option<String>, GlacierError> {
    const MAX: usize = 1024;
    let text = text.filter(|text| !text.is_empty());
    match &text {
        Some(given) if given.len() > MAX || !given.bytes().all(|b| (0x20..=0x7E).contains(&b)) => {
            Err(invalid(format!("Invalid {what}: it must be at most {MAX} printable ASCII characters")))
        }
        _ => Ok(text),
    }
}

/// AWS: topics are named by their ARNs.
///
/// # Errors
/// `InvalidParameterValueException`
fn topic(text: &str) -> Result<(), GlacierError> {
    let arn = base::Arn::parse(text).filter(|arn| arn.service == "sns" && arn.account.len() == 12);
    arn.map(drop).ok_or_else(|| invalid(format!("Invalid SNS topic ARN: {text}")))
}
