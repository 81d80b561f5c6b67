//! S3's operations on buckets and on what is beside an object's bytes, a file for each family.

pub(crate) mod accelerate;
pub(crate) mod acl;
pub(crate) mod bucket;
pub(crate) mod cors;
pub(crate) mod encryption;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub(crate) mod list_versions;
pub(crate) mod lock;
pub(crate) mod logging;
pub(crate) mod notification;
pub(crate) mod ownership;
pub(crate) mod policy;
pub(crate) mod public_access;
pub(crate) mod replication;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod settings;
pub(crate) mod shapes;
pub(crate) mod tagging;
pub(crate) mod versioning;
pub(crate) mod website;
