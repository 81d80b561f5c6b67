//! The query protocol and EC2's dialect of it: a form whose dotted keys spell the tree.
//!
//! The pairs are sorted once; after that every subtree is a slice of neighbours and nothing is looked up twice.

use super::{Bad, Context, DEPTH_MAX, PARAMETERS_MAX, Path, Read, percent, scalar, without_repeats};
use crate::head::{Head, pairs};
use crate::model::{Kind, MemberModel, MemberRef, Protocol, Structure};
use crate::value::{Struct, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What belongs to the protocol and to signing, not to the operation.
const OWN: [&str; 3] = ["Action", "Version", "AUTHPARAMS"];
const SIGNING: [&str; 2] = ["X-Amz-", "AWSAccessKeyId"];
const SIGNING_V2: [&str; 5] =
    ["Signature", "SignatureMethod", "SignatureVersion", "SecurityToken", "Timestamp"];

/// Members that may be left out of a request that goes to their own address.
// AWS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html:
// the queue's URL is the endpoint of a query request.
const ADDRESSED: [(&str, &str); 1] = [("sqs", "QueueUrl")];

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Reads the parameters of the query string and of the form in the body.
pub(super) fn request(cx: &mut Context, input: &Structure, head: &Head, body: &[u8]) -> Read<Struct> {
    let text = std::str::from_utf8(body).map_err(|_| Bad::Syntax)?;
    let mut all: Vec<Pair> = Vec::with_capacity(16);
    for (name, value) in pairs(head.query).chain(pairs(text.trim_end())) {
        if all.len() == PARAMETERS_MAX {
            return Err(Bad::TooLarge);
        }
        let name = percent::form(name).ok_or(Bad::Syntax)?;
        if !is_own(&name) {
            all.push((name, percent::form(value).ok_or(Bad::Syntax)?));
        }
    }
    all.sort_by(|a, b| order(&a.0, &b.0));
    let ec2 = cx.service.protocols.contains(&Protocol::Ec2Query);
    let mut out = Form { ec2 }.structure(cx, input, Part { pairs: &all, at: 0, depth: 0 }, &Path::ROOT)?;
    for (_, name) in ADDRESSED.iter().filter(|(id, _)| *id == cx.service.id) {
        if let (Some(member), None, true) = (input.member(name), out.get(name), head.path.len() > 1) {
            let host = head.header("host").unwrap_or("");
            out.push(member.name, Value::Str(format!("http://{host}{}", head.path)));
        }
    }
    Ok(out)
}

fn is_own(name: &str) -> bool {
    OWN.contains(&name) || SIGNING.iter().any(|s| name.starts_with(s)) || SIGNING_V2.contains(&name)
}

/// By bytes, with the dot before anything else, so that a key and what is below it are neighbours.
fn order(a: &str, b: &str) -> Ordering {
    let rank = |byte: u8| if byte == b'.' { 0 } else { byte };
    a.bytes().map(rank).cmp(b.bytes().map(rank))
}

/// The neighbours whose keys share their first `at` bytes.
#[derive(Clone, Copy)]
struct Part<'a> {
    pairs: &'a [Pair<'a>],
    at: usize,
    depth: u32,
}

impl<'a> Part<'a> {
    /// Splits off what shares the next name: the name, the value of the bare name, and what is below it.
    fn next(&mut self) -> Option<(&'a str, Option<&'a str>, Part<'a>)> {
        let first: &'a Pair = self.pairs.first()?;
        let rest = &first.0[self.at..];
        let name = rest.split('.').next().unwrap_or(rest);
        let end = self.at + name.len();
        let same = |(key, _): &Pair| {
            let tail = key.get(self.at..).unwrap_or("");
            tail.strip_prefix(name).is_some_and(|t| t.is_empty() || t.starts_with('.'))
        };
        let count = self.pairs.iter().take_while(|p| same(p)).count().max(1);
        let (group, others) = self.pairs.split_at(count);
        self.pairs = others;
        let bare = group.iter().take_while(|(key, _)| key.len() == end).count();
        let value = group[..bare].first().map(|(_, v)| &**v);
        Some((name, value, Part { pairs: &group[bare..], at: end + 1, depth: self.depth + 1 }))
    }

    fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

struct Form {
    ec2: bool,
}

impl Form {
    fn structure(&self, cx: &mut Context, s: &Structure, mut part: Part, path: &Path) -> Read<Struct> {
        if part.depth > DEPTH_MAX {
            return Err(Bad::TooDeep);
        }
        let mut out = Struct::new();
        while let Some((name, value, below)) = part.next() {
            let Some(member) = s.members.iter().find(|m| self.is_named(cx, m, name)) else {
                cx.unknown(path, name);
                continue;
            };
            let inner = path.down(member.name);
            if let Some(value) = self.value(cx, &member.target, value, below, &inner)? {
                out.set(member.name, value);
            }
        }
        Ok(out)
    }

