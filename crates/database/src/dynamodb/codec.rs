//! The stored form of an item: compact, versioned, and skippable to one attribute without reading the others.
//!
//! ```text
//! item      version (1) · count (varint) · attribute*
//! attribute length of name (varint) · name · value
//! value     type (1) · for all but BOOL and NULL: length of payload (varint) · payload
//! payload   S, B: bytes · N: the number's key form · sets: (length (varint) · bytes)*
//!           L: value* · M: attribute*
//! ```
//!
//! Attributes are sorted by name. Nothing here trusts its bytes: what isn't whole is [`Corrupt`].

use crate::dynamodb::item::Item;
use crate::dynamodb::number::Number;
use crate::dynamodb::value::{AttributeValue, NESTING_MAX};

const VERSION: u8 = 1;
const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const S: u8 = 3;
const N: u8 = 4;
const B: u8 = 5;
const SS: u8 = 6;
const NS: u8 = 7;
const BS: u8 = 8;
const L: u8 = 9;
const M: u8 = 10;

/// Bytes that no item was stored as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stored item is damaged")
    }
}

impl std::error::Error for Corrupt {}

impl Item {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.iter().map(|(name, _)| name.len() + 24).sum::<usize>() + 8);
        self.encode_into(&mut out);
        out
    }

    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        write_length(out, self.len());
        write_attributes(out, self);
    }

    pub fn decode(bytes: &[u8]) -> Result<Item, Corrupt> {
        let (count, mut bytes) = header(bytes)?;
        // Every attribute has two bytes at least, which bounds what a damaged count can allocate.
        let mut pairs = Vec::with_capacity(count.min(bytes.len() / 2));
        while !bytes.is_empty() {
            pairs.push(read_attribute(&mut bytes, 0)?);
        }
        if pairs.len() != count {
            return Err(Corrupt);
        }
        Ok(Item::from_pairs(pairs))
    }

    /// One top-level attribute of an encoded item; the others are skipped, not read.
    pub fn decode_attribute(bytes: &[u8], name: &str) -> Result<Option<AttributeValue>, Corrupt> {
        let (_, mut bytes) = header(bytes)?;
        while !bytes.is_empty() {
            let found = take_sized(&mut bytes)?;
            if found == name.as_bytes() {
                return read_value(&mut bytes, 0).map(Some);
            }
            if found > name.as_bytes() {
                return Ok(None);
            }
            skip_value(&mut bytes)?;
        }
        Ok(None)
    }

    /// The named top-level attributes of an encoded item: what a filter, a projection or an index needs.
    pub fn decode_only(bytes: &[u8], keep: impl Fn(&str) -> bool) -> Result<Item, Corrupt> {
        let (_, mut bytes) = header(bytes)?;
        let mut pairs = Vec::new();
        while !bytes.is_empty() {
            let name = text(take_sized(&mut bytes)?)?;
            if keep(name) {
                pairs.push((name.to_owned(), read_value(&mut bytes, 0)?));
            } else {
                skip_value(&mut bytes)?;
            }
        }
        Ok(Item::from_pairs(pairs))
    }
}

fn header(bytes: &[u8]) -> Result<(usize, &[u8]), Corrupt> {
    let mut rest = match bytes.split_first() {
        Some((&VERSION, rest)) => rest,
        _ => return Err(Corrupt),
    };
    let count = take_length(&mut rest)?;
    Ok((count, rest))
}

fn write_attributes(out: &mut Vec<u8>, item: &Item) {
    for (name, value) in item.iter() {
        write_sized(out, name.as_bytes());
        write_value(out, value);
    }
}

