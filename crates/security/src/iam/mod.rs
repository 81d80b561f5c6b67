//! IAM: users, groups, roles, policies.

pub mod errors;
pub mod managed;
pub mod model;
pub mod service_linked;

pub use errors::IamError;
