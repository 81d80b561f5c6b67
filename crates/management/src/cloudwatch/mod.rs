//! CloudWatch metrics and alarms.
//!
//! Promises: what was put is summed up by the minute (by the second where asked) on the disk, and read in periods with
//! every statistic, percentiles too; expressions of metric math are reckoned; alarms are evaluated by the cloud's
//! clock with AWS's treatment of missing data, also on what is reckoned, and act: on topics, functions, instances and
//! policies of Auto Scaling, by an event, in their history.
//!
//! Composite alarms stand by how others stand, and act unless another alarm suppresses that; dashboards are kept as they are written. Rules of Contributor Insights that
//! services keep are reported of.
//!
//! Not here: alarms on bands, logs and Metrics Insights, recovery of instances and items of Systems
//! Manager as actions (they are refused); streams, Contributor Insights of log groups, anomaly detection.

mod access;
mod action;
mod change;
mod compose;
pub mod errors;
mod evaluate;
mod label;
mod math;
pub(crate) mod model;
mod ops;
mod queries;
mod rule;
mod suppress;
mod telling;
pub mod work;

/// The service.
pub static CLOUDWATCH: kernel::Service = kernel::Service {
    id: "cloudwatch",
    global: false,
    ops: &[
        ops::put::OPS,
        ops::list::OPS,
        ops::get_statistics::OPS,
        ops::get_data::OPS,
        ops::alarm::OPS,
        ops::composite::OPS,
        ops::describe::OPS,
        ops::state::OPS,
        ops::history::OPS,
        ops::tag::OPS,
        ops::dashboard::OPS,
        ops::insights::OPS,
    ],
};
