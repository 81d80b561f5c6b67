//! Compute: machines that live in the cloud's networks.

pub mod ec2;
