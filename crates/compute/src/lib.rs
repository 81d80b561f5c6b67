//! Compute: machines that live in the cloud's networks, and functions.

pub mod ec2;
pub mod lambda;
