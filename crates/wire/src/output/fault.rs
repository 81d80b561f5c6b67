//! Errors on the wire.
//!
//! A fault's code may be the error shape's name or the wire's code; the model translates. Where the model does not
//! know the error (access denied, throttling, what is not built), the code goes out as it is.

use super::cbor::Cbor;
use super::head::{self, ReplyHead};
use super::json::{self, Json};
use super::xml::{self, Xml};
use super::{Reply, members, quirk};
use crate::Fault;
use crate::model::{ErrorTrait, Kind, NOBODY, Operation, Protocol, Service, Shape, Structure};
use crate::value::{Struct, Value};
use http::header::{HeaderName, HeaderValue};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// The status of an error that neither the fault nor the model gives one.
const DEFAULT_STATUS: u16 = 400;

/// The answer to a request that failed. `service` and `op` are what routing has found, if anything.
pub fn fault(
    service: Option<&Service>,
    op: Option<&Operation>,
    protocol: Protocol,
    fault: &Fault,
    request_id: &str,
) -> Reply {
    let known = service.and_then(|s| Known::find(s, op, &fault.code));
    let modelled = known.as_ref().map_or(0, |k| k.error.status);
    let status = [fault.status, modelled].into_iter().find(|s| *s != 0).unwrap_or(DEFAULT_STATUS);
    let mut head = ReplyHead::new(service, protocol, status, request_id);
    let mut body = Vec::with_capacity(512);
    let writer = Writer { service, protocol, fault, known, status, request_id };
    writer.headers(&mut head);
    if !matches!(status, 204 | 304) {
        writer.body(&mut body);
    }
    Reply { status: head.status, headers: head.headers, body: body.into() }
}

/// An error shape of the model.
struct Known<'a> {
    shape: &'a Shape,
    structure: &'a Structure,
    error: &'a ErrorTrait,
}

impl<'a> Known<'a> {
    /// The operation's own errors first: two shapes of a service may share a code.
    fn find(service: &'a Service, op: Option<&Operation>, code: &str) -> Option<Known<'a>> {
        let own = op.into_iter().flat_map(|o| &o.errors).map(|id| service.shape(*id));
        own.chain(&service.shapes).find_map(|shape| Known::matching(shape, code))
    }

    fn matching(shape: &'a Shape, code: &str) -> Option<Known<'a>> {
        let Kind::Structure(structure) = &shape.kind else { return None };
        let error = structure.error.as_ref()?;
        (shape.name == code || (!error.code.is_empty() && error.code == code)).then_some(Known {
            shape,
            structure,
            error,
        })
    }

    /// The query protocols' code.
    fn code(&self) -> &'static str {
        if self.error.code.is_empty() { self.shape.name } else { self.error.code }
    }
}

struct Writer<'a> {
    service: Option<&'a Service>,
    protocol: Protocol,
    fault: &'a Fault,
    known: Option<Known<'a>>,
    status: u16,
    request_id: &'a str,
}

