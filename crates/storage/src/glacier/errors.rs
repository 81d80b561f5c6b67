//! What Glacier refuses.

use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/api-error-responses.html>
    pub enum Refusal {
        Denied(what: String) = 403, "AccessDeniedException", "{what}";
        Enforced = 400, "PolicyEnforcedException", "InitiateJob request denied by current data retrieval policy.";
        Invalid(what: String) = 400, "InvalidParameterValueException", "{what}";
        Limit(what: String) = 400, "LimitExceededException", "{what}";
        Missing(what: &'static str) = 400, "MissingParameterValueException", "Required parameter missing: {what}";
        NoArchive(id: String) = 404, "ResourceNotFoundException", "The archive ID was not found: {id}";
        NoInventory(arn: String) = 404, "ResourceNotFoundException", "Inventory not found for vault: {arn}";
        NoJob(id: String) = 404, "ResourceNotFoundException", "The job ID was not found: {id}";
        NoLock(arn: String) = 404, "ResourceNotFoundException", "Vault lock policy not found for vault: {arn}";
        NoNotifications(arn: String) = 404, "ResourceNotFoundException", "No notification configuration is set for vault: {arn}";
        NoPolicy(arn: String) = 404, "ResourceNotFoundException", "Vault access policy not found for vault: {arn}";
        NoUpload(id: String) = 404, "ResourceNotFoundException", "The upload ID was not found: {id}";
        NoVault(arn: String) = 404, "ResourceNotFoundException", "Vault not found for ARN: {arn}";
        NotBuilt(what: &'static str) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Unavailable = 500, "ServiceUnavailableException", "The request has failed due to a temporary failure of the server.";
    }
}

/// A refusal on its way to the caller.
#[derive(Clone, PartialEq, Debug)]
pub struct GlacierError(Box<Fault>);

impl GlacierError {
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.0.message
    }
}

/// A parameter that is not as it must be.
pub(super) fn invalid(what: impl Into<String>) -> GlacierError {
    Refusal::Invalid(what.into()).into()
}

impl From<Refusal> for GlacierError {
    fn from(refusal: Refusal) -> GlacierError {
        let fault = Fault::from(refusal);
        // AWS: the body of an error tells its code and whose it is.
        let (code, side) = (fault.code.clone(), if fault.is_sender() { "Client" } else { "Server" });
        GlacierError(Box::new(fault.with("code", Value::Str(code)).with("type", Value::str(side))))
    }
}

impl From<Fault> for GlacierError {
    fn from(fault: Fault) -> GlacierError {
        GlacierError(Box::new(fault))
    }
}

impl From<GlacierError> for Fault {
    fn from(error: GlacierError) -> Fault {
        *error.0
    }
}

impl From<kernel::Failure> for GlacierError {
    fn from(_: kernel::Failure) -> GlacierError {
        Refusal::Unavailable.into()
    }
}

impl From<store::StoreError> for GlacierError {
    fn from(error: store::StoreError) -> GlacierError {
        kernel::Failure::from(error).into()
    }
}

impl From<kernel::listing::NoPage> for GlacierError {
    fn from(none: kernel::listing::NoPage) -> GlacierError {
        match none {
            kernel::listing::NoPage::Token => invalid("The marker is not valid"),
            kernel::listing::NoPage::Store(error) => error.into(),
        }
    }
}

/// The disk's own troubles are for the log.
pub(super) fn disk(error: &std::io::Error) -> GlacierError {
    broken(error)
}

pub(super) fn broken(problem: &dyn std::fmt::Display) -> GlacierError {
    kernel::log::error(
        "an archive's bytes could not be written or read",
        &[("problem", &problem.to_string())],
    );
    Refusal::Unavailable.into()
}
