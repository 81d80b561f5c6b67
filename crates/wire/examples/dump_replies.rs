//! Prints a reply for every operation, error and event of every embedded model in every protocol it speaks, with the
//! value that a client must read from it: one JSON object a line, which `tests/protocols` feeds to AWS's own client.
//!
//! A value that the client gives another type is wrapped: `{"$blob": base64}`, `{"$time": microseconds}`.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::io::Write;
use wire::model::{
    Kind, Location, MemberModel, MemberRef, Operation, Protocol, Service, ShapeId, Structure, TimestampFormat,
};
use wire::output::{self, Reply};
use wire::{Fault, Struct, Value, catalog};

const REQUEST_ID: &str = "11111111-2222-3333-4444-555555555555";
/// Lists and maps below this depth hold one item, above it two, so that the largest answers stay small.
const WIDE_DEPTH: usize = 3;

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for entry in catalog::services() {
        let Some(service) = catalog::service(entry.id) else { continue };
        for protocol in &service.protocols {
            Dump { service, protocol: *protocol, out: &mut out }.all()?;
        }
    }
    out.flush()
}

struct Dump<'a> {
    service: &'static Service,
    protocol: Protocol,
    out: &'a mut dyn Write,
}

impl Dump<'_> {
    fn all(&mut self) -> std::io::Result<()> {
        for op in &self.service.operations {
            self.operation(op)?;
        }
        for shape in &self.service.shapes {
            let Kind::Structure(structure) = &shape.kind else { continue };
            if structure.error.is_some() {
                self.fault(shape.name, structure)?;
            }
        }
        Ok(())
    }

    fn operation(&mut self, op: &Operation) -> std::io::Result<()> {
        let output = op.output.and_then(|id| self.service.structure(id));
        let stream = output.and_then(|o| output::event_stream(self.service, o));
        for fill in [Fill::Everything, Fill::Empty, Fill::Nothing] {
            let mut generator =
                Generator { service: self.service, fill, status: op.status, within: Vec::new() };
            let mut value = match output {
                Some(structure) if fill != Fill::Nothing => {
                    generator.members(structure, |m| skipped(stream, m))
                }
                _ => Struct::new(),
            };
            if self.protocol == Protocol::RestXml && op.name == "GetBucketLocation" {
                value = Struct::new(); // botocore reads it in a handler, not in its parser
            }
            let value = Value::Struct(value);
            let reply = match stream {
                None => output::success(self.service, op, self.protocol, &value, REQUEST_ID),
                Some(stream) => self.streamed(op, stream.target.shape, &value, fill),
            };
            let events = match stream {
                Some(stream) => self.events(stream.target.shape, fill).1,
                None => "[]".to_owned(),
            };
            let name = stream.map_or("", |m| m.name);
            let faults = stream.map_or_else(|| "{}".to_owned(), |s| self.event_faults(s.target.shape));
            let extra = format!(",\"stream\":\"{name}\",\"events\":{events},\"exceptions\":{faults}");
            self.line("reply", op.name, &reply, &expected(&value), &extra)?;
        }
        Ok(())
    }

    fn streamed(&self, op: &Operation, stream: ShapeId, value: &Value, fill: Fill) -> Reply {
        let head = output::success_head(self.service, op, self.protocol, value, REQUEST_ID);
        let mut body = Vec::new();
        if !matches!(self.protocol, Protocol::RestJson | Protocol::RestXml)
            && let Ok(first) = output::initial_response(self.service, op, self.protocol, value)
        {
            body.extend_from_slice(&first);
        }
        body.extend(self.events(stream, fill).0);
        Reply { status: head.status, headers: head.headers, body: body.into() }
    }

    /// The frames of one event of each kind, and what they hold.
    fn events(&self, stream: ShapeId, fill: Fill) -> (Vec<u8>, String) {
        let (mut frames, mut shown) = (Vec::new(), Vec::new());
        let members = self.service.structure(stream).map_or(&[][..], |s| &s.members);
        for member in members {
            let Some(structure) = self.service.structure(member.target.shape) else { continue };
            if structure.error.is_some() || fill == Fill::Nothing {
                continue; // an exception ends the stream for the client
            }
            let mut generator = Generator { service: self.service, fill, status: 200, within: Vec::new() };
            let value = Value::Struct(generator.members(structure, |_| false));
            if let Ok(frame) = output::event(self.service, stream, self.protocol, member.name, &value) {
                frames.extend_from_slice(&frame);
                shown.push(format!("{{{}:{}}}", quoted(member.name), expected(&value)));
            }
        }
        (frames, format!("[{}]", shown.join(",")))
    }

    /// A frame for each exception that the stream models and one that it does not, by the code that is read.
    fn event_faults(&self, stream: ShapeId) -> String {
        let members = self.service.structure(stream).map_or(&[][..], |s| &s.members);
        let modelled = members
            .iter()
            .filter(|m| self.service.structure(m.target.shape).is_some_and(|s| s.error.is_some()));
        let shapes = modelled.map(|m| (m.name, self.service.shape(m.target.shape).name));
        let frame = |(read, code): (&str, &str)| {
            let fault = Fault::new(400, code, TEXT);
            let frame = output::event_fault(self.service, stream, self.protocol, &fault).unwrap_or_default();
            format!("{}:\"{}\"", quoted(read), STANDARD.encode(frame))
        };
        let frames: Vec<String> = shapes.chain([("NotModelled", "NotModelled")]).map(frame).collect();
        format!("{{{}}}", frames.join(","))
    }

    fn fault(&mut self, name: &'static str, structure: &Structure) -> std::io::Result<()> {
        let mut generator =
            Generator { service: self.service, fill: Fill::Everything, status: 400, within: Vec::new() };
        let members = generator.members(structure, |m| m.name.eq_ignore_ascii_case("message"));
        let mut fault = Fault::new(0, name, TEXT);
        fault.members = members.clone();
        let reply = output::fault(Some(self.service), None, self.protocol, &fault, REQUEST_ID);
        let error = structure.error.as_ref();
        let wire = error.map(|e| e.code).filter(|c| !c.is_empty()).unwrap_or(name);
        let extra = format!(",\"code\":{},\"message\":{}", quoted(wire), quoted(TEXT));
        self.line("fault", name, &reply, &expected(&Value::Struct(members)), &extra)
    }

    fn line(
        &mut self,
        kind: &str,
        name: &str,
        reply: &Reply,
        expected: &str,
        extra: &str,
    ) -> std::io::Result<()> {
        let headers: Vec<String> = reply
            .headers
            .iter()
            .map(|(n, v)| format!("{}:{}", quoted(n.as_str()), quoted(v.to_str().unwrap_or("?"))))
            .collect();
        writeln!(
            self.out,
            "{{\"kind\":\"{kind}\",\"service\":\"{}\",\"protocol\":\"{:?}\",\"name\":\"{name}\",\"status\":{},\
             \"headers\":{{{}}},\"body\":\"{}\",\"expected\":{expected}{extra}}}",
            self.service.id,
            self.protocol,
            reply.status,
            headers.join(","),
            STANDARD.encode(&reply.body),
        )
    }
}

