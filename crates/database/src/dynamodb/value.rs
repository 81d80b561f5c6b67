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

/// A map of values, such as a whole item, and that each has a name.
pub(crate) fn read_item(members: Vec<(String, Value)>) -> Result<Item, Invalid> {
    if members.iter().any(|(name, _)| name.is_empty()) {
        return Err(unnamed());
    }
    let item = read_map(members, 0)?;
    // AWS finds these only after everything else.
    if item.iter().any(|(_, value)| has_unnamed(value)) { Err(unnamed()) } else { Ok(item) }
}

fn unnamed() -> Invalid {
    Invalid::new("Empty attribute name")
}

fn has_unnamed(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::M(map) => map.iter().any(|(name, value)| name.is_empty() || has_unnamed(value)),
        AttributeValue::L(list) => list.iter().any(has_unnamed),
        _ => false,
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
    let (set, duplicates) = sorted(texts.clone());
    if duplicates {
        let quoted: Vec<String> = as_looked_at(&texts).iter().map(|text| format!("\"{text}\"")).collect();
        let sentence = |listed: String| {
            Invalid::parameter(format_args!("Input collection [{listed}] contains duplicates."))
        };
        let older = sentence(texts.join(", "));
        return Err(sentence(quoted.join(", ")).or_older(older.message()));
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
        return Err(Invalid::parameter("Input collection contains duplicates.")
            .or_older("Input collection contains duplicates"));
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
    let (set, duplicates) = sorted(blobs.clone());
    if duplicates {
        // AWS has no space there.
        let sentence = |listed: String| {
            Invalid::parameter(format_args!("Input collection [{listed}]of type BS contains duplicates."))
        };
        let quoted: Vec<String> =
            as_looked_at(&blobs).iter().map(|blob| format!("\"{}\"", base64(blob))).collect();
        let older = sentence(blobs.iter().map(|blob| base64(blob)).collect::<Vec<_>>().join(", "));
        return Err(sentence(quoted.join(",")).or_older(older.message()));
    }
    Ok(AttributeValue::BS(set))
}

/// The members as AWS lists them when one of them is there twice: sorted up to the first repeat, the rest as it came.
fn as_looked_at<T: Ord + Clone>(members: &[T]) -> Vec<T> {
    let mut seen: Vec<T> = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        match seen.binary_search(member) {
            Ok(_) => {
                seen.extend_from_slice(&members[at..]);
                break;
            }
            Err(place) => seen.insert(place, member.clone()),
        }
    }
    seen
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
            (union(vec![("SS", texts(&["a", "b", "a"]))]), invalid("Input collection [\"a\", \"b\", \"a\"] contains duplicates.")),
            (union(vec![("NS", texts(&["1", "1.0"]))]), invalid("Input collection contains duplicates.")),
            (
                union(vec![("BS", Value::List(vec![blob(), blob()]))]),
                invalid("Input collection [\"Yg==\",\"Yg==\"]of type BS contains duplicates."),
            ),
        ] {
            assert_eq!(AttributeValue::from_wire(value).unwrap_err().message(), message);
        }
        let older = |value: Value| AttributeValue::from_wire(value).unwrap_err().older().message().to_owned();
        assert_eq!(
            older(union(vec![("SS", texts(&["b", "a", "b"]))])),
            invalid("Input collection [b, a, b] contains duplicates.")
        );
        let (high, low) = (|| Value::Blob(vec![255].into()), || Value::Blob(vec![0].into()));
        let set = || union(vec![("BS", Value::List(vec![high(), low(), low()]))]);
        assert_eq!(
            older(set()),
            invalid("Input collection [/w==, AA==, AA==]of type BS contains duplicates.")
        );
        assert_eq!(
            AttributeValue::from_wire(set()).unwrap_err().message(),
            invalid("Input collection [\"AA==\",\"/w==\",\"AA==\"]of type BS contains duplicates.")
        );
        assert_eq!(older(union(vec![("NS", texts(&["1", "1.0"]))])), "Input collection contains duplicates");
    }

    #[test]
    fn attributes_have_names() {
        let with = |name: &str, value: Value| Value::Map(vec![(name.to_owned(), value)]);
        let text = || union(vec![("S", Value::str("a"))]);
        for value in [with("", text()), with("a", union(vec![("M", with("", text()))]))] {
            assert_eq!(Item::from_wire(value).unwrap_err().message(), "Empty attribute name");
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
