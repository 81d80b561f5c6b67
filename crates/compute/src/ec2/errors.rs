//! Why instances are in the state that they are in. (What is refused stands in [`ec2::errors`].)

/// This machine could not run it; AWS's code for the like.
pub(crate) const INTERNAL: &str = "Server.InternalError";
