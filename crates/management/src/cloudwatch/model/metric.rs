//! Metrics: namespace, name and dimensions; and the sums of their data by minute and by second.

use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use store::{Key, Table};

/// By account, region, namespace, name, dimensions.
pub(crate) const METRICS: Table<Metric> = Table::new(0x1601, "cloudwatch/metrics");
/// By metric id, resolution in seconds, unit, time.
pub(crate) const DATA: Table<Sums> = Table::new(0x1602, "cloudwatch/data");

/// A metric is listed while it got data within this time.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>
pub(crate) const LISTED_FOR: Duration = Duration::from_secs(14 * 86_400);
/// AWS: metrics are kept for 15 months.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(455 * 86_400);
/// Distinct values that are kept of one minute for percentiles; of more, neighbours share one.
const VALUES_MAX: usize = 500;

pub(crate) const NO_UNIT: &str = "None";

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
pub(crate) const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    NO_UNIT,
];

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Metric {
        1 => pub(crate) id: u64,
        2 => pub(crate) namespace: String,
        3 => pub(crate) name: String,
        4 => pub(crate) dimensions: Vec<Dimension>,
        /// When data last came, to the hour: so that not every datum writes it.
        5 => pub(crate) fed: Timestamp,
        /// It has data by the second.
        6 => pub(crate) fine: bool,
        /// In which it has data.
        7 => pub(crate) units: Vec<String>,
    }

    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub(crate) struct Dimension {
        1 => pub(crate) name: String,
        2 => pub(crate) value: String,
    }

    /// The data of one minute, or second.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Sums {
        1 => pub(crate) count: Real,
        2 => pub(crate) sum: Real,
        3 => pub(crate) min: Real,
        4 => pub(crate) max: Real,
        /// Ordered; empty where only sums were ever given, of which there are no percentiles.
        5 => pub(crate) values: Vec<Weighted>,
        /// Some of the data came as sums.
        6 => pub(crate) summed: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Weighted {
        1 => pub(crate) value: Real,
        2 => pub(crate) weight: Real,
    }
}

/// A floating-point number in a record: its bits.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Real(pub(crate) f64);

impl store::field::Field for Real {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.to_bits().write(out);
    }

    fn read(input: store::field::Input<'_>) -> Result<Self, store::field::Malformed> {
        u64::read(input).map(|bits| Real(f64::from_bits(bits)))
    }

    fn absent() -> Self {
        Real(0.0)
    }

    fn is_absent(&self) -> bool {
        self.0.to_bits() == 0
    }
}

/// Names the dimensions in a key, whatever their order in the request.
fn dimensions_key(dimensions: &[Dimension]) -> String {
    let mut sorted: Vec<&Dimension> = dimensions.iter().collect();
    sorted.sort();
    sorted.iter().map(|d| format!("{}\u{1}{}\u{2}", d.name, d.value)).collect()
}

impl Metric {
    pub(crate) fn key(
        account: AccountId,
        region: Region,
        namespace: &str,
        name: &str,
        dimensions: &[Dimension],
    ) -> Key {
        Key::regional(account, region).str(namespace).str(name).str(&dimensions_key(dimensions))
    }
}

/// The data of a metric in one unit.
pub(crate) fn data_prefix(metric: u64, resolution: u32, unit: &str) -> Key {
    Key::global().u64(metric).u32(resolution).str(unit)
}

impl Sums {
    pub(crate) fn of(value: f64, weight: f64) -> Sums {
        Sums {
            count: Real(weight),
            sum: Real(value * weight),
            min: Real(value),
            max: Real(value),
            values: vec![Weighted { value: Real(value), weight: Real(weight) }],
            summed: false,
        }
    }

    /// Takes more data in.
    pub(crate) fn add(&mut self, other: &Sums) {
        if self.count.0 == 0.0 {
            *self = other.clone();
            return;
        }
        self.count.0 += other.count.0;
        self.sum.0 += other.sum.0;
        self.min.0 = self.min.0.min(other.min.0);
        self.max.0 = self.max.0.max(other.max.0);
        self.summed |= other.summed;
        for more in &other.values {
            match self.values.binary_search_by(|own| own.value.0.total_cmp(&more.value.0)) {
                Ok(at) => self.values[at].weight.0 += more.weight.0,
                Err(at) => self.values.insert(at, more.clone()),
            }
        }
        while self.values.len() > VALUES_MAX {
            self.thin_out();
        }
    }

    /// Every second value goes into the one before it.
    fn thin_out(&mut self) {
        let pairs = self.values.chunks(2).map(|pair| Weighted {
            value: pair[0].value,
            weight: Real(pair.iter().map(|own| own.weight.0).sum()),
        });
        self.values = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_and_stay_small() {
        let mut sums = Sums::default();
        for n in 0..10_000 {
            sums.add(&Sums::of(f64::from(n % 1000), 1.0));
        }
        assert_eq!((sums.count.0, sums.min.0, sums.max.0), (10_000.0, 0.0, 999.0));
        assert_eq!(sums.sum.0, 4_995_000.0);
        assert!(sums.values.len() <= VALUES_MAX);
        assert_eq!(sums.values.iter().map(|v| v.weight.0).sum::<f64>(), 10_000.0);
    }

    #[test]
    fn dimensions_have_no_order() {
        let dimension = |name: &str| Dimension { name: name.into(), value: "v".into() };
        let (a, b) = (dimension("a"), dimension("b"));
        assert_eq!(dimensions_key(&[a.clone(), b.clone()]), dimensions_key(&[b, a]));
    }
}
