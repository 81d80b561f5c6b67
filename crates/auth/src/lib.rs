//! Who calls, and whether they may: signatures, the policy language, and the facts that both rest on.

pub mod actions;
pub mod findings;
pub mod global_keys;
pub mod least_privilege;
pub mod spans;
