//! [`Bucket`]: the capacity units that a table may still use, as a bucket that fills with time.
//!
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html>: up to five
//! minutes of unused capacity are kept. A request is let in while there is anything left, and may leave a debt behind:
//! what a query costs is known only when it is done.

use crate::dynamodb::size::Units;
use base::Timestamp;

/// How much unused capacity is kept.
const BURST_SECONDS: i64 = 300;
/// Parts of a half unit, so that what a microsecond brings is not rounded away.
const PARTS: i64 = 1_000_000;

/// Starts full.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bucket {
    /// In parts of half units; below zero there is a debt.
    level: i64,
    filled: Timestamp,
}

/// Half units are twice the units.
fn capacity(rate: i64) -> i64 {
    rate.saturating_mul(2 * BURST_SECONDS).saturating_mul(PARTS)
}

impl Bucket {
    /// A full bucket for `rate` units a second.
    pub fn full(rate: i64, now: Timestamp) -> Bucket {
        Bucket { level: capacity(rate), filled: now }
    }

    /// Lets in what has come since the last time. A clock that was set back brings nothing.
    pub fn fill(&mut self, rate: i64, now: Timestamp) {
        let micros = now.micros().saturating_sub(self.filled.micros()).max(0);
        // Half units of one second are as many parts as there are microseconds in it, times the rate.
        let came = micros.saturating_mul(rate.saturating_mul(2));
        self.level = self.level.saturating_add(came).min(capacity(rate));
        self.filled = now;
    }

    pub fn has_any(&self) -> bool {
        self.level > 0
    }

    pub fn take(&mut self, units: Units) {
        let parts = i64::try_from(units.half_units()).unwrap_or(i64::MAX).saturating_mul(PARTS);
        self.level = self.level.saturating_sub(parts);
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use crate::dynamodb::size::{Consistency, Units};
    use base::Timestamp;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    #[test]
    fn five_minutes_of_burst_and_then_the_rate() {
        let mut bucket = Bucket::full(2, NOW);
        let one = Units::write(1, false);
        let mut taken = 0;
        while bucket.has_any() {
            bucket.take(one);
            taken += 1;
        }
        assert_eq!(taken, 600);
        bucket.fill(2, NOW.plus(Duration::from_millis(400)));
        assert!(bucket.has_any());
        bucket.take(one);
        assert!(!bucket.has_any(), "0.8 units less one");
        bucket.fill(2, NOW.plus(Duration::from_millis(499)));
        assert!(!bucket.has_any());
        bucket.fill(2, NOW.plus(Duration::from_millis(501)));
        assert!(bucket.has_any());
        bucket.fill(2, NOW.plus(Duration::from_secs(86_400)));
        assert_eq!(bucket, Bucket::full(2, NOW.plus(Duration::from_secs(86_400))));
    }

    #[test]
    fn a_large_read_is_let_in_and_leaves_a_debt() {
        let mut bucket = Bucket::full(1, NOW);
        bucket.take(Units::read(4096 * 310, Consistency::Strong));
        bucket.fill(1, NOW.plus(Duration::from_secs(10)));
        assert!(!bucket.has_any());
        bucket.fill(1, NOW.plus(Duration::from_millis(10_001)));
        assert!(bucket.has_any());
    }

    #[test]
    fn a_smaller_rate_holds_less_and_a_clock_set_back_brings_nothing() {
        let mut bucket = Bucket::full(10, NOW);
        bucket.fill(1, NOW);
        assert_eq!(bucket, Bucket::full(1, NOW));
        bucket.take(Units::write(1, false));
        let before = bucket;
        bucket.fill(1, NOW.minus(Duration::from_secs(5)));
        assert_eq!(bucket.has_any(), before.has_any());
        bucket.fill(1, NOW.minus(Duration::from_secs(5)));
        assert_ne!(bucket, Bucket::full(1, NOW.minus(Duration::from_secs(5))));
    }
}
