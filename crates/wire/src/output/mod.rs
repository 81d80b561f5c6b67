//! Replies: a [`Value`] or a [`Fault`](crate::Fault) as the bytes of the caller's protocol.
//!
//! One pass, guided by the model, into one buffer. What a model does not say about a service's wire is in `quirk`.
//! Not here: framing, `Content-Length`, and the missing body of a HEAD answer, which are the HTTP server's.

mod cbor;
mod event;
mod fault;
mod head;
pub(crate) mod json;
mod members;
mod quirk;
pub(crate) mod scalar;
pub(crate) mod xml;

pub use event::{EventError, event, event_fault, initial_response};
pub use fault::fault;
pub use head::ReplyHead;

use crate::model::{Kind, Location, MemberModel, Operation, Protocol, Service, Structure};
use crate::value::{Struct, Value};
use bytes::Bytes;
use cbor::Cbor;
use http::HeaderMap;
use json::Json;
use xml::Xml;

/// Room for a common answer, so that most bodies are allocated once.
const BODY_CAPACITY: usize = 1024;

/// A whole response.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The answer of an operation that went well. `value` is a [`Value::Struct`] of the output's members by their model
/// names; anything else stands for no member at all.
pub fn success(
    service: &Service,
    op: &Operation,
    protocol: Protocol,
    value: &Value,
    request_id: &str,
) -> Reply {
    let mut body = Vec::with_capacity(BODY_CAPACITY);
    let mut head = ReplyHead::new(Some(service), protocol, quirk::status(service, op), request_id);
    let empty = Struct::new();
    let value = value.as_struct().unwrap_or(&empty);
    let output = op.output.and_then(|id| service.structure(id));
    if let Some(raw) = bind(service, protocol, output, value, &mut head) {
        return Reply { status: head.status, headers: head.headers, body: raw };
    }
    let written = match protocol {
        Protocol::Query => query(service, op, output, value, request_id, &mut body),
        Protocol::Ec2Query => ec2(service, op, output, value, request_id, &mut body),
        Protocol::RestXml => rest_xml(service, op, output, value, &mut body),
        Protocol::RestJson => rest_json(service, output, value, &mut body),
        Protocol::Json10 | Protocol::Json11 => {
            output.inspect(|s| Json { service, protocol, out: &mut body }.object(s, value));
            // AWS sends the type with an empty body too.
            true
        }
        Protocol::RpcV2Cbor => {
            output.inspect(|s| Cbor { service, out: &mut body }.object(s, value));
            output.is_some()
        }
    };
    if matches!(head.status, 204 | 304) {
        body.clear();
    } else if written || quirk::is_typed_without_body(service, op) {
        head.content_type(head::of_body(service, protocol));
    }
    Reply { status: head.status, headers: head.headers, body: body.into() }
}

/// Status and headers of an answer whose payload the caller streams: a blob or an event stream.
pub fn success_head(
    service: &Service,
    op: &Operation,
    protocol: Protocol,
    value: &Value,
    request_id: &str,
) -> ReplyHead {
    let mut head = ReplyHead::new(Some(service), protocol, quirk::status(service, op), request_id);
    let empty = Struct::new();
    let output = op.output.and_then(|id| service.structure(id));
    let raw = bind(service, protocol, output, value.as_struct().unwrap_or(&empty), &mut head);
    let events = output.is_some_and(|s| event_stream(service, s).is_some());
    head.content_type(match raw {
        _ if events => "application/vnd.amazon.eventstream",
        Some(_) => "application/octet-stream",
        None => head::of_body(service, protocol),
    });
    head
}

/// The member of an output (or input) that is an event stream.
pub fn event_stream<'a>(service: &Service, structure: &'a Structure) -> Option<&'a MemberModel> {
    let is_stream = |m: &&MemberModel| service.structure(m.target.shape).is_some_and(|s| s.event_stream);
    structure.members.iter().find(is_stream)
}

/// Binds the head, and gives the body where a payload member is the body as it stands.
fn bind(
    service: &Service,
    protocol: Protocol,
    output: Option<&Structure>,
    value: &Struct,
    head: &mut ReplyHead,
) -> Option<Bytes> {
    let output = output.filter(|_| matches!(protocol, Protocol::RestJson | Protocol::RestXml))?;
    head.bind(service, protocol, output, value);
    let payload = payload(output)?;
    let kind = &service.shape(payload.target.shape).kind;
    let raw = match (kind, value.get(payload.name)) {
        (Kind::Blob { .. } | Kind::String { .. }, Some(Value::Blob(bytes))) => bytes.clone(),
        (Kind::Blob { .. } | Kind::String { .. }, Some(Value::Str(text))) => {
            Bytes::copy_from_slice(text.as_bytes())
        }
        (Kind::Blob { .. } | Kind::String { .. }, _) => Bytes::new(),
        _ => return None,
    };
    if !raw.is_empty() {
        let text = matches!(kind, Kind::String { .. });
        head.content_type(if text { "text/plain" } else { "application/octet-stream" });
    }
    Some(raw)
}