fn write_value(out: &mut Vec<u8>, value: &AttributeValue) {
    match value {
        AttributeValue::Null => out.push(NULL),
        AttributeValue::Bool(false) => out.push(FALSE),
        AttributeValue::Bool(true) => out.push(TRUE),
        AttributeValue::S(text) => {
            out.push(S);
            write_sized(out, text.as_bytes());
        }
        AttributeValue::B(bytes) => {
            out.push(B);
            write_sized(out, bytes);
        }
        AttributeValue::N(number) => {
            out.push(N);
            write_number(out, number);
        }
        AttributeValue::SS(set) => {
            write_payload(out, SS, |out| set.iter().for_each(|text| write_sized(out, text.as_bytes())));
        }
        AttributeValue::NS(set) => {
            write_payload(out, NS, |out| set.iter().for_each(|number| write_number(out, number)));
        }
        AttributeValue::BS(set) => {
            write_payload(out, BS, |out| set.iter().for_each(|bytes| write_sized(out, bytes)));
        }
        AttributeValue::L(list) => {
            write_payload(out, L, |out| list.iter().for_each(|member| write_value(out, member)));
        }
        AttributeValue::M(map) => write_payload(out, M, |out| write_attributes(out, map)),
    }
}

/// A number's length fits one byte of the varint.
fn write_number(out: &mut Vec<u8>, number: &Number) {
    let at = out.len();
    out.push(0);
    number.write_key(out);
    out[at] = (out.len() - at - 1) as u8;
}

/// Writes the payload after one byte for its length, and makes room where it turns out to need more.
fn write_payload(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - at - 1;
    if length < 0x80 {
        out[at] = length as u8;
        return;
    }
    let mut head = Vec::with_capacity(5);
    write_length(&mut head, length);
    out.splice(at..=at, head);
}

fn write_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// LEB128.
fn write_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, Corrupt> {
    let mut length = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let (byte, rest) = bytes.split_first().ok_or(Corrupt)?;
        *bytes = rest;
        length |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(length).map_err(|_| Corrupt);
        }
    }
    Err(Corrupt)
}

fn take_sized<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8], Corrupt> {
    let length = take_length(bytes)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Corrupt)?;
    *bytes = rest;
    Ok(taken)
}

fn text(bytes: &[u8]) -> Result<&str, Corrupt> {
    std::str::from_utf8(bytes).map_err(|_| Corrupt)
}

fn skip_value(bytes: &mut &[u8]) -> Result<(), Corrupt> {
    let (kind, rest) = bytes.split_first().ok_or(Corrupt)?;
    *bytes = rest;
    if *kind > TRUE {
        take_sized(bytes)?;
    }
    Ok(())
}

fn read_attribute(bytes: &mut &[u8], depth: usize) -> Result<(String, AttributeValue), Corrupt> {
    let name = text(take_sized(bytes)?)?.to_owned();
    Ok((name, read_value(bytes, depth)?))
}

fn read_value(bytes: &mut &[u8], depth: usize) -> Result<AttributeValue, Corrupt> {
    let (kind, rest) = bytes.split_first().ok_or(Corrupt)?;
    *bytes = rest;
    match *kind {
        NULL => return Ok(AttributeValue::Null),
        FALSE => return Ok(AttributeValue::Bool(false)),
        TRUE => return Ok(AttributeValue::Bool(true)),
        _ => {}
    }
    let mut payload = take_sized(bytes)?;
    Ok(match *kind {
        S => AttributeValue::S(text(payload)?.to_owned()),
        B => AttributeValue::B(payload.to_vec()),
        N => AttributeValue::N(Number::read_key(payload).ok_or(Corrupt)?),
        SS => AttributeValue::SS(read_all(payload, |bytes| Ok(text(take_sized(bytes)?)?.to_owned()))?),
        NS => AttributeValue::NS(read_all(payload, |bytes| {
            Number::read_key(take_sized(bytes)?).ok_or(Corrupt)
        })?),
        BS => AttributeValue::BS(read_all(payload, |bytes| Ok(take_sized(bytes)?.to_vec()))?),
        L if depth < NESTING_MAX => {
            AttributeValue::L(read_all(payload, |bytes| read_value(bytes, depth + 1))?)
        }
        M if depth < NESTING_MAX => {
            let mut pairs = Vec::new();
            while !payload.is_empty() {
                pairs.push(read_attribute(&mut payload, depth + 1)?);
            }
            AttributeValue::M(Item::from_pairs(pairs))
        }
        _ => return Err(Corrupt),
    })
}

