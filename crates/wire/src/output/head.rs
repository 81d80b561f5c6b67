//! Status and headers: the members that are bound to them, content types and request ids.

use super::json::Json;
use super::{members, quirk, scalar};
use crate::model::{Kind, Location, MemberRef, Protocol, Service, Structure, TimestampFormat};
use crate::value::{Struct, Value};
use crate::{octets, words};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SERVER};

const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const S3_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const S3_HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
/// How many of an object's metadata S3 could not send as headers.
const S3_MISSING_META: HeaderName = HeaderName::from_static("x-amz-missing-meta");
const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

/// A response before its body: what a streamed one begins with.
#[derive(Clone, PartialEq, Debug)]
pub struct ReplyHead {
    pub status: u16,
    pub headers: HeaderMap,
}

impl ReplyHead {
    /// The headers that every answer of the service carries, whatever it says.
    pub(crate) fn new(
        service: Option<&Service>,
        protocol: Protocol,
        status: u16,
        request_id: &str,
    ) -> ReplyHead {
        // Room for those of an object, so that they are not moved about.
        let mut headers = HeaderMap::with_capacity(16);
        let id = HeaderValue::from_str(request_id).unwrap_or(HeaderValue::from_static(""));
        if service.is_some_and(quirk::is_s3) {
            headers.insert(S3_REQUEST_ID, id);
            headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
            if let Ok(host) = HeaderValue::from_str(&host_id(request_id)) {
                headers.insert(S3_HOST_ID, host);
            }
        } else {
            headers.insert(AMZN_REQUEST_ID, id);
            if service.is_some_and(|service| service.id == "dynamodb") {
                // AWS: recorded answers.
                headers.insert(SERVER, HeaderValue::from_static("Server"));
            }
        }
        if protocol == Protocol::RpcV2Cbor {
            headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
        }
        ReplyHead { status, headers }
    }

    /// Sets the content type, unless a member has set it.
    pub(crate) fn content_type(&mut self, text: &'static str) {
        if !self.headers.contains_key(CONTENT_TYPE) {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
        }
    }

    /// Writes the members that are bound to the status or to headers.
    pub(crate) fn bind(
        &mut self,
        service: &Service,
        protocol: Protocol,
        structure: &Structure,
        value: &Struct,
    ) {
        if quirk::is_s3(service) {
            for &(name, header) in members::BESIDE {
                if let Some(Value::Str(text)) = value.get(name)
                    && !structure.members.iter().any(|member| member.name == name)
                {
                    self.headers.insert(HeaderName::from_static(header), header_value(text.as_bytes()));
                }
            }
        }
        let mut text = Vec::with_capacity(64);
        for (member, value) in members::in_head(structure, value) {
            match (member.location, value) {
                (Location::StatusCode, Value::Int(n)) => {
                    self.status =
                        u16::try_from(*n).ok().filter(|s| (100..1000).contains(s)).unwrap_or(self.status);
                }
                (Location::HeaderPrefix, Value::Map(items)) => {
                    self.prefixed(members::name(protocol, member), items);
                }
                (Location::Header, value) => {
                    let Ok(name) = HeaderName::from_bytes(members::name(protocol, member).as_bytes()) else {
                        continue;
                    };
                    text.clear();
                    header_text(service, &member.target, value, &mut text);
                    let value = if quirk::is_s3(service) { s3_value(&text) } else { header_value(&text) };
                    self.headers.insert(name, value);
                }
                _ => {}
            }
        }
    }

    /// One header per item of the map. A key that no header can have is counted, which is what S3 does.
    fn prefixed(&mut self, prefix: &str, items: &[(String, Value)]) {
        let mut missing = 0_u64;
        for (key, value) in items {
            let name = [prefix.as_bytes(), key.as_bytes()].concat();
            match (HeaderName::from_bytes(&name), value) {
                (Ok(name), Value::Str(text)) => {
                    self.headers.insert(name, header_value(words::encode(text).as_bytes()));
                }
                _ => missing += 1,
            }
        }
        if missing > 0 {
            self.headers.insert(S3_MISSING_META, HeaderValue::from(missing));
        }
    }
}

/// S3's second, opaque id of a request.
pub(crate) fn host_id(request_id: &str) -> String {
    STANDARD.encode(request_id)
}

pub(crate) fn of_body(service: &Service, protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Query => "text/xml",
        Protocol::Ec2Query => "text/xml;charset=UTF-8",
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        // Route 53 and CloudFront answer text/xml, S3 and S3 Control application/xml.
        Protocol::RestXml if service.id.starts_with("s3") => "application/xml",
        Protocol::RestXml => "text/xml",
        Protocol::RpcV2Cbor => "application/cbor",
    }
}

/// AWS: recorded answers: what S3 keeps of an object's headers goes out in the bytes in which it came.
fn s3_value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(&octets::bytes(text)).unwrap_or_else(|_| header_value(text))
}

/// Text that a header can carry as it is goes as it is; anything else as an RFC 2047 word.
fn header_value(text: &[u8]) -> HeaderValue {
    let plain = text.iter().all(|b| matches!(b, b'\t' | 0x20..=0x7E));
    let encoded = if plain { None } else { Some(format!("=?UTF-8?B?{}?=", STANDARD.encode(text))) };
    let bytes = encoded.as_ref().map_or(text, |word| word.as_bytes());
    HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static(""))
}

fn header_text(service: &Service, target: &MemberRef, value: &Value, out: &mut Vec<u8>) {
    let shape = service.shape(target.shape);
    if target.json_value {
        return json_header(service, target, value, out);
    }
    match (&shape.kind, value) {
        (Kind::List { element, .. }, Value::List(items)) => {
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.extend_from_slice(b", ");
                }
                list_item(service, element, item, out);
            }
        }
        (_, Value::Time(t)) => match scalar::format_of(target, shape, TimestampFormat::Rfc822) {
            TimestampFormat::Iso8601 => scalar::iso8601(out, *t, false),
            TimestampFormat::Unix => scalar::epoch(out, *t),
            TimestampFormat::Rfc822 | TimestampFormat::Default => {
                out.extend_from_slice(t.http_date().as_bytes());
            }
        },
        (Kind::Float { double, .. }, Value::Float(x)) => scalar::float(out, *x, *double),
        (_, Value::Float(x)) => scalar::float(out, *x, true),
        (_, Value::Str(s)) => out.extend_from_slice(s.as_bytes()),
        (_, Value::Int(n)) => scalar::int(out, *n),
        (_, Value::Bool(b)) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        (_, Value::Blob(b)) => scalar::base64(out, b),
        (_, Value::Null | Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Elements(_)) => {}
    }
}

/// Text with a comma or a quote is quoted, so that the list can be taken apart again.
fn list_item(service: &Service, element: &MemberRef, item: &Value, out: &mut Vec<u8>) {
    match item {
        Value::Str(s) if s.contains([',', '"']) => {
            out.push(b'"');
            for byte in s.bytes() {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
        _ => header_text(service, element, item, out),
    }
}

/// A string is taken for the JSON text itself, any other value is printed as JSON; both go in base64.
fn json_header(service: &Service, target: &MemberRef, value: &Value, out: &mut Vec<u8>) {
    if let Value::Str(text) = value {
        return scalar::base64(out, text.as_bytes());
    }
    let mut json = Vec::new();
    Json { service, protocol: Protocol::RestJson, out: &mut json }.value(target, value);
    scalar::base64(out, &json);
}