fn skipped(stream: Option<&MemberModel>, member: &MemberModel) -> bool {
    stream.is_some_and(|s| s.name == member.name)
}

/// How much of a value is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Everything,
    /// Every member, but strings, lists and maps are empty.
    Empty,
    Nothing,
}

/// Everything that a protocol has to escape.
const TEXT: &str = "a <\"b\"> & 'c' \\ \u{e9}\u{1f600}";

struct Generator {
    service: &'static Service,
    fill: Fill,
    /// What a member that is the status says.
    status: u16,
    /// The structures around the place, to end recursive shapes.
    within: Vec<ShapeId>,
}

impl Generator {
    fn members(&mut self, structure: &Structure, skip: impl Fn(&MemberModel) -> bool) -> Struct {
        let mut out = Struct::new();
        for (n, member) in structure.members.iter().enumerate() {
            if skip(member) {
                continue;
            }
            let is_payload = structure.payload == Some(n);
            if let Some(value) = self.member(member, is_payload) {
                out.push(member.name, value);
                if structure.union {
                    break;
                }
            }
        }
        out
    }

    fn member(&mut self, member: &MemberModel, is_payload: bool) -> Option<Value> {
        let text = matches!(self.service.shape(member.target.shape).kind, Kind::String { .. });
        match member.location {
            Location::StatusCode => Some(Value::Int(self.status.into())),
            Location::HeaderPrefix => {
                Some(Value::Map(vec![("k1".into(), Value::str("v1")), ("k2".into(), Value::str("v2"))]))
            }
            Location::Header if member.target.json_value => Some(Value::str("{\"a\":[1]}")),
            Location::Header if text => Some(Value::str("header text")),
            // The client gives a payload that is absent or empty the same value.
            Location::Body if is_payload && self.fill == Fill::Empty => None,
            // An attribute's white space is not the element's.
            _ if member.target.xml_attribute => Some(Value::str("attribute")),
            _ => self.value(&member.target, member.location == Location::Header),
        }
    }

