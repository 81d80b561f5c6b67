//! Sizes as AWS counts them, and the capacity units that follow from them.
//!
//! Source: the developer guide's pages on item sizes and on capacity unit consumption.

use crate::dynamodb::item::Item;
use crate::dynamodb::number::Number;
use crate::dynamodb::value::AttributeValue;

/// Most bytes of an item, names included.
pub const ITEM_MAX: usize = 400 * 1024;
/// Most bytes of a partition key's value.
pub const HASH_KEY_MAX: usize = 2048;
/// Most bytes of a sort key's value.
pub const RANGE_KEY_MAX: usize = 1024;
/// What a list or a map costs by itself.
const DOCUMENT_OVERHEAD: usize = 3;
/// What each member of a list or a map costs beside its contents.
const MEMBER_OVERHEAD: usize = 1;

const READ_UNIT: u64 = 4096;
const WRITE_UNIT: u64 = 1024;

impl Item {
    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.size()).sum()
    }
}

impl AttributeValue {
    /// Bytes of the value, without its name.
    pub fn size(&self) -> usize {
        match self {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number_size(number),
            AttributeValue::B(bytes) => bytes.len(),
            AttributeValue::SS(set) => set.iter().map(String::len).sum(),
            AttributeValue::NS(set) => set.iter().map(number_size).sum(),
            AttributeValue::BS(set) => set.iter().map(Vec::len).sum(),
            AttributeValue::M(map) => DOCUMENT_OVERHEAD + map.len() * MEMBER_OVERHEAD + map.size(),
            AttributeValue::L(list) => {
                DOCUMENT_OVERHEAD + list.iter().map(|member| MEMBER_OVERHEAD + member.size()).sum::<usize>()
            }
            AttributeValue::Bool(_) | AttributeValue::Null => 1,
        }
    }
}

/// One byte, one for every two significant digits on either side of the decimal point, and one for a minus.
///
/// AWS: the guide calls its own formula an approximation; this one is what real tables were measured to charge.
fn number_size(number: &Number) -> usize {
    let digits = number.digits() as usize;
    let fraction = usize::try_from(-number.exponent()).unwrap_or(0).min(digits);
    1 + (digits - fraction).div_ceil(2) + fraction.div_ceil(2) + usize::from(number.is_negative())
}

/// Capacity in half units, as an eventually consistent read costs half of a unit: exact where a float would drift.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Units(u64);

impl Units {
    pub const ZERO: Units = Units(0);

    /// For reading `bytes` (one item, or the sum of a page of a query or scan). At least one unit's worth.
    pub fn read(bytes: usize, consistency: Consistency) -> Units {
        let blocks = (bytes as u64).div_ceil(READ_UNIT).max(1);
        Units(match consistency {
            Consistency::Eventual => blocks,
            Consistency::Strong => blocks * 2,
            Consistency::Transactional => blocks * 4,
        })
    }

    /// For writing an item; of the images before and after, the larger counts.
    pub fn write(bytes: usize, transactional: bool) -> Units {
        let blocks = (bytes as u64).div_ceil(WRITE_UNIT).max(1);
        Units(blocks * if transactional { 4 } else { 2 })
    }

    pub fn half_units(self) -> u64 {
        self.0
    }

    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 2.0
    }
}

impl std::ops::Add for Units {
    type Output = Units;

    fn add(self, other: Units) -> Units {
        Units(self.0 + other.0)
    }
}

impl std::ops::AddAssign for Units {
    fn add_assign(&mut self, other: Units) {
        self.0 += other.0;
    }
}

impl std::iter::Sum for Units {
    fn sum<I: Iterator<Item = Units>>(units: I) -> Units {
        units.fold(Units::ZERO, std::ops::Add::add)
    }
}

/// How a read is to be consistent, for what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consistency {
    Eventual,
    Strong,
    Transactional,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_pairs_of_digits() {
        for (text, size) in [
            ("0", 1),
            ("-0", 1),
            ("1", 2),
            ("12", 2),
            ("123", 3),
            ("1234", 3),
            ("12345678901234567890123456789012345678", 20),
            ("100", 2),
            ("110", 2),
            ("1010", 3),
            ("0.0000001", 2),
            ("1e125", 2),
            ("1E-100", 2),
            ("1.5", 3),
            ("0.15", 2),
            ("1.234", 4),
            ("3.14159", 5),
            ("123456", 4),
            ("100.5", 4),
            ("-42", 3),
        ] {
            assert_eq!(number_size(&Number::parse(text).unwrap()), size, "{text}");
        }
    }

    #[test]
    fn documents_cost_their_overhead() {
        let list = AttributeValue::L(vec![AttributeValue::s("abc"), AttributeValue::Null]);
        assert_eq!(list.size(), 3 + 1 + 3 + 1 + 1);
        let map = AttributeValue::M(Item::from_pairs(vec![("name".into(), AttributeValue::Bool(true))]));
        assert_eq!(map.size(), 3 + 1 + 4 + 1);
        assert_eq!(AttributeValue::SS(vec!["a".into(), "bc".into()]).size(), 3);
    }

    #[test]
    fn units_are_rounded_up() {
        for (bytes, eventual, strong, transactional) in
            [(0, 0.5, 1.0, 2.0), (4096, 0.5, 1.0, 2.0), (4097, 1.0, 2.0, 4.0)]
        {
            assert_eq!(Units::read(bytes, Consistency::Eventual).as_f64(), eventual);
            assert_eq!(Units::read(bytes, Consistency::Strong).as_f64(), strong);
            assert_eq!(Units::read(bytes, Consistency::Transactional).as_f64(), transactional);
        }
        assert_eq!(Units::write(1024, false).as_f64(), 1.0);
        assert_eq!(Units::write(1025, true).as_f64(), 4.0);
    }
}
