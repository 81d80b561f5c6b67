//! Room under construction.

pub mod kms;
pub mod seal;
