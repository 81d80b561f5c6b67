//! JSON, straight from bytes to [`Value`]: no tree in between.
//!
//! Where a value is of the wrong type the words are those of AWS's own JSON services, which name Java's tokens.

use super::{Bad, Context, DEPTH_MAX, Path, Read, coral, scalar, without_repeats};
use crate::model::{Kind, MemberRef, ShapeId, Structure, TimestampFormat};
use crate::value::{Struct, Value};
use base::Timestamp;
use std::borrow::Cow;

/// Reads the body of a JSON-RPC request.
pub(super) fn request(cx: &mut Context, input: &Structure, body: &[u8]) -> Read<Struct> {
    let mut reader = Reader::new(body)?;
    reader.space();
    if reader.peek() != Some(b'{') {
        return Err(Bad::Syntax);
    }
    let members = reader.structure(cx, input, &Path::ROOT)?;
    reader.end()?;
    Ok(members)
}

/// Reads a whole document as `shape`.
pub(super) fn document(cx: &mut Context, shape: ShapeId, body: &[u8], path: &Path) -> Read<Value> {
    let mut reader = Reader::new(body)?;
    reader.space();
    let value = reader.value(cx, shape, TimestampFormat::Default, path, false)?;
    reader.end()?;
    Ok(value)
}

/// Reads free JSON.
pub(super) fn free(cx: &mut Context, text: &str) -> Read<Value> {
    let mut reader = Reader::new(text.as_bytes())?;
    reader.space();
    let value = reader.free(cx)?;
    reader.end()?;
    Ok(value)
}

struct Reader<'b> {
    text: &'b str,
    at: usize,
    depth: u32,
}

