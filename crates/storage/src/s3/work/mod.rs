//! What S3 does by itself: rules that let objects age, archives of what is not read, copies that follow what
//! is put, restores that end, logs and inventories that are delivered, metrics.

mod analyses;
mod delivery;
mod inventory;
mod lifecycle;
mod logs;
mod metrics;
mod replicate;
mod restore;
mod tiers;

pub(crate) use analyses::forget as forget_analysis;
pub use analyses::{Analyses, NEXT_ANALYSES, NextAnalysis, WriteActivity};
pub use inventory::{Inventories, NEXT, NextList};
pub use lifecycle::Lifecycle;
pub use logs::{DeliverLogs, FILES, LogFile, WriteLogs};
pub use metrics::{Census, NEXT_CENSUS, NextCensus};
pub use replicate::{PENDING, Pending, Replicate};
pub(crate) use replicate::{note as note_replica, note_change};
pub(crate) use restore::wait as wait_for_restore;
pub use restore::{Restores, WAITING, Waiting};
pub use tiers::Tiers;
