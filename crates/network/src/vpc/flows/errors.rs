//! What destinations answer, as far as it matters to a flow log.

use wire::Fault;

/// As AWS words it in `DeliverLogsErrorMessage`.
pub(super) fn trouble(fault: &Fault) -> &'static str {
    match fault.code.as_ref() {
        "AccessDenied" | "AccessDeniedException" | "NoSuchBucket" => "Access error",
        "ThrottlingException" | "LimitExceededException" => "Rate limited",
        _ => "Unknown error",
    }
}

/// Whether what was to be made is there already.
pub(super) fn is_there(fault: &Fault) -> bool {
    fault.code == "ResourceAlreadyExistsException"
}

/// Whether the group or the stream is not there.
pub(super) fn is_missing(fault: &Fault) -> bool {
    fault.code == "ResourceNotFoundException"
}
