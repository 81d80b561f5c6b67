//! REST bindings: members in the path, the query string, headers and the body.

use super::{Bad, Context, Path, Read, json, percent, scalar, without_repeats, xml};
use crate::head::Head;
use crate::model::{Kind, Location, MemberModel, Protocol, Shape, Structure, TimestampFormat};
use crate::route::Route;
use crate::value::{Struct, Value};
use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

/// Query parameters that belong to signing and to the SDKs: never members, never unknown.
const OWN_QUERY: [&str; 6] =
    ["X-Amz-", "x-id", "AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token"];

/// What a request gives, taken apart once for all of an operation's members: S3's have dozens.
struct Given<'a> {
    query: Vec<(&'a str, &'a str)>,
    /// A bit for each length of a header's name.
    lengths: u64,
    signature: Signature,
}

/// What a URL of S3 is signed with, and so which of its parameters may stand for headers: those that are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signature {
    None,
    V2,
    V4,
}

impl Signature {
    fn of(query: &[(&str, &str)], service: &str) -> Signature {
        let has = |name: &str| query.iter().any(|(own, _)| *own == name);
        if service != "s3" {
            Signature::None
        } else if has("AWSAccessKeyId") {
            Signature::V2
        } else if has("X-Amz-Signature") && has("X-Amz-Algorithm") {
            Signature::V4
        } else {
            Signature::None
        }
    }

    /// AWS: recorded answers: SDKs sign what S3 is told in headers as parameters of the URL, and S3 hears it there too. Not
    /// of checksums, which it leaves alone.
    fn hoists(self, name: &str) -> bool {
        let starts = |start: &str| name.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
        let is_sum = starts("x-amz-checksum-") || starts("x-amz-sdk-checksum-");
        match self {
            Signature::None => false,
            Signature::V2 => name.starts_with("x-amz-") && !is_sum,
            Signature::V4 => starts("x-amz-") && !is_sum || starts("if-match") || starts("if-none-match"),
        }
    }
}

