//! S3: buckets of objects.
//!
//! A bucket is one record ([`model::bucket`]); what it holds are rows ordered as S3 lists them ([`model::object`]); the
//! bytes themselves are [`blob`]'s.

pub mod buckets;
pub mod errors;
pub mod model;
pub mod versions;

pub use errors::{Refusal, S3Error};

pub static S3: kernel::Service = kernel::Service { id: "s3", global: false, ops: &[] };
