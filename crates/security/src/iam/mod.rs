//! IAM: users, groups, roles, policies.

mod attached;
pub mod directory;
pub mod errors;
pub mod last_used;
pub mod managed;
pub mod model;
pub mod service_linked;

pub(crate) use attached::last_part;
pub use errors::IamError;
