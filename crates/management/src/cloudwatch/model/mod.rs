//! What CloudWatch keeps: metrics and their data, alarms and their history.

pub(crate) mod alarm;
pub(crate) mod dashboard;
pub(crate) mod history;
pub(crate) mod metric;
pub(crate) mod series;
pub(crate) mod statistic;
