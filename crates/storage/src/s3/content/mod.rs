//! The bytes of objects: how they come in, lie, and go out.

pub(crate) mod bucket_keys;
pub mod checksum;
pub mod encryption;
pub(crate) mod intake;