impl<'a> Given<'a> {
    fn of(head: &Head<'a>, service: &str) -> Given<'a> {
        let lengths = head.headers.keys().fold(0, |lengths, name| lengths | length_bit(name.as_str()));
        let query: Vec<_> = head.query_pairs().collect();
        let signature = Signature::of(&query, service);
        Given { query, lengths, signature }
    }

    /// The parameters that may stand for headers.
    fn hoisted(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let signature = self.signature;
        self.query.iter().copied().filter(move |(name, _)| signature.hoists(name))
    }

    /// False for most names, without a look at the headers.
    fn may_have(&self, header: &str) -> bool {
        self.lengths & length_bit(header) != 0
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

pub(super) fn request(
    cx: &mut Context,
    input: &Structure,
    route: &Route,
    head: &Head,
    body: Bytes,
) -> Read<Struct> {
    refuse_encryption(route, head)?;
    let mut out = Struct::new();
    let mut in_body = false;
    let given = Given::of(head, route.service.id);
    for member in &input.members {
        let value = match member.location {
            Location::Uri => label(cx, member, route)?,
            Location::QueryString => query(cx, member, input, route, &given)?,
            Location::Header => {
                let stated = if given.may_have(wire_name(member)) { header(cx, member, head)? } else { None };
                if stated.is_some() { stated } else { hoisted(cx, member, &given)? }
            }
            Location::HeaderPrefix => prefixed(cx, member, head, &given)?,
            Location::Body => {
                in_body = true;
                None
            }
            Location::StatusCode => None,
        };
        if let Some(value) = value {
            out.push(member.name, value);
        }
    }
    report_query(cx, input, route, &given);
    if let Some(at) = input.payload {
        let member = &input.members[at];
        if let Some(value) = payload(cx, member, route.protocol, body)? {
            out.set(member.name, value);
        }
    } else if in_body && !is_blank(&body) {
        let members = match route.protocol {
            Protocol::RestXml => xml::request(cx, input, &body)?,
            _ => json::request(cx, input, &body)?,
        };
        for (name, value) in members {
            // A member that is bound elsewhere does not become one by standing in the body too.
            match input.member(name) {
                Some(m) if m.location == Location::Body => out.set(name, value),
                _ => cx.unknown(&Path::ROOT, name),
            }
        }
    }
    Ok(out)
}

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>: what an object was encrypted with is not said
/// when it is read, and who says it gets an error.
fn refuse_encryption(route: &Route, head: &Head) -> Read<()> {
    const NAME: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
    let reads = route.service.id == "s3" && matches!(route.operation.name, "GetObject" | "HeadObject");
    match head.header(NAME).filter(|_| reads) {
        None => Ok(()),
        Some(value) => Err(Bad::Scalar {
            name: NAME.as_str().to_owned(),
            value: value.to_owned(),
            expected: "x-amz-server-side-encryption header is not supported for this operation.",
        }),
    }
}

fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

fn wire_name(member: &MemberModel) -> &'static str {
    if member.target.wire_name.is_empty() { member.name } else { member.target.wire_name }
}

fn label(cx: &mut Context, member: &MemberModel, route: &Route) -> Read<Option<Value>> {
    let name = wire_name(member);
    let Some((_, raw)) = route.labels.iter().find(|(label, _)| *label == name) else { return Ok(None) };
    let text = percent::path(raw).ok_or(Bad::Path)?;
    let shape = cx.service.shape(member.target.shape);
    scalar::read(shape, &text, name, format(member, shape, TimestampFormat::Iso8601)).map(Some)
}

/// The member's own timestamp format, the shape's, or what the place says.
fn format(member: &MemberModel, shape: &Shape, place: TimestampFormat) -> TimestampFormat {
    match (member.target.timestamp, &shape.kind) {
        (TimestampFormat::Default, Kind::Timestamp { format: TimestampFormat::Default }) => place,
        (own, _) => own,
    }
}

fn query(
    cx: &mut Context,
    member: &MemberModel,
    input: &Structure,
    route: &Route,
    given: &Given,
) -> Read<Option<Value>> {
    if given.query.is_empty() {
        return Ok(None);
    }
    let name = wire_name(member);
    let shape = cx.service.shape(member.target.shape);
    let place = format(member, shape, TimestampFormat::Iso8601);
    let values = || given.query.iter().filter(move |(n, _)| is_name(n, name)).map(|(_, v)| *v);
    match &shape.kind {
        Kind::List { element, .. } => {
            let element = cx.service.shape(element.shape);
            let mut items = Vec::new();
            for raw in values() {
                cx.node()?;
                let text = percent::form(raw).ok_or(Bad::Syntax)?;
                items.push(scalar::read(element, &text, name, place)?);
            }
            Ok((!items.is_empty()).then_some(Value::List(items)))
        }
        Kind::Map { value, .. } => query_map(cx, cx.service.shape(value.shape), input, route, given),
        _ => {
            let Some(raw) = values().next() else { return Ok(None) };
            let text = percent::form(raw).ok_or(Bad::Syntax)?;
            if text.is_empty() && !matches!(shape.kind, Kind::String { .. }) {
                return Ok(None);
            }
            scalar::read(shape, &text, name, place).map(Some)
        }
    }
}

fn is_name(raw: &str, name: &str) -> bool {
    raw == name || raw.contains('%') && percent::form(raw).is_some_and(|n| n == name)
}

/// A map in the query string holds all parameters that no other member takes.
fn query_map(
    cx: &mut Context,
    value: &Shape,
    input: &Structure,
    route: &Route,
    given: &Given,
) -> Read<Option<Value>> {
    let mut out: Vec<(String, Value)> = Vec::new();
    for (raw_name, raw_value) in &given.query {
        cx.node()?;
        let name = percent::form(raw_name).ok_or(Bad::Syntax)?;
        if is_bound(input, route, &name) {
            continue;
        }
        let text = percent::form(raw_value).ok_or(Bad::Syntax)?;
        let Kind::List { element, .. } = &value.kind else {
            out.push((name.into_owned(), scalar::read(value, &text, "", TimestampFormat::Default)?));
            continue;
        };
        let item = scalar::read(cx.service.shape(element.shape), &text, "", TimestampFormat::Default)?;
        match out.last_mut() {
            Some((last, Value::List(items))) if *last == name => items.push(item),
            _ => out.push((name.into_owned(), Value::List(vec![item]))),
        }
    }
    Ok((!out.is_empty()).then(|| Value::Map(without_repeats(out))))
}

/// A parameter that is a member of its own, selects the operation, or belongs to signing.
fn is_bound(input: &Structure, route: &Route, name: &str) -> bool {
    let constants = route.operation.uri.split_once('?').map_or("", |(_, query)| query);
    input.members.iter().any(|m| m.location == Location::QueryString && wire_name(m) == name)
        || crate::head::pairs(constants).any(|(constant, _)| constant == name)
        || OWN_QUERY.iter().any(|own| name.starts_with(own))
}

fn report_query(cx: &mut Context, input: &Structure, route: &Route, given: &Given) {
    if given.query.is_empty() {
        return;
    }
    let is_map = |m: &MemberModel| {
        let kind = &cx.service.shape(m.target.shape).kind;
        m.location == Location::QueryString && matches!(kind, Kind::Map { .. })
    };
    if input.members.iter().any(is_map) {
        return;
    }
    let is_header = |name: &str| {
        given.signature.hoists(name)
            && input.members.iter().any(|member| match member.location {
                Location::Header => wire_name(member).eq_ignore_ascii_case(name),
                Location::HeaderPrefix => after_prefix(name, member).is_some(),
                _ => false,
            })
    };
    for (raw, _) in &given.query {
        let unknown = |name: &str| !is_bound(input, route, name) && !is_header(name);
        if let Some(name) = percent::form(raw).filter(|name| unknown(name)) {
            cx.unknown(&Path::ROOT, &format!("?{name}"));
        }
    }
}

fn header(cx: &mut Context, member: &MemberModel, head: &Head) -> Read<Option<Value>> {
    let name = wire_name(member);
    let shape = cx.service.shape(member.target.shape);
    if let Kind::List { element, .. } = &shape.kind {
        let element = cx.service.shape(element.shape);
        let mut items = Vec::new();
        for line in head.headers.get_all(name) {
            for text in text_of(line).ok_or(Bad::Syntax)?.split(',') {
                cx.node()?;
                items.push(scalar::read(element, unquote(text.trim()), name, TimestampFormat::Rfc822)?);
            }
        }
        return Ok((!items.is_empty()).then_some(Value::List(items)));
    }
    let Some(line) = head.headers.get(name) else { return Ok(None) };
    let text = text_of(line).ok_or(Bad::Syntax)?;
    if member.target.json_value {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| Bad::Syntax)?;
        let json = String::from_utf8(bytes).map_err(|_| Bad::Syntax)?;
        return json::free(cx, &json).map(Some);
    }
    if text.is_empty() && !matches!(shape.kind, Kind::String { .. }) {
        return Ok(None);
    }
    let value = scalar::read(shape, text, name, format(member, shape, TimestampFormat::Rfc822));
    // RFC 9110, 13.1.3 and 13.1.4: a condition whose date cannot be read is not looked at.
    let is_condition = matches!(shape.kind, Kind::Timestamp { .. }) && name.starts_with("If-");
    if is_condition && value.is_err() { Ok(None) } else { value.map(Some) }
}

/// Header values may be UTF-8 (S3's metadata), though HTTP only speaks of ASCII.
fn text_of(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text)
}

