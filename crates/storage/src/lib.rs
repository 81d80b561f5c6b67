//! Storage: S3, EBS, Glacier.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub mod ebs;
pub mod glacier;
mod outgo;
mod piece;
mod retrieval;
pub mod s3;
