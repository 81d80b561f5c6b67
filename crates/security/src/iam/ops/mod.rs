//! The operations, one file for each noun.

pub mod instance_profile;
pub mod policy;
pub mod policy_list;
pub mod policy_version;
pub mod role;
pub mod role_policy;
pub mod service_linked;
pub mod user;
