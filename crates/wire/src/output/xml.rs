//! XML bodies: query, ec2 and rest-xml, their errors and events.
//!
//! An element without content is written `<Users/>`, which is how AWS prints an empty list; S3 alone writes an
//! empty string as `<Prefix></Prefix>`.

use super::members::{self, Fields};
use super::scalar;
use crate::model::{Kind, Location, MemberModel, MemberRef, Protocol, Service, Structure, TimestampFormat};
use crate::value::{Struct, Value};
use base::Timestamp;

pub(crate) const DECLARATION: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

pub(crate) struct Xml<'a> {
    pub(crate) service: &'a Service,
    pub(crate) protocol: Protocol,
    pub(crate) out: &'a mut Vec<u8>,
    /// Members stand in the value's order, else in the model's.
    pub(crate) as_given: bool,
}

impl Xml<'_> {
    /// The set members that travel in the body, one element each.
    pub(crate) fn body(&mut self, structure: &Structure, value: &Struct) {
        let mut fields = self.ordered(structure, value);
        fields.retain(|(member, _)| member.location == Location::Body);
        self.fields(&fields);
    }

    /// A structure that is the whole document, wherever its members are bound.
    pub(crate) fn nested(&mut self, structure: &Structure, value: &Struct) {
        self.fields(&self.ordered(structure, value));
    }

    fn ordered<'v>(&self, structure: &'v Structure, value: &'v Struct) -> Fields<'v> {
        if self.as_given { members::given(structure, value) } else { members::all(structure, value) }
    }

    pub(crate) fn fields(&mut self, fields: &Fields<'_>) {
        for (member, value) in fields {
            if !member.target.xml_attribute {
                self.member(member, value);
            }
        }
    }

    /// One element around `target`'s value: `<name ...>...</name>`.
    pub(crate) fn element(&mut self, name: &str, target: &MemberRef, value: &Value) {
        let mark = self.open(name, target, value);
        self.content(target, value);
        self.close(name, mark, value);
    }

    fn member(&mut self, member: &MemberModel, value: &Value) {
        let target = &member.target;
        let name = members::name(self.protocol, member);
        match (&self.service.shape(target.shape).kind, value) {
            (Kind::List { element, flattened, .. }, Value::List(items)) if *flattened || target.flattened => {
                // A flattened list repeats its elements' own name, where they have one.
                let name = if element.wire_name.is_empty() { name } else { element.wire_name };
                items.iter().for_each(|item| self.element(name, element, item));
            }
            (Kind::Map { key, value: target, flattened, .. }, Value::Map(items))
                if *flattened || member.target.flattened =>
            {
                items.iter().for_each(|(k, v)| self.entry(name, (key, k), (target, v)));
            }
            (_, Value::Elements(written)) => self.out.extend_from_slice(written.xml()),
            _ => self.element(name, target, value),
        }
    }

    fn content(&mut self, target: &MemberRef, value: &Value) {
        let shape = self.service.shape(target.shape);
        match (&shape.kind, value) {
            (Kind::Structure(s), Value::Struct(v)) if !s.document => self.nested(s, v),
            (Kind::List { element, .. }, Value::List(items)) => {
                let name = if element.wire_name.is_empty() { "member" } else { element.wire_name };
                items.iter().for_each(|item| self.element(name, element, item));
            }
            (Kind::Map { key, value: target, .. }, Value::Map(items)) => {
                items.iter().for_each(|(k, v)| self.entry("entry", (key, k), (target, v)));
            }
            (Kind::Timestamp { .. }, Value::Time(t)) => {
                self.time(*t, scalar::format_of(target, shape, TimestampFormat::Iso8601));
            }
            (Kind::Float { double, .. }, Value::Float(x)) => scalar::float(self.out, *x, *double),
            (Kind::Blob { .. }, Value::Str(s)) => scalar::base64(self.out, s.as_bytes()),
            _ => self.plain(value),
        }
    }

    fn entry(&mut self, name: &str, (key, k): (&MemberRef, &str), (target, v): (&MemberRef, &Value)) {
        let key_name = if key.wire_name.is_empty() { "key" } else { key.wire_name };
        let value_name = if target.wire_name.is_empty() { "value" } else { target.wire_name };
        open_tag(self.out, name);
        text_element(self.out, key_name, k);
        self.element(value_name, target, v);
        close_tag(self.out, name);
    }

    /// A value without a model: the further members of an error.
    pub(crate) fn plain(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(b) => self.out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Int(n) => scalar::int(self.out, *n),
            Value::Float(x) => scalar::float(self.out, *x, true),
            Value::Str(s) => text(self.out, s),
            Value::Blob(b) => scalar::base64(self.out, b),
            Value::Time(t) => self.time(*t, TimestampFormat::Iso8601),
            Value::List(items) => items.iter().for_each(|item| self.plain_element("member", item)),
            Value::Map(items) => items.iter().for_each(|(name, item)| self.plain_element(name, item)),
            Value::Struct(members) => members.iter().for_each(|(name, item)| self.plain_element(name, item)),
            Value::Elements(written) => self.out.extend_from_slice(written.xml()),
        }
    }

    pub(crate) fn plain_element(&mut self, name: &str, value: &Value) {
        open_tag(self.out, name);
        self.plain(value);
        close_tag(self.out, name);
    }

    /// EC2 and S3 always print milliseconds, the others where there are any.
    fn time(&mut self, t: Timestamp, format: TimestampFormat) {
        match format {
            TimestampFormat::Unix => scalar::epoch(self.out, t),
            TimestampFormat::Rfc822 => self.out.extend_from_slice(t.http_date().as_bytes()),
            TimestampFormat::Iso8601 | TimestampFormat::Default => {
                scalar::iso8601(self.out, t, self.protocol == Protocol::Ec2Query || self.service.id == "s3");
            }
        }
    }

    /// Writes the start tag with its namespace and attributes; gives where the content begins.
    fn open(&mut self, name: &str, target: &MemberRef, value: &Value) -> usize {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        let structure = self.service.structure(target.shape);
        let own = structure.map_or("", |s| s.xml_namespace);
        let namespace = if target.xml_namespace.is_empty() { own } else { target.xml_namespace };
        let attributes = match (structure, value) {
            // No query service has attributes, so their large structures need not be searched for them.
            (Some(s), Value::Struct(v))
                if self.protocol == Protocol::RestXml && s.members.iter().any(|m| m.target.xml_attribute) =>
            {
                let mut fields = members::all(s, v);
                fields.retain(|(m, _)| m.target.xml_attribute);
                fields
            }
            _ => Vec::new(),
        };
        if !namespace.is_empty() {
            let of_attribute = attributes.first().and_then(|(m, _)| m.target.wire_name.split_once(':'));
            let prefix = if target.xml_prefix.is_empty() {
                of_attribute.map(|(p, _)| p)
            } else {
                Some(target.xml_prefix)
            };
            namespace_attribute(self.out, prefix.unwrap_or(""), namespace);
        }
        for (member, value) in attributes {
            if let Value::Str(s) = value {
                attribute(self.out, members::name(self.protocol, member), s);
            }
        }
        self.out.push(b'>');
        self.out.len()
    }

    /// Ends the element; without content it collapses to `<name/>`.
    fn close(&mut self, name: &str, mark: usize, value: &Value) {
        if self.out.len() == mark && !(self.service.id == "s3" && matches!(value, Value::Str(_))) {
            self.out.truncate(mark - 1);
            self.out.extend_from_slice(b"/>");
        } else {
            close_tag(self.out, name);
        }
    }
}

