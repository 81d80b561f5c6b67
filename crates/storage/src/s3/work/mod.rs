//! What S3 does by itself: rules that let objects age, copies that follow what is put, restores that end.

mod lifecycle;
mod replicate;
mod restore;

pub use lifecycle::Lifecycle;
pub(crate) use replicate::note as note_replica;
pub use replicate::{PENDING, Pending, Replicate};
pub(crate) use restore::wait as wait_for_restore;
pub use restore::{Restores, WAITING, Waiting};
