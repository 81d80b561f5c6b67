//! What KMS refuses. Messages are the sentences that AWS answers, where they are known; they are made where the names
//! are known.

use super::core::spec::Incompatible;

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html> and each operation's page. All
    /// but the internal ones have status 400.
    pub enum KmsError {
        NotFound(what: String) = 400, "NotFoundException", "{what}";
        AlreadyExists(what: String) = 400, "AlreadyExistsException", "{what}";
        Disabled(arn: String) = 400, "DisabledException", "{arn} is disabled.";
        InvalidState(what: String) = 400, "KMSInvalidStateException", "{what}";
        InvalidKeyUsage(what: String) = 400, "InvalidKeyUsageException", "{what}";
        Unsupported(what: String) = 400, "UnsupportedOperationException", "{what}";
        Validation(what: String) = 400, "ValidationException", "{what}";
        InvalidArn(what: String) = 400, "InvalidArnException", "{what}";
        InvalidAliasName(what: String) = 400, "InvalidAliasNameException", "{what}";
        InvalidMarker = 400, "InvalidMarkerException", "Invalid marker";
        /// AWS sends these four without a message.
        InvalidCiphertext = 400, "InvalidCiphertextException", "";
        InvalidMac = 400, "KMSInvalidMacException", "";
        InvalidSignature = 400, "KMSInvalidSignatureException", "";
        InvalidGrantToken = 400, "InvalidGrantTokenException", "";
        IncorrectKey = 400, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.";
        LimitExceeded(what: String) = 400, "LimitExceededException", "{what}";
        MalformedPolicy(what: String) = 400, "MalformedPolicyDocumentException", "{what}";
        Tag(what: String) = 400, "TagException", "{what}";
        DryRun = 400, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set.";
        InvalidImportToken(what: String) = 400, "InvalidImportTokenException", "{what}";
        ExpiredImportToken(what: String) = 400, "ExpiredImportTokenException", "{what}";
        IncorrectMaterial(what: String) = 400, "IncorrectKeyMaterialException", "{what}";
        CustomKeyStoreNotFound = 400, "CustomKeyStoreNotFoundException", "There is no such custom key store.";
        AccessDenied(what: String) = 400, "AccessDeniedException", "{what}";
        Internal = 500, "KMSInternalException", "The cloud could not read or make key material; its log says more.";
        Unreadable = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for KmsError {
    fn from(_: kernel::Failure) -> KmsError {
        KmsError::Unreadable
    }
}

impl From<store::StoreError> for KmsError {
    fn from(error: store::StoreError) -> KmsError {
        kernel::Failure::from(error).into()
    }
}

impl From<Incompatible> for KmsError {
    fn from(refused: Incompatible) -> KmsError {
        KmsError::InvalidKeyUsage(refused.to_string())
    }
}

impl From<super::core::material::MaterialError> for KmsError {
    fn from(error: super::core::material::MaterialError) -> KmsError {
        use super::core::material::MaterialError;
        match error {
            MaterialError::Unsupported(_) => KmsError::Unsupported(error.to_string()),
            MaterialError::Malformed(_) | MaterialError::UnknownFormat | MaterialError::Failed => {
                kernel::log::error("key material cannot be used", &[("problem", &error.to_string())]);
                KmsError::Internal
            }
        }
    }
}
