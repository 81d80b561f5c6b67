//! CBOR (RFC 8949) as the rpc-v2-cbor protocol uses it, straight from bytes to [`Value`].
//!
//! Both definite and indefinite lengths; tag 1 for timestamps; other tags are passed over.

use super::{Bad, Context, DEPTH_MAX, Path, Read, without_repeats};
use crate::model::{Kind, MemberRef, ShapeId, Structure};
use crate::value::{Struct, Value};
use base::Timestamp;
use bytes::Bytes;
use std::borrow::Cow;

/// Bytes that a declared length may reserve before they have come.
const RESERVED_MAX: usize = 64;

/// Reads a whole request; an empty body is an empty structure.
// AWS: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
pub(super) fn request(cx: &mut Context, input: &Structure, body: &[u8]) -> Read<Struct> {
    if body.is_empty() {
        return Ok(Struct::new());
    }
    let mut reader = Reader { bytes: body, at: 0, depth: 0 };
    let head = reader.head()?;
    if head.major != Major::Map {
        return Err(Bad::Syntax);
    }
    let members = reader.structure(cx, head.length, input, &Path::ROOT)?;
    if reader.at == body.len() { Ok(members) } else { Err(Bad::Syntax) }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
}

/// The first byte of an item and its argument.
#[derive(Clone, Copy)]
struct ItemHead {
    major: Major,
    /// Low five bits of the first byte.
    info: u8,
    argument: u64,
    /// Of a string or container; `None` where it is indefinite.
    length: Option<u64>,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    depth: u32,
}

