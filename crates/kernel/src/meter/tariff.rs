//! [`Tariff`]: how a service counts requests.

use super::line::{Kind, Line};
use crate::audit::Decided;
use crate::cloud::Cloud;
use crate::identity::Caller;
use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use wire::{Fault, Value};

/// How a service counts the requests that it is sent.
pub trait Tariff: Send + Sync + std::fmt::Debug {
    /// The model's id of the service.
    fn service(&self) -> &'static str;

    /// Whether requests count that another service makes with its caller's permissions.
    fn counts_nested(&self) -> bool {
        false
    }

    /// How much a request carries, where that counts. Asked before it is run.
    fn size(&self, _operation: &str, _request: &Value) -> u64 {
        0
    }

    /// Counts a call that has ended.
    fn count(&self, call: &Called<'_>, add: &mut dyn FnMut(&Line<'_>, u64));
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    pub cloud: &'a Cloud,
    pub caller: &'a Caller,
    pub account: AccountId,
    pub region: Region,
    pub operation: &'static str,
    /// By the cloud's clock.
    pub now: Timestamp,
    /// How long it really took, once its caller was known.
    pub took: Duration,
    /// What it was authorized for.
    pub(crate) decisions: &'a [Decided],
    /// [`Tariff::size`]
    pub size: u64,
    /// What its handler has said it is ([`crate::Dx::is_a`]).
    pub kind: Option<&'static Kind>,
    pub outcome: Result<&'a Value, &'a Fault>,
}

impl Called<'_> {
    /// The ARN of what it was about; nothing where it was about nothing in particular, or was not authorized.
    pub fn resource(&self) -> &str {
        self.decisions.first().map_or("", |decided| decided.resource.trim_start_matches('*'))
    }

    /// The ARNs of all that it was about, each once.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let before = |at: usize, arn: &str| self.decisions[..at].iter().any(|other| other.resource == arn);
        let all = self.decisions.iter().map(|decided| decided.resource.as_str()).enumerate();
        all.filter(move |(at, arn)| !before(*at, arn)).map(|(_, arn)| arn)
    }

    /// Whether it is counted at all: AWS: what fails for the service's own sake is not.
    pub fn is_charged(&self) -> bool {
        self.outcome.err().is_none_or(|fault| fault.status < 500)
    }
}
