//! What SQS refuses. Codes are the query protocol's, or the modelled names; `wire` knows their other names.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and each
    /// operation's page. Messages are the sentences that AWS answers, where they are known; they are made where the
    /// names are known.
    pub enum SqsError {
        Invalid(what: String) = 400, "InvalidParameterValue", "{what}";
        Missing(name: &'static str) = 400, "MissingParameter", "The request must contain the parameter {name}.";
        UnknownAttribute(name: String) = 400, "InvalidAttributeName", "Unknown Attribute {name}.";
        AttributeName(what: String) = 400, "InvalidAttributeName", "{what}";
        AttributeValue(what: String) = 400, "InvalidAttributeValue", "{what}";
        NoQueue = 400, "QueueDoesNotExist", "The specified queue does not exist.";
        Exists(attribute: String) = 400, "QueueNameExists", "A queue already exists with the same name and a different value for attribute {attribute}";
        DeletedRecently = 400, "QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
        PurgeInProgress(queue: String) = 403, "PurgeQueueInProgress", "Only one PurgeQueue operation on {queue} is allowed every 60 seconds.";
        Contents = 400, "InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
        Handle(handle: String) = 404, "ReceiptHandleIsInvalid", "The input receipt handle \"{handle}\" is not a valid receipt handle.";
        NotInFlight = 400, "MessageNotInflight", "The specified message isn't in flight.";
        EmptyBatch(entry: &'static str) = 400, "EmptyBatchRequest", "There should be at least one {entry} in the request.";
        LargeBatch(count: usize) = 400, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent {count}.";
        BatchId = 400, "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
        BatchIdTwice(id: String) = 400, "BatchEntryIdsNotDistinct", "Id {id} repeated.";
        LongBatch(max: u64, bytes: u64) = 400, "BatchRequestTooLong", "Batch requests cannot be longer than {max} bytes. You have sent {bytes} bytes.";
        OverLimit(what: String) = 403, "OverLimit", "{what}";
        Unsupported(what: String) = 400, "UnsupportedOperation", "{what}";
        NoSuchResource(what: String) = 404, "ResourceNotFoundException", "{what}";
        InvalidAddress(url: String) = 404, "InvalidAddress", "The address {url} is not valid for this endpoint.";
        KmsDenied(what: String) = 400, "KmsAccessDenied", "{what}";
        KmsDisabled(what: String) = 400, "KmsDisabled", "{what}";
        KmsState(what: String) = 400, "KmsInvalidState", "{what}";
        KmsUsage(what: String) = 400, "KmsInvalidKeyUsage", "{what}";
        KmsNotFound(what: String) = 400, "KmsNotFound", "{what}";
        Internal = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for SqsError {
    fn from(_: kernel::Failure) -> SqsError {
        SqsError::Internal
    }
}

impl From<store::StoreError> for SqsError {
    fn from(error: store::StoreError) -> SqsError {
        kernel::Failure::from(error).into()
    }
}

impl SqsError {
    /// What KMS refuses, in SQS's names.
    pub(crate) fn of_kms(fault: wire::Fault) -> SqsError {
        let what = fault.message;
        match fault.code.as_str() {
            "AccessDeniedException" => SqsError::KmsDenied(what),
            "DisabledException" => SqsError::KmsDisabled(what),
            "KMSInvalidStateException" => SqsError::KmsState(what),
            "InvalidKeyUsageException" => SqsError::KmsUsage(what),
            "NotFoundException" | "InvalidArnException" => SqsError::KmsNotFound(what),
            _ => SqsError::Internal,
        }
    }

    /// A parameter's value that is out of its range, in AWS's words.
    pub(crate) fn value(value: impl std::fmt::Display, name: &str, reason: &str) -> SqsError {
        SqsError::Invalid(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
    }
}
