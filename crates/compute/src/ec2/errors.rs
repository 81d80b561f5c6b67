//! What instances are told of what went wrong. (What is refused stands in [`ec2::errors`].)

use ec2::Ec2Error;

/// Why an instance is in the state that it is in: this machine could not run it; AWS's code for the like.
pub(crate) const INTERNAL: &str = "Server.InternalError";

/// Why an image has failed beside that: its machine has gone, its snapshot holds no root.
pub(crate) const IMAGE_INSTANCE: &str = "Client.InvalidInstance";
pub(crate) const IMAGE_SNAPSHOT: &str = "Client.InvalidSnapshot";

/// The role of an instance's profile does not trust EC2: what stands in place of its credentials.
pub(crate) const UNAUTHORIZED: &str = "AssumeRoleUnauthorizedAccess";

/// A spot machine was interrupted: AWS's codes, and words that follow them.
pub(crate) const SPOT_TERMINATION: (&str, &str) =
    ("Server.SpotInstanceTermination", "Spot instance termination");
pub(crate) const SPOT_SHUTDOWN: (&str, &str) = ("Server.SpotInstanceShutdown", "Spot instance shutdown");
/// A start that went wrong for what its owner has done.
pub(super) const ON_LAUNCH: (&str, &str) = ("Client.InternalError", "Client error on launch");
/// The KMS key of one of its volumes is disabled, or on its way out.
pub(super) const INVALID_KEY: (&str, &str) =
    ("Client.InvalidKMSKey.InvalidState", "The KMS key provided is in an incorrect state");

/// Why a launch ends that has been accepted, where that is so: what KMS says of the keys of volumes.
pub(super) fn of_volumes(refused: &Ec2Error) -> Option<(&'static str, &'static str)> {
    match refused.code() {
        "InvalidKmsKey.InvalidState" => Some(INVALID_KEY),
        "UnauthorizedOperation" => Some(ON_LAUNCH),
        _ => None,
    }
}

/// Whether an instance has ended, or will at once, for what its owner has done.
pub(crate) fn is_of_launch(code: &str) -> bool {
    [ON_LAUNCH, INVALID_KEY].iter().any(|(known, _)| *known == code)
}
