//! The operations, one file for each noun.

pub mod user;
