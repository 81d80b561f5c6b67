//! S3: buckets of objects.
//!
//! A bucket is one record ([`model::bucket`]); what it holds are rows ordered as S3 lists them ([`model::object`]); the
//! bytes themselves are [`blob`]'s.

pub mod acl;
pub mod buckets;
pub mod canonical;
pub mod cors;
pub mod errors;
pub mod filter;
pub mod lifecycle;
pub mod listing;
pub mod lock;
pub mod logging;
pub mod model;
pub mod name;
pub mod notification;
pub mod replication;
pub mod restore;
pub mod settings;
mod stored;
pub mod tags;
pub mod website;

pub use errors::{Refusal, S3Error};

pub static S3: kernel::Service = kernel::Service { id: "s3", global: false, ops: &[] };