impl<'b> Reader<'b> {
    fn byte(&mut self) -> Read<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Bad::Syntax)?;
        self.at += 1;
        Ok(byte)
    }

    fn head(&mut self) -> Read<ItemHead> {
        let first = self.byte()?;
        let info = first & 0x1f;
        let major = match first >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            6 => Major::Tag,
            _ => Major::Simple,
        };
        let indefinite =
            matches!(major, Major::Bytes | Major::Text | Major::Array | Major::Map | Major::Simple);
        let argument = match info {
            0..24 => u64::from(info),
            24 => u64::from(self.byte()?),
            25 => u64::from(u16::from_be_bytes(self.fixed()?)),
            26 => u64::from(u32::from_be_bytes(self.fixed()?)),
            27 => u64::from_be_bytes(self.fixed()?),
            31 if indefinite => 0,
            _ => return Err(Bad::Syntax),
        };
        Ok(ItemHead { major, info, argument, length: (info != 31).then_some(argument) })
    }

    fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (bytes, _) = rest.split_first_chunk::<N>().ok_or(Bad::Syntax)?;
        self.at += N;
        Ok(*bytes)
    }

    fn take(&mut self, length: u64) -> Read<&'b [u8]> {
        let end = usize::try_from(length).ok().and_then(|n| self.at.checked_add(n)).ok_or(Bad::Syntax)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Bad::Syntax)?;
        self.at = end;
        Ok(bytes)
    }

    /// The bytes of a string whose head has been read; indefinite ones come in pieces of the same kind.
    fn string(&mut self, head: ItemHead) -> Read<Cow<'b, [u8]>> {
        if let Some(length) = head.length {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut out = Vec::new();
        while !self.at_break() {
            let piece = self.head()?;
            let length = piece.length.filter(|_| piece.major == head.major).ok_or(Bad::Syntax)?;
            out.extend_from_slice(self.take(length)?);
        }
        Ok(Cow::Owned(out))
    }

    fn text(&mut self, head: ItemHead) -> Read<Cow<'b, str>> {
        match self.string(head)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Bad::Syntax),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Bad::Syntax),
        }
    }

    /// Takes the break that ends an indefinite container, if it is next.
    fn at_break(&mut self) -> bool {
        let found = self.bytes.get(self.at) == Some(&0xff);
        self.at += usize::from(found);
        found
    }

    fn open(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Bad::TooDeep) } else { Ok(()) }
    }

    /// Whether a container has one more item: `left` counts a definite one down.
    fn more(&mut self, left: &mut Option<u64>) -> bool {
        let more = match left {
            Some(0) => false,
            Some(n) => {
                *n -= 1;
                true
            }
            None => !self.at_break(),
        };
        if !more {
            self.depth -= 1;
        }
        more
    }

    fn key(&mut self) -> Read<Cow<'b, str>> {
        let head = self.head()?;
        if head.major == Major::Text { self.text(head) } else { Err(Bad::Syntax) }
    }

    fn structure(
        &mut self,
        cx: &mut Context,
        length: Option<u64>,
        s: &Structure,
        path: &Path,
    ) -> Read<Struct> {
        let mut out = Struct::new();
        let mut hint = 0;
        let mut left = length;
        self.open()?;
        while self.more(&mut left) {
            let key = self.key()?;
            let head = self.head()?;
            match cx.find(s, &key, &mut hint) {
                _ if is_null(head) => {}
                Some(member) => {
                    let inner = path.down(member.name);
                    let value = self.value(cx, member.target.shape, head, &inner)?;
                    out.set(member.name, value);
                }
                None => {
                    cx.unknown(path, &key);
                    self.skip(head)?;
                }
            }
        }
        Ok(out)
    }

    fn value(&mut self, cx: &mut Context, shape: ShapeId, head: ItemHead, path: &Path) -> Read<Value> {
        cx.node()?;
        let kind = &cx.service.shape(shape).kind;
        match (kind, head.major) {
            (Kind::Timestamp { .. }, Major::Tag) if head.argument == 1 => {
                let inner = self.head()?;
                let seconds = self.number(inner)?.ok_or_else(|| mismatch(inner, kind))?;
                let time = Timestamp::from_seconds_f64(seconds);
                time.map(Value::Time).ok_or_else(|| mismatch(inner, kind))
            }
            (_, Major::Tag) => {
                let inner = self.untagged()?;
                self.value(cx, shape, inner, path)
            }
            (Kind::Structure(s), Major::Map) => {
                Ok(Value::Struct(self.structure(cx, head.length, s, path)?))
            }
            (Kind::Map { value, .. }, Major::Map) => self.map(cx, head.length, value, path),
            (Kind::List { element, .. }, Major::Array) => self.list(cx, head.length, element, path),
            (Kind::String { .. }, Major::Text) => Ok(Value::Str(self.text(head)?.into_owned())),
            (Kind::Blob { .. }, Major::Bytes) => {
                Ok(Value::Blob(Bytes::from(self.string(head)?.into_owned())))
            }
            (Kind::Boolean, Major::Simple) if matches!(head.info, 20 | 21) => {
                Ok(Value::Bool(head.info == 21))
            }
            (Kind::Integer { long, .. }, _) => {
                let number = match head.major {
                    Major::Unsigned => i64::try_from(head.argument).ok(),
                    Major::Negative => i64::try_from(head.argument).ok().map(|n| -1 - n),
                    _ => None,
                };
                let number = number.filter(|n| *long || i32::try_from(*n).is_ok());
                number.map(Value::Int).ok_or_else(|| mismatch(head, kind))
            }
            (Kind::Float { .. }, _) => match self.number(head)? {
                Some(number) => Ok(Value::Float(number)),
                None => Err(mismatch(head, kind)),
            },
            _ => {
                // What is not CBOR at all is that first.
                self.skip(head)?;
                Err(mismatch(head, kind))
            }
        }
    }

    fn list(
        &mut self,
        cx: &mut Context,
        length: Option<u64>,
        element: &MemberRef,
        path: &Path,
    ) -> Read<Value> {
        let mut out = Vec::with_capacity(reserve(length));
        let mut left = length;
        self.open()?;
        while self.more(&mut left) {
            out.push(self.item(cx, element, path)?);
        }
        Ok(Value::List(out))
    }

    fn map(&mut self, cx: &mut Context, length: Option<u64>, value: &MemberRef, path: &Path) -> Read<Value> {
        let mut out = Vec::with_capacity(reserve(length));
        let mut left = length;
        self.open()?;
        while self.more(&mut left) {
            let key = self.key()?.into_owned();
            out.push((key, self.item(cx, value, path)?));
        }
        Ok(Value::Map(without_repeats(out)))
    }

    fn item(&mut self, cx: &mut Context, target: &MemberRef, path: &Path) -> Read<Value> {
        let head = self.head()?;
        if is_null(head) {
            cx.node()?;
            return Ok(Value::Null);
        }
        self.value(cx, target.shape, head, path)
    }

    /// The head behind a chain of tags, which counts as depth since each of them could be another's content.
    fn untagged(&mut self) -> Read<ItemHead> {
        for _ in 0..DEPTH_MAX {
            let head = self.head()?;
            if head.major != Major::Tag {
                return Ok(head);
            }
        }
        Err(Bad::TooDeep)
    }

    /// A number of any kind, or `None` where the item is another thing.
    fn number(&mut self, head: ItemHead) -> Read<Option<f64>> {
        Ok(match (head.major, head.info) {
            (Major::Unsigned, _) => Some(head.argument as f64),
            (Major::Negative, _) => Some(-1.0 - head.argument as f64),
            (Major::Simple, 25) => Some(half(head.argument as u16)),
            (Major::Simple, 26) => Some(f64::from(f32::from_bits(head.argument as u32))),
            (Major::Simple, 27) => Some(f64::from_bits(head.argument)),
            _ => None,
        })
    }

    /// Passes over the rest of an item, checking it.
    fn skip(&mut self, head: ItemHead) -> Read<()> {
        match head.major {
            Major::Unsigned | Major::Negative => Ok(()),
            // A break outside of a container, or a simple value that is not one.
            Major::Simple if head.info == 31 => Err(Bad::Syntax),
            Major::Simple => Ok(()),
            Major::Bytes => self.string(head).map(drop),
            Major::Text => self.text(head).map(drop),
            Major::Tag => {
                let inner = self.untagged()?;
                self.skip(inner)
            }
            Major::Array | Major::Map => {
                let mut left = head.length;
                self.open()?;
                while self.more(&mut left) {
                    if head.major == Major::Map {
                        self.key()?;
                    }
                    let inner = self.head()?;
                    self.skip(inner)?;
                }
                Ok(())
            }
        }
    }
}

