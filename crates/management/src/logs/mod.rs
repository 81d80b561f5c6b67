//! CloudWatch Logs: groups of streams of events that are kept, read, filtered and aged.
//!
//! Promises: an event that was taken is on the disk; `FilterLogEvents` speaks the whole filter pattern language;
//! retention goes by the cloud's clock (an event whose time is over is not shown, and soon after is gone); the
//! account's resource policies decide with the callers' own; metric filters and metrics that are
//! embedded in events ([`embedded`]) feed CloudWatch in the transaction that takes the events, and subscription filters, a group's and the account's, send them on to functions in its wake ([`subscription`]); Logs Insights
//! queries run by themselves ([`querying`]) in a pure engine ([`insights`]), and so do exports to buckets ([`exporting`]);
//! live tails hear of events once they are on the disk ([`tail`]). Events of a group with a key of KMS lie sealed ([`sealing`]).
//!
//! Not here: subscriptions other than functions, delivery sources and destinations, transformers, anomaly detection, groups of the class `DELIVERY`.

mod access;
mod embedded;
pub mod errors;
pub mod exporting;
mod insights;
mod metering;
mod metrics;
mod model;
mod ops;
mod pattern;
pub mod querying;
mod sealing;
pub mod subscription;
mod tail;
mod walk;
pub mod work;

/// The service.
pub static LOGS: kernel::Service = kernel::Service {
    id: "logs",
    global: false,
    ops: &[
        ops::account_policy::OPS,
        ops::field::OPS,
        ops::group::OPS,
        ops::retention::OPS,
        ops::deletion::OPS,
        ops::tag::OPS,
        ops::stream::OPS,
        ops::put::OPS,
        ops::get::OPS,
        ops::filter::OPS,
        ops::event::OPS,
        ops::export::OPS,
        ops::key::OPS,
        ops::live::OPS,
        ops::test_filter::OPS,
        ops::metric_filter::OPS,
        ops::subscription::OPS,
        ops::policy::OPS,
        ops::query::OPS,
        ops::query_definition::OPS,
    ],
};
