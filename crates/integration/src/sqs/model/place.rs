//! What callers call a queue: its URL, its name or its ARN.

use super::queue;
use crate::sqs::errors::SqsError;
use base::{AccountId, Region};
use kernel::Cx;
use store::Key;

/// A queue, whether it exists or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
}

impl Place {
    pub(crate) fn own(cx: &Cx<'_>, name: &str) -> Place {
        Place { account: cx.account, region: cx.region, name: name.to_owned() }
    }

    /// Reads a `QueueUrl`: whatever stands before them, its last two parts are account and name. A bare name is a
    /// queue of the caller's.
    ///
    /// # Errors
    /// `InvalidAddress` for what is no such URL.
    pub(crate) fn of_url(cx: &Cx<'_>, url: &str) -> Result<Place, SqsError> {
        let invalid = || SqsError::InvalidAddress(url.to_owned());
        let mut parts = url.split(['?', '#']).next().unwrap_or(url).trim_end_matches('/').rsplit('/');
        let name = parts.next().filter(|name| !name.is_empty()).ok_or_else(invalid)?;
        match parts.next() {
            None => Ok(Place::own(cx, name)),
            Some(account) => {
                let account = AccountId::parse(account).ok_or_else(invalid)?;
                Ok(Place { account, region: cx.region, name: name.to_owned() })
            }
        }
    }

    /// Reads a queue's ARN, of the region in which the call acts.
    pub(crate) fn of_arn(cx: &Cx<'_>, arn: &str) -> Option<Place> {
        let (account, region, name) = super::redrive::queue_of(arn)?;
        (region == cx.region).then_some(Place { account, region, name })
    }

    pub(crate) fn arn(&self) -> String {
        queue::arn(self.account, self.region, &self.name)
    }

    pub(crate) fn key(&self) -> Key {
        queue::key(self.account, self.region, &self.name)
    }
}
