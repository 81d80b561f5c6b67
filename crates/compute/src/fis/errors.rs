//! What FIS refuses.

wire::errors! {
    /// AWS: each operation's page of <https://docs.aws.amazon.com/fis/latest/APIReference/Welcome.html>
    pub enum FisError {
        Denied(what: String) = 403, "AccessDeniedException", "{what}";
        Validation(what: String) = 400, "ValidationException", "{what}";
        NotFound(what: String) = 404, "ResourceNotFoundException", "{what} not found.";
        Mismatch(token: String) = 409, "ConflictException", "The client token {token} was used with other parameters.";
        Limit(what: String) = 402, "ServiceQuotaExceededException", "{what}";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Internal = 500, "InternalServerException", "An internal error occurred.";
    }
}

impl From<kernel::Failure> for FisError {
    fn from(_: kernel::Failure) -> FisError {
        FisError::Internal
    }
}

impl From<store::StoreError> for FisError {
    fn from(error: store::StoreError) -> FisError {
        kernel::Failure::from(error).into()
    }
}

/// `ValidationException` with this sentence.
pub(crate) fn invalid(what: impl Into<String>) -> FisError {
    FisError::Validation(what.into())
}
