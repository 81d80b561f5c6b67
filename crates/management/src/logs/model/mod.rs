//! What CloudWatch Logs keeps: groups, their streams, the events in them.

pub(crate) mod account_policy;
pub(crate) mod data_key;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod group;
pub(crate) mod metric_filter;
pub(crate) mod query;
pub(crate) mod stream;
pub(crate) mod subscription;