fn read_all<T>(
    mut payload: &[u8],
    read: impl Fn(&mut &[u8]) -> Result<T, Corrupt>,
) -> Result<Vec<T>, Corrupt> {
    let mut out = Vec::new();
    while !payload.is_empty() {
        out.push(read(&mut payload)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::value::sorted;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = Number> {
        (any::<i64>(), -60i32..60)
            .prop_map(|(digits, power)| Number::parse(&format!("{digits}e{power}")).unwrap())
    }

    fn value() -> impl Strategy<Value = AttributeValue> {
        let scalar = prop_oneof![
            ".{0,20}".prop_map(AttributeValue::S),
            number().prop_map(AttributeValue::N),
            vec(any::<u8>(), 0..200).prop_map(AttributeValue::B),
            vec(".{0,8}", 1..6).prop_map(|set| AttributeValue::SS(sorted(set).0)),
            vec(number(), 1..6).prop_map(|set| AttributeValue::NS(sorted(set).0)),
            vec(vec(any::<u8>(), 0..6), 1..6).prop_map(|set| AttributeValue::BS(sorted(set).0)),
            any::<bool>().prop_map(AttributeValue::Bool),
            Just(AttributeValue::Null),
        ];
        scalar.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(AttributeValue::L),
                vec((".{1,6}", inner), 0..6).prop_map(|pairs| AttributeValue::M(Item::from_pairs(pairs))),
            ]
        })
    }

    fn item() -> impl Strategy<Value = Item> {
        vec((".{1,10}", value()), 0..10).prop_map(Item::from_pairs)
    }

    proptest! {
        #[test]
        fn items_round_trip(item in item()) {
            let bytes = item.encode();
            prop_assert_eq!(&Item::decode(&bytes).unwrap(), &item);
            for (name, value) in item.iter() {
                prop_assert_eq!(&Item::decode_attribute(&bytes, name).unwrap(), &Some(value.clone()));
            }
            prop_assert_eq!(Item::decode_attribute(&bytes, "no such name at all").unwrap(), None);
            let first = item.names().next().map(str::to_owned);
            let only = Item::decode_only(&bytes, |name| Some(name) == first.as_deref()).unwrap();
            prop_assert_eq!(only, item.only(first.as_deref()));
        }

        #[test]
        fn items_round_trip_over_the_wire(item in item()) {
            prop_assert_eq!(Item::from_wire(item.clone().into_wire()).unwrap(), item);
        }

        #[test]
        fn damaged_bytes_are_refused_or_read(item in item(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut bytes = item.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
            let _ = Item::decode(&bytes);
            let _ = Item::decode_attribute(&bytes, "a");
        }

        #[test]
        fn keys_sort_as_values_do(a in value(), b in value()) {
            if let (Some(x), Some(y)) = (a.key_bytes(), b.key_bytes()) {
                prop_assert_eq!(AttributeValue::from_key_bytes(a.kind(), &x), Some(a.clone()));
                if let Some(order) = crate::dynamodb::expression::compare(&a, &b) {
                    prop_assert_eq!(x.cmp(&y), order);
                }
            }
        }
    }

    #[test]
    fn a_bomb_of_nested_lists_is_refused() {
        let mut bytes = vec![];
        for _ in 0..60 {
            let mut outer = vec![L];
            write_sized(&mut outer, &bytes);
            bytes = outer;
        }
        let mut item = vec![VERSION, 1, 1, b'a'];
        item.extend(bytes);
        assert_eq!(Item::decode(&item), Err(Corrupt));
        assert_eq!(Item::decode(&[]), Err(Corrupt));
        assert_eq!(Item::decode(&[9, 0]), Err(Corrupt));
    }
}