fn payload(output: &Structure) -> Option<&MemberModel> {
    output.payload.and_then(|n| output.members.get(n))
}

fn query(
    service: &Service,
    op: &Operation,
    output: Option<&Structure>,
    value: &Struct,
    request_id: &str,
    out: &mut Vec<u8>,
) -> bool {
    let protocol = Protocol::Query;
    out.extend_from_slice(quirk::declaration(service, protocol));
    xml::open_root(out, &[op.name, "Response"], quirk::namespace(service));
    if let Some(structure) = output {
        let wrapper = op.result_wrapper;
        if !wrapper.is_empty() {
            xml::open_tag(out, wrapper);
        }
        let mark = out.len();
        Xml { service, protocol, out, as_given: false }.body(structure, value);
        if !wrapper.is_empty() {
            xml::close_or_collapse(out, wrapper, mark);
        }
    }
    xml::open_tag(out, "ResponseMetadata");
    xml::text_element(out, "RequestId", request_id);
    xml::close_tag(out, "ResponseMetadata");
    close_response(out, op);
    true
}

fn ec2(
    service: &Service,
    op: &Operation,
    output: Option<&Structure>,
    value: &Struct,
    request_id: &str,
    out: &mut Vec<u8>,
) -> bool {
    out.extend_from_slice(xml::DECLARATION);
    xml::open_root(out, &[op.name, "Response"], quirk::namespace(service));
    xml::text_element(out, "requestId", request_id);
    match output {
        Some(structure) => {
            Xml { service, protocol: Protocol::Ec2Query, out, as_given: false }.body(structure, value);
        }
        // What EC2 says where it has nothing to say.
        None => xml::text_element(out, "return", "true"),
    }
    close_response(out, op);
    true
}

fn close_response(out: &mut Vec<u8>, op: &Operation) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(op.name.as_bytes());
    out.extend_from_slice(b"Response>");
}

/// Says whether there is a document.
fn rest_xml(
    service: &Service,
    op: &Operation,
    output: Option<&Structure>,
    value: &Struct,
    out: &mut Vec<u8>,
) -> bool {
    let Some(output) = output else { return false };
    let protocol = Protocol::RestXml;
    if let Some(payload) = payload(output) {
        let Some(Value::Struct(value)) = value.get(payload.name) else { return false };
        let Some(structure) = service.structure(payload.target.shape) else { return false };
        let own = if structure.xml_name.is_empty() { payload.name } else { structure.xml_name };
        let root = if payload.target.wire_name.is_empty() { own } else { payload.target.wire_name };
        document(out, service, root, |out| {
            Xml { service, protocol, out, as_given: quirk::as_given(service, op) }.nested(structure, value);
        });
        return true;
    }
    let unbound = output.members.iter().any(|m| m.location == Location::Body);
    if !unbound && (quirk::is_s3(service) || !output.members.is_empty()) {
        return false;
    }
    document(out, service, quirk::root(service, op), |out| match output.members.first() {
        Some(member) if quirk::root_is_text(service, op) => {
            xml::text(out, value.str(member.name).unwrap_or(""));
        }
        _ => Xml { service, protocol, out, as_given: quirk::as_given(service, op) }.body(output, value),
    });
    true
}

/// A small XML document of texts, without a namespace.
pub fn plain_document(root: &str, members: &[(&str, &str)]) -> Bytes {
    let mut out = Vec::with_capacity(BODY_CAPACITY);
    out.extend_from_slice(xml::DECLARATION);
    xml::open_tag(&mut out, root);
    members.iter().for_each(|(name, text)| xml::text_element(&mut out, name, text));
    xml::close_tag(&mut out, root);
    out.into()
}

/// A structure as an XML document with this root, for another cloud: what [`crate::input::xml_members`] reads.
/// `None` where the service has no such structure.
pub fn xml_members(service: &Service, shape: &str, root: &str, value: &Struct) -> Option<Bytes> {
    let named = service.shapes.iter().find(|s| s.name == shape)?;
    let crate::model::Kind::Structure(structure) = &named.kind else { return None };
    let mut out = Vec::with_capacity(BODY_CAPACITY);
    document(&mut out, service, root, |out| {
        Xml { service, protocol: Protocol::RestXml, out, as_given: false }.nested(structure, value);
    });
    Some(out.into())
}

fn document(out: &mut Vec<u8>, service: &Service, root: &str, content: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(quirk::declaration(service, Protocol::RestXml));
    xml::open_root(out, &[root], quirk::namespace(service));
    let mark = out.len();
    content(out);
    xml::close_or_collapse(out, root, mark);
}

/// Says whether there is a body: an operation with an output has one, be it `{}`.
fn rest_json(service: &Service, output: Option<&Structure>, value: &Struct, out: &mut Vec<u8>) -> bool {
    let Some(output) = output else { return false };
    let mut json = Json { service, protocol: Protocol::RestJson, out };
    match payload(output) {
        Some(payload) => match value.get(payload.name) {
            Some(value) => json.value(&payload.target, value),
            None => out.extend_from_slice(b"{}"),
        },
        None => json.object(output, value),
    }
    true
}

#[cfg(test)]
mod tests;
