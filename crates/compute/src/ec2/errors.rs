//! What instances are told of what went wrong. (What is refused stands in [`ec2::errors`].)

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
