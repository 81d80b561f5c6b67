//! Metric filters: what of a group's events becomes a metric.

use crate::cloudwatch::model::metric::Real;
use base::Timestamp;
use std::collections::BTreeMap;
use store::{Direction, Key, Read, StoreError, Table, Tx};

/// By the group's id, name.
pub(crate) const METRIC_FILTERS: Table<MetricFilter> = Table::new(0x1506, "logs/metric-filters");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct MetricFilter {
        1 => pub(crate) name: String,
        2 => pub(crate) pattern: String,
        3 => pub(crate) transformations: Vec<Transformation>,
        4 => pub(crate) created: Timestamp,
    }

    /// A metric that is fed.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Transformation {
        1 => pub(crate) name: String,
        2 => pub(crate) namespace: String,
        /// A number, or the field that holds it: `$.bytes`, `$bytes`.
        3 => pub(crate) value: String,
        4 => pub(crate) default: Option<Real>,
        /// Names of dimensions with the fields that hold their values.
        5 => pub(crate) dimensions: BTreeMap<String, String>,
        6 => pub(crate) unit: Option<String>,
    }
}

impl MetricFilter {
    pub(crate) fn key(group: u64, name: &str) -> Key {
        prefix(group).str(name)
    }

    pub(crate) fn save(&self, tx: &mut Tx, group: u64) {
        METRIC_FILTERS.put(tx, &MetricFilter::key(group, &self.name), self);
    }
}

fn prefix(group: u64) -> Key {
    Key::global().u64(group)
}

/// All of a group's, by name; a hundred at most.
pub(crate) fn of_group(from: &dyn Read, group: u64) -> Result<Vec<MetricFilter>, StoreError> {
    let all = METRIC_FILTERS.scan(from, &prefix(group), Direction::Forward);
    all.map(|pair| pair.map(|(_, filter)| filter)).collect()
}
