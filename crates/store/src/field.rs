//! [`Field`]: how each type is written inside a record, and what an absent one means.
//!
//! A record's field is `varint number · varint length · payload`; this module is the payloads. Every length is
//! checked against what is there before anything is allocated, and nesting is bounded, so that damaged bytes end in
//! an error and never in a panic.

use base::{AccountId, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Records within records go no deeper than this.
const DEPTH: u32 = 64;

/// Why bytes are not the value that they should be: the way to the field, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// `boundary`, or `policies.document` within a nested record; empty for the whole.
    pub field: String,
    pub what: &'static str,
}

impl Malformed {
    pub fn new(what: &'static str) -> Malformed {
        Malformed { field: String::new(), what }
    }

    /// The same within `field`.
    #[must_use]
    pub fn within(self, field: &str) -> Malformed {
        let field = if self.field.is_empty() { field.to_owned() } else { format!("{field}.{}", self.field) };
        Malformed { field, ..self }
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            f.write_str(self.what)
        } else {
            write!(f, "{}: {}", self.field, self.what)
        }
    }
}

impl std::error::Error for Malformed {}

/// Bytes still to be read.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes, depth: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// # Errors
    /// When the bytes end early, or the number has more than 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        // Nearly all numbers of fields and lengths are one byte.
        if let Some((byte, rest)) = self.rest.split_first().filter(|(byte, _)| **byte < 0x80) {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed::new("it ends early"))?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::new("a number is too long"))
    }

    /// The next value with its length before it, as an input of its own.
    ///
    /// # Errors
    /// When the bytes end early, or lie too deep.
    #[inline]
    pub fn nested(&mut self) -> Result<Input<'a>, Malformed> {
        let len = self.varint()?;
        let len = usize::try_from(len).ok().filter(|len| *len <= self.rest.len());
        let (part, rest) = self.rest.split_at(len.ok_or(Malformed::new("it ends early"))?);
        self.rest = rest;
        if self.depth == DEPTH {
            return Err(Malformed::new("it is nested too deep"));
        }
        Ok(Input { rest: part, depth: self.depth + 1 })
    }
}

pub fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes a value with its length before it.
pub fn write_nested<T: Field>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    // Nearly all values are shorter than 128 bytes: leave one byte for the length and move only the others.
    out.push(0);
    value.write(out);
    let len = out.len() - start - 1;
    if len < 0x80 {
        out[start] = len as u8;
    } else {
        let mut prefix = Vec::with_capacity(10);
        write_varint(len as u64, &mut prefix);
        out.splice(start..=start, prefix);
    }
}

/// A type that can be a field of a record.
pub trait Field: Sized {
    fn write(&self, out: &mut Vec<u8>);

    /// Reads the whole of `input`.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a value of this type.
    fn read(input: Input<'_>) -> Result<Self, Malformed>;

    /// What a field that is not there stands for. Older data has no newer fields, so every type has such a value.
    fn absent() -> Self;

    /// Whether the value is the absent one, and so need not be written.
    fn is_absent(&self) -> bool;
}

macro_rules! unsigned {
    ($($ty:ty)+) => { $(
        impl Field for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                write_varint(u64::from(*self), out);
            }
            fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
                let number = input.varint()?;
                whole(input)?;
                <$ty>::try_from(number).map_err(|_| Malformed::new(concat!("it is no ", stringify!($ty))))
            }
            fn absent() -> Self {
                0
            }
            fn is_absent(&self) -> bool {
                *self == 0
            }
        }
    )+ };
}

macro_rules! signed {
    ($($ty:ty)+) => { $(
        impl Field for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                let number = i64::from(*self);
                // Zigzag: small numbers of either sign are short.
                write_varint(((number << 1) ^ (number >> 63)) as u64, out);
            }
            fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
                let number = input.varint()?;
                whole(input)?;
                let number = (number >> 1) as i64 ^ -((number & 1) as i64);
                <$ty>::try_from(number).map_err(|_| Malformed::new(concat!("it is no ", stringify!($ty))))
            }
            fn absent() -> Self {
                0
            }
            fn is_absent(&self) -> bool {
                *self == 0
            }
        }
    )+ };
}