/// What of a header's name tells one of a member's items from the others.
fn after_prefix<'n>(name: &'n str, member: &MemberModel) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(member.target.wire_name.len())?;
    (start.eq_ignore_ascii_case(member.target.wire_name) && !rest.is_empty()).then_some(rest)
}

/// What a parameter of the URL says in the place of a header.
fn hoisted(cx: &Context, member: &MemberModel, given: &Given) -> Read<Option<Value>> {
    let name = wire_name(member);
    let Some((_, raw)) = given.hoisted().find(|(own, _)| own.eq_ignore_ascii_case(name)) else {
        return Ok(None);
    };
    let shape = cx.service.shape(member.target.shape);
    let text = percent::form(raw).ok_or(Bad::Syntax)?;
    if matches!(shape.kind, Kind::List { .. }) || text.is_empty() {
        return Ok(None);
    }
    scalar::read(shape, &text, name, format(member, shape, TimestampFormat::Rfc822)).map(Some)
}

fn prefixed(cx: &mut Context, member: &MemberModel, head: &Head, given: &Given) -> Read<Option<Value>> {
    let mut out: Vec<(String, Value)> = Vec::new();
    for name in head.headers.keys() {
        let Some(rest) = after_prefix(name.as_str(), member) else { continue };
        // Repeated headers are one header with commas between.
        let lines: Option<Vec<&str>> = head.headers.get_all(name).iter().map(text_of).collect();
        match lines {
            Some(lines) => out.push((rest.to_owned(), Value::Str(lines.join(",")))),
            None => cx.unknown(&Path::ROOT, name.as_str()),
        }
    }
    for (name, raw) in given.hoisted() {
        let Some(name) = after_prefix(name, member).map(str::to_ascii_lowercase) else { continue };
        let text = percent::form(raw).ok_or(Bad::Syntax)?;
        if out.iter().all(|(other, _)| *other != name) {
            out.push((name, Value::Str(text.into_owned())));
        }
    }
    Ok((!out.is_empty()).then_some(Value::Map(out)))
}

fn payload(cx: &mut Context, member: &MemberModel, protocol: Protocol, body: Bytes) -> Read<Option<Value>> {
    let path = Path::ROOT;
    let path = path.down(member.name);
    match &cx.service.shape(member.target.shape).kind {
        Kind::Blob { streaming: true, .. } => Ok(None),
        Kind::Structure(s) if s.event_stream => Ok(None),
        _ if body.is_empty() => Ok(None),
        Kind::Blob { .. } => Ok(Some(Value::Blob(body))),
        Kind::String { .. } => {
            let text = std::str::from_utf8(&body).map_err(|_| Bad::Syntax)?;
            Ok(Some(Value::str(text)))
        }
        _ if is_blank(&body) => Ok(None),
        _ if protocol == Protocol::RestXml => {
            xml::document(cx, &member.target, wire_name(member), &body, &path).map(Some)
        }
        _ => json::document(cx, member.target.shape, &body, &path).map(Some),
    }
}
