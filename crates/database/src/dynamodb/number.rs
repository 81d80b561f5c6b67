//! [`Number`]: an exact decimal of up to 38 significant digits, from 1E-130 to 9.99...E+125 on either side of zero.
//!
//! A value is `significand · 10^exponent` with no zero at the significand's end, so equal numbers are equal bits.
//! The byte form of [`Number::write_key`] sorts as the numbers do; items store numbers in the same form, so that a
//! key and an attribute share one codec.

use crate::dynamodb::invalid::Invalid;
use std::cmp::Ordering;
use std::fmt;

/// Most significant digits of a number.
pub const DIGITS_MAX: u32 = 38;
/// Power of ten of the first digit of the largest number.
const MAGNITUDE_MAX: i64 = 125;
/// Power of ten of the first digit of the smallest number above zero.
const MAGNITUDE_MIN: i64 = -130;
/// Most bytes that [`Number::write_key`] writes: sign, magnitude, 19 pairs of digits, end of a negative number.
pub const KEY_BYTES_MAX: usize = 22;

const KEY_NEGATIVE: u8 = 1;
const KEY_ZERO: u8 = 2;
const KEY_POSITIVE: u8 = 3;
/// Ends a negative number: above every complemented pair, so that the longer one sorts first.
const KEY_NEGATIVE_END: u8 = 0xFF;

const POWERS: [u128; 39] = {
    let mut powers = [1u128; 39];
    let mut at = 1;
    while at < 39 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A DynamoDB number. Its words are 64 bits wide to keep the alignment, and with it an attribute value, small.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    high: u64,
    low: u64,
    exponent: i16,
    negative: bool,
}

impl Number {
    pub const ZERO: Number = Number { high: 0, low: 0, exponent: 0, negative: false };

    /// Reads `-12.5`, `1e+5`, `.5`, `+3`, `0012`. Neither spaces nor `NaN` nor `Infinity`.
    pub fn parse(text: &str) -> Result<Number, Invalid> {
        let Some(read) = Scanned::read(text.as_bytes()) else { return Err(no_number(text)) };
        // AWS: zero is held against the range by the exponent that it is written with.
        let magnitude = read.exponent + read.digits.max(1) - 1;
        check_magnitude(magnitude).map_err(|invalid| in_java(invalid, &read, magnitude, text))?;
        if read.digits == 0 {
            return Ok(Number::ZERO);
        }
        if read.digits > i64::from(DIGITS_MAX) {
            return Err(Invalid::new("Attempting to store more than 38 significant digits in a Number"));
        }
        // The magnitude and the digits are checked: the exponent lies between -167 and 125.
        Ok(Number::raw(read.significand, read.exponent as i16, read.negative))
    }

    fn raw(significand: u128, exponent: i16, negative: bool) -> Number {
        Number { high: (significand >> 64) as u64, low: significand as u64, exponent, negative }
    }

    /// Trims zeros from the end and checks the range: the result of a calculation.
    fn checked(mut significand: u128, exponent: i16, negative: bool) -> Result<Number, Invalid> {
        if significand == 0 {
            return Ok(Number::ZERO);
        }
        let mut exponent = i64::from(exponent);
        while significand.is_multiple_of(10) {
            significand /= 10;
            exponent += 1;
        }
        let digits = count_digits(significand);
        if digits > DIGITS_MAX {
            return Err(overflow());
        }
        check_magnitude(exponent + i64::from(digits) - 1)?;
        Ok(Number::raw(significand, exponent as i16, negative))
    }

    fn significand(&self) -> u128 {
        (u128::from(self.high) << 64) | u128::from(self.low)
    }

    pub fn is_zero(&self) -> bool {
        self.high == 0 && self.low == 0
    }

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Significant digits, without zeros at either end; 0 for zero.
    pub fn digits(&self) -> u32 {
        if self.is_zero() { 0 } else { count_digits(self.significand()) }
    }