// No u8 on purpose: a Vec<u8> is bytes, not a list.
unsigned! { u16 u32 u64 }
signed! { i32 i64 }

fn whole(input: Input<'_>) -> Result<(), Malformed> {
    if input.is_empty() { Ok(()) } else { Err(Malformed::new("something follows it")) }
}

impl Field for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        match input.rest() {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Malformed::new("it is no boolean")),
        }
    }

    fn absent() -> Self {
        false
    }

    fn is_absent(&self) -> bool {
        !*self
    }
}

impl Field for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_bits().to_be_bytes());
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        let bytes = input.rest().try_into().map_err(|_| Malformed::new("it is no f64"))?;
        Ok(f64::from_bits(u64::from_be_bytes(bytes)))
    }

    fn absent() -> Self {
        0.0
    }

    fn is_absent(&self) -> bool {
        self.to_bits() == 0
    }
}

impl Field for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.as_bytes());
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        std::str::from_utf8(input.rest()).map(str::to_owned).map_err(|_| Malformed::new("it is not UTF-8"))
    }

    fn absent() -> Self {
        String::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Field for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        Ok(input.rest().to_vec())
    }

    fn absent() -> Self {
        Vec::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Field for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        self.micros().write(out);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        i64::read(input).map(Timestamp::from_micros)
    }

    fn absent() -> Self {
        Timestamp::default()
    }

    fn is_absent(&self) -> bool {
        self.micros() == 0
    }
}

impl Field for AccountId {
    fn write(&self, out: &mut Vec<u8>) {
        self.number().write(out);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        let number = u64::read(input)?;
        if number <= AccountId::ANONYMOUS.number() {
            Ok(AccountId::from_number(number))
        } else {
            Err(Malformed::new("it is no account id"))
        }
    }

    fn absent() -> Self {
        AccountId::DEFAULT
    }

    fn is_absent(&self) -> bool {
        *self == AccountId::DEFAULT
    }
}

impl Field for Region {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.name().as_bytes());
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        let name = std::str::from_utf8(input.rest()).ok();
        name.and_then(Region::parse).ok_or(Malformed::new("it is no region"))
    }

    fn absent() -> Self {
        Region::US_EAST_1
    }

    fn is_absent(&self) -> bool {
        *self == Region::US_EAST_1
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        // An Option within a list or an Option still needs to say which it is.
        if let Some(value) = self {
            out.push(1);
            value.write(out);
        }
    }

    fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
        match input.rest.split_first() {
            None => Ok(None),
            Some((1, rest)) => {
                input.rest = rest;
                T::read(input).map(Some)
            }
            Some(_) => Err(Malformed::new("it is no optional value")),
        }
    }

    fn absent() -> Self {
        None
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Field> Field for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        T::read(input).map(Box::new)
    }

    fn absent() -> Self {
        Box::new(T::absent())
    }

    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }
}

impl<T: Field> Field for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| write_nested(item, out));
    }

    fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(T::read(input.nested()?)?);
        }
        Ok(items)
    }

    fn absent() -> Self {
        Vec::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Field + Ord> Field for BTreeSet<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| write_nested(item, out));
    }

    fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
        let mut items = BTreeSet::new();
        while !input.is_empty() {
            items.insert(T::read(input.nested()?)?);
        }
        Ok(items)
    }

    fn absent() -> Self {
        BTreeSet::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K: Field + Ord, V: Field> Field for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        for (key, value) in self {
            write_nested(key, out);
            write_nested(value, out);
        }
    }

    fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
        let mut items = BTreeMap::new();
        while !input.is_empty() {
            let key = K::read(input.nested()?)?;
            items.insert(key, V::read(input.nested()?)?);
        }
        Ok(items)
    }

    fn absent() -> Self {
        BTreeMap::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        write_nested(&self.0, out);
        write_nested(&self.1, out);
    }

    fn read(mut input: Input<'_>) -> Result<Self, Malformed> {
        let pair = (A::read(input.nested()?)?, B::read(input.nested()?)?);
        whole(input)?;
        Ok(pair)
    }

    fn absent() -> Self {
        (A::absent(), B::absent())
    }

    fn is_absent(&self) -> bool {
        self.0.is_absent() && self.1.is_absent()
    }
}
