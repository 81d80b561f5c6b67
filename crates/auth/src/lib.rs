//! Who asks, and may they: request signatures and the IAM policy language. Pure: no I/O, no clock.
//!
//! - [`sigv4`]: request signatures (SigV4, SigV4A, presigned, chunked), verified and made.
//! - [`policy`]: the IAM policy language, read and evaluated.
//! - [`actions`], [`global_keys`]: AWS's service authorization reference, as data.
//! - [`md5`]: what entity tags and `Content-MD5` are made of.
//! - [`findings`], [`least_privilege`]: policies checked for mistakes, and written from what was seen.

pub mod actions;
pub mod findings;
pub mod global_keys;
pub mod least_privilege;
pub mod md5;
pub mod packed;
pub mod policy;
pub mod sigv4;
pub mod spans;
