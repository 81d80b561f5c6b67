//! Compute: machines that live in the cloud's networks, functions, the registry of container images, and
//! experiments on machines.

pub mod autoscaling;
pub mod ec2;
pub mod ecr;
pub mod fis;
pub mod lambda;
mod pools;
mod requirements;
mod tar;
