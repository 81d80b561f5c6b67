//! Bytes that are written once, read often and never changed: the contents of objects.
//!
//! A [`ContentId`] names them; who refers to them is kept by the services, in the store. Small contents are rows of the
//! store ([`inline`]), larger ones lie behind the [`Blobs`] trait: files by default, or
//! objects of a bucket elsewhere. Everything is encrypted under a key that its service gives, in blocks, so that any
//! range can be read ([`cipher`]). What is read again and again is kept open for a while ([`hot`], `small`).
//!
//! What it promises: a content that [`Contents::write`] has finished is on the disk; one that nobody claimed
//! ([`refs`]) goes away, after a crash too; one that somebody reads stays until he is done.
//!
//! Not here: which content belongs to what, and any key of KMS.

pub mod blobs;
pub mod cipher;
pub mod contents;
pub mod files;
pub mod hot;
pub mod id;
pub mod inline;
pub mod memory;
pub mod object_store;
pub mod pool;
pub mod read;
pub mod refs;
mod small;
pub mod write;

pub use blobs::{Blobs, Sink, Source};
pub use cipher::{Cipher, Damaged};
pub use contents::Contents;
pub use files::Files;
pub use hot::Name;
pub use id::ContentId;
pub use memory::Memory;
pub use object_store::ObjectStore;
pub use read::Reader;
pub use write::{Finished, Writer};
