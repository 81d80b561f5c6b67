//! What IAM refuses. Messages are the sentences that AWS answers; they are made where the names are known.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html> and each operation's page.
    pub enum IamError {
        NoSuchEntity(what: String) = 404, "NoSuchEntity", "{what}";
        EntityAlreadyExists(what: String) = 409, "EntityAlreadyExists", "{what}";
        DeleteConflict(what: String) = 409, "DeleteConflict", "{what}";
        LimitExceeded(what: String) = 409, "LimitExceeded", "{what}";
        InvalidInput(what: String) = 400, "InvalidInput", "{what}";
        ValidationError(what: String) = 400, "ValidationError", "{what}";
        MalformedPolicyDocument(what: String) = 400, "MalformedPolicyDocument", "{what}";
        UnmodifiableEntity(what: String) = 400, "UnmodifiableEntity", "{what}";
        PolicyNotAttachable(what: String) = 400, "PolicyNotAttachable", "{what}";
        InvalidUserType(what: String) = 400, "InvalidUserType", "{what}";
        PasswordPolicyViolation(what: String) = 400, "PasswordPolicyViolation", "{what}";
        InvalidAuthenticationCode(what: String) = 403, "InvalidAuthenticationCode", "{what}";
        InvalidPublicKey(what: String) = 400, "InvalidPublicKey", "{what}";
        DuplicateSshPublicKey(what: String) = 400, "DuplicateSSHPublicKey", "{what}";
        UnrecognizedPublicKeyEncoding(what: String) = 400, "UnrecognizedPublicKeyEncoding", "{what}";
        MalformedCertificate(what: String) = 400, "MalformedCertificate", "{what}";
        InvalidCertificate(what: String) = 400, "InvalidCertificate", "{what}";
        DuplicateCertificate(what: String) = 409, "DuplicateCertificate", "{what}";
        KeyPairMismatch(what: String) = 400, "KeyPairMismatch", "{what}";
        ServiceNotSupported(what: String) = 404, "NotSupportedService", "{what}";
        ReportNotPresent(what: String) = 410, "ReportNotPresent", "{what}";
        ReportExpired(what: String) = 410, "ReportExpired", "{what}";
        AccessDenied(what: String) = 403, "AccessDenied", "{what}";
        NoOrganization = 400, "OrganizationNotFoundException", "The request was rejected because no organization is associated with your account.";
        NotManagementOrAdministrator = 400, "AccountNotManagementOrDelegatedAdministratorException", "The request was rejected because the account making the request is not the management account or delegated administrator account for centralized root access.";
        NotManagement = 400, "CallerIsNotManagementAccountException", "The request was rejected because the account making the request is not the management account for the organization.";
        NotAllFeatures = 400, "OrganizationNotInAllFeaturesModeException", "The request was rejected because your organization does not have All features enabled.";
        ServiceAccessNotEnabled = 400, "ServiceAccessNotEnabledException", "The request was rejected because trusted access is not enabled for IAM in Organizations.";
        OutboundEnabled = 409, "FeatureEnabled", "Outbound web identity federation is already enabled for this account.";
        OutboundDisabled = 404, "FeatureDisabled", "Outbound web identity federation is disabled for this account.";
        Unreadable = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for IamError {
    fn from(_: kernel::Failure) -> IamError {
        IamError::Unreadable
    }
}

impl From<store::StoreError> for IamError {
    fn from(error: store::StoreError) -> IamError {
        kernel::Failure::from(error).into()
    }
}

/// `LimitExceeded` in IAM's words: "Cannot exceed quota for AccessKeysPerUser: 2".
pub(crate) fn quota(name: &str, max: usize) -> IamError {
    IamError::LimitExceeded(format!("Cannot exceed quota for {name}: {max}"))
}
