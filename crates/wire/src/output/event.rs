//! Events of a modelled event stream, on their way out.

use super::cbor::Cbor;
use super::json::Json;
use super::xml::{self, Xml};
use super::{event_stream, members};
use crate::Fault;
use crate::eventstream::{self, Header, HeaderValue, Message};
use crate::model::{Kind, MemberModel, Operation, Protocol, Service, ShapeId, Structure};
use crate::value::{Struct, Value};
use bytes::Bytes;

/// Why an event cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventError {
    /// The stream has no such member, or the shape is no structure.
    Unknown,
    /// More than one message may hold ([`eventstream::MAX_PAYLOAD`], [`eventstream::MAX_HEADERS`]).
    TooLarge,
}

/// One framed event: member `name` of the stream `stream` with `value`.
///
/// # Errors
/// [`EventError`].
pub fn event(
    service: &Service,
    stream: ShapeId,
    protocol: Protocol,
    name: &str,
    value: &Value,
) -> Result<Bytes, EventError> {
    let (member, structure) = find(service, stream, |m, _| m.name == name)?;
    let (kind, label) = kind_of(structure);
    let mut headers = vec![text(":message-type", kind), text(label, member.name)];
    let empty = Struct::new();
    let value = value.as_struct().unwrap_or(&empty);
    let fields = members::all(structure, value);
    for (member, value) in fields.iter().filter(|(m, _)| m.event_header) {
        let value = header_value(service, member, value).ok_or(EventError::Unknown)?;
        headers.push(Header { name: member.name.into(), value });
    }
    let (payload, content_type) = payload(service, protocol, member, structure, value);
    if !content_type.is_empty() {
        headers.push(text(":content-type", content_type));
    }
    frame(headers, payload)
}

/// A fault that ends a stream: the stream's own exception where it models one, else an unmodelled error.
///
/// # Errors
/// [`EventError::TooLarge`].
pub fn event_fault(
    service: &Service,
    stream: ShapeId,
    protocol: Protocol,
    fault: &Fault,
) -> Result<Bytes, EventError> {
    let is_it = |m: &MemberModel, s: &Structure| {
        let code = s.error.as_ref().map(|e| e.code);
        code.is_some_and(|c| c == fault.code)
            || (code.is_some() && (m.name == fault.code || service.shape(m.target.shape).name == fault.code))
    };
    let Ok((member, structure)) = find(service, stream, is_it) else {
        let headers = vec![
            text(":message-type", "error"),
            text(":error-code", &fault.code),
            text(":error-message", &fault.message),
        ];
        return frame(headers, Vec::new());
    };
    let modelled = fault.members.iter().filter(|(name, _)| structure.member(name).is_some());
    let mut value: Struct = modelled.map(|(n, v)| (n, v.clone())).collect();
    if let Some(message) = structure.members.iter().find(|m| m.name.eq_ignore_ascii_case("message")) {
        value.set(message.name, Value::str(&fault.message));
    }
    event(service, stream, protocol, member.name, &Value::Struct(value))
}

/// The event that carries an RPC operation's other output members, first in its stream.
///
/// # Errors
/// [`EventError::TooLarge`].
pub fn initial_response(
    service: &Service,
    op: &Operation,
    protocol: Protocol,
    value: &Value,
) -> Result<Bytes, EventError> {
    let mut out = Vec::new();
    let output = op.output.and_then(|id| service.structure(id)).ok_or(EventError::Unknown)?;
    let stream = event_stream(service, output).map_or("", |m| m.name);
    let set = value.as_struct().into_iter().flat_map(Struct::iter).filter(|(name, _)| *name != stream);
    let value: Struct = set.map(|(n, v)| (n, v.clone())).collect();
    structure_payload(service, protocol, output, &value, &mut out);
    let headers = vec![
        text(":message-type", "event"),
        text(":event-type", "initial-response"),
        text(":content-type", structure_type(protocol)),
    ];
    frame(headers, out)
}

fn find<'a>(
    service: &'a Service,
    stream: ShapeId,
    is_it: impl Fn(&MemberModel, &Structure) -> bool,
) -> Result<(&'a MemberModel, &'a Structure), EventError> {
    let stream = service.structure(stream).ok_or(EventError::Unknown)?;
    let with_shape = |m: &'a MemberModel| Some((m, service.structure(m.target.shape)?));
    stream.members.iter().filter_map(with_shape).find(|(m, s)| is_it(m, s)).ok_or(EventError::Unknown)
}

