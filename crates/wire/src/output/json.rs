//! JSON bodies: json 1.0, json 1.1, rest-json, their errors and events, and documents.
//!
//! Depth is that of the value, which a handler or the (depth-limited) parser has built.

use super::members::{self, Fields};
use super::scalar;
use crate::model::{Kind, Location, MemberModel, MemberRef, Protocol, Service, Structure, TimestampFormat};
use crate::value::{Struct, Value};
use base::Timestamp;

pub(crate) struct Json<'a> {
    pub(crate) service: &'a Service,
    pub(crate) protocol: Protocol,
    pub(crate) out: &'a mut Vec<u8>,
}

impl Json<'_> {
    /// The members of `value` that belong in the body, as one object.
    pub(crate) fn object(&mut self, structure: &Structure, value: &Struct) {
        self.members(structure, value, |member| member.location == Location::Body);
    }

    /// An object in the value's order: JSON has none, and this one costs no sorting and no allocation.
    fn members(&mut self, structure: &Structure, value: &Struct, has: impl Fn(&MemberModel) -> bool) {
        self.out.push(b'{');
        let mut first = true;
        members::each(structure, value, |member, value| {
            if has(member) {
                self.member(member, value, first);
                first = false;
            }
        });
        self.out.push(b'}');
    }

    fn member(&mut self, member: &MemberModel, value: &Value, first: bool) {
        if !first {
            self.out.push(b',');
        }
        string(self.out, members::name(self.protocol, member));
        self.out.push(b':');
        self.value(&member.target, value);
    }

    /// The members without braces, for an object that has been begun; `first` where nothing is in it yet.
    pub(crate) fn fields(&mut self, fields: &Fields<'_>, mut first: bool) {
        for (member, value) in fields {
            self.member(member, value, first);
            first = false;
        }
    }

    pub(crate) fn value(&mut self, target: &MemberRef, value: &Value) {
        let shape = self.service.shape(target.shape);
        match (&shape.kind, value) {
            (Kind::Structure(s), Value::Struct(v)) if !s.document => {
                // HTTP bindings mean nothing below the top.
                self.members(s, v, |_| true);
            }
            (Kind::List { element, .. }, Value::List(items)) => {
                self.list(items, |json, item| json.value(element, item));
            }
            (Kind::Map { value: target, .. }, Value::Map(items)) => {
                self.map(items.iter().map(|(k, v)| (k.as_str(), v)), |json, v| json.value(target, v));
            }
            (Kind::Timestamp { .. }, Value::Time(t)) => {
                time(self.out, *t, scalar::format_of(target, shape, TimestampFormat::Unix));
            }
            (Kind::Float { double, .. }, Value::Float(x)) => float(self.out, *x, *double),
            (Kind::Blob { .. }, Value::Str(s)) => blob(self.out, s.as_bytes()),
            _ => self.document(value),
        }
    }

    /// Unmodelled members, without braces.
    pub(crate) fn document_fields(&mut self, members: &Struct, mut first: bool) {
        for (name, value) in members.iter() {
            if !first {
                self.out.push(b',');
            }
            first = false;
            string(self.out, name);
            self.out.push(b':');
            self.document(value);
        }
    }

    fn list(&mut self, items: &[Value], mut each: impl FnMut(&mut Self, &Value)) {
        self.out.push(b'[');
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.out.push(b',');
            }
            each(self, item);
        }
        self.out.push(b']');
    }

    fn map<'k, 'v>(
        &mut self,
        items: impl Iterator<Item = (&'k str, &'v Value)>,
        mut each: impl FnMut(&mut Self, &Value),
    ) {
        self.out.push(b'{');
        for (n, (key, value)) in items.enumerate() {
            if n > 0 {
                self.out.push(b',');
            }
            string(self.out, key);
            self.out.push(b':');
            each(self, value);
        }
        self.out.push(b'}');
    }

    /// A value as it stands, without a model: a document, or the unmodelled member of an error.
    pub(crate) fn document(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(b) => self.out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Int(n) => scalar::int(self.out, *n),
            Value::Float(x) => float(self.out, *x, true),
            Value::Str(s) => string(self.out, s),
            Value::Blob(b) => blob(self.out, b),
            Value::Time(t) => scalar::epoch(self.out, *t),
            Value::List(items) => self.list(items, Self::document),
            Value::Map(items) => self.map(items.iter().map(|(k, v)| (k.as_str(), v)), Self::document),
            Value::Struct(members) => self.map(members.iter(), Self::document),
            Value::Elements(written) => string(self.out, &String::from_utf8_lossy(written.xml())),
        }
    }
}

fn time(out: &mut Vec<u8>, t: Timestamp, format: TimestampFormat) {
    if matches!(format, TimestampFormat::Unix | TimestampFormat::Default) {
        return scalar::epoch(out, t);
    }
    out.push(b'"');
    if format == TimestampFormat::Rfc822 {
        out.extend_from_slice(t.http_date().as_bytes());
    } else {
        scalar::iso8601(out, t, false);
    }
    out.push(b'"');
}

fn blob(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    scalar::base64(out, bytes);
    out.push(b'"');
}

/// JSON has no word for NaN and the infinities, so AWS writes them as strings.
fn float(out: &mut Vec<u8>, x: f64, double: bool) {
    match scalar::non_finite(x) {
        Some(word) => string(out, word),
        None => scalar::float(out, x, double),
    }
}

pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        escape(out, byte);
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte & 15].map(|n| b"0123456789abcdef"[usize::from(n)]));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
