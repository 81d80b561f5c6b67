//! Identity and secrets: the services that decide who may do what, and keep what is secret.

pub mod iam;
pub mod kms;
pub mod organizations;
pub mod sts;