    /// `None` where the shape would hold itself.
    fn value(&mut self, target: &MemberRef, in_header: bool) -> Option<Value> {
        let empty = self.fill == Fill::Empty;
        let shape = self.service.shape(target.shape);
        Some(match &shape.kind {
            Kind::Structure(s) if s.document => Value::Map(vec![(
                "k".into(),
                Value::List(vec![Value::Int(1), Value::Null, Value::Float(0.5)]),
            )]),
            Kind::Structure(s) => {
                if self.within.contains(&target.shape) {
                    return None;
                }
                self.within.push(target.shape);
                let members = self.members(s, |_| false);
                self.within.pop();
                if s.union && members.is_empty() {
                    return None;
                }
                Value::Struct(members)
            }
            Kind::List { .. } if empty => Value::List(Vec::new()),
            Kind::List { element, .. } => {
                let items = if self.within.len() < WIDE_DEPTH { 2 } else { 1 };
                let item = self.value(element, in_header)?;
                Value::List(vec![item; items])
            }
            Kind::Map { .. } if empty => Value::Map(Vec::new()),
            Kind::Map { key, value, .. } => {
                let Value::Str(key) = self.value(key, in_header)? else { return None };
                let value = self.value(value, in_header)?;
                let other = (format!("{key}2"), value.clone());
                let wide = self.within.len() < WIDE_DEPTH;
                Value::Map(std::iter::once((key, value)).chain(wide.then_some(other)).collect())
            }
            Kind::String { .. } if empty => Value::str(""),
            Kind::String { allowed, .. } => Value::str(allowed.first().copied().unwrap_or(TEXT)),
            Kind::Integer { long, .. } => Value::Int(if *long { 1 << 40 } else { -7 }),
            Kind::Float { double, .. } => Value::Float(if *double { 0.1 } else { 1.5 }),
            Kind::Boolean => Value::Bool(true),
            Kind::Blob { .. } => Value::Blob(Bytes::from_static(if empty { b"" } else { b"blob \xc3\xa9" })),
            Kind::Timestamp { format } => {
                let seconds_only =
                    in_header || [*format, target.timestamp].contains(&TimestampFormat::Rfc822);
                Value::Time(Timestamp::from_micros(
                    1_422_172_800_000_000 + i64::from(!seconds_only) * 250_000,
                ))
            }
        })
    }
}

fn expected(value: &Value) -> String {
    let object = |members: Vec<String>| format!("{{{}}}", members.join(","));
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Str(s) => quoted(s),
        Value::Blob(b) => format!("{{\"$blob\":\"{}\"}}", STANDARD.encode(b)),
        Value::Time(t) => format!("{{\"$time\":{}}}", t.micros()),
        Value::List(items) => format!("[{}]", items.iter().map(expected).collect::<Vec<_>>().join(",")),
        Value::Map(items) => {
            object(items.iter().map(|(k, v)| format!("{}:{}", quoted(k), expected(v))).collect())
        }
        Value::Struct(s) => object(s.iter().map(|(k, v)| format!("{}:{}", quoted(k), expected(v))).collect()),
        // None of the replies that it makes up has any.
        Value::Elements(written) => quoted(&String::from_utf8_lossy(written.xml())),
    }
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}
