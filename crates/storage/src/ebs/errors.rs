//! What the EBS direct APIs refuse. EC2's refusals are in [`ec2::errors`].

use ec2::{Ec2Error, Plain};
use store::StoreError;
use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_ValidationException.html> and its neighbours.
    pub(crate) enum Refusal {
        Denied(what: String) = 403, "AccessDeniedException", "{what}";
        Conflict = 409, "ConflictException", "The request uses the same client token as a previous, but non-identical request.";
        Internal = 500, "InternalServerException", "An internal error has occurred.";
        NotFound(what: String) = 404, "ResourceNotFoundException", "{what}";
        Invalid(what: String) = 400, "ValidationException", "{what}";
    }
}

fn with(refusal: Refusal, reason: &str) -> Fault {
    Fault::from(refusal).with("Reason", Value::str(reason))
}

/// `reason` is one of the model's words.
pub(crate) fn invalid(reason: &str, what: impl Into<String>) -> Fault {
    with(Refusal::Invalid(what.into()), reason)
}

pub(crate) fn not_found(id: &str) -> Fault {
    with(Refusal::NotFound(format!("The snapshot '{id}' does not exist.")), "SNAPSHOT_NOT_FOUND")
}

pub(crate) fn internal(problem: &dyn std::fmt::Display) -> Fault {
    kernel::log::error(
        "a snapshot's block could not be read or written",
        &[("problem", &problem.to_string())],
    );
    Refusal::Internal.into()
}

pub(crate) fn store(error: StoreError) -> Fault {
    kernel::Failure::from(error).into()
}

/// What EC2 says of tags, whatever is wrong with them.
pub(crate) fn of_tags(error: &Ec2Error) -> Fault {
    invalid("INVALID_TAG", error.message())
}

/// What EC2's side of the service says, in the direct APIs' words.
pub(crate) fn of_ec2(error: Ec2Error) -> Fault {
    let what = error.message().to_owned();
    match error.code() {
        "UnauthorizedOperation" => with(Refusal::Denied(what), "DEPENDENCY_ACCESS_DENIED"),
        "IdempotentParameterMismatch" => Refusal::Conflict.into(),
        "InvalidKmsKey.InvalidState" => invalid("INVALID_CUSTOMER_KEY", what),
        "InvalidSnapshot.NotFound" | "InvalidSnapshotID.Malformed" => {
            with(Refusal::NotFound(what), "SNAPSHOT_NOT_FOUND")
        }
        _ if error.is_ours() => Refusal::Internal.into(),
        _ => invalid("INVALID_PARAMETER_VALUE", what),
    }
}

/// What KMS says about a key, in EC2's words.
pub(crate) fn of_kms(key: &str, fault: Fault) -> Ec2Error {
    let message = fault.message;
    match fault.code.as_str() {
        "NotFoundException" | "InvalidArnException" => Ec2Error::value(key, "KmsKeyId", &message),
        "AccessDeniedException" => Plain::UnauthorizedOperation(format!(
            "You are not authorized to perform this operation. {message}"
        ))
        .into(),
        _ => Plain::InvalidKmsKeyState(message).into(),
    }
}
