//! From the bytes of a request to a [`Value`], guided by the model, in one pass over the bytes.
//!
//! [`parse`] also tells what the model does not know (`unknown`), what breaks the model's constraints
//! (`violations`, a walk over the finished tree in the model's order, so that no codec has to track paths), and
//! which idempotency tokens the caller left to us. Streaming payloads stay out of the tree.

mod cbor;
mod coral;
mod json;
pub mod percent;
mod query;
mod rest;
mod scalar;
mod xml;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use crate::fault::Fault;
use crate::head::Head;
use crate::model::{MemberModel, Protocol, Service, Structure};
use crate::route::Route;
use crate::validate::{self, Violation};
use crate::value::{Struct, Value};
use bytes::Bytes;

/// Containers within containers, in any protocol. DynamoDB's attribute values need the most: it tells of values nested beyond
/// its 32 levels of two itself, in words that depend on how deep they are.
pub const DEPTH_MAX: u32 = 250;
/// Nodes of one request's tree: a request of a few megabytes must not become gigabytes of values.
pub const NODES_MAX: u32 = 1_000_000;
/// Pairs in a form or a query string.
pub const PARAMETERS_MAX: usize = 100_000;
/// Unknown members that are named; there may be more.
pub const UNKNOWN_MAX: usize = 64;

/// A request as a tree.
#[derive(Clone, PartialEq, Debug)]
pub struct Parsed {
    /// Always a [`Value::Struct`].
    pub value: Value,
    pub violations: Vec<Violation>,
    /// Paths (`Tags.Colour`) of members that the model does not have; query parameters of REST as `?name`.
    pub unknown: Vec<String>,
    /// Absent top-level members that the model marks as idempotency tokens.
    pub idempotency: Vec<&'static str>,
}

/// Reads the request of `route`. `body` is empty where the operation streams its payload.
///
/// # Errors
/// A [`Fault`] in the words of the protocol when the request cannot be read; what can be read but breaks a
/// constraint is in [`Parsed::violations`].
pub fn parse(route: &Route, head: &Head, body: Bytes) -> Result<Parsed, Fault> {
    let mut cx = Context::new(route.service, route.protocol);
    let service = route.service;
    let Some(shape) = route.operation.input else {
        let value = Value::Struct(Struct::new());
        return Ok(Parsed { value, violations: Vec::new(), unknown: Vec::new(), idempotency: Vec::new() });
    };
    let empty = Structure::default();
    let input = service.structure(shape).unwrap_or(&empty);
    let members = match route.protocol {
        Protocol::Json10 | Protocol::Json11 => json::request(&mut cx, input, &body),
        Protocol::RpcV2Cbor => cbor::request(&mut cx, input, &body),
        Protocol::Query | Protocol::Ec2Query => query::request(&mut cx, input, head, &body),
        Protocol::RestJson | Protocol::RestXml => rest::request(&mut cx, input, route, head, body),
    };
    let value = Value::Struct(members.map_err(|bad| bad.fault(service, route.protocol))?);
    let violations = validate::check(service, shape, &value);
    let token = |m: &&MemberModel| m.idempotency_token && value.member(m.name).is_none();
    let idempotency = input.members.iter().filter(token).map(|m| m.name).collect();
    Ok(Parsed { value, violations, unknown: cx.unknown, idempotency })
}

/// JSON without a model (a header, a policy of a form): objects are maps, and every size is bounded. `None` where it is
/// none.
pub fn free_json(text: &str) -> Option<Value> {
    json::free(&mut Context::new(&crate::model::NOBODY, Protocol::RestJson), text).ok()
}

/// The members of a structure from an XML document, whatever its root is called; `None` where it is no XML.
pub fn xml_members(service: &'static Service, shape: &str, body: &[u8]) -> Option<Struct> {
    let named = service.shapes.iter().find(|s| s.name == shape)?;
    let crate::model::Kind::Structure(structure) = &named.kind else { return None };
    xml_structure(service, structure, body)
}

