//! One event of a modelled stream on its way in, as a [`Value`].

use super::{HeaderValue, Message};
use crate::Fault;
use crate::model::{Kind, MemberModel, Service, ShapeId};
use crate::value::{Struct, Value};

/// Reads a body, in the stream's protocol, by the model of a structure.
pub type ParseBody<'a> = dyn FnMut(ShapeId, &[u8]) -> Result<Value, Fault> + 'a;

/// What a client has sent in its stream.
#[derive(Clone, PartialEq, Debug)]
pub enum Incoming {
    /// The member of the stream and its value, always a [`Value::Struct`].
    Event(&'static str, Value),
    /// The first event of an RPC stream, with the operation's other input members; its body is for the caller.
    InitialRequest,
    /// An empty message, with which a client says that it will send no more.
    End,
}

/// Reads `message` by the model of `stream`. `parse` reads a body that is a structure, in the protocol's format.
///
/// # Errors
/// A 400 `ValidationException` for an event that the stream does not have; what `parse` says about the body.
pub fn event_value(
    service: &Service,
    stream: ShapeId,
    message: &Message,
    parse: &mut ParseBody<'_>,
) -> Result<Incoming, Fault> {
    if message.headers.is_empty() && message.payload.is_empty() {
        return Ok(Incoming::End);
    }
    let name = match message.text(":message-type") {
        Some("event") => message.text(":event-type"),
        Some("exception") => message.text(":exception-type"),
        _ => None,
    };
    if name == Some("initial-request") {
        return Ok(Incoming::InitialRequest);
    }
    let members = service.structure(stream).map_or(&[][..], |s| &s.members);
    let event = members
        .iter()
        .find(|m| Some(m.name) == name || (Some(m.target.wire_name) == name && name != Some("")));
    let Some(event) = event else { return Err(unknown(name)) };
    let Some(structure) = service.structure(event.target.shape) else { return Err(unknown(name)) };
    let mut value = match structure.members.iter().find(|m| m.event_payload) {
        Some(member) => {
            let body = payload(service, member, message, parse)?;
            body.into_iter().map(|body| (member.name, body)).collect()
        }
        None if structure.members.iter().all(|m| m.event_header) => Struct::new(),
        None => match parse(event.target.shape, &message.payload)? {
            Value::Struct(members) => members,
            _ => Struct::new(),
        },
    };
    for member in structure.members.iter().filter(|m| m.event_header) {
        if let Some(header) = message.header(member.name) {
            value.set(member.name, header_value(header));
        }
    }
    Ok(Incoming::Event(event.name, Value::Struct(value)))
}

fn unknown(name: Option<&str>) -> Fault {
    let message = match name {
        Some(name) => format!("The event stream has no event of type {name}."),
        None => "The event stream's message names no event type.".to_owned(),
    };
    Fault::new(400, "ValidationException", message)
}

fn payload(
    service: &Service,
    member: &MemberModel,
    message: &Message,
    parse: &mut ParseBody<'_>,
) -> Result<Option<Value>, Fault> {
    match service.shape(member.target.shape).kind {
        Kind::Blob { .. } => Ok(Some(Value::Blob(message.payload.clone()))),
        Kind::String { .. } => match std::str::from_utf8(&message.payload) {
            Ok(text) => Ok(Some(Value::str(text))),
            Err(_) => {
                Err(Fault::new(400, "SerializationException", "The event's payload is not valid UTF-8."))
            }
        },
        _ if message.payload.is_empty() => Ok(None),
        _ => parse(member.target.shape, &message.payload).map(Some),
    }
}

fn header_value(header: &HeaderValue) -> Value {
    match header {
        HeaderValue::Bool(b) => Value::Bool(*b),
        HeaderValue::Byte(n) => Value::Int((*n).into()),
        HeaderValue::Int16(n) => Value::Int((*n).into()),
        HeaderValue::Int32(n) => Value::Int((*n).into()),
        HeaderValue::Int64(n) => Value::Int(*n),
        HeaderValue::Bytes(b) => Value::Blob(b.clone()),
        HeaderValue::String(s) => Value::str(s.as_str()),
        HeaderValue::Timestamp(t) => Value::Time(*t),
        HeaderValue::Uuid(id) => Value::Blob(bytes::Bytes::copy_from_slice(id)),
    }
}
