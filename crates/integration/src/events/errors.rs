//! What EventBridge refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html> and each operation's page.
    pub enum EventsError {
        Validation(what: String) = 400, "ValidationException", "{what}";
        Pattern(why: String) = 400, "InvalidEventPatternException", "Event pattern is not valid. Reason: {why}";
        NoBus(name: String) = 400, "ResourceNotFoundException", "Event bus {name} does not exist.";
        NoSource(name: String) = 400, "ResourceNotFoundException", "Event source {name} does not exist.";
        SourceExists(name: String) = 400, "ResourceAlreadyExistsException", "Event source {name} already exists.";
        SourceState(name: String, state: &'static str) = 400, "InvalidStateException", "Event source {name} is in the state {state}, which is not valid for this operation.";
        NoRule(name: String, bus: String) = 400, "ResourceNotFoundException", "Rule {name} does not exist on EventBus {bus}.";
        NoArchive(name: String) = 400, "ResourceNotFoundException", "Archive {name} does not exist.";
        NoReplay(name: String) = 400, "ResourceNotFoundException", "Replay {name} does not exist.";
        ArchiveExists(name: String) = 400, "ResourceAlreadyExistsException", "Archive {name} already exists.";
        ReplayExists(name: String) = 400, "ResourceAlreadyExistsException", "Replay {name} already exists.";
        ReplayOver(name: String) = 400, "IllegalStatusException", "Replay {name} is not in a valid state for this operation.";
        NoConnection(name: String) = 400, "ResourceNotFoundException", "Failed to describe the connection(s). Connection '{name}' does not exist.";
        NoConnectionArn(arn: String) = 400, "ResourceNotFoundException", "Connection '{arn}' does not exist.";
        ConnectionExists(name: String) = 400, "ResourceAlreadyExistsException", "Connection '{name}' already exists.";
        NoDestination(name: String) = 400, "ResourceNotFoundException", "Failed to describe the api-destination(s). An api-destination '{name}' does not exist.";
        DestinationExists(name: String) = 400, "ResourceAlreadyExistsException", "An api-destination '{name}' already exists.";
        NoTarget(id: String, rule: String) = 400, "ResourceNotFoundException", "Target {id} does not exist on rule {rule}.";
        NoStatement = 400, "ResourceNotFoundException", "Statement with the provided id does not exist.";
        BusExists(name: String) = 400, "ResourceAlreadyExistsException", "Event bus {name} already exists.";
        Argument(name: &'static str) = 400, "InvalidArgument", "Parameter {name} is not valid. Reason: {name} is a required argument.";
        Detail = 400, "MalformedDetail", "Detail is malformed.";
        Source = 400, "NotAuthorizedForSourceException", "Not authorized for the source.";
        Denied(role: String, bus: String) = 400, "AccessDeniedException", "{role} is not authorized to perform: events:PutEvents on resource: {bus}";
        Limit = 400, "LimitExceededException", "The requested resource exceeds the maximum number allowed.";
        LongPolicy = 400, "PolicyLengthExceededException", "The policy is longer than 10240 characters.";
        Internal = 500, "InternalException", "An internal error occurred.";
    }
}

impl From<kernel::Failure> for EventsError {
    fn from(_: kernel::Failure) -> EventsError {
        EventsError::Internal
    }
}

impl From<store::StoreError> for EventsError {
    fn from(error: store::StoreError) -> EventsError {
        kernel::Failure::from(error).into()
    }
}

/// Another service says that what was to be made is there.
pub(super) fn is_there_already(fault: &wire::Fault) -> bool {
    fault.code == "ResourceAlreadyExistsException"
}

/// `ValidationException` with this sentence.
pub(super) fn invalid(what: impl Into<String>) -> EventsError {
    EventsError::Validation(what.into())
}

/// What dead letters say of a failure, in the words of AWS's list.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
pub(super) fn listed(fault: &wire::Fault) -> &str {
    let code = fault.code.as_str();
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    let is_listed = code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    match () {
        () if is_listed => code,
        () if has(&["AccessDenied", "AuthorizationError", "NotAuthorized"]) => "NO_PERMISSIONS",
        () if has(&["NotFound", "NonExistent", "DoesNotExist", "NoSuch"]) => "NO_RESOURCE",
        () if fault.status == 429 || has(&["Throttl", "TooManyRequests"]) => "THROTTLING",
        () if has(&["LimitExceeded"]) => "RESOURCE_LIMIT_EXCEEDED",
        () if has(&["AlreadyExists"]) => "RESOURCE_ALREADY_EXISTS",
        () if has(&["Validation", "InvalidParameter", "InvalidMessageContents"]) => "INVALID_PARAMETER",
        () if has(&["InvalidRequestContent", "Malformed"]) => "INVALID_JSON",
        () => "ERROR_FROM_TARGET",
    }
}

#[cfg(test)]
mod tests {
    use super::listed;
    use wire::Fault;

    #[test]
    fn dead_letters_speak_in_the_words_of_the_list() {
        for (status, code, word) in [
            (403, "AccessDeniedException", "NO_PERMISSIONS"),
            (403, "AuthorizationError", "NO_PERMISSIONS"),
            (400, "AWS.SimpleQueueService.NonExistentQueue", "NO_RESOURCE"),
            (404, "NotFound", "NO_RESOURCE"),
            (404, "ResourceNotFoundException", "NO_RESOURCE"),
            (429, "TooManyRequestsException", "THROTTLING"),
            (400, "InvalidParameterValueException", "INVALID_PARAMETER"),
            (400, "ServiceLimitExceededException", "RESOURCE_LIMIT_EXCEEDED"),
            (400, "InvalidRequestContentException", "INVALID_JSON"),
            (500, "InternalFailure", "ERROR_FROM_TARGET"),
            (400, "FAILED_TO_ASSUME_ROLE", "FAILED_TO_ASSUME_ROLE"),
        ] {
            assert_eq!(listed(&Fault::new(status, code, "")), word, "{code}");
        }
    }
}