    /// Power of ten of the last significant digit.
    pub fn exponent(&self) -> i32 {
        i32::from(self.exponent)
    }

    /// Power of ten of the first digit.
    fn magnitude(&self) -> i64 {
        i64::from(self.exponent) + i64::from(self.digits()) - 1
    }

    #[must_use]
    pub fn negated(self) -> Number {
        Number { negative: !self.negative && !self.is_zero(), ..self }
    }

    /// The exact sum. One that 38 digits can't hold is an overflow, in AWS's words too.
    pub fn plus(self, other: Number) -> Result<Number, Invalid> {
        if self.is_zero() {
            return Ok(other);
        }
        if other.is_zero() {
            return Ok(self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = (i32::from(high.exponent) - i32::from(low.exponent)) as usize;
        // A significand that outgrows 128 bits here has 39 digits or more whatever is added to it, and the last of
        // them is that of `low`, which isn't zero.
        let scaled = POWERS
            .get(shift)
            .and_then(|power| high.significand().checked_mul(*power))
            .ok_or_else(overflow)?;
        let small = low.significand();
        let (significand, negative) = if high.negative == low.negative {
            (scaled.checked_add(small).ok_or_else(overflow)?, high.negative)
        } else if scaled >= small {
            (scaled - small, high.negative)
        } else {
            (small - scaled, low.negative)
        };
        Number::checked(significand, low.exponent, negative)
    }

    /// The exact difference.
    pub fn minus(self, other: Number) -> Result<Number, Invalid> {
        self.plus(other.negated())
    }

    /// Appends bytes that sort as the numbers do, at most [`KEY_BYTES_MAX`].
    pub fn write_key(&self, out: &mut Vec<u8>) {
        if self.is_zero() {
            out.push(KEY_ZERO);
            return;
        }
        let digits = self.digits();
        let magnitude = (i64::from(self.exponent) + i64::from(digits) - 1 - MAGNITUDE_MIN) as u8;
        let flip = if self.negative { 0xFF } else { 0 };
        out.push(if self.negative { KEY_NEGATIVE } else { KEY_POSITIVE });
        out.push(magnitude ^ flip);
        let mut pairs = [0u8; 19];
        let count = digits.div_ceil(2) as usize;
        let mut rest = self.significand() * if digits % 2 == 1 { 10 } else { 1 };
        for slot in pairs[..count].iter_mut().rev() {
            *slot = if let Ok(short) = u64::try_from(rest) {
                rest = u128::from(short / 100);
                (short % 100) as u8
            } else {
                let pair = (rest % 100) as u8;
                rest /= 100;
                pair
            };
        }
        out.extend(pairs[..count].iter().map(|pair| (pair + 1) ^ flip));
        if self.negative {
            out.push(KEY_NEGATIVE_END);
        }
    }

    /// Reads what [`Number::write_key`] wrote; `None` for anything else.
    pub fn read_key(bytes: &[u8]) -> Option<Number> {
        let (sign, rest) = bytes.split_first()?;
        let (flip, rest) = match *sign {
            KEY_ZERO => return rest.is_empty().then_some(Number::ZERO),
            KEY_POSITIVE => (0, rest),
            KEY_NEGATIVE => (0xFF, rest.strip_suffix(&[KEY_NEGATIVE_END])?),
            _ => return None,
        };
        let (magnitude, pairs) = rest.split_first()?;
        if pairs.is_empty() || pairs.len() > 19 {
            return None;
        }
        let mut significand = 0u128;
        for byte in pairs {
            let pair = (byte ^ flip).checked_sub(1).filter(|pair| *pair < 100)?;
            significand = significand * 100 + u128::from(pair);
        }
        let magnitude = i64::from(magnitude ^ flip) + MAGNITUDE_MIN;
        let mut exponent = magnitude + 1 - 2 * pairs.len() as i64;
        if significand.is_multiple_of(10) {
            significand /= 10;
            exponent += 1;
        }
        let number = Number::raw(significand, exponent as i16, *sign == KEY_NEGATIVE);
        // Anything but the canonical form would give one number two keys.
        (!significand.is_multiple_of(10) && number.magnitude() == magnitude).then_some(number)
    }

    fn compare_magnitude(&self, other: &Number) -> Ordering {
        if self.exponent == other.exponent {
            return self.significand().cmp(&other.significand());
        }
        let (ours, theirs) = (self.digits(), other.digits());
        let magnitudes = self.magnitude().cmp(&other.magnitude());
        magnitudes.then_with(|| {
            let ours = self.significand() * POWERS[(DIGITS_MAX - ours) as usize];
            ours.cmp(&(other.significand() * POWERS[(DIGITS_MAX - theirs) as usize]))
        })
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Number {
        let mut significand = u128::from(number.unsigned_abs());
        let mut exponent = 0;
        while significand != 0 && significand.is_multiple_of(10) {
            significand /= 10;
            exponent += 1;
        }
        Number::raw(significand, exponent, number < 0)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let rank = |number: &Number| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        rank(self).cmp(&rank(other)).then_with(|| match (self.is_zero(), self.negative) {
            (true, _) => Ordering::Equal,
            (false, true) => other.compare_magnitude(self),
            (false, false) => self.compare_magnitude(other),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Plain notation, never with an exponent: AWS returns 1E+125 as a 1 and 125 zeros.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let exponent = i32::from(self.exponent);
        if exponent >= 0 {
            return write!(f, "{}{:0<width$}", self.significand(), "", width = exponent as usize);
        }
        let point = exponent.unsigned_abs() as usize;
        let digits = self.significand().to_string();
        match digits.len().checked_sub(point) {
            Some(whole) if whole > 0 => write!(f, "{}.{}", &digits[..whole], &digits[whole..]),
            _ => write!(f, "0.{digits:0>point$}"),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn count_digits(significand: u128) -> u32 {
    match u64::try_from(significand) {
        Ok(short) => short.checked_ilog10().map_or(0, |log| log + 1),
        Err(_) => significand.ilog10() + 1,
    }
}

fn no_number(text: &str) -> Invalid {
    const SENTENCE: &str = "The parameter cannot be converted to a numeric value";
    let invalid = Invalid::new(format!("{SENTENCE}: {text}"));
    if text.is_empty() { invalid.or_older(SENTENCE) } else { invalid }
}

/// The older layer reads numbers as Java's `BigDecimal` does, whose exponents have 32 bits and overflow.
fn in_java(invalid: Invalid, read: &Scanned, magnitude: i64, text: &str) -> Invalid {
    if i32::try_from(read.power).is_err() || i32::try_from(read.scale).is_err() {
        let older = no_number(text).message().to_owned();
        return invalid.or_older(older);
    }
    let wraps = magnitude >= i64::from(i32::MAX);
    if wraps { invalid.or_older(underflow().message()) } else { invalid }
}

fn underflow() -> Invalid {
    Invalid::new("Number underflow. Attempting to store a number with magnitude smaller than supported range")
}

fn overflow() -> Invalid {
    Invalid::new("Number overflow. Attempting to store a number with magnitude larger than supported range")
}

fn check_magnitude(magnitude: i64) -> Result<(), Invalid> {
    if magnitude > MAGNITUDE_MAX {
        return Err(overflow());
    }
    if magnitude < MAGNITUDE_MIN {
        return Err(underflow());
    }
    Ok(())
}

/// A number's text, taken apart; `significand` is meaningful up to 38 digits.
struct Scanned {
    significand: u128,
    digits: i64,
    exponent: i64,
    /// The exponent as it is written, and the digits behind the point less it.
    power: i64,
    scale: i64,
    negative: bool,
}

impl Scanned {
    fn read(text: &[u8]) -> Option<Scanned> {
        let (negative, text) = take_sign(text);
        let mut out = Scanned { significand: 0, digits: 0, exponent: 0, power: 0, scale: 0, negative };
        let mut zeros = 0i64;
        let mut fraction = None;
        let mut seen = false;
        let mut rest = text;
        while let Some((byte, tail)) = rest.split_first() {
            match byte {
                b'.' if fraction.is_none() => fraction = Some(0i64),
                b'0'..=b'9' => {
                    seen = true;
                    fraction = fraction.map(|count| count + 1);
                    out.push(byte - b'0', &mut zeros);
                }
                b'e' | b'E' => break,
                _ => return None,
            }
            rest = tail;
        }
        if !seen {
            return None;
        }
        let power = match rest.split_first() {
            Some((_, tail)) => read_power(tail)?,
            None => 0,
        };
        out.power = power;
        out.scale = fraction.unwrap_or(0).saturating_sub(power);
        out.exponent = power.saturating_sub(fraction.unwrap_or(0)).saturating_add(zeros);
        Some(out)
    }

    /// Zeros wait until a digit follows, so that those at either end count for nothing.
    fn push(&mut self, digit: u8, zeros: &mut i64) {
        if digit == 0 {
            *zeros += i64::from(self.digits > 0);
            return;
        }
        self.digits += *zeros + 1;
        if self.digits <= i64::from(DIGITS_MAX) {
            self.significand = self.significand * POWERS[*zeros as usize + 1] + u128::from(digit);
        }
        *zeros = 0;
    }
}

fn take_sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// The exponent's digits. One that 64 bits cannot hold makes the whole text no number.
fn read_power(text: &[u8]) -> Option<i64> {
    let (negative, digits) = take_sign(text);
    if digits.is_empty() {
        return None;
    }
    let mut power = 0i64;
    for byte in digits {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        power = power.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(if negative { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn text_is_canonical() {
        for (text, canonical) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("0e125", "0"),
            ("0e-130", "0"),
            ("+3", "3"),
            ("0001.2300", "1.23"),
            (".123", "0.123"),
            ("5.", "5"),
            ("1e+5", "100000"),
            ("-17.4E3", "-17400"),
            ("1e-3", "0.001"),
            ("1200", "1200"),
            ("3.1415926535897932384626433832795028841", "3.1415926535897932384626433832795028841"),
            ("1e38", "100000000000000000000000000000000000000"),
        ] {
            assert_eq!(number(text).to_string(), canonical, "{text}");
        }
        assert_eq!(number("1e125").to_string(), format!("1{:0<125}", ""));
        assert_eq!(number("1e-130").to_string(), format!("0.{:0<129}1", ""));
    }

    #[test]
    fn texts_that_are_refused() {
        let overflow =
            "Number overflow. Attempting to store a number with magnitude larger than supported range";
        let underflow =
            "Number underflow. Attempting to store a number with magnitude smaller than supported range";
        let digits = "Attempting to store more than 38 significant digits in a Number";
        for (text, message) in [
            ("", "The parameter cannot be converted to a numeric value: "),
            ("dog", "The parameter cannot be converted to a numeric value: dog"),
            ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
            ("-Infinity", "The parameter cannot be converted to a numeric value: -Infinity"),
            (" 1", "The parameter cannot be converted to a numeric value:  1"),
            ("1e", "The parameter cannot be converted to a numeric value: 1e"),
            (".", "The parameter cannot be converted to a numeric value: ."),
            ("1.2.3", "The parameter cannot be converted to a numeric value: 1.2.3"),
            ("1e126", overflow),
            ("11e125", overflow),
            ("-1e99999999999", overflow),
            ("1e2147483647", overflow),
            ("1e-99999999999", underflow),
            (
                "1e9223372036854775808",
                "The parameter cannot be converted to a numeric value: 1e9223372036854775808",
            ),
            ("0e126", overflow),
            ("0e-131", underflow),
            ("1e-131", underflow),
            ("0.9e-130", underflow),
            ("3.14159265358979323846264338327950288419", digits),
            ("314159265358979323846264338327950288419e30", digits),
        ] {
            assert_eq!(Number::parse(text).unwrap_err().message(), message, "{text}");
        }
        for (text, older) in [
            ("", "The parameter cannot be converted to a numeric value"),
            ("1e126", overflow),
            ("1e2147483647", underflow),
            ("1e99999999999", "The parameter cannot be converted to a numeric value: 1e99999999999"),
            ("1e-2147483648", "The parameter cannot be converted to a numeric value: 1e-2147483648"),
            ("1.5e-2147483647", "The parameter cannot be converted to a numeric value: 1.5e-2147483647"),
            ("10e2147483647", underflow),
        ] {
            assert_eq!(Number::parse(text).unwrap_err().older().message(), older, "{text}");
        }
    }

    #[test]
    fn sums_are_exact_or_refused() {
        for (a, b, sum) in [
            ("1", "10000000000000000000000", "10000000000000000000001"),
            ("0.1", "0.2", "0.3"),
            ("99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000"),
            ("1e37", "-1", "9999999999999999999999999999999999999"),
            ("1e38", "-1", "99999999999999999999999999999999999999"),
            ("5", "-5", "0"),
            ("0", "-5", "-5"),
        ] {
            assert_eq!(number(a).plus(number(b)).unwrap().to_string(), sum);
            assert_eq!(number(b).plus(number(a)).unwrap().to_string(), sum);
        }
        for (a, b) in [("9e125", "9e125"), ("1e50", "1"), ("1e50", "-1"), ("1e125", "1e-130")] {
            assert_eq!(number(a).plus(number(b)), Err(overflow()), "{a} + {b}");
        }
        let small = number("1.5e-130").minus(number("1e-130")).unwrap_err();
        assert!(small.message().starts_with("Number underflow."), "{small}");
    }

    /// Digits as a plain integer over 10^-30, to hold arithmetic and order against.
    fn naive(significand: i64, exponent: i8) -> i128 {
        i128::from(significand) * 10i128.pow((exponent + 9) as u32)
    }

    proptest! {
        #[test]
        fn arithmetic_and_order_agree_with_integers(a in any::<i64>(), b in any::<i64>(), x in -9i8..9, y in -9i8..9) {
            let (left, right) = (number(&format!("{a}e{x}")), number(&format!("{b}e{y}")));
            let (l, r) = (naive(a, x), naive(b, y));
            prop_assert_eq!(left.cmp(&right), l.cmp(&r));
            prop_assert_eq!(left.plus(right).unwrap(), number(&format!("{}e-9", l + r)));
            prop_assert_eq!(left.minus(right).unwrap(), number(&format!("{}e-9", l - r)));
            let (mut p, mut q) = (Vec::new(), Vec::new());
            left.write_key(&mut p);
            right.write_key(&mut q);
            prop_assert_eq!(p.cmp(&q), l.cmp(&r));
        }

        #[test]
        fn keys_and_texts_round_trip(digits in "[1-9][0-9]{0,37}", exponent in -130i32..88, negative in any::<bool>()) {
            let text = format!("{}{digits}e{exponent}", if negative { "-" } else { "" });
            let value = number(&text);
            prop_assert_eq!(number(&value.to_string()), value);
            let mut key = Vec::new();
            value.write_key(&mut key);
            prop_assert!(key.len() <= KEY_BYTES_MAX);
            prop_assert_eq!(Number::read_key(&key), Some(value));
        }

        #[test]
        fn any_bytes_are_a_canonical_key_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Some(value) = Number::read_key(&bytes) {
                let mut again = Vec::new();
                value.write_key(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+.eE0-9]{0,60}") {
            if let Ok(value) = Number::parse(&text) {
                prop_assert_eq!(number(&value.to_string()), value);
            }
        }
    }
}
