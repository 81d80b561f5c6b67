//! Identity and secrets: the services that decide who may do what, and keep what is secret.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub mod accessanalyzer;
pub mod iam;
pub mod kms;
pub mod organizations;
pub mod sts;
