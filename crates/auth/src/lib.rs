//! Who calls, and whether they may: signatures, the policy language, and the facts that both rest on.

pub mod actions;
pub mod global_keys;
