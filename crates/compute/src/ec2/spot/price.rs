//! What spot machines cost: a curve for each pool of them, which is a type in a zone with one operating system.
//!
//! A price follows from the cloud's seed, the pool and the moment of the cloud's clock, and from nothing else: it is the
//! same for everybody, at every look and after every restart, and the past can be told without having been written
//! down. It lies between a quarter and three quarters of what the type costs on demand, and moves slowly: every six
//! hours, at a moment of the pool's own, it goes a step of the way to a level that is drawn for every second day. So who
//! names no maximum is never interrupted for the price, and who names one below the curve's top sooner or later is.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-instances-history.html>. How AWS sets its prices
//! it does not tell; the curve is this cloud's own.

use crate::ec2::kinds::InstanceType;
use base::Timestamp;

/// What machines here run.
pub(crate) const PRODUCT: &str = "Linux/UNIX";
/// A price holds at least that long, in seconds.
const STEP: i64 = 6 * 3600;
/// Steps from one level to the next.
const STEPS: i64 = 8;
/// Prices have four places: what a hundred millionths is.
const GRAIN: i64 = 100;

/// Machines of one type in one zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool<'a> {
    pub(crate) seed: u64,
    pub(crate) kind: &'a InstanceType,
    pub(crate) zone: &'a str,
}

impl Pool<'_> {
    /// A number that is drawn for this pool: the same for the same `lot`.
    fn draw(&self, lot: i64) -> i64 {
        let parts = [self.kind.name.as_bytes(), self.zone.as_bytes(), PRODUCT.as_bytes(), &lot.to_le_bytes()];
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ self.seed;
        for byte in parts.concat() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // The last bytes alone would hardly change the upper bits.
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((hash ^ (hash >> 31)) >> 1).unwrap_or_default()
    }

    fn step(&self, at: Timestamp) -> i64 {
        (at.seconds() - self.draw(i64::MIN) % STEP).div_euclid(STEP)
    }

    fn begin(&self, step: i64) -> Timestamp {
        Timestamp::from_seconds(step * STEP + self.draw(i64::MIN) % STEP)
    }

    /// In millionths of a dollar.
    fn of_step(&self, step: i64) -> i64 {
        // Thousandths of the price on demand: 400 to 600, and up to 150 more or less.
        let middle = 400 + self.draw(i64::MAX) % 201;
        let level = |lot: i64| self.draw(lot) % 301 - 150;
        let (lot, way) = (step.div_euclid(STEPS), step.rem_euclid(STEPS));
        let off = (level(lot) * (STEPS - way) + level(lot + 1) * way) / STEPS;
        self.kind.price * (middle + off) / 1000 / GRAIN * GRAIN
    }

    /// What an hour costs, in millionths of a dollar.
    pub(crate) fn price(&self, at: Timestamp) -> i64 {
        self.of_step(self.step(at))
    }

    /// When the price may next be another.
    pub(crate) fn next_change(&self, at: Timestamp) -> Timestamp {
        self.begin(self.step(at) + 1)
    }

    /// The changes within a time, the newest first; and the last one before it, which holds at its beginning.
    pub(crate) fn changes(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, i64)> {
        let mut out = Vec::new();
        let mut step = self.step(to);
        loop {
            let price = self.of_step(step);
            if self.of_step(step - 1) != price {
                out.push((self.begin(step), price));
                if self.begin(step) <= from {
                    return out;
                }
            }
            step -= 1;
        }
    }
}

/// `0.032900`
pub(crate) fn text(price: i64) -> String {
    format!("{}.{:06}", price / 1_000_000, price % 1_000_000)
}

/// In millionths of a dollar; `None` where a text is no amount of dollars.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !is_number(whole) || !is_number(rest) || (whole.is_empty() && rest.is_empty()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let rest = rest.get(..6).unwrap_or(rest);
    let millionths: i64 = format!("{rest:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(millionths)
}

#[cfg(test)]
mod tests {
    use super::{Pool, parse, text};
    use crate::ec2::kinds::{TYPES, find};
    use base::Timestamp;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_768_478_400);

    fn pool(zone: &str) -> Pool<'_> {
        Pool { seed: 7, kind: find("m5.large").unwrap(), zone }
    }

    #[test]
    fn prices_are_texts_with_six_places() {
        for (given, price, shown) in [
            ("0.0329", Some(32_900), "0.032900"),
            ("1", Some(1_000_000), "1.000000"),
            (".5", Some(500_000), "0.500000"),
            ("0.00000199", Some(1), "0.000001"),
            ("12.25", Some(12_250_000), "12.250000"),
        ] {
            assert_eq!(parse(given), price, "{given}");
            assert_eq!(text(price.unwrap()), shown);
        }
        for bad in ["", ".", "-1", "1,5", "1.5.0", "a", "99999999999999999999"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_curve_stays_within_its_bounds_and_is_the_pools_own() {
        for kind in TYPES {
            let pool = Pool { seed: 1, kind, zone: "us-east-1a" };
            for hours in 0..2000u64 {
                let price = pool.price(NOW.plus(Duration::from_secs(hours * 3600)));
                assert!(kind.price / 5 <= price && price <= kind.price * 3 / 4, "{} {price}", kind.name);
            }
        }
        let curve = |pool: &Pool<'_>| -> Vec<i64> {
            (0..200u64).map(|day| pool.price(NOW.plus(Duration::from_secs(day * 86_400)))).collect()
        };
        assert_eq!(curve(&pool("us-east-1a")), curve(&pool("us-east-1a")));
        assert_ne!(curve(&pool("us-east-1a")), curve(&pool("us-east-1b")));
        assert_ne!(curve(&pool("us-east-1a")), curve(&Pool { seed: 8, ..pool("us-east-1a") }));
    }

    #[test]
    fn changes_tell_the_curve() {
        let pool = pool("us-east-1c");
        let from = NOW.minus(Duration::from_secs(30 * 86_400));
        let changes = pool.changes(from, NOW);
        assert_eq!(changes.first().unwrap().1, pool.price(NOW));
        assert!(changes.windows(2).all(|two| two[0].0 > two[1].0 && two[0].1 != two[1].1));
        assert!(changes.last().unwrap().0 <= from && changes[changes.len() - 2].0 > from);
        for hours in 0..30 * 24u64 {
            let at = from.plus(Duration::from_secs(hours * 3600));
            let told = changes.iter().find(|(since, _)| *since <= at).unwrap();
            assert_eq!(told.1, pool.price(at));
        }
        // Nothing changes before the next change.
        let next = pool.next_change(NOW);
        assert!(next > NOW && next <= NOW.plus(Duration::from_secs(6 * 3600)));
        assert_eq!(pool.price(next.minus(Duration::from_secs(1))), pool.price(NOW));
    }
}
