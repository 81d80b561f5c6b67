//! Storage: S3, EBS.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub mod ebs;
pub mod s3;
