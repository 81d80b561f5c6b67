//! What Lambda refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html> and each operation's page.
    pub enum LambdaError {
        Invalid(what: String) = 400, "InvalidParameterValueException", "{what}";
        Limit(value: u32, member: &'static str, most: u32) = 400, "ValidationException", "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have value less than or equal to {most}";
        NotFound(what: String) = 404, "ResourceNotFoundException", "{what}";
        Conflict(what: String) = 409, "ResourceConflictException", "{what}";
        NoProvision = 404, "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function";
        Revision = 412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
        CodeTooLarge = 413, "RequestEntityTooLargeException", "Request must be smaller than 69905067 bytes for the CreateFunction operation";
        CodeStorage = 400, "CodeStorageExceededException", "Code storage limit exceeded.";
        PolicyLength = 400, "PolicyLengthExceededException", "The final policy size is bigger than the limit 20480.";
        PayloadTooLarge(size: usize, kind: &'static str, limit: usize) = 413, "RequestTooLargeException", "{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)";
        Content(why: String) = 400, "InvalidRequestContentException", "Could not parse request body into json: {why}";
        CrossAccountRole = 403, "AccessDeniedException", "Cross-account pass role is not allowed.";
        InUse = 400, "ResourceInUseException", "Cannot update the event source mapping because it is in use.";
        Denied(what: String) = 403, "AccessDeniedException", "{what}";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Service(what: String) = 500, "ServiceException", "{what}";
        KmsDenied(what: String) = 502, "KMSAccessDeniedException", "{what}";
        KmsDisabled(what: String) = 502, "KMSDisabledException", "{what}";
        KmsState(what: String) = 502, "KMSInvalidStateException", "{what}";
        KmsNotFound(what: String) = 502, "KMSNotFoundException", "{what}";
        Entrypoint(why: String) = 502, "Runtime.InvalidEntrypoint", "{why}";
        Folder(why: String) = 502, "Runtime.InvalidWorkingDir", "{why}";
        Recursive = 400, "RecursiveInvocationException", "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation.";
        Throttled = 429, "TooManyRequestsException", "Rate Exceeded.";
    }
}

impl LambdaError {
    /// What KMS answered when the variables of a function that is to begin were opened, and how that is said.
    pub(crate) fn of_kms(code: &str, said: &str) -> LambdaError {
        let (variant, why): (fn(String) -> LambdaError, _) = match code {
            "DisabledException" => (LambdaError::KmsDisabled, "the KMS key used is disabled"),
            "KMSInvalidStateException" => {
                (LambdaError::KmsState, "the state of the KMS key used is not valid for Decrypt")
            }
            "NotFoundException" => (LambdaError::KmsNotFound, "the KMS key was not found"),
            _ => (LambdaError::KmsDenied, "KMS access was denied"),
        };
        variant(format!(
            "Lambda was unable to decrypt the environment variables because {why}. Please check the function's KMS key settings. {said}"
        ))
    }
}

impl From<kernel::Failure> for LambdaError {
    fn from(_: kernel::Failure) -> LambdaError {
        LambdaError::Service("The service encountered an internal error.".into())
    }
}

impl From<store::StoreError> for LambdaError {
    fn from(error: store::StoreError) -> LambdaError {
        kernel::Failure::from(error).into()
    }
}

/// An extension asks for telemetry as it cannot be had.
pub(crate) const WRONG_SUBSCRIPTION: &str = "ValidationError";
/// The runtime ended before it had answered.
pub(crate) const EXIT: &str = "Runtime.ExitError";

/// Why a function cannot be of an image, as it is shown.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>
pub(crate) const IMAGE_DENIED: &str = "ImageAccessDenied";
pub(crate) const IMAGE_GONE: &str = "ImageDeleted";
pub(crate) const IMAGE_WRONG: &str = "InvalidImage";
pub(crate) const INTERNAL: &str = "InternalError";

/// What CloudWatch Logs answers to whoever makes what is there.
pub(crate) fn is_there(fault: &wire::Fault) -> bool {
    fault.code == "ResourceAlreadyExistsException"
}

/// Whether the function is gone.
pub(crate) fn is_gone(fault: &wire::Fault) -> bool {
    fault.code == "ResourceNotFoundException"
}

/// What function URLs answer in the header that names an error.
pub(crate) const DENIED: &str = "AccessDeniedException";
pub(crate) const BROKEN: &str = "InternalServerErrorException";
pub(crate) const TOO_LARGE: &str = "RequestEntityTooLargeException";

/// Whether nobody has signed.
pub(crate) fn is_unsigned(fault: &wire::Fault) -> bool {
    fault.code == "MissingAuthenticationTokenException"
}

/// Whether as many run as may.
pub(crate) fn is_throttled(fault: &wire::Fault) -> bool {
    fault.code == "TooManyRequestsException"
}

/// Whether a function is a consequence of itself once too often.
pub(crate) fn is_recursive(fault: &wire::Fault) -> bool {
    fault.code == "RecursiveInvocationException"
}

/// Whether a function could not begin because of what it is itself.
pub(crate) fn is_of_function(fault: &wire::Fault) -> bool {
    fault.code.starts_with("Runtime.")
}

/// Whether a service does not let the caller read.
pub(crate) fn is_denied(fault: &wire::Fault) -> bool {
    fault.code.starts_with("AccessDenied")
}

pub(crate) fn invalid(what: impl Into<String>) -> LambdaError {
    LambdaError::Invalid(what.into())
}
