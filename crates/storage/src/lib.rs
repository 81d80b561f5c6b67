//! Storage: S3.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub mod s3;
