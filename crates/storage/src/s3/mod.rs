//! S3: buckets of objects.
//!
//! A bucket is one record ([`model::bucket`]); what it holds are rows ordered as S3 lists them ([`model::object`]); the
//! bytes themselves are [`blob`]'s.

pub mod access;
pub mod acl;
pub mod analytics;
pub mod buckets;
pub mod canonical;
pub mod completed;
pub mod configs;
pub mod content;
pub mod cors;
pub mod errors;
pub mod events;
mod expiry;
pub mod filter;
pub mod form;
mod holdings;
pub mod inventory;
pub mod lifecycle;
pub mod listing;
pub mod lock;
pub mod logging;
pub mod metering;
mod mfa;
pub mod model;
pub mod name;
pub mod notification;
mod ops;
mod overtaken;
mod public_access;
pub mod replication;
mod request;
pub mod restore;
mod rows;
pub mod settings;
pub mod sites;
mod stored;
pub mod tags;
pub mod tiering;
pub mod usage;
pub mod versions;
pub mod watched;
pub mod website;
pub mod work;

pub use errors::{Refusal, S3Error};

/// As which S3 acts by itself.
pub(crate) const SERVICE: &str = "s3.amazonaws.com";

/// What S3 keeps of accounts rather than of buckets.
pub static S3_CONTROL: kernel::Service =
    kernel::Service { id: "s3control", global: false, ops: &[ops::account_access::OPS] };

pub static S3: kernel::Service = kernel::Service {
    id: "s3",
    global: false,
    ops: &[
        ops::accelerate::OPS,
        ops::acl::OPS,
        ops::bucket::OPS,
        ops::copy::OPS,
        ops::cors::OPS,
        ops::delete::OPS,
        ops::encryption::OPS,
        ops::get::OPS,
        ops::lifecycle::OPS,
        ops::list::OPS,
        ops::list_parts::OPS,
        ops::list_versions::OPS,
        ops::lock::OPS,
        ops::logging::OPS,
        ops::notification::OPS,
        ops::object_attributes::OPS,
        ops::ownership::OPS,
        ops::part::OPS,
        ops::policy::OPS,
        ops::public_access::OPS,
        ops::put::OPS,
        ops::replication::OPS,
        ops::restore::OPS,
        ops::retention::OPS,
        ops::settings::OPS,
        ops::tagging::OPS,
        ops::upload::OPS,
        ops::versioning::OPS,
        ops::website::OPS,
    ],
};