impl<'b> Reader<'b> {
    fn new(bytes: &'b [u8]) -> Read<Reader<'b>> {
        let text = std::str::from_utf8(bytes).map_err(|_| Bad::Syntax)?;
        Ok(Reader { text, at: 0, depth: 0 })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Read<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Bad::Syntax) }
    }

    fn take(&mut self, byte: u8) -> Read<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(Bad::Syntax)
    }

    fn word(&mut self, word: &str) -> Read<()> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        Err(Bad::Syntax)
    }

    /// Opens a container; says whether it has a first item.
    fn open(&mut self, close: u8) -> Read<bool> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Bad::TooDeep);
        }
        self.space();
        Ok(!self.close(close))
    }

    fn close(&mut self, close: u8) -> bool {
        let closed = self.peek() == Some(close);
        if closed {
            self.at += 1;
            self.depth -= 1;
        }
        closed
    }

    /// After an item: says whether another one follows.
    fn more(&mut self, close: u8) -> Read<bool> {
        self.space();
        if self.close(close) {
            return Ok(false);
        }
        self.take(b',')?;
        self.space();
        Ok(true)
    }

    fn key(&mut self) -> Read<Cow<'b, str>> {
        let key = self.string()?;
        self.space();
        self.take(b':')?;
        self.space();
        Ok(key)
    }

    fn structure(&mut self, cx: &mut Context, s: &Structure, path: &Path) -> Read<Struct> {
        let mut out = Struct::new();
        let mut hint = 0;
        let mut more = self.open(b'}')?;
        while more {
            let key = self.key()?;
            match cx.find(s, &key, &mut hint) {
                _ if self.peek() == Some(b'n') => self.word("null")?,
                Some(member) => {
                    let inner = path.down(member.name);
                    let target = &member.target;
                    let value = self.value(cx, target.shape, target.timestamp, &inner, false)?;
                    out.set(member.name, value);
                }
                None => {
                    // A response's type name, which some clients send back.
                    if key != "__type" {
                        cx.unknown(path, &key);
                    }
                    self.skip()?;
                }
            }
            more = self.more(b'}')?;
        }
        Ok(out)
    }

    /// A value of `shape`, which is an `item` of a list or map, or a member of a structure.
    fn value(
        &mut self,
        cx: &mut Context,
        shape: ShapeId,
        format: TimestampFormat,
        path: &Path,
        item: bool,
    ) -> Read<Value> {
        cx.node()?;
        let start = self.at;
        let service = cx.service;
        let first = self.peek().ok_or(Bad::Syntax)?;
        let kind = &service.shape(shape).kind;
        match kind {
            Kind::Structure(s) if s.document => self.free(cx),
            Kind::Structure(s) if first == b'{' => Ok(Value::Struct(self.structure(cx, s, path)?)),
            Kind::Map { key: _, value, .. } if first == b'{' => self.map(cx, value, path),
            Kind::List { element, .. } if first == b'[' => self.list(cx, element, path),
            Kind::String { .. } if first == b'"' => Ok(Value::Str(self.string()?.into_owned())),
            Kind::Boolean if first == b't' => self.word("true").map(|()| Value::Bool(true)),
            Kind::Boolean if first == b'f' => self.word("false").map(|()| Value::Bool(false)),
            Kind::Integer { long, .. } if is_number(first) => self.integer(*long).map_err(|bad| match bad {
                Bad::Type(_) if coral::reads(service) => {
                    coral::mismatch(service, shape, item, &self.text[start..self.at])
                }
                bad => bad,
            }),
            Kind::Float { .. } if is_number(first) => Ok(Value::Float(self.number()?.1)),
            Kind::Float { .. } if first == b'"' => {
                let text = self.string()?;
                let special = matches!(&*text, "NaN" | "Infinity" | "-Infinity");
                let float = scalar::float(&text).filter(|_| special);
                float.map(Value::Float).ok_or_else(|| mismatch(first, kind))
            }
            Kind::Blob { .. } if first == b'"' => {
                let text = self.string()?;
                scalar::base64(&text).map(Value::Blob).ok_or_else(|| match coral::reads(service) {
                    true => coral::not_base64(&text),
                    false => Bad::Type("Invalid base64 encoding".to_owned()),
                })
            }
            Kind::Timestamp { .. } if is_number(first) => {
                let seconds = self.number()?.1;
                let time = Timestamp::from_seconds_f64(seconds);
                time.map(Value::Time).ok_or_else(|| mismatch(first, kind))
            }
            Kind::Timestamp { format: own } if first == b'"' => {
                let text = self.string()?;
                let format = if format == TimestampFormat::Default { *own } else { format };
                scalar::timestamp(&text, format).map(Value::Time).ok_or_else(|| mismatch(first, kind))
            }
            _ => {
                // What is not JSON at all is that first.
                self.skip()?;
                Err(match coral::reads(service) {
                    true => coral::mismatch(service, shape, item, &self.text[start..self.at]),
                    false => mismatch(first, kind),
                })
            }
        }
    }

    fn list(&mut self, cx: &mut Context, element: &MemberRef, path: &Path) -> Read<Value> {
        let mut out = Vec::new();
        let mut more = self.open(b']')?;
        while more {
            out.push(self.item(cx, element, path)?);
            more = self.more(b']')?;
        }
        Ok(Value::List(out))
    }

    fn map(&mut self, cx: &mut Context, value: &MemberRef, path: &Path) -> Read<Value> {
        let mut out = Vec::new();
        let mut more = self.open(b'}')?;
        while more {
            let key = self.key()?.into_owned();
            let value = self.item(cx, value, path)?;
            out.push((key, value));
            more = self.more(b'}')?;
        }
        Ok(Value::Map(without_repeats(out)))
    }

    fn item(&mut self, cx: &mut Context, target: &MemberRef, path: &Path) -> Read<Value> {
        if self.peek() == Some(b'n') {
            cx.node()?;
            return self.word("null").map(|()| Value::Null);
        }
        self.value(cx, target.shape, target.timestamp, path, true)
    }

    /// Any JSON, as documents hold it.
    fn free(&mut self, cx: &mut Context) -> Read<Value> {
        cx.node()?;
        match self.peek().ok_or(Bad::Syntax)? {
            b'{' => {
                let mut out = Vec::new();
                let mut more = self.open(b'}')?;
                while more {
                    let key = self.key()?.into_owned();
                    out.push((key, self.free(cx)?));
                    more = self.more(b'}')?;
                }
                Ok(Value::Map(without_repeats(out)))
            }
            b'[' => {
                let mut out = Vec::new();
                let mut more = self.open(b']')?;
                while more {
                    out.push(self.free(cx)?);
                    more = self.more(b']')?;
                }
                Ok(Value::List(out))
            }
            b'"' => Ok(Value::Str(self.string()?.into_owned())),
            b't' => self.word("true").map(|()| Value::Bool(true)),
            b'f' => self.word("false").map(|()| Value::Bool(false)),
            b'n' => self.word("null").map(|()| Value::Null),
            _ => {
                let (text, float) = self.number()?;
                Ok(text.parse().map_or(Value::Float(float), Value::Int))
            }
        }
    }

    /// Passes over any JSON, checking it.
    fn skip(&mut self) -> Read<()> {
        match self.peek().ok_or(Bad::Syntax)? {
            b'{' => {
                let mut more = self.open(b'}')?;
                while more {
                    self.key()?;
                    self.skip()?;
                    more = self.more(b'}')?;
                }
                Ok(())
            }
            b'[' => {
                let mut more = self.open(b']')?;
                while more {
                    self.skip()?;
                    more = self.more(b']')?;
                }
                Ok(())
            }
            b'"' => self.string().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    fn integer(&mut self, long: bool) -> Read<Value> {
        let (text, float) = self.number()?;
        let whole = || {
            let fits = float.fract() == 0.0 && float.abs() < 9e15;
            if fits { Some(float as i64) } else { None }
        };
        let number = text.parse::<i64>().ok().or_else(whole);
        let name = if long { "Long" } else { "Integer" };
        match number.filter(|n| long || i32::try_from(*n).is_ok()) {
            Some(number) => Ok(Value::Int(number)),
            None => Err(Bad::Type(format!("NUMBER_VALUE can not be converted to {} {name}", article(name)))),
        }
    }

    /// JSON's own grammar of numbers: no leading zeros, no bare point.
    fn number(&mut self) -> Read<(&'b str, f64)> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        Ok((text, text.parse().map_err(|_| Bad::Syntax)?))
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Bad::Syntax) }
    }

    fn string(&mut self) -> Read<Cow<'b, str>> {
        self.take(b'"')?;
        let (run, mut end) = self.plain()?;
        if end == b'"' {
            return Ok(Cow::Borrowed(run));
        }
        let mut out = run.to_owned();
        while end == b'\\' {
            out.push(self.escape()?);
            let (run, next) = self.plain()?;
            out.push_str(run);
            end = next;
        }
        Ok(Cow::Owned(out))
    }

    /// The characters of a string as far as they stand for themselves, and the quote or backslash after them.
    fn plain(&mut self) -> Read<(&'b str, u8)> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = memchr::memchr2(b'"', b'\\', rest).ok_or(Bad::Syntax)?;
        // Not `any`: what looks at each byte is done for many at once.
        if rest[..length].iter().fold(false, |found, byte| found | (*byte < 0x20)) {
            return Err(Bad::Syntax);
        }
        let run = &self.text[self.at..self.at + length];
        self.at += length + 1;
        Ok((run, rest[length]))
    }

    fn escape(&mut self) -> Read<char> {
        let byte = self.peek().ok_or(Bad::Syntax)?;
        self.at += 1;
        Ok(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(Bad::Syntax),
        })
    }

    /// A lone surrogate is no character; it becomes U+FFFD.
    fn unicode(&mut self) -> Read<char> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Ok(char::from_u32(high).unwrap_or('\u{fffd}'));
        }
        let back = self.at;
        if self.word("\\u").is_ok() {
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = back;
        }
        Ok('\u{fffd}')
    }

    fn hex(&mut self) -> Read<u32> {
        let text = self.text.get(self.at..self.at + 4).ok_or(Bad::Syntax)?;
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Bad::Syntax);
        }
        self.at += 4;
        u32::from_str_radix(text, 16).map_err(|_| Bad::Syntax)
    }
}

