//! XML bodies of rest-xml, from a pull reader straight to [`Value`].
//!
//! Namespaces are ignored, as S3 does. No document types, and so no entities but XML's own five and numbers.

use super::{Bad, Context, DEPTH_MAX, Path, Read, scalar, without_repeats};
use crate::model::{Kind, MemberModel, MemberRef, Structure, TimestampFormat};
use crate::value::{Struct, Value};
use quick_xml::Reader as Pull;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Longest text between two tags.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Reads a body whose root holds the members of `input`, whatever the root is called.
pub(super) fn request(cx: &mut Context, input: &Structure, body: &[u8]) -> Read<Struct> {
    let mut reader = Reader::new(body)?;
    let root = reader.root()?;
    let members = reader.structure(cx, input, &root, &Path::ROOT)?;
    reader.end()?;
    Ok(members)
}

/// Reads a body whose root is one member; the root has to have its name.
pub(super) fn document(
    cx: &mut Context,
    target: &MemberRef,
    name: &str,
    body: &[u8],
    path: &Path,
) -> Read<Value> {
    let mut reader = Reader::new(body)?;
    let root = reader.root()?;
    let shape_name = match &cx.service.shape(target.shape).kind {
        Kind::Structure(s) => s.xml_name,
        _ => "",
    };
    let found = local(root.name().into_inner());
    if found != name && (shape_name.is_empty() || found != shape_name) {
        return Err(Bad::Syntax);
    }
    let value = reader.value(cx, target, &root, path)?;
    reader.end()?;
    Ok(value)
}

struct Reader<'b> {
    pull: Pull<&'b [u8]>,
    depth: u32,
}

/// What comes next inside an element.
enum Next<'b> {
    Child(BytesStart<'b>),
    Text(String),
    End,
}

/// The name without its namespace prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_whitespace())
}

impl<'b> Reader<'b> {
    fn new(body: &'b [u8]) -> Read<Reader<'b>> {
        // A byte order mark is allowed before the document.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|_| Bad::Syntax)?;
        let mut pull = Pull::from_str(text);
        pull.config_mut().expand_empty_elements = true;
        Ok(Reader { pull, depth: 0 })
    }

    fn root(&mut self) -> Read<BytesStart<'b>> {
        loop {
            match self.pull.read_event().map_err(|_| Bad::Syntax)? {
                Event::Start(start) => {
                    self.depth = 1;
                    return Ok(start);
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if is_blank(&text) => {}
                _ => return Err(Bad::Syntax),
            }
        }
    }

    fn end(&mut self) -> Read<()> {
        loop {
            match self.pull.read_event().map_err(|_| Bad::Syntax)? {
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if is_blank(&text) => {}
                _ => return Err(Bad::Syntax),
            }
        }
    }

    /// The next child, text or end of the element that is open. Text comes in pieces, around references.
    fn next(&mut self) -> Read<Next<'b>> {
        loop {
            match self.pull.read_event().map_err(|_| Bad::Syntax)? {
                Event::Start(start) => {
                    self.depth += 1;
                    return if self.depth > DEPTH_MAX { Err(Bad::TooDeep) } else { Ok(Next::Child(start)) };
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Next::End);
                }
                Event::Text(text) => return Ok(Next::Text(text.to_string())),
                Event::CData(text) => return Ok(Next::Text(text.to_string())),
                Event::GeneralRef(reference) => {
                    return Ok(Next::Text(entity(&reference).ok_or(Bad::Syntax)?.to_string()));
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Empty(_) | Event::Decl(_) | Event::DocType(_) | Event::Eof => return Err(Bad::Syntax),
            }
        }
    }