impl Writer<'_> {
    fn service(&self) -> &Service {
        self.service.unwrap_or(&NOBODY)
    }

    /// The shape's name, which is the code of the protocols without XML.
    fn shape_name(&self) -> &str {
        match &self.known {
            Some(known) => known.shape.name,
            None => quirk::shape_of(self.service(), &self.fault.code).unwrap_or(&self.fault.code),
        }
    }

    /// The code of the protocols with XML.
    fn query_code(&self) -> &str {
        match &self.known {
            Some(known) => known.code(),
            None => quirk::code_of(self.service(), &self.fault.code).unwrap_or(&self.fault.code),
        }
    }

    fn message(&self) -> &str {
        quirk::message(self.service(), self.protocol, self.query_code()).unwrap_or(&self.fault.message)
    }

    /// Whose fault it is, in the query protocol's word.
    fn side(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }

    /// The member that holds the message, by its name on the wire.
    fn message_name(&self) -> &'static str {
        let modelled =
            self.known.as_ref().and_then(|k| k.structure.members.iter().find(|m| is_message(m.name)));
        match modelled {
            Some(_) if quirk::shows_item(self.service(), self.fault) => "Message",
            Some(member) => members::name(self.protocol, member),
            // The framework's own refusal is the one that AWS writes with a capital, and DynamoDB's of what it cannot read.
            None if self.fault.code == "AccessDeniedException"
                || quirk::is_dynamodbs(self.service(), &self.fault.code) =>
            {
                "Message"
            }
            None => "message",
        }
    }

    fn headers(&self, head: &mut ReplyHead) {
        let service = self.service();
        let rest = matches!(self.protocol, Protocol::RestJson | Protocol::RestXml);
        if let (true, Some(known)) = (rest, &self.known) {
            head.bind(service, self.protocol, known.structure, &self.fault.members);
        }
        head.status = self.status;
        for (name, value) in &self.fault.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                head.headers.insert(HeaderName::from_static(name), value);
            }
        }
        if matches!(self.status, 204 | 304) {
            return;
        }
        head.content_type(head::of_body(service, self.protocol));
        if self.protocol == Protocol::RestJson
            && let Ok(code) = HeaderValue::from_str(self.shape_name())
        {
            head.headers.insert(ERROR_TYPE, code);
        }
        let moved = matches!(self.protocol, Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor);
        if moved
            && quirk::speaks_query_too(service, self.protocol)
            && let Ok(code) = HeaderValue::from_str(&[self.query_code(), ";", self.side()].concat())
        {
            head.headers.insert(QUERY_ERROR, code);
        }
    }

    fn body(&self, out: &mut Vec<u8>) {
        match self.protocol {
            Protocol::Query => self.error_response(out),
            Protocol::RestXml if quirk::is_s3(self.service()) => self.s3(out),
            Protocol::RestXml => self.error_response(out),
            Protocol::Ec2Query => self.ec2(out),
            Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => self.json(out),
            Protocol::RpcV2Cbor => self.cbor(out),
        }
    }

    fn error_response(&self, out: &mut Vec<u8>) {
        let service = self.service();
        out.extend_from_slice(quirk::declaration(service, self.protocol));
        xml::open_root(out, &["ErrorResponse"], quirk::namespace(service));
        xml::open_tag(out, "Error");
        xml::text_element(out, "Type", self.side());
        self.xml_members(out);
        xml::close_tag(out, "Error");
        xml::text_element(out, "RequestId", self.request_id);
        xml::close_tag(out, "ErrorResponse");
    }

    fn ec2(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(xml::DECLARATION);
        out.extend_from_slice(b"<Response><Errors><Error>");
        self.xml_members(out);
        out.extend_from_slice(b"</Error></Errors>");
        xml::text_element(out, "RequestID", self.request_id);
        xml::close_tag(out, "Response");
    }

    fn s3(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(xml::DECLARATION);
        xml::open_tag(out, "Error");
        self.xml_members(out);
        xml::text_element(out, "RequestId", self.request_id);
        xml::text_element(out, "HostId", &head::host_id(self.request_id));
        xml::close_tag(out, "Error");
    }

    /// Code, message, and whatever else the fault carries: by the model where it has the member.
    fn xml_members(&self, out: &mut Vec<u8>) {
        xml::text_element(out, "Code", self.query_code());
        xml::text_element(out, "Message", self.message());
        let (modelled, further) = self.further();
        let mut xml = Xml { service: self.service(), protocol: self.protocol, out, as_given: false };
        if let Some(known) = &self.known {
            xml.body(known.structure, &modelled);
        }
        further.iter().for_each(|(name, value)| xml.plain_element(name, value));
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        if self.protocol != Protocol::RestJson {
            let prefix = quirk::error_prefix(self.service(), &self.fault.code, self.known.is_some());
            out.extend_from_slice(b"\"__type\":");
            json::string(out, &[prefix, self.shape_name()].concat());
            first = false;
        }
        if !self.fault.message.is_empty() {
            if !first {
                out.push(b',');
            }
            json::string(out, self.message_name());
            out.push(b':');
            json::string(out, &self.fault.message);
            first = false;
        }
        let (modelled, further) = self.further();
        let mut json = Json { service: self.service(), protocol: self.protocol, out };
        if let Some(known) = &self.known {
            let fields = members::body(known.structure, &modelled);
            json.fields(&fields, first);
            first &= fields.is_empty();
        }
        json.document_fields(&further, first);
        out.push(b'}');
    }

    fn cbor(&self, out: &mut Vec<u8>) {
        let (modelled, further) = self.further();
        let fields = self.known.as_ref().map(|k| members::all(k.structure, &modelled)).unwrap_or_default();
        let messages = usize::from(!self.fault.message.is_empty());
        let prefix = quirk::shape_namespace(self.service());
        let mut cbor = Cbor { service: self.service(), out };
        cbor.map_head(1 + messages + fields.len() + further.len());
        cbor.text("__type");
        cbor.text(&[&prefix, self.shape_name()].concat());
        if messages > 0 {
            cbor.text(self.message_name());
            cbor.text(&self.fault.message);
        }
        cbor.fields(&fields);
        for (name, value) in further.iter() {
            cbor.text(name);
            cbor.document(value);
        }
    }

    /// The fault's members: those of the modelled shape, and the others. The message is neither.
    fn further(&self) -> (Struct, Struct) {
        let (mut modelled, mut further) = (Struct::new(), Struct::new());
        for (name, value) in self.fault.members.iter().filter(|(name, _)| !is_message(name)) {
            let of_shape = self.known.as_ref().is_some_and(|k| k.structure.member(name).is_some());
            (if of_shape { &mut modelled } else { &mut further }).set(name, value.clone());
        }
        if let (Some(known), Some((name, side))) =
            (&self.known, quirk::side_member(self.service(), self.status))
            && known.structure.member(name).is_some()
            && modelled.get(name).is_none()
        {
            modelled.set(name, Value::str(side));
        }
        (modelled, further)
    }
}

fn is_message(name: &str) -> bool {
    name.eq_ignore_ascii_case("message")
}
