//! [`Line`]: what is counted, as a line of a bill names it.

use super::Rate;
use base::{AccountId, Region, Timestamp};
use store::Key;

/// A usage type of a service.
#[derive(PartialEq, Eq, Debug)]
pub struct Kind {
    /// The product's code: `AmazonS3`.
    pub product: &'static str,
    /// Without the region before it: `Requests-Tier1`.
    pub usage_type: &'static str,
    /// In which usage is told: `Requests`.
    pub unit: &'static str,
    /// How many of what is counted make one unit.
    pub per: u64,
    /// What AWS's list asks for it; nothing where no list has it.
    pub rate: Option<Rate>,
}

impl Kind {
    /// What is counted in whole units.
    pub const fn new(product: &'static str, usage_type: &'static str, unit: &'static str) -> Kind {
        Kind { product, usage_type, unit, per: 1, rate: None }
    }

    /// What stands for a time, counted in seconds and told in hours.
    pub const fn hours(product: &'static str, usage_type: &'static str, unit: &'static str) -> Kind {
        Kind { product, usage_type, unit, per: super::HOUR as u64, rate: None }
    }

    /// What stands for a time, counted in seconds and told in months.
    pub const fn months(product: &'static str, usage_type: &'static str, unit: &'static str) -> Kind {
        Kind { product, usage_type, unit, per: super::MONTH, rate: None }
    }

    /// The same at a price: so many millionths of a dollar for so many units.
    pub const fn at(self, micros: u64, units: u64) -> Kind {
        Kind { rate: Some(Rate { micros, units }), ..self }
    }
}

/// What is counted together: who used what of a resource, by which operation.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub account: AccountId,
    pub region: Region,
    pub kind: &'static Kind,
    pub operation: &'a str,
    /// Its ARN, or its name where AWS's bills have that; empty where there is none.
    pub resource: &'a str,
}

impl Line<'_> {
    /// All of it, as a part of a key.
    pub(super) fn within(&self, key: Key) -> Key {
        key.account_number(self.account)
            .region(self.region)
            .str(self.kind.product)
            .str(self.kind.usage_type)
            .str(self.operation)
            .str(self.resource)
    }

    /// Under which an hour's usage lies.
    pub(super) fn key(&self, hour: Timestamp) -> Key {
        self.within(Key::global().time(hour)).u32(1)
    }

    /// Under which the usage of a moment lies.
    pub(crate) fn hour_key(&self, now: Timestamp) -> Key {
        self.key(super::hour(now))
    }

    /// Under which its level lies.
    pub(super) fn level_key(&self) -> Key {
        self.within(Key::global())
    }
}

/// Under which a run of hours lies, of the line that a level's key holds.
pub(super) fn run_key(level: &Key, first: Timestamp, hours: u32) -> Key {
    let scope = Key::global();
    let line = level.as_bytes().get(scope.as_bytes().len()..).unwrap_or_default();
    let mut bytes = scope.time(first).as_bytes().to_vec();
    bytes.extend_from_slice(line);
    Key::of_stored(&bytes).u32(hours)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Line, run_key};
    use base::{AccountId, Region, Timestamp};

    #[test]
    fn a_level_leads_to_the_rows_of_its_line() {
        static KIND: Kind = Kind::hours("AmazonS3", "TimedStorage-ByteHrs", "Byte-Hrs");
        let line = Line {
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            kind: &KIND,
            operation: "StandardStorage",
            resource: "a\0b",
        };
        let hour = Timestamp::from_seconds(7_200);
        assert_eq!(run_key(&line.level_key(), hour, 1), line.key(hour));
        assert_ne!(run_key(&line.level_key(), hour, 2), line.key(hour));
    }
}
