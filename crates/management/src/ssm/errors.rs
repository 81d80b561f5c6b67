//! What Parameter Store refuses.

use kernel::listing::NoPage;

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html> and each operation's page.
    pub enum SsmError {
        Invalid(what: String) = 400, "ValidationException", "{what}";
        Reserved(name: String) = 400, "AccessDeniedException", "No access to reserved parameter name: {name}.";
        Denied(what: String) = 400, "AccessDeniedException", "{what}";
        Exists = 400, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        NoParameter(what: String) = 400, "ParameterNotFound", "{what}";
        NoVersion(what: String) = 400, "ParameterVersionNotFound", "{what}";
        Limit(what: String) = 400, "ParameterLimitExceeded", "{what}";
        TooManyVersions(what: String) = 400, "ParameterMaxVersionLimitExceeded", "{what}";
        TooManyLabels = 400, "ParameterVersionLabelLimitExceeded", "A parameter version can have a maximum of ten labels.";
        TooDeep = 400, "HierarchyLevelLimitExceededException", "Parameter name must not exceed 15 levels.";
        OtherType = 400, "HierarchyTypeMismatchException", "Parameter Store does not support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.";
        BadPattern(what: String) = 400, "InvalidAllowedPatternException", "{what}";
        PatternMismatch(what: String) = 400, "ParameterPatternMismatchException", "{what}";
        KeyId(what: String) = 400, "InvalidKeyId", "{what}";
        FilterKey(what: String) = 400, "InvalidFilterKey", "{what}";
        FilterOption(what: String) = 400, "InvalidFilterOption", "{what}";
        FilterValue(what: String) = 400, "InvalidFilterValue", "{what}";
        NextToken = 400, "InvalidNextToken", "The specified token is not valid.";
        ResourceType(what: String) = 400, "InvalidResourceType", "{what}";
        ResourceId(what: String) = 400, "InvalidResourceId", "{what}";
        TooManyTags = 400, "TooManyTagsError", "The Targets parameter includes too many tags. Remove one or more tags and try the command again.";
        Internal = 500, "InternalServerError", "An error occurred on the server side.";
    }
}

impl SsmError {
    /// What KMS refuses, as Parameter Store tells it.
    pub(super) fn of_kms(fault: wire::Fault) -> SsmError {
        match fault.code.as_str() {
            "AccessDeniedException" => SsmError::Denied(fault.message),
            _ => SsmError::KeyId(fault.message),
        }
    }
}

impl From<kernel::Failure> for SsmError {
    fn from(_: kernel::Failure) -> SsmError {
        SsmError::Internal
    }
}

impl From<NoPage> for SsmError {
    fn from(none: NoPage) -> SsmError {
        match none {
            NoPage::Token => SsmError::NextToken,
            NoPage::Store(error) => error.into(),
        }
    }
}

impl From<store::StoreError> for SsmError {
    fn from(error: store::StoreError) -> SsmError {
        kernel::Failure::from(error).into()
    }
}

/// `ValidationException` with this sentence.
pub(super) fn invalid(what: impl Into<String>) -> SsmError {
    SsmError::Invalid(what.into())
}
