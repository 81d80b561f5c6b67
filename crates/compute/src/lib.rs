//! Compute: machines that live in the cloud's networks, functions, and the registry of container images.

pub mod autoscaling;
pub mod ec2;
pub mod ecr;
pub mod lambda;
mod pools;
mod tar;
