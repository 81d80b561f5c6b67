//! What pipes refuse.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/CommonErrors.html> and each operation's page.
    pub enum PipesError {
        Validation(what: String) = 400, "ValidationException", "{what}";
        NoPipe(name: String) = 404, "NotFoundException", "Pipe {name} does not exist.";
        NoResource(arn: String) = 404, "NotFoundException", "Resource {arn} does not exist.";
        Exists(name: String) = 409, "ConflictException", "Pipe {name} already exists.";
        Busy(name: String, state: &'static str) = 409, "ConflictException", "Pipe {name} is in the state {state}.";
        Limit(most: usize) = 402, "ServiceQuotaExceededException", "The maximum number of pipes, {most}, is reached.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Internal = 500, "InternalException", "An internal error occurred.";
    }
}

impl From<kernel::Failure> for PipesError {
    fn from(_: kernel::Failure) -> PipesError {
        PipesError::Internal
    }
}

impl From<store::StoreError> for PipesError {
    fn from(error: store::StoreError) -> PipesError {
        kernel::Failure::from(error).into()
    }
}

/// `ValidationException` with this sentence.
pub(super) fn invalid(what: impl Into<String>) -> PipesError {
    PipesError::Validation(what.into())
}

/// Whether it may go well the next time, though nothing is changed: that is no failure of the pipe's.
pub(super) fn is_passing(fault: &wire::Fault) -> bool {
    !fault.is_sender()
        || fault.status == 429
        || fault.code.contains("Throttl")
        || fault.code == "TooManyRequestsException"
}

/// Another service says that what was to be made is there.
pub(super) fn is_there_already(fault: &wire::Fault) -> bool {
    fault.code == "ResourceAlreadyExistsException"
}
