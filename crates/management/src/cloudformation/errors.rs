//! What CloudFormation refuses.

use super::template::Wrong;
use wire::Fault;

wire::errors! {
    /// AWS: each operation's page, and <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>.
    pub enum CfnError {
        Validation(what: String) = 400, "ValidationError", "{what}";
        /// A template that a transform has not made, for a change set to tell of.
        Transform(what: String) = 400, "ValidationError", "{what}";
        AlreadyExists(name: String) = 400, "AlreadyExistsException", "Stack [{name}] already exists";
        ChangeSetExists(name: String, stack: String) = 400, "AlreadyExistsException", "ChangeSet {name} already exists for stack {stack}";
        Capabilities(what: String) = 400, "InsufficientCapabilitiesException", "Requires capabilities : [{what}]";
        StackLimit = 400, "LimitExceededException", "Limit for stack has been exceeded";
        NoOperationOf(id: String) = 400, "ValidationError", "Operation [{id}] does not exist";
        NoChangeSet(name: String) = 404, "ChangeSetNotFound", "ChangeSet [{name}] does not exist";
        ChangeSetStatus(what: String) = 400, "InvalidChangeSetStatus", "{what}";
        NoStackSet(name: String) = 404, "StackSetNotFoundException", "StackSet {name} not found";
        StackSetExists(name: String) = 409, "NameAlreadyExistsException", "StackSet {name} already exists";
        StackSetNotEmpty = 409, "StackSetNotEmptyException", "StackSet is not empty";
        SetBusy(arn: String) = 409, "OperationInProgressException", "Another Operation on StackSet {arn} is in progress";
        NoInstance(set: String, account: String, region: String) = 404, "StackInstanceNotFoundException", "Stack instance for stack set {set}, account {account} and region {region} not found";
        NoOperation(id: String) = 404, "OperationNotFoundException", "Operation {id} not found";
        OperationExists(id: String) = 409, "OperationIdAlreadyExistsException", "Operation {id} already exists";
        Operation(what: String) = 400, "InvalidOperationException", "{what}";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Internal = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for CfnError {
    fn from(_: kernel::Failure) -> CfnError {
        CfnError::Internal
    }
}

impl From<store::StoreError> for CfnError {
    fn from(error: store::StoreError) -> CfnError {
        kernel::Failure::from(error).into()
    }
}

impl From<Wrong> for CfnError {
    fn from(wrong: Wrong) -> CfnError {
        CfnError::Validation(wrong.0)
    }
}

pub(crate) fn invalid(what: impl Into<String>) -> CfnError {
    CfnError::Validation(what.into())
}

/// Whether a service says that there is no such thing.
pub(crate) fn is_gone(code: &str) -> bool {
    ["NotFound", "NoSuch", "NonExistent", "DoesNotExist"].iter().any(|part| code.contains(part))
}

/// Whether something that is there still has need of what is to go.
pub(crate) fn is_needed(code: &str) -> bool {
    code == "DependencyViolation" || code.starts_with("DeleteConflict") || code.ends_with("InUse")
}

/// Whether the same may be asked again later.
pub(crate) fn is_soon(code: &str) -> bool {
    code == "ThrottlingException"
}

/// What AWS calls the kind of a service's refusal in the reason of a resource.
///
/// AWS: <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html>
pub(crate) fn handler_code(fault: &Fault) -> &'static str {
    let has = |parts: &[&str]| parts.iter().any(|part| fault.code.contains(part));
    match fault.status {
        500 | 503 => "ServiceInternalError",
        _ if has(&["AccessDenied", "Unauthorized", "Authorization"]) => "AccessDenied",
        _ if has(&["AlreadyExist", "Exists", "Duplicate", "AlreadyOwned", "InUse"]) => "AlreadyExists",
        // Lambda's code for it is one of all conflicts.
        409 if fault.message.contains("already exist") => "AlreadyExists",
        _ if is_gone(&fault.code) => "NotFound",
        _ if has(&["LimitExceeded", "TooMany"]) => "ServiceLimitExceeded",
        _ => "InvalidRequest",
    }
}
