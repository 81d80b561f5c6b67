//! How work inside the cloud fails: refused with reasons, or broken by the store.

use crate::audit::Decided;
use wire::Fault;

/// What one run of an operation that was refused leaves.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) fault: Fault,
    pub(crate) decisions: Vec<Decided>,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        Refused { fault, decisions: Vec::new() }
    }
}

/// What a caller sees of a failure of the cloud itself; the log has the rest.
pub(crate) fn internal_failure() -> Fault {
    Fault::new(
        500,
        "InternalFailure",
        "The request processing has failed because of an unknown error, exception or failure.",
    )
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Failure {
        crate::log::error("the store could not be read", &[("problem", &error.to_string())]);
        Failure
    }
}

/// A failure of the store on its way to becoming a fault: `?` turns a [`store::StoreError`] into it, and it into any
/// service's error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure;

impl From<Failure> for Fault {
    fn from(_: Failure) -> Fault {
        internal_failure()
    }
}
