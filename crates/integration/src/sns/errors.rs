//! What SNS refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html> and each operation's page. Messages are the
    /// sentences that AWS answers, where they are known; they are made where the names are known.
    pub enum SnsError {
        Invalid(what: String) = 400, "InvalidParameter", "Invalid parameter: {what}";
        Value(what: String) = 400, "ParameterValueInvalid", "{what}";
        NoTopic = 404, "NotFound", "Topic does not exist";
        NoSubscription = 404, "NotFound", "Subscription does not exist";
        NoApplication = 404, "NotFound", "PlatformApplication does not exist";
        NoEndpoint = 404, "NotFound", "Endpoint does not exist";
        EndpointDisabled = 400, "EndpointDisabled", "Endpoint is disabled";
        ApplicationDisabled = 400, "PlatformApplicationDisabled", "Platform application is disabled";
        OptedOut = 400, "OptedOut", "The phone number has opted out of receiving SMS messages.";
        User(what: String) = 400, "UserError", "{what}";
        Verification = 400, "VerificationException", "The one-time password is not valid.";
        NoNumber = 404, "ResourceNotFound", "The phone number is not in the SMS sandbox.";
        NoResource = 404, "ResourceNotFound", "Resource does not exist";
        Token = 400, "InvalidParameter", "Invalid token";
        TooManyTags = 400, "TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded";
        TooManyEntries = 400, "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.";
        EmptyBatch = 400, "EmptyBatchRequest", "The batch request doesn't contain any entries.";
        BatchIdTwice = 400, "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.";
        BatchId = 400, "InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the specification.";
        LongBatch = 400, "BatchRequestTooLong", "The length of all the batch messages put together is more than the limit.";
        NotConfirmed = 403, "AuthorizationError", "This subscription can only be ended by its owner.";
        Archived = 400, "InvalidState", "Invalid state: Cannot delete a topic with an ArchivePolicy";
        KmsDenied(what: String) = 400, "KMSAccessDenied", "{what}";
        KmsDisabled(what: String) = 400, "KMSDisabled", "{what}";
        KmsState(what: String) = 400, "KMSInvalidState", "{what}";
        KmsNotFound(what: String) = 400, "KMSNotFound", "{what}";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Internal = 500, "InternalError", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl SnsError {
    /// What KMS refuses, in SNS's names.
    pub(crate) fn of_kms(fault: wire::Fault) -> SnsError {
        let what = fault.message;
        match fault.code.as_str() {
            "AccessDeniedException" => SnsError::KmsDenied(what),
            "DisabledException" => SnsError::KmsDisabled(what),
            "KMSInvalidStateException" | "InvalidKeyUsageException" => SnsError::KmsState(what),
            "NotFoundException" | "InvalidArnException" => SnsError::KmsNotFound(what),
            _ => SnsError::Internal,
        }
    }
}

impl From<kernel::Failure> for SnsError {
    fn from(_: kernel::Failure) -> SnsError {
        SnsError::Internal
    }
}

impl From<store::StoreError> for SnsError {
    fn from(error: store::StoreError) -> SnsError {
        kernel::Failure::from(error).into()
    }
}

pub(crate) fn invalid(what: impl Into<String>) -> SnsError {
    SnsError::Invalid(what.into())
}
