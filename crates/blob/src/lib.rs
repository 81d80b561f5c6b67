//! Bytes that are written once, read often and never changed: the contents of objects.
//!
//! A [`ContentId`] names them; who refers to them is kept by the services, in the store.

pub mod id;
pub mod inline;

pub use id::ContentId;
