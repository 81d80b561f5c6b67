//! What CloudWatch Logs refuses.

use kernel::listing::NoPage;

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html> and each
    /// operation's page.
    pub enum LogsError {
        NoGroup = 400, "ResourceNotFoundException", "The specified log group does not exist.";
        NoStream = 400, "ResourceNotFoundException", "The specified log stream does not exist.";
        NoResource = 400, "ResourceNotFoundException", "The specified resource does not exist.";
        NoPolicy(name: String) = 400, "ResourceNotFoundException", "Policy with name [{name}] does not exist.";
        NoQuery = 400, "ResourceNotFoundException", "The specified query does not exist.";
        NoDefinition = 400, "ResourceNotFoundException", "The specified query definition does not exist.";
        NoMetricFilter = 400, "ResourceNotFoundException", "The specified metric filter does not exist.";
        NoSubscription = 400, "ResourceNotFoundException", "The specified subscription filter does not exist.";
        NoExport = 400, "ResourceNotFoundException", "The specified export task does not exist.";
        ExportOver = 400, "InvalidOperationException", "The specified export task has already finished.";
        OfStandard(what: &'static str) = 400, "InvalidOperationException", "{what} are not available for log groups of the Infrequent Access class.";
        NoTail = 400, "InvalidOperationException", "Live Tail is not available for log groups of the Infrequent Access class.";
        TailOver = 400, "SessionTimeoutException", "The session has been open for three hours.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} are not built in this version of Virga.";
        NoEvent = 400, "ResourceNotFoundException", "The specified log record does not exist.";
        GroupExists = 400, "ResourceAlreadyExistsException", "The specified log group already exists";
        StreamExists = 400, "ResourceAlreadyExistsException", "The specified log stream already exists";
        Invalid(what: String) = 400, "InvalidParameterException", "{what}";
        Malformed(what: String) = 400, "MalformedQueryException", "{what}";
        Limit(what: String) = 400, "LimitExceededException", "{what}";
        TooManyTags(what: String) = 400, "TooManyTagsException", "{what}";
        Protected = 400, "ValidationException", "The log group is protected from deletion. Turn its deletion protection off first.";
        Aborted(what: String) = 400, "OperationAbortedException", "{what}";
        Unreadable = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for LogsError {
    fn from(_: kernel::Failure) -> LogsError {
        LogsError::Unreadable
    }
}

impl From<NoPage> for LogsError {
    fn from(none: NoPage) -> LogsError {
        match none {
            NoPage::Token => invalid("The specified nextToken is invalid."),
            NoPage::Store(error) => error.into(),
        }
    }
}

impl From<store::StoreError> for LogsError {
    fn from(error: store::StoreError) -> LogsError {
        kernel::Failure::from(error).into()
    }
}

/// `InvalidParameterException` with this sentence.
pub(super) fn invalid(what: impl Into<String>) -> LogsError {
    LogsError::Invalid(what.into())
}

/// Another service says that its policies do not allow it.
pub(super) fn is_denied(fault: &wire::Fault) -> bool {
    fault.code.starts_with("AccessDenied")
}