/// As [`xml_members`], of a structure that has been found.
pub(crate) fn xml_structure(service: &'static Service, structure: &Structure, body: &[u8]) -> Option<Struct> {
    xml::request(&mut Context::new(service, Protocol::RestXml), structure, body).ok()
}

/// A timestamp in text of this format, or of another that AWS's services take.
pub(crate) fn timestamp(text: &str, format: crate::model::TimestampFormat) -> Option<base::Timestamp> {
    scalar::timestamp(text, format)
}

/// What the codecs share while they read one request.
struct Context {
    service: &'static Service,
    /// REST JSON has names of its own for members; JSON-RPC and CBOR do not.
    wire_names: bool,
    nodes: u32,
    unknown: Vec<String>,
}

impl Context {
    fn new(service: &'static Service, protocol: Protocol) -> Context {
        let wire_names = matches!(protocol, Protocol::RestJson | Protocol::RestXml);
        Context { service, wire_names, nodes: 0, unknown: Vec::new() }
    }

    /// Counts one node of the tree.
    fn node(&mut self) -> Read<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX { Err(Bad::TooLarge) } else { Ok(()) }
    }

    /// Remembers a member that the model does not have.
    fn unknown(&mut self, path: &Path, name: &str) {
        if self.unknown.len() < UNKNOWN_MAX {
            let full = path.render(name);
            if !self.unknown.contains(&full) {
                self.unknown.push(full);
            }
        }
    }

    /// The name of a member in a JSON or XML document.
    fn name_of(&self, m: &MemberModel) -> &'static str {
        if self.wire_names && !m.target.wire_name.is_empty() { m.target.wire_name } else { m.name }
    }

    /// Finds a member by its name in a document. Clients mostly write in the model's order, so the search starts
    /// behind the member that was found last.
    fn find<'m>(&self, s: &'m Structure, name: &str, hint: &mut usize) -> Option<&'m MemberModel> {
        let members = &s.members;
        let start = (*hint).min(members.len());
        for at in (start..members.len()).chain(0..start) {
            if self.name_of(&members[at]) == name {
                *hint = at + 1;
                return Some(&members[at]);
            }
        }
        None
    }
}

/// Where a codec is, as a chain on the stack; written out only for an unknown member.
#[derive(Clone, Copy)]
struct Path<'a> {
    up: Option<&'a Path<'a>>,
    name: &'a str,
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path { up: None, name: "" };

    fn down(&'a self, name: &'a str) -> Path<'a> {
        Path { up: Some(self), name }
    }

    fn render(&self, last: &str) -> String {
        let mut names = vec![last];
        let mut at = Some(self);
        while let Some(path) = at {
            if !path.name.is_empty() {
                names.push(path.name);
            }
            at = path.up;
        }
        names.reverse();
        names.join(".")
    }
}

type Read<T> = Result<T, Bad>;

/// Why a request cannot be read; the protocol and the service find the words.
#[derive(Clone, PartialEq, Debug)]
enum Bad {
    /// Not JSON, not XML, not CBOR, not UTF-8, truncated.
    Syntax,
    /// An address whose path is not UTF-8.
    Path,
    TooDeep,
    TooLarge,
    /// The document is right, a value is of another type; the words are the JSON protocols'.
    Type(String),
    /// A scalar as text that does not read as its type.
    Scalar {
        name: String,
        value: String,
        expected: &'static str,
    },
}

