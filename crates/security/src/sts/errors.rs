//! What STS refuses.

use super::tags::BadTags;

wire::errors! {
    /// AWS: each operation's page and <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>
    pub enum StsError {
        AccessDenied(what: String) = 403, "AccessDenied", "{what}";
        ValidationError(what: String) = 400, "ValidationError", "{what}";
        InvalidParameterValue(what: String) = 400, "InvalidParameterValue", "{what}";
        MalformedPolicyDocument(what: String) = 400, "MalformedPolicyDocument", "{what}";
        PackedPolicyTooLarge(what: String) = 400, "PackedPolicyTooLarge", "{what}";
        InvalidIdentityToken(what: String) = 400, "InvalidIdentityToken", "{what}";
        ExpiredToken(what: String) = 400, "ExpiredTokenException", "{what}";
        ExpiredTradeIn = 400, "ExpiredTradeInTokenException", "The trade-in token provided in the request has expired and can no longer be exchanged for credentials. Request a new token and retry the operation.";
        IdpRejectedClaim(what: String) = 403, "IDPRejectedClaim", "{what}";
        IdpCommunication(what: String) = 400, "IDPCommunicationError", "{what}";
        InvalidAuthorizationMessage(what: String) = 400, "InvalidAuthorizationMessageException", "{what}";
        OutboundDisabled = 403, "OutboundWebIdentityFederationDisabledException", "The outbound web identity federation feature is not enabled for this account.";
        SessionDurationEscalation = 403, "SessionDurationEscalationException", "The requested token duration would extend the session beyond its original expiration time.";
        Unreadable = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<store::StoreError> for StsError {
    fn from(error: store::StoreError) -> StsError {
        kernel::Failure::from(error).into()
    }
}

impl From<kernel::Failure> for StsError {
    fn from(_: kernel::Failure) -> StsError {
        StsError::Unreadable
    }
}

impl From<BadTags> for StsError {
    fn from(bad: BadTags) -> StsError {
        StsError::InvalidParameterValue(bad.0.to_owned())
    }
}
