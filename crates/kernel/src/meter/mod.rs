//! Metering: the one place where usage is counted, in the words of AWS's bills, each at its price. Bills, budgets and usage
//! metrics read it ([`usage`], [`standing`]).
//!
//! What happens (requests, bytes, capacity units, seconds of memory) is added up in memory by the hour of the cloud's
//! clock ([`Meter::add`], [`crate::Cx::meter`]) and written each second with the blocks of the audit trail. A `kill -9`
//! may thus lose the counts of the last second, as it may lose the audit of reads. They are not part of the
//! transactions that they tell of: all requests to one table would meet at its row. What a transaction changes is
//! counted when it commits, and only then.
//!
//! What stands (bytes in a bucket, provisioned capacity) is looked at by [`Gauge`]s: when the hour begins, before the
//! clock is moved, and when usage is read. Between two looks it is what it was at the first; so it is exact at the
//! looks, no write ever touches a sum, and a month that the clock is moved by is counted as it stood. AWS: storage is
//! calculated hourly, too. What is paid for by the second (machines) is also looked at whenever it changes
//! ([`Gauge::watches`]).
//!
//! Prices ([`Rate`]) are those of AWS's public lists for us-east-1, on demand, of the first tier, and are the same in every
//! region here; what is free for new or small accounts is not taken off. They are saved with what was used.
//!
//! All amounts are whole numbers of parts ([`Kind::per`]): half read units, byte-seconds. Hours in which a level did not
//! change are one row, up to a day's.
//!
//! Not here: usage older than [`RETENTION`]; the region's prefix of usage types (`EUC1-`), which the record's region
//! tells; and what services do for themselves.

mod count;
mod keep;
mod level;
mod line;
mod rate;
mod read;
mod tariff;

pub use count::Meter;
pub(crate) use count::put;
pub(crate) use keep::Trim;
pub(crate) use level::{Changes, Sample, sample};
pub use level::{Gauge, each, each_row};
pub use line::{Kind, Line};
pub use rate::{Charge, Rate};
pub use read::{Query, Used, standing, usage};
pub use tariff::{Called, Tariff};

use base::Timestamp;
use std::time::Duration;
use store::Table;

/// Usage is kept so long: what Cost Explorer shows at most, the current month and the thirteen before it.
pub const RETENTION: Duration = Duration::from_secs(427 * 86_400);

const HOUR: i64 = 3_600;
/// Seconds of a month as AWS reckons prices: 730 hours.
/// AWS: <https://docs.aws.amazon.com/pricing-calculator/latest/userguide/what-is-pricing-calculator.html>
const MONTH: u64 = 730 * HOUR as u64;
/// Byte-hours of a gigabyte that is kept for a month.
pub const GIGABYTE_MONTH: u64 = (1 << 30) * 730;
const DAY: i64 = 24 * HOUR;

store::record! {
    /// What was used in each hour of a run of hours.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Counted {
        /// In parts of a unit.
        1 => pub(crate) amount: u64,
        2 => pub(crate) unit: String,
        3 => pub(crate) per: u64,
        4 => pub(crate) rate: Option<Rate>,
    }

    /// What stood when it was last looked at.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Level {
        1 => pub(crate) amount: u64,
        /// Until when it has been counted.
        2 => pub(crate) since: Timestamp,
        3 => pub(crate) unit: String,
        4 => pub(crate) per: u64,
        5 => pub(crate) rate: Option<Rate>,
        /// By which gauge.
        6 => pub(crate) gauge: String,
    }

    /// When what stands was last looked at.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Sampled {
        1 => pub(crate) at: Timestamp,
    }
}

/// By when the first hour began, the line, and how many hours it is for.
const USAGE: Table<Counted> = Table::new(0x0005, "kernel/usage");
/// By line.
const LEVELS: Table<Level> = Table::new(0x0006, "kernel/levels");
const SAMPLED: Table<Sampled> = Table::new(0x0007, "kernel/sampled");

/// When the hour of a moment began.
pub(crate) fn hour(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds().div_euclid(HOUR) * HOUR)
}