impl Bad {
    fn fault(self, service: &Service, protocol: Protocol) -> Fault {
        match protocol {
            Protocol::Json10 | Protocol::Json11 | Protocol::RestJson | Protocol::RpcV2Cbor => {
                Fault::new(400, "SerializationException", self.json_words())
            }
            Protocol::RestXml => self.xml_fault(service),
            Protocol::Query => match self {
                Bad::Scalar { expected, .. } => Fault::new(400, "MalformedInput", expected),
                Bad::TooLarge | Bad::TooDeep => Fault::new(413, "RequestEntityTooLarge", self.json_words()),
                _ => Fault::new(400, "MalformedQueryString", "The query string contains a syntax error"),
            },
            Protocol::Ec2Query => match self {
                Bad::Scalar { name, value, expected } => Fault::new(
                    400,
                    "InvalidParameterValue",
                    format!("Value ({value}) for parameter {name} is invalid. {expected}"),
                ),
                Bad::TooLarge | Bad::TooDeep => Fault::new(413, "RequestEntityTooLarge", self.json_words()),
                _ => Fault::new(400, "MalformedQueryString", "The query string contains a syntax error"),
            },
        }
    }

    /// AWS says nothing about malformed JSON beyond its code.
    fn json_words(&self) -> String {
        match self {
            Bad::Syntax | Bad::Path => String::new(),
            Bad::TooDeep => format!("The request is nested more than {DEPTH_MAX} levels deep."),
            Bad::TooLarge => format!("The request has more than {NODES_MAX} values."),
            Bad::Type(words) => words.clone(),
            Bad::Scalar { expected, .. } => (*expected).to_owned(),
        }
    }

    // AWS: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedXML, InvalidArgument,
    // InvalidURI); Route 53 and CloudFront list InvalidInput and MalformedInput among their common errors.
    fn xml_fault(self, service: &Service) -> Fault {
        let s3 = service.signing_name == "s3";
        match self {
            Bad::Scalar { name, value, .. } if s3 && name == S3_WHOLE_SIZE => {
                Fault::new(400, "InvalidRequest", format!("Value for {name} header is invalid: '{value}'"))
            }
            Bad::Scalar { name, value, expected } if s3 => {
                Fault::new(400, "InvalidArgument", s3_words(&name, expected))
                    .with("ArgumentName", Value::Str(name))
                    .with("ArgumentValue", Value::Str(value))
            }
            Bad::Path if s3 => Fault::new(400, "InvalidURI", "Couldn't parse the specified URI."),
            _ if s3 => Fault::new(
                400,
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema",
            ),
            bad => Fault::new(400, "MalformedInput", bad.json_words()),
        }
    }
}

/// The one number that S3 refuses in other words.
const S3_WHOLE_SIZE: &str = "x-amz-mp-object-size";

/// S3 names the argument that is no number.
fn s3_words(name: &str, expected: &'static str) -> String {
    match expected {
        scalar::INTEGER | scalar::INTEGER_RANGE => {
            format!("Provided {name} not an integer or within integer range")
        }
        _ if name == "x-amz-object-lock-retain-until-date" => {
            "The retain until date must be provided in ISO 8601 format".to_owned()
        }
        other => other.to_owned(),
    }
}

/// A repeated key keeps its last value, at its first place. Small maps are searched, large ones sorted.
fn without_repeats(mut items: Vec<(String, Value)>) -> Vec<(String, Value)> {
    const SEARCHED_MAX: usize = 16;
    if items.len() <= SEARCHED_MAX {
        let mut at = 1;
        while at < items.len() {
            match items[..at].iter().position(|(k, _)| *k == items[at].0) {
                Some(first) => items[first].1 = items.remove(at).1,
                None => at += 1,
            }
        }
        return items;
    }
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| items[*a].0.cmp(&items[*b].0).then(a.cmp(b)));
    let mut drop = vec![false; items.len()];
    let mut moves = Vec::new();
    for group in order.chunk_by(|a, b| items[*a].0 == items[*b].0) {
        if let [first, .., last] = group {
            moves.push((*first, *last));
            group[1..].iter().for_each(|at| drop[*at] = true);
        }
    }
    moves.into_iter().for_each(|(first, last)| items.swap(first, last));
    let mut at = 0;
    items.retain(|_| {
        at += 1;
        !drop[at - 1]
    });
    items
}
