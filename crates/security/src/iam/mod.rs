//! IAM: users, groups, roles, policies.

pub mod managed;
pub mod service_linked;
