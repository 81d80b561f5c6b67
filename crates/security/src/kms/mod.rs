//! KMS: keys, their life and their use.
//!
//! The cryptography is real ([`core`]), key material lies sealed on the disk, and who may do what is decided by key
//! policies and grants ([`access`]). Keys rotate, expire and are deleted by the cloud's clock ([`work`]).
//!
//! Services have keys of their own in each account ([`managed`]).
//!
//! Not here: custom key stores, SM2, Nitro attestation, grants to service principals and for source ARNs, sharing
//! through RAM, request quotas.

mod access;
pub mod billing;
mod cache;
pub mod core;
mod errors;
mod identify;
mod import;
mod managed;
mod material;
pub mod meter;
pub mod model;
mod ops;
mod page;
mod policy;
pub mod requests;
mod rotate;
pub mod usage;
pub mod work;

pub use errors::KmsError;

pub static KMS: kernel::Service = kernel::Service {
    id: "kms",
    global: false,
    ops: &[
        ops::alias::OPS,
        ops::custom_key_store::OPS,
        ops::data_key::OPS,
        ops::deletion::OPS,
        ops::describe::OPS,
        ops::encrypt::OPS,
        ops::grant::OPS,
        ops::import::OPS,
        ops::key::OPS,
        ops::mac::OPS,
        ops::multi_region::OPS,
        ops::policy::OPS,
        ops::rotation::OPS,
        ops::secret::OPS,
        ops::sign::OPS,
        ops::tag::OPS,
        ops::usage::OPS,
    ],
};
