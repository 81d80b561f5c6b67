//! [`AttributeValue`]: one value of an item, and its passage from and to the wire.
//!
//! Sets keep their members sorted: two sets are equal whatever order they came in, and membership is a binary search.

use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::number::Number;
use std::fmt;
use wire::{Struct, Value};

/// Most lists and maps around a value.
///
/// AWS: the guide's 32 levels count the value itself, so that 31 wrappers are accepted and the 32nd is refused.
pub const NESTING_MAX: usize = 31;

/// A value of one of DynamoDB's ten types.
#[derive(Clone, PartialEq, Debug)]
pub enum AttributeValue {
    S(String),
    N(Number),
    B(Vec<u8>),
    /// Sorted, without duplicates, never empty; so are the other sets.
    SS(Vec<String>),
    NS(Vec<Number>),
    BS(Vec<Vec<u8>>),
    M(Item),
    L(Vec<AttributeValue>),
    Bool(bool),
    Null,
}

/// A type of value, as `attribute_type` and error messages name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Type {
    S,
    N,
    B,
    SS,
    NS,
    BS,
    M,
    L,
    Bool,
    Null,
}

impl Type {
    pub const ALL: [Type; 10] =
        [Type::S, Type::N, Type::B, Type::SS, Type::NS, Type::BS, Type::M, Type::L, Type::Bool, Type::Null];

