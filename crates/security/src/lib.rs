//! Identity and secrets: the services that decide who may do what.

pub mod iam;