/// `<` and the parts of a name and ` xmlns="...">`; no attribute where the namespace is empty.
pub(crate) fn open_root(out: &mut Vec<u8>, name: &[&str], namespace: &str) {
    out.push(b'<');
    name.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    if !namespace.is_empty() {
        namespace_attribute(out, "", namespace);
    }
    out.push(b'>');
}

pub(crate) fn open_tag(out: &mut Vec<u8>, name: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

pub(crate) fn close_tag(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Ends what [`open_root`] or [`open_tag`] has begun, `mark` being the length of `out` after it.
pub(crate) fn close_or_collapse(out: &mut Vec<u8>, name: &str, mark: usize) {
    if out.len() == mark {
        out.truncate(mark - 1);
        out.extend_from_slice(b"/>");
    } else {
        close_tag(out, name);
    }
}

/// `<name>content</name>`.
pub(crate) fn text_element(out: &mut Vec<u8>, name: &str, content: &str) {
    open_tag(out, name);
    text(out, content);
    close_tag(out, name);
}

fn namespace_attribute(out: &mut Vec<u8>, prefix: &str, uri: &str) {
    out.extend_from_slice(b" xmlns");
    if !prefix.is_empty() {
        out.push(b':');
        out.extend_from_slice(prefix.as_bytes());
    }
    out.extend_from_slice(b"=\"");
    escape(out, uri, true);
    out.push(b'"');
}

fn attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(out, value, true);
    out.push(b'"');
}

pub(crate) fn text(out: &mut Vec<u8>, content: &str) {
    escape(out, content, false);
}

/// Whether a byte does not stand for itself wherever it stands. Without branches, so that many are looked at as one.
const fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte == b'\'')
}

/// How many bytes are looked at in one step.
const STEP: usize = 16;

/// Where the first byte at or after `from` lies that does not stand for itself. Nearly no byte is one, so that many are
/// looked at together.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.first_chunk::<STEP>()) {
        if step.iter().fold(false, |special, byte| special | is_special(*byte)) {
            break;
        }
        at += STEP;
    }
    bytes.get(at..)?.iter().position(|byte| is_special(*byte)).map(|found| at + found)
}

/// A carriage return must be a reference, since a parser would fold it into a line feed; so must line feeds and tabs
/// in an attribute. Control characters have no form in XML 1.0: AWS writes their reference, as this does.
fn escape(out: &mut Vec<u8>, content: &str, in_attribute: bool) {
    let bytes = content.as_bytes();
    let (mut done, mut from) = (0, 0);
    while let Some(at) = next_special(bytes, from) {
        from = at + 1;
        let byte = bytes[at];
        let reference: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            b'\'' => b"&apos;",
            b'\r' => b"&#xD;",
            b'\n' | b'\t' if !in_attribute => continue,
            b'\n' => b"&#xA;",
            b'\t' => b"&#x9;",
            _ => {
                out.extend_from_slice(&bytes[done..at]);
                out.extend_from_slice(b"&#x");
                if byte > 15 {
                    out.push(b'1');
                }
                out.push(b"0123456789ABCDEF"[usize::from(byte & 15)]);
                out.push(b';');
                done = at + 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(reference);
        done = at + 1;
    }
    out.extend_from_slice(&bytes[done..]);
}
