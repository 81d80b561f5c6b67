//! [`Rate`]: what usage costs.

use std::fmt;
use std::iter::Sum;

store::record! {
    /// A price as AWS's lists have it: so many millionths of a dollar for so many units.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Rate {
        1 => pub micros: u64,
        2 => pub units: u64,
    }
}

/// Billionths of a millionth: what one GET costs is no whole number of millionths, nor what a byte costs that is kept for a
/// second.
const FINE: u128 = 1_000_000_000;

/// Money, in dollars.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Charge(u128);

impl Rate {
    /// What an amount costs that is told in parts of a unit.
    pub fn charge(self, parts: u128, per: u64) -> Charge {
        let units = u128::from(self.units.max(1)) * u128::from(per.max(1));
        let micros = u128::from(self.micros);
        // Whole units first: a petabyte that is kept for a year has many parts.
        let (whole, rest) = (parts / units, parts % units);
        let fine = rest.saturating_mul(micros * FINE) / units;
        Charge(whole.saturating_mul(micros * FINE).saturating_add(fine))
    }
}

impl Charge {
    /// So many times as much.
    pub fn times(self, count: u128) -> Charge {
        Charge(self.0.saturating_mul(count))
    }
}

impl Sum for Charge {
    fn sum<I: Iterator<Item = Charge>>(all: I) -> Charge {
        Charge(all.fold(0, |sum, one| sum.saturating_add(one.0)))
    }
}

/// In dollars, with as many places as it takes to see two digits of what is small, and cents at least.
impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PLACES: u128 = 1_000_000 * FINE;
        let mut places: usize = 2;
        let mut step = PLACES / 100;
        while places < 12 && self.0 > 0 && self.0 < 10 * step {
            (places, step) = (places + 1, step / 10);
        }
        let rounded = self.0.saturating_add(step / 2) / step;
        let scale = PLACES / step;
        write!(f, "{}.{:0places$}", rounded / scale, rounded % scale)
    }
}

#[cfg(test)]
mod tests {
    use super::{Charge, Rate};

    fn text(micros: u64, units: u64, parts: u128, per: u64) -> String {
        Rate { micros, units }.charge(parts, per).to_string()
    }

    #[test]
    fn what_aws_lists_say() {
        // A thousand GETs of S3, and one; half a read unit of DynamoDB.
        assert_eq!(text(400, 1_000, 1_000, 1), "0.00040");
        assert_eq!(text(400, 1_000, 1, 1), "0.00000040");
        assert_eq!(text(125_000, 1_000_000, 1, 2), "0.000000063");
        // A gigabyte for a month in S3 Standard, told in byte-hours and counted in byte-seconds.
        let (gib, month) = (1_u64 << 30, 730_u64);
        assert_eq!(text(23_000, gib * month, u128::from(gib * month) * 3_600, 3_600), "0.023");
        // A t3.micro for a day, and a minute of it.
        assert_eq!(text(10_400, 1, 86_400, 3_600), "0.25");
        assert_eq!(text(10_400, 1, 60, 3_600), "0.00017");
        assert_eq!(text(1_000_000, 1, 1_234 * 2_628_000, 2_628_000), "1234.00");
        assert_eq!(text(0, 1, 5, 1), "0.00");
    }

    #[test]
    fn a_lot_is_no_overflow() {
        let petabyte_years = (1_u128 << 50) * 31_536_000;
        assert_eq!(text(23_000, (1 << 30) * 730, petabyte_years, 3_600), "289406.98");
        let most = Rate { micros: u64::MAX, units: 1 }.charge(u128::MAX, 1);
        assert_eq!([most, most].into_iter().sum::<Charge>(), most);
    }
}
