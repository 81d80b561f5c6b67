//! EventBridge Scheduler: schedules that call one operation of the cloud each, once or again and again, by the clock of any place.
//!
//! Promises: whoever is told that a schedule is there can rely on it: it comes due by a table that is ordered by time ([`work`]),
//! so that schedules which wait cost nothing; what it then does is on the disk before it is tried, is done as the role that the
//! schedule was given and with no other rights, and again until its retries are over; then it lies in the dead-letter queue.
//! Hours that a place's clock skips are skipped, hours that it repeats count once ([`timing`]).
//!
//! Not here: templated targets other than functions, queues, topics and event buses; universal targets whose operation streams
//! or waits (S3's objects); schedules encrypted with keys of one's own.

mod access;
mod errors;
mod metering;
mod model;
mod ops;
mod payload;
mod target;
mod timing;
mod token;
mod universal;
pub mod work;

pub use errors::SchedulerError;

pub static SCHEDULER: kernel::Service = kernel::Service {
    id: "scheduler",
    global: false,
    ops: &[ops::group::OPS, ops::schedule::OPS, ops::tag::OPS],
};