    /// EC2 begins every name with a capital and prefers `queryName`; elsewhere a flattened list goes by the name of
    /// its element.
    fn is_named(&self, cx: &Context, m: &MemberModel, name: &str) -> bool {
        let target = &m.target;
        if self.ec2 {
            if !target.query_name.is_empty() {
                return target.query_name == name;
            }
            let own = if target.wire_name.is_empty() { m.name } else { target.wire_name };
            return same_but_first_capital(own, name);
        }
        if let Kind::List { element, flattened, .. } = &cx.service.shape(target.shape).kind {
            let by_element = (target.flattened || *flattened) && !element.wire_name.is_empty();
            if by_element && element.wire_name == name {
                return true;
            }
        }
        name == if target.wire_name.is_empty() { m.name } else { target.wire_name }
    }

    fn value(
        &self,
        cx: &mut Context,
        target: &MemberRef,
        value: Option<&str>,
        below: Part,
        path: &Path,
    ) -> Read<Option<Value>> {
        cx.node()?;
        let shape = cx.service.shape(target.shape);
        match &shape.kind {
            Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } if below.is_empty() => {
                // `Tags=` is how an empty list or map is sent.
                let empty = match &shape.kind {
                    Kind::List { .. } => Value::List(Vec::new()),
                    Kind::Map { .. } => Value::Map(Vec::new()),
                    _ => Value::Struct(Struct::new()),
                };
                match value {
                    Some("") => Ok(Some(empty)),
                    _ => Err(Bad::Syntax),
                }
            }
            Kind::Structure(s) => Ok(Some(Value::Struct(self.structure(cx, s, below, path)?))),
            Kind::List { element, flattened, .. } => {
                let flat = self.ec2 || *flattened || target.flattened;
                let item = if element.wire_name.is_empty() { "member" } else { element.wire_name };
                let Some(items) = self.numbered(cx, flat, item, below, path)? else { return Ok(None) };
                let read = |(_, value, below)| self.value(cx, element, value, below, path);
                let items: Read<Vec<Option<Value>>> = items.into_iter().map(read).collect();
                Ok(Some(Value::List(items?.into_iter().flatten().collect())))
            }
            Kind::Map { key, value, flattened, .. } => {
                let flat = self.ec2 || *flattened || target.flattened;
                let Some(items) = self.numbered(cx, flat, "entry", below, path)? else { return Ok(None) };
                Ok(Some(Value::Map(self.entries(cx, key, value, items, path)?)))
            }
            _ => {
                report(cx, path, below);
                let Some(text) = value else { return Ok(None) };
                // AWS: an empty text where EC2 has an enumeration is none. Clients send all that they could say.
                if self.ec2
                    && text.is_empty()
                    && matches!(&shape.kind, Kind::String { allowed, .. } if !allowed.is_empty())
                {
                    return Ok(None);
                }
                scalar::read(shape, text, path.name, target.timestamp).map(Some)
            }
        }
    }

    /// The numbered parts of a list or map in the order of their numbers, which may have gaps.
    fn numbered<'a>(
        &self,
        cx: &mut Context,
        flat: bool,
        item: &str,
        mut part: Part<'a>,
        path: &Path,
    ) -> Read<Option<Vec<Item<'a>>>> {
        if !flat {
            let mut found = None;
            while let Some((name, _, below)) = part.next() {
                // The model's name, or the protocol's own that some clients write instead.
                if name == item || name == "member" {
                    found = Some(below);
                } else {
                    cx.unknown(path, name);
                }
            }
            match found {
                Some(below) => part = below,
                None => return Ok(None),
            }
        }
        let mut items = Vec::new();
        while let Some((name, value, below)) = part.next() {
            // What has no place in the list must not get lost.
            let number = name.parse::<u32>().map_err(|_| Bad::Syntax)?;
            items.push((number, value, below));
        }
        items.sort_by_key(|(number, ..)| *number);
        Ok(Some(items))
    }

    fn entries(
        &self,
        cx: &mut Context,
        key: &MemberRef,
        value: &MemberRef,
        items: Vec<Item>,
        path: &Path,
    ) -> Read<Vec<(String, Value)>> {
        let key_name = if key.wire_name.is_empty() { "key" } else { key.wire_name };
        let value_name = if value.wire_name.is_empty() { "value" } else { value.wire_name };
        let mut out = Vec::new();
        for (_, _, mut part) in items {
            let (mut entry_key, mut entry_value) = (None, None);
            while let Some((name, text, below)) = part.next() {
                if name == key_name {
                    entry_key = text;
                } else if name == value_name {
                    entry_value = self.value(cx, value, text, below, path)?;
                } else {
                    cx.unknown(path, name);
                }
            }
            if let (Some(key), Some(value)) = (entry_key, entry_value) {
                out.push((key.to_owned(), value));
            } else {
                return Err(Bad::Syntax);
            }
        }
        Ok(without_repeats(out))
    }
}

type Item<'a> = (u32, Option<&'a str>, Part<'a>);

fn report(cx: &mut Context, path: &Path, mut part: Part) {
    while let Some((name, ..)) = part.next() {
        cx.unknown(path, name);
    }
}

fn same_but_first_capital(own: &str, name: &str) -> bool {
    match (own.as_bytes(), name.as_bytes()) {
        ([first, rest @ ..], [capital, tail @ ..]) => first.to_ascii_uppercase() == *capital && rest == tail,
        _ => false,
    }
}