    pub fn name(self) -> &'static str {
        match self {
            Type::S => "S",
            Type::N => "N",
            Type::B => "B",
            Type::SS => "SS",
            Type::NS => "NS",
            Type::BS => "BS",
            Type::M => "M",
            Type::L => "L",
            Type::Bool => "BOOL",
            Type::Null => "NULL",
        }
    }

    pub fn of_name(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether `<` and its relatives are defined: strings, numbers and binary.
    pub fn is_ordered(self) -> bool {
        matches!(self, Type::S | Type::N | Type::B)
    }

    pub fn is_set(self) -> bool {
        matches!(self, Type::SS | Type::NS | Type::BS)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl AttributeValue {
    pub fn kind(&self) -> Type {
        match self {
            AttributeValue::S(_) => Type::S,
            AttributeValue::N(_) => Type::N,
            AttributeValue::B(_) => Type::B,
            AttributeValue::SS(_) => Type::SS,
            AttributeValue::NS(_) => Type::NS,
            AttributeValue::BS(_) => Type::BS,
            AttributeValue::M(_) => Type::M,
            AttributeValue::L(_) => Type::L,
            AttributeValue::Bool(_) => Type::Bool,
            AttributeValue::Null => Type::Null,
        }
    }

    pub fn s(text: impl Into<String>) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    pub fn n(number: i64) -> AttributeValue {
        AttributeValue::N(Number::from(number))
    }

    pub fn as_s(&self) -> Option<&str> {
        if let AttributeValue::S(text) = self { Some(text) } else { None }
    }

    pub fn as_n(&self) -> Option<Number> {
        if let AttributeValue::N(number) = self { Some(*number) } else { None }
    }

    /// Reads the model's union: a struct with exactly one member.
    ///
    /// Errors: AWS's sentences for an empty union, several types, empty or duplicated set members, numbers out of
    /// range and nesting beyond [`NESTING_MAX`].
    pub fn from_wire(value: Value) -> Result<AttributeValue, Invalid> {
        read_value(value, 0)
    }

    /// The model's union.
    pub fn into_wire(self) -> Value {
        let (name, value) = match self {
            AttributeValue::S(text) => ("S", Value::Str(text)),
            AttributeValue::N(number) => ("N", Value::Str(number.to_string())),
            AttributeValue::B(bytes) => ("B", Value::Blob(bytes.into())),
            AttributeValue::SS(set) => ("SS", Value::List(set.into_iter().map(Value::Str).collect())),
            AttributeValue::NS(set) => {
                ("NS", Value::List(set.into_iter().map(|number| Value::Str(number.to_string())).collect()))
            }
            AttributeValue::BS(set) => {
                ("BS", Value::List(set.into_iter().map(|bytes| Value::Blob(bytes.into())).collect()))
            }
            AttributeValue::M(map) => ("M", map.into_wire()),
            AttributeValue::L(list) => {
                ("L", Value::List(list.into_iter().map(AttributeValue::into_wire).collect()))
            }
            AttributeValue::Bool(bool) => ("BOOL", Value::Bool(bool)),
            AttributeValue::Null => ("NULL", Value::Bool(true)),
        };
        let mut union = Struct::with_capacity(1);
        union.push(name, value);
        Value::Struct(union)
    }

    /// Bytes that sort as the values of this type do; `None` for the types that can't be keys.
    pub fn key_bytes(&self) -> Option<Vec<u8>> {
        match self {
            AttributeValue::S(text) => Some(text.as_bytes().to_vec()),
            AttributeValue::B(bytes) => Some(bytes.clone()),
            AttributeValue::N(number) => {
                let mut out = Vec::with_capacity(crate::dynamodb::number::KEY_BYTES_MAX);
                number.write_key(&mut out);
                Some(out)
            }
            _ => None,
        }
    }

    /// Reads what [`AttributeValue::key_bytes`] gave for a value of type `kind`.
    pub fn from_key_bytes(kind: Type, bytes: &[u8]) -> Option<AttributeValue> {
        match kind {
            Type::S => Some(AttributeValue::S(std::str::from_utf8(bytes).ok()?.to_owned())),
            Type::B => Some(AttributeValue::B(bytes.to_vec())),
            Type::N => Some(AttributeValue::N(Number::read_key(bytes)?)),
            _ => None,
        }
    }
}

/// `depth`: how many lists and maps are around the value.
pub(crate) fn read_value(value: Value, depth: usize) -> Result<AttributeValue, Invalid> {
    let Value::Struct(union) = value else {
        return Err(empty());
    };
    let several = union.len() > 1;
    let mut out = None;
    for (name, member) in union {
        let read = read_member(name, member, depth)?;
        out.get_or_insert(read);
    }
    // AWS checks the contents first, each type's in turn.
    if several {
        return Err(Invalid::new(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        ));
    }
    out.ok_or_else(empty)
}

fn empty() -> Invalid {
    Invalid::new("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

fn read_member(name: &str, value: Value, depth: usize) -> Result<AttributeValue, Invalid> {
    match (name, value) {
        ("S", Value::Str(text)) => Ok(AttributeValue::S(text)),
        ("N", Value::Str(text)) => Ok(AttributeValue::N(Number::parse(&text)?)),
        ("B", Value::Blob(bytes)) => Ok(AttributeValue::B(bytes.into())),
        ("BOOL", Value::Bool(bool)) => Ok(AttributeValue::Bool(bool)),
        ("NULL", Value::Bool(true)) => Ok(AttributeValue::Null),
        ("NULL", Value::Bool(false)) => {
            Err(Invalid::parameter("Null attribute value types must have the value of true"))
        }
        ("SS", Value::List(members)) => read_strings(members),
        ("NS", Value::List(members)) => read_numbers(&members),
        ("BS", Value::List(members)) => read_binaries(members),
        ("L", Value::List(members)) => {
            let depth = deeper(depth)?;
            let members = members.into_iter().map(|member| read_value(member, depth));
            Ok(AttributeValue::L(members.collect::<Result<_, _>>()?))
        }
        ("M", Value::Map(members)) => Ok(AttributeValue::M(read_map(members, deeper(depth)?)?)),
        // A member of a kind that the model doesn't have there never passes the protocol.
        _ => Err(empty()),
    }
}

pub(crate) fn read_map(members: Vec<(String, Value)>, depth: usize) -> Result<Item, Invalid> {
    let members = members.into_iter().map(|(name, value)| Ok((name, read_value(value, depth)?)));
    Ok(Item::from_pairs(members.collect::<Result<_, Invalid>>()?))
}

fn deeper(depth: usize) -> Result<usize, Invalid> {
    if depth >= NESTING_MAX {
        return Err(too_deep());
    }
    Ok(depth + 1)
}

pub(crate) fn too_deep() -> Invalid {
    Invalid::new(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
    )
}

fn read_strings(members: Vec<Value>) -> Result<AttributeValue, Invalid> {
    let texts: Vec<String> = members
        .into_iter()
        .filter_map(|member| if let Value::Str(text) = member { Some(text) } else { None })
        .collect();
    if texts.is_empty() {
        return Err(Invalid::parameter("An string set  may not be empty"));
    }
    let listed = || texts.join(", ");
    let (set, duplicates) = sorted(texts.clone());
    if duplicates {
        return Err(Invalid::parameter(format_args!("Input collection [{}] contains duplicates.", listed())));
    }
    Ok(AttributeValue::SS(set))
}

fn read_numbers(members: &[Value]) -> Result<AttributeValue, Invalid> {
    if members.is_empty() {
        return Err(Invalid::parameter("An number set  may not be empty"));
    }
    let numbers = members.iter().map(|member| Number::parse(member.as_str().unwrap_or_default()));
    let (set, duplicates) = sorted(numbers.collect::<Result<Vec<_>, _>>()?);
    if duplicates {
        return Err(Invalid::new("Input collection contains duplicates"));
    }
    Ok(AttributeValue::NS(set))
}

fn read_binaries(members: Vec<Value>) -> Result<AttributeValue, Invalid> {
    let blobs: Vec<Vec<u8>> = members
        .into_iter()
        .filter_map(|member| if let Value::Blob(bytes) = member { Some(bytes.into()) } else { None })
        .collect();
    if blobs.is_empty() {
        return Err(Invalid::parameter("Binary sets should not be empty"));
    }
    let listed = || blobs.iter().map(|blob| base64(blob)).collect::<Vec<_>>().join(", ");
    let (set, duplicates) = sorted(blobs.clone());
    if duplicates {
        // AWS has no space there.
        let message =
            format_args!("Input collection [{}]of type BS contains duplicates.", listed()).to_string();
        return Err(Invalid::parameter(message));
    }
    Ok(AttributeValue::BS(set))
}

/// The members in order, each once, and whether one was there twice.
pub(crate) fn sorted<T: Ord>(mut members: Vec<T>) -> (Vec<T>, bool) {
    let count = members.len();
    members.sort_unstable();
    members.dedup();
    let duplicates = members.len() < count;
    (members, duplicates)
}

/// For messages only.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let sextet = (word >> (18 - 6 * at)) as usize & 63;
            out.push(if at <= chunk.len() { ALPHABET[sextet] as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn union(members: Vec<(&'static str, Value)>) -> Value {
        Value::Struct(members.into_iter().collect())
    }

    fn texts(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|text| Value::str(*text)).collect())
    }

    #[test]
    fn values_that_are_refused() {
        let invalid = |message: &str| format!("One or more parameter values were invalid: {message}");
        let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
        let blob = || Value::Blob("b".into());
        for (value, message) in [
            (union(vec![]), empty.to_owned()),
            (union(vec![("L", Value::List(vec![union(vec![])]))]), empty.to_owned()),
            (
                union(vec![("S", Value::str("a")), ("N", Value::str("1"))]),
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes".into(),
            ),
            (
                union(vec![("S", Value::str("a")), ("N", Value::str("b"))]),
                "The parameter cannot be converted to a numeric value: b".into(),
            ),
            (union(vec![("NULL", Value::Bool(false))]), invalid("Null attribute value types must have the value of true")),
            (union(vec![("SS", texts(&[]))]), invalid("An string set  may not be empty")),
            (union(vec![("NS", texts(&[]))]), invalid("An number set  may not be empty")),
            (union(vec![("BS", texts(&[]))]), invalid("Binary sets should not be empty")),
            (union(vec![("SS", texts(&["a", "b", "a"]))]), invalid("Input collection [a, b, a] contains duplicates.")),
            (union(vec![("NS", texts(&["1", "1.0"]))]), "Input collection contains duplicates".into()),
            (
                union(vec![("BS", Value::List(vec![blob(), blob()]))]),
                invalid("Input collection [Yg==, Yg==]of type BS contains duplicates."),
            ),
        ] {
            assert_eq!(AttributeValue::from_wire(value).unwrap_err().message(), message);
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |levels: usize| {
            (0..levels).fold(union(vec![("S", Value::str("leaf"))]), |value, _| {
                union(vec![("L", Value::List(vec![value]))])
            })
        };
        assert!(AttributeValue::from_wire(nested(31)).is_ok());
        assert_eq!(
            AttributeValue::from_wire(nested(32)).unwrap_err().message(),
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
        );
    }
}
