//! What S3 keeps: buckets, versions of objects, and uploads in parts.

pub mod acl;
pub mod bucket;
pub mod object;
pub mod upload;
pub mod version_id;
