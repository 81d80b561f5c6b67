//! Reading a metric: its data gathered into periods.

use super::metric::{DATA, Dimension, METRICS, Metric, Sums, data_prefix};
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use store::{Direction, KeyRange, Read, StoreError};

/// What is asked of a metric.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) dimensions: &'a [Dimension],
    pub(crate) unit: Option<&'a str>,
    /// Seconds.
    pub(crate) period: i64,
    pub(crate) start: Timestamp,
    /// Not included.
    pub(crate) end: Timestamp,
}

/// Periods by unit and by their beginning in seconds since the epoch.
pub(crate) type Series = BTreeMap<(String, i64), Sums>;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// How old data may be to be seen in periods of this length, in seconds: finer periods are forgotten earlier.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>
fn age_max(period: i64) -> i64 {
    match period {
        p if p % HOUR == 0 => 455 * DAY,
        p if p % (5 * MINUTE) == 0 => 63 * DAY,
        p if p % MINUTE == 0 => 15 * DAY,
        _ => 3 * HOUR,
    }
}

/// # Errors
/// The store's.
pub(crate) fn read(from: &dyn Read, asked: &Asked<'_>, now: Timestamp) -> Result<Series, StoreError> {
    let key = Metric::key(asked.account, asked.region, asked.namespace, asked.name, asked.dimensions);
    let Some(metric) = METRICS.get(from, &key)? else { return Ok(Series::new()) };
    let resolution = if asked.period % MINUTE != 0 && metric.fine { 1 } else { 60 };
    let oldest = now.seconds() - age_max(asked.period);
    let start = asked.start.seconds().max(oldest);
    // Periods begin at multiples of their length.
    let start = start.div_euclid(asked.period) * asked.period;
    let mut series = Series::new();
    for unit in metric.units.iter().filter(|unit| asked.unit.is_none_or(|asked| asked == unit.as_str())) {
        let prefix = data_prefix(metric.id, resolution, unit);
        let range = KeyRange {
            start: DATA.stored_key(&prefix.clone().i64(start)).into(),
            end: Some(DATA.stored_key(&prefix.clone().i64(asked.end.seconds())).into()),
        };
        let at = prefix.as_bytes().len();
        for pair in DATA.range(from, range, Direction::Forward) {
            let (key, sums) = pair?;
            let Some(time) = time_of(key.as_bytes(), at) else { continue };
            let begins = time.div_euclid(asked.period) * asked.period;
            series.entry((unit.clone(), begins)).or_default().add(&sums);
        }
    }
    Ok(series)
}

/// The time in a key of [`DATA`], behind a prefix of this length.
fn time_of(key: &[u8], at: usize) -> Option<i64> {
    let bytes: [u8; 8] = key.get(at..at + 8)?.try_into().ok()?;
    Some((u64::from_be_bytes(bytes) ^ (1 << 63)) as i64)
}
