//! Identity and secrets: the services that decide who may do what, and keep what is secret.

#![allow(unexpected_cfgs, reason = "cargo xtask fuzz sets fuzzing")]
#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub mod accessanalyzer;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod iam;
pub mod kms;
pub mod organizations;
pub mod sts;