fn is_number(first: u8) -> bool {
    first == b'-' || first.is_ascii_digit()
}

fn article(name: &str) -> &'static str {
    if name.starts_with(['I', 'A']) { "an" } else { "a" }
}

/// The words for a value that begins with `first` where `kind` was wanted.
fn mismatch(first: u8, kind: &Kind) -> Bad {
    let java = match kind {
        Kind::String { .. } => "String",
        Kind::Integer { long: false, .. } => "Integer",
        Kind::Integer { long: true, .. } => "Long",
        Kind::Float { double: false, .. } => "Float",
        Kind::Float { double: true, .. } => "Double",
        Kind::Boolean => "Boolean",
        Kind::Blob { .. } => "ByteBuffer",
        Kind::Timestamp { .. } => "Date",
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => "",
    };
    Bad::Type(match (first, java) {
        (b'{', _) => "Start of structure or map found where not expected.".to_owned(),
        (b'[', _) => "Start of list found where not expected".to_owned(),
        (_, "") => "Unexpected field type".to_owned(),
        (b'"', java) => format!("STRING_VALUE can not be converted to {} {java}", article(java)),
        (b't', java) => format!("TRUE_VALUE can not be converted to {} {java}", article(java)),
        (b'f', java) => format!("FALSE_VALUE can not be converted to {} {java}", article(java)),
        (_, java) => format!("NUMBER_VALUE can not be converted to {} {java}", article(java)),
    })
}
