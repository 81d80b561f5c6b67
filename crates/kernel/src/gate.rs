//! What may keep a call that is allowed from its handler: faults that somebody injects, to see what their callers make of
//! them.

use crate::identity::Caller;
use base::{Region, Timestamp};
use store::Read;
use wire::Fault;

/// A call on its way to its handler.
#[derive(Debug)]
pub struct Passing<'a> {
    pub caller: &'a Caller,
    pub region: Region,
    pub operation: &'a str,
    /// The same for every try of a call.
    pub request: &'a str,
    pub now: Timestamp,
}

/// Asked about each call of one service that is allowed.
pub trait Gate: Send + Sync + std::fmt::Debug {
    fn service(&self) -> &'static str;

    /// # Errors
    /// The fault that is injected; the store's own.
    fn admits(&self, from: &dyn Read, call: &Passing<'_>) -> Result<(), Fault>;
}
