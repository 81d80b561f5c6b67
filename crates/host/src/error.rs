//! What goes wrong in a data plane.

use std::fmt;
use std::io;

#[derive(Debug)]
pub enum HostError {
    /// The machine that Virga runs on cannot do it; the sentence says what it lacks and how to get it.
    Unable(String),
    /// The kernel refused a step.
    Refused { step: String, why: io::Error },
    /// The child process in which the networks live has ended, and they with it.
    Ended,
    /// There is no such VPC or machine.
    NotThere(String),
    /// A packet does not get there, in time or at all.
    Unreachable(String),
}

impl HostError {
    pub(crate) fn refused(step: impl Into<String>, why: impl Into<io::Error>) -> HostError {
        HostError::Refused { step: step.into(), why: why.into() }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Unable(what) => f.write_str(what),
            HostError::Refused { step, why } => write!(f, "{step}: {why}"),
            HostError::Ended => f.write_str("the host process has ended"),
            HostError::NotThere(what) => write!(f, "there is no {what}"),
            HostError::Unreachable(what) => write!(f, "{what} cannot be reached"),
        }
    }
}

impl std::error::Error for HostError {}