/// The message's type and the header that names the member.
fn kind_of(structure: &Structure) -> (&'static str, &'static str) {
    if structure.error.is_some() { ("exception", ":exception-type") } else { ("event", ":event-type") }
}

fn text(name: &'static str, value: &str) -> Header {
    Header { name: name.into(), value: HeaderValue::String(value.to_owned()) }
}

fn frame(headers: Vec<Header>, payload: Vec<u8>) -> Result<Bytes, EventError> {
    let mut out = Vec::with_capacity(payload.len() + 256);
    eventstream::encode(&Message { headers, payload: payload.into() }, &mut out)
        .map_err(|_| EventError::TooLarge)?;
    Ok(out.into())
}

fn header_value(service: &Service, member: &MemberModel, value: &Value) -> Option<HeaderValue> {
    let long = matches!(service.shape(member.target.shape).kind, Kind::Integer { long: true, .. });
    Some(match value {
        Value::Bool(b) => HeaderValue::Bool(*b),
        Value::Int(n) if !long => HeaderValue::Int32(i32::try_from(*n).ok()?),
        Value::Int(n) => HeaderValue::Int64(*n),
        Value::Str(s) => HeaderValue::String(s.clone()),
        Value::Blob(b) => HeaderValue::Bytes(b.clone()),
        Value::Time(t) => HeaderValue::Timestamp(*t),
        _ => return None,
    })
}

/// The payload and its content type; the latter is empty where there is no payload at all.
fn payload(
    service: &Service,
    protocol: Protocol,
    event: &MemberModel,
    structure: &Structure,
    value: &Struct,
) -> (Vec<u8>, &'static str) {
    let mut out = Vec::new();
    let Some(member) = structure.members.iter().find(|m| m.event_payload) else {
        if structure.members.iter().all(|m| m.event_header) && protocol == Protocol::RestXml {
            return (out, "");
        }
        let rest: Struct = value
            .iter()
            .filter(|(name, _)| structure.member(name).is_some_and(|m| !m.event_header))
            .map(|(n, v)| (n, v.clone()))
            .collect();
        let root = members::name(protocol, event);
        rooted_payload(service, protocol, root, structure, &rest, &mut out);
        return (out, structure_type(protocol));
    };
    match value.get(member.name) {
        Some(Value::Blob(bytes)) => (bytes.to_vec(), "application/octet-stream"),
        Some(Value::Str(text)) => (text.clone().into_bytes(), "text/plain"),
        Some(Value::Struct(inner)) => {
            if let Some(structure) = service.structure(member.target.shape) {
                let root = service.shape(member.target.shape).name;
                rooted_payload(service, protocol, root, structure, inner, &mut out);
            }
            (out, structure_type(protocol))
        }
        Some(other) => {
            Json { service, protocol, out: &mut out }.value(&member.target, other);
            (out, structure_type(protocol))
        }
        None => (out, ""),
    }
}

fn rooted_payload(
    service: &Service,
    protocol: Protocol,
    root: &str,
    structure: &Structure,
    value: &Struct,
    out: &mut Vec<u8>,
) {
    if protocol != Protocol::RestXml {
        return structure_payload(service, protocol, structure, value, out);
    }
    out.extend_from_slice(xml::DECLARATION);
    xml::open_tag(out, root);
    let mark = out.len();
    structure_payload(service, protocol, structure, value, out);
    xml::close_or_collapse(out, root, mark);
}

fn structure_payload(
    service: &Service,
    protocol: Protocol,
    structure: &Structure,
    value: &Struct,
    out: &mut Vec<u8>,
) {
    match protocol {
        Protocol::RpcV2Cbor => Cbor { service, out }.object(structure, value),
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => {
            Json { service, protocol, out }.object(structure, value);
        }
        Protocol::RestXml | Protocol::Query | Protocol::Ec2Query => {
            Xml { service, protocol, out, as_given: false }.body(structure, value);
        }
    }
}

fn structure_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::RpcV2Cbor => "application/cbor",
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::RestXml | Protocol::Query | Protocol::Ec2Query => "text/xml",
    }
}
