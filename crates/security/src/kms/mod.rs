//! KMS: keys, their life and their use.
//!
//! The cryptography is real ([`core`]), key material lies sealed on the disk, and who may do what is decided by key
//! policies and grants ([`access`]). Keys rotate, expire and are deleted by the cloud's clock ([`work`]).

mod access;
mod cache;
pub mod core;
mod errors;
mod identify;
mod material;
mod model;
mod ops;
mod page;
mod policy;

pub use errors::KmsError;

pub static KMS: kernel::Service = kernel::Service {
    id: "kms",
    global: false,
    ops: &[ops::alias::OPS, ops::describe::OPS, ops::encrypt::OPS, ops::key::OPS, ops::tag::OPS],
};
