//! The operations, one file for each noun.

pub mod policy;
pub mod policy_list;
pub mod policy_version;
pub mod user;
