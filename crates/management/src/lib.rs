//! Management: the services that tell what happens in the cloud.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub mod cloudformation;
pub mod cloudtrail;
pub mod cloudwatch;
mod glob;
pub mod logs;
mod regex;
pub mod ssm;