/// `null`, or `undefined`, which means the same here.
fn is_null(head: ItemHead) -> bool {
    head.major == Major::Simple && matches!(head.info, 22 | 23)
}

fn reserve(length: Option<u64>) -> usize {
    length.map_or(0, |n| usize::try_from(n).unwrap_or(RESERVED_MAX).min(RESERVED_MAX))
}

/// A float of 16 bits: sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn mismatch(head: ItemHead, kind: &Kind) -> Bad {
    let found = match (head.major, head.info) {
        (Major::Unsigned | Major::Negative, _) => "an integer",
        (Major::Bytes, _) => "a byte string",
        (Major::Text, _) => "a text string",
        (Major::Array, _) => "a list",
        (Major::Map, _) => "a map",
        (Major::Tag, _) => "a tag",
        (Major::Simple, 20 | 21) => "a boolean",
        (Major::Simple, _) => "a float",
    };
    let wanted = match kind {
        Kind::Structure(_) => "a structure",
        Kind::List { .. } => "a list",
        Kind::Map { .. } => "a map",
        Kind::String { .. } => "a string",
        Kind::Integer { long: false, .. } => "an integer",
        Kind::Integer { long: true, .. } => "a long",
        Kind::Float { .. } => "a float",
        Kind::Boolean => "a boolean",
        Kind::Blob { .. } => "a blob",
        Kind::Timestamp { .. } => "a timestamp",
    };
    Bad::Type(format!("Unexpected value type: found {found} where {wanted} is expected."))
}
