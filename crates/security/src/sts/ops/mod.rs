//! STS's handlers, one file for each family.

pub mod identity;
