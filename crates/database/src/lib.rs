//! Databases.

pub mod dynamodb;
