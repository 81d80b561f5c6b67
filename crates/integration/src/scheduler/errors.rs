//! What the scheduler refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/scheduler/latest/APIReference/CommonErrors.html> and each operation's page.
    pub enum SchedulerError {
        Validation(what: String) = 400, "ValidationException", "{what}";
        NoSchedule(name: String) = 404, "ResourceNotFoundException", "Schedule {name} does not exist.";
        NoGroup(name: String) = 404, "ResourceNotFoundException", "Schedule group {name} does not exist.";
        ScheduleExists(name: String) = 409, "ConflictException", "Schedule {name} already exists.";
        GroupExists(name: String) = 409, "ConflictException", "Schedule group {name} already exists.";
        GroupLeaves(name: String) = 409, "ConflictException", "Schedule group {name} is being deleted.";
        TokenUsed = 409, "ConflictException", "The client token was used with other parameters.";
        Limit(what: &'static str) = 402, "ServiceQuotaExceededException", "The maximum number of {what} is reached.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Internal = 500, "InternalServerException", "An internal error occurred.";
    }
}

impl From<kernel::Failure> for SchedulerError {
    fn from(_: kernel::Failure) -> SchedulerError {
        SchedulerError::Internal
    }
}

impl From<store::StoreError> for SchedulerError {
    fn from(error: store::StoreError) -> SchedulerError {
        kernel::Failure::from(error).into()
    }
}

/// `ValidationException` with this sentence.
pub(super) fn invalid(what: impl Into<String>) -> SchedulerError {
    SchedulerError::Validation(what.into())
}

/// The target had too much to do; it may be asked again though it was the caller's call that was refused.
pub(super) fn is_throttled(fault: &wire::Fault) -> bool {
    fault.status == 429 || fault.code.contains("Throttl") || fault.code == "TooManyRequestsException"
}
