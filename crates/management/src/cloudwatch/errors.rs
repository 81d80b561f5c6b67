//! What CloudWatch refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html> and each operation's
    /// page.
    pub enum WatchError {
        Invalid(what: String) = 400, "InvalidParameterValue", "{what}";
        Combination(what: String) = 400, "InvalidParameterCombination", "{what}";
        Missing(what: String) = 400, "MissingParameter", "{what}";
        Validation(what: String) = 400, "ValidationError", "{what}";
        Limit(what: String) = 400, "LimitExceeded", "{what}";
        NoAlarm(name: String) = 404, "ResourceNotFound", "Unknown alarm {name}";
        NoResource(arn: String) = 404, "ResourceNotFoundException", "Unknown {arn}";
        NoDashboard(name: String) = 404, "ResourceNotFound", "Dashboard {name} does not exist";
        NoDashboards = 404, "ResourceNotFound", "One or more dashboards do not exist";
        DashboardInput(what: String) = 400, "InvalidParameterInput", "{what}";
        BadToken = 400, "InvalidNextToken", "The next token specified is invalid.";
        BadFormat(what: String) = 400, "InvalidFormat", "{what}";
        Unreadable = 500, "InternalServiceError", "Request processing has failed due to some unknown error, exception, or failure.";
    }
}

impl From<kernel::Failure> for WatchError {
    fn from(_: kernel::Failure) -> WatchError {
        WatchError::Unreadable
    }
}

impl From<store::StoreError> for WatchError {
    fn from(error: store::StoreError) -> WatchError {
        kernel::Failure::from(error).into()
    }
}

/// `InvalidParameterValue` with this sentence.
pub(super) fn invalid(what: impl Into<String>) -> WatchError {
    WatchError::Invalid(what.into())
}
