//! What S3 does by itself: rules that let objects age, and copies that follow what is put.

mod lifecycle;
mod replicate;

pub use lifecycle::Lifecycle;
pub(crate) use replicate::note as note_replica;
pub use replicate::{PENDING, Pending, Replicate};