    fn structure(
        &mut self,
        cx: &mut Context,
        s: &Structure,
        start: &BytesStart,
        path: &Path,
    ) -> Read<Struct> {
        let mut out = Struct::new();
        attributes(cx, s, start, &mut out)?;
        let mut hint = 0;
        loop {
            match self.next()? {
                Next::End => break,
                Next::Text(text) if is_blank(&text) => {}
                Next::Text(_) => return Err(Bad::Syntax),
                Next::Child(child) => {
                    let name = local(child.name().into_inner());
                    match cx.find(s, name, &mut hint) {
                        Some(member) => self.member(cx, member, &child, &mut out, path)?,
                        None => {
                            cx.unknown(path, name);
                            self.skip()?;
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    fn member(
        &mut self,
        cx: &mut Context,
        member: &MemberModel,
        child: &BytesStart,
        out: &mut Struct,
        path: &Path,
    ) -> Read<()> {
        let inner = path.down(member.name);
        let target = &member.target;
        let (item, is_map) = match &cx.service.shape(target.shape).kind {
            Kind::List { element, flattened, .. } if *flattened || target.flattened => {
                (self.value(cx, element, child, &inner)?, false)
            }
            Kind::Map { key, value, flattened, .. } if *flattened || target.flattened => {
                let entry = self.entry(cx, key, value, &inner)?;
                (Value::Map(vec![entry]), true)
            }
            _ => {
                out.set(member.name, self.value(cx, target, child, &inner)?);
                return Ok(());
            }
        };
        // Each repetition of the element is one more item. Neighbours mostly, so taking it out and in is cheap.
        let mut whole = out.take(member.name);
        match (&mut whole, item) {
            (Some(Value::List(items)), item) if !is_map => items.push(item),
            (Some(Value::Map(items)), Value::Map(entry)) => items.extend(entry),
            (slot, item) => *slot = Some(if is_map { item } else { Value::List(vec![item]) }),
        }
        if let Some(whole) = whole {
            out.push(member.name, whole);
        }
        Ok(())
    }

    /// Reads the element that `start` has opened, to its end.
    fn value(
        &mut self,
        cx: &mut Context,
        target: &MemberRef,
        start: &BytesStart,
        path: &Path,
    ) -> Read<Value> {
        cx.node()?;
        let shape = cx.service.shape(target.shape);
        match &shape.kind {
            Kind::Structure(s) => Ok(Value::Struct(self.structure(cx, s, start, path)?)),
            Kind::List { element, .. } => {
                let item = if element.wire_name.is_empty() { "member" } else { element.wire_name };
                let mut out = Vec::new();
                self.children(|reader, child, name| {
                    if name == item {
                        out.push(reader.value(cx, element, child, path)?);
                        return Ok(());
                    }
                    cx.unknown(path, name);
                    reader.skip()
                })?;
                Ok(Value::List(out))
            }
            Kind::Map { key, value, .. } => {
                let mut out = Vec::new();
                self.children(|reader, _, name| {
                    if name == "entry" {
                        out.push(reader.entry(cx, key, value, path)?);
                        return Ok(());
                    }
                    cx.unknown(path, name);
                    reader.skip()
                })?;
                Ok(Value::Map(without_repeats(out)))
            }
            Kind::String { .. } => self.text().map(Value::Str),
            _ => {
                let text = self.text()?;
                let format = match target.timestamp {
                    TimestampFormat::Default => TimestampFormat::Iso8601,
                    own => own,
                };
                scalar::read(shape, text.trim(), path.name, format).map_err(|_| Bad::Syntax)
            }
        }
    }

    fn entry(
        &mut self,
        cx: &mut Context,
        key: &MemberRef,
        value: &MemberRef,
        path: &Path,
    ) -> Read<(String, Value)> {
        let key_name = if key.wire_name.is_empty() { "key" } else { key.wire_name };
        let value_name = if value.wire_name.is_empty() { "value" } else { value.wire_name };
        let (mut found_key, mut found_value) = (None, None);
        self.children(|reader, child, name| {
            if name == key_name {
                found_key = Some(reader.text()?);
            } else if name == value_name {
                found_value = Some(reader.value(cx, value, child, path)?);
            } else {
                cx.unknown(path, name);
                reader.skip()?;
            }
            Ok(())
        })?;
        found_key.zip(found_value).ok_or(Bad::Syntax)
    }

    /// Hands each child element to `each`, which reads it to its end.
    fn children(&mut self, mut each: impl FnMut(&mut Self, &BytesStart, &str) -> Read<()>) -> Read<()> {
        loop {
            match self.next()? {
                Next::End => return Ok(()),
                Next::Text(text) if is_blank(&text) => {}
                Next::Text(_) => return Err(Bad::Syntax),
                Next::Child(child) => {
                    let name = local(child.name().into_inner());
                    each(self, &child, name)?;
                }
            }
        }
    }

    /// The text of an element without children, to its end.
    fn text(&mut self) -> Read<String> {
        let mut out = String::new();
        loop {
            match self.next()? {
                Next::End => return Ok(out),
                Next::Text(_) if out.len() > TEXT_BYTES_MAX => return Err(Bad::TooLarge),
                Next::Text(text) if out.is_empty() => out = text,
                Next::Text(text) => out.push_str(&text),
                Next::Child(_) => return Err(Bad::Syntax),
            }
        }
    }

    fn skip(&mut self) -> Read<()> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }
}

fn entity(reference: &BytesRef) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

/// Members that are attributes (`xsi:type`); their names are matched with their prefix.
fn attributes(cx: &mut Context, s: &Structure, start: &BytesStart, out: &mut Struct) -> Read<()> {
    for member in s.members.iter().filter(|m| m.target.xml_attribute) {
        let name = cx.name_of(member);
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| Bad::Syntax)?;
            let key = attribute.key.into_inner();
            if local(key) == local(name) {
                let text = quick_xml::escape::unescape(&attribute.value).map_err(|_| Bad::Syntax)?;
                let shape = cx.service.shape(member.target.shape);
                out.set(member.name, scalar::read(shape, &text, name, TimestampFormat::Iso8601)?);
            }
        }
    }
    Ok(())
}
