//! EC2 Auto Scaling: groups of instances that are kept at their size, in balance over availability zones.
//!
//! Handlers write what a group should be; [`work`] launches and ends its instances by EC2's public operations, one in a
//! transaction with the record of it, so that a crash neither doubles nor forgets an instance. What has died, or lies in
//! a zone that has failed, is replaced where there is room. Policies change the wanted size: for their user, or for an
//! alarm of CloudWatch, which carries them out by `ExecutePolicy`, each minute for as long as it stands so; and scheduled
//! actions do by the cloud's clock. Groups tell of themselves in `AWS/AutoScaling`, by the minute. A refresh
//! ([`model::refresh`]) replaces what they have, so many at a time as the healthy leave. Groups of several types and
//! markets ([`model::mixed`]) choose among them by the strategies of fleets. Beside a group there may be a warm pool
//! ([`model::warm`]) of instances that are ready before they are needed.
//!
//! Not here: launch configurations, refreshes of groups with warm pools, functions as targets of lifecycle hooks, policies on metric math or on what the cloud does not
//! measure, predictive ones, how they sum up several data points (the newest decides), refreshes that watch alarms or replace root
//! volumes, the metrics of warm pools, load balancers, policies of termination by functions.

mod access;
mod errors;
pub mod model;
mod ops;
pub mod work;

pub use errors::AutoScalingError;

pub static AUTOSCALING: kernel::Service = kernel::Service {
    id: "autoscaling",
    global: false,
    ops: &[
        ops::activity::OPS,
        ops::attachment::OPS,
        ops::capacity::OPS,
        ops::execute::OPS,
        ops::group::OPS,
        ops::hook::OPS,
        ops::instance::OPS,
        ops::limits::OPS,
        ops::metrics::OPS,
        ops::notification::OPS,
        ops::policy::OPS,
        ops::process::OPS,
        ops::refresh::OPS,
        ops::schedule::OPS,
        ops::standby::OPS,
        ops::tag::OPS,
        ops::warm_pool::OPS,
    ],
};

/// Who acts where a group is kept at its size.
pub(crate) const SELF: &str = "autoscaling.amazonaws.com";
