//! The constraints of the models: what of a request breaks them, all at once and in the model's order.
//!
//! The walk goes over a finished [`Value`], so it serves every protocol and internal callers alike. What the
//! caller reads is another matter: each service has its own words ([`dialect`]).

mod dialect;
mod dynamodb;
mod pattern;

#[cfg(test)]
mod tests;

pub use dialect::violations_fault;
pub use dynamodb::{
    TABLE_NAME_MAX, TABLE_NAME_MIN, TABLE_NAME_PATTERN, is_too_deep_for_newer, misnamed_tables,
    table_name_rules,
};
pub use pattern::is_understood;

use crate::model::{Kind, Location, MemberRef, Service, Shape, ShapeId};
use crate::value::{Struct, Value};
use std::fmt::Write as _;

/// Violations that are reported; there may be more.
pub const VIOLATIONS_MAX: usize = 100;
/// Bytes of an offending value that are repeated to the caller.
pub const SHOWN_BYTES_MAX: usize = 1024;

/// S3 has errors of its own for values of these shapes, so its operations must see them.
const OPEN: [&str; 6] = [
    "BucketLocationConstraint",
    "BucketLogsPermission",
    "CopySource",
    "Event",
    "FilterRuleName",
    "MaxBuckets",
];

/// One broken constraint.
#[derive(Clone, PartialEq, Debug)]
pub struct Violation {
    /// As AWS writes it: `keySchema.1.member.attributeName`.
    pub path: String,
    /// The name of the input shape: `PutMethodRequest`.
    pub input: &'static str,
    /// The top-level member it is in, or is.
    pub member: &'static str,
    /// Where that member travels.
    pub location: Location,
    /// The offending value as AWS prints it; `None` where the model calls it sensitive.
    pub value: Option<String>,
    pub constraint: Constraint,
}

/// A constraint of a model, with the words that AWS has for it.
#[derive(Clone, PartialEq, Debug)]
pub enum Constraint {
    Required,
    LengthMin(u64),
    LengthMax(u64),
    ValueMin(String),
    ValueMax(String),
    Pattern(&'static str),
    Enum(&'static [&'static str]),
    /// All that the scalar items of a list have to satisfy.
    Items(Vec<Constraint>),
    /// All that the keys of a map have to satisfy.
    Keys(Vec<Constraint>),
    Values(Vec<Constraint>),
    /// A union with no member set, or several.
    Union,
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, all: &[Constraint]| {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            write!(f, "[{}]", all.join(", "))
        };
        match self {
            Constraint::Required => f.write_str("Member must not be null"),
            Constraint::LengthMin(n) => write!(f, "Member must have length greater than or equal to {n}"),
            Constraint::LengthMax(n) => write!(f, "Member must have length less than or equal to {n}"),
            Constraint::ValueMin(n) => write!(f, "Member must have value greater than or equal to {n}"),
            Constraint::ValueMax(n) => write!(f, "Member must have value less than or equal to {n}"),
            Constraint::Pattern(p) => write!(f, "Member must satisfy regular expression pattern: {p}"),
            Constraint::Enum(all) => write!(f, "Member must satisfy enum value set: [{}]", all.join(", ")),
            Constraint::Items(all) => {
                f.write_str("Member must satisfy constraint: ").and_then(|()| list(f, all))
            }
            Constraint::Keys(all) => {
                f.write_str("Map keys must satisfy constraint: ").and_then(|()| list(f, all))
            }
            Constraint::Values(all) => {
                f.write_str("Map value must satisfy constraint: ").and_then(|()| list(f, all))
            }
            Constraint::Union => f.write_str("Member must have exactly one member set"),
        }
    }
}

/// All violations of `shape` in `value`, in the model's order.
pub fn check(service: &'static Service, shape: ShapeId, value: &Value) -> Vec<Violation> {
    let mut walk = Walk {
        service,
        input: service.shape(shape).name,
        member: "",
        location: Location::Body,
        found: Vec::new(),
    };
    if let (Some(_), Value::Struct(members)) = (service.structure(shape), value) {
        walk.structure(shape, members, None);
    }
    walk.found.retain(|violation| !is_taken(service, violation));
    walk.found
}

/// What services were seen to take, or to look at in another order, whatever their models say. S3: a document of tags
/// without a list of them puts none, and a status of acceleration and rules of encryption are looked at by who knows the
/// bucket. EC2: fleets are documented with `Default`, and rules of network ACLs begin with a capital too.
fn is_taken(service: &Service, violation: &Violation) -> bool {
    let is_of = |input: &str, path: &str| violation.input == input && violation.path == path;
    if service.id == "ec2" {
        let last = violation.path.rsplit('.').next().unwrap_or_default();
        let value = violation.value.as_deref().unwrap_or_default();
        return matches!(violation.constraint, Constraint::Enum(_))
            && (last.eq_ignore_ascii_case("ExcessCapacityTerminationPolicy") && value == "Default"
                || last.eq_ignore_ascii_case("RuleAction") && matches!(value, "Allow" | "Deny"));
    }
    service.id == "s3"
        && match violation.constraint {
            Constraint::Required => {
                is_of("PutBucketTaggingRequest", "tagging.tagSet")
                    || is_of("PutObjectTaggingRequest", "tagging.tagSet")
                    || is_of("PutBucketEncryptionRequest", "serverSideEncryptionConfiguration.rules")
            }
            Constraint::Enum(_) => {
                is_of("PutBucketAccelerateConfigurationRequest", "accelerateConfiguration.status")
            }
            _ => false,
        }
}

struct Walk {
    service: &'static Service,
    input: &'static str,
    member: &'static str,
    location: Location,
    found: Vec<Violation>,
}

/// Where the walk is; written out only for a violation.
#[derive(Clone, Copy)]
struct Path<'a> {
    up: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'static str),
    Index(usize),
    Key(&'a str),
}

impl Path<'_> {
    fn render(&self) -> String {
        let mut out = self.up.map(Path::render).unwrap_or_default();
        if !out.is_empty() {
            out.push('.');
        }
        match self.step {
            Step::Member(name) => {
                let mut letters = name.chars();
                out.extend(letters.next().map(|c| c.to_ascii_lowercase()));
                out.push_str(letters.as_str());
            }
            Step::Index(n) => {
                let _ = write!(out, "{n}.member");
            }
            Step::Key(key) => {
                out.push_str(key);
                out.push_str(".member");
            }
        }
        out
    }
}

impl Walk {
    fn structure(&mut self, id: ShapeId, members: &Struct, up: Option<&Path>) {
        let service = self.service;
        let Some(s) = service.structure(id) else { return };
        for member in &s.members {
            if up.is_none() {
                (self.member, self.location) = (member.name, member.location);
            }
            let path = Path { up, step: Step::Member(member.name) };
            match members.get(member.name) {
                Some(value) => self.value(&member.target, value, &path),
                None if !member.required || self.is_elsewhere(s.payload, member.name, id) => {}
                // A token that the caller leaves out is made for it.
                None if member.idempotency_token => {}
                None => self.add(&path, Some("null".to_owned()), Constraint::Required),
            }
        }
        if let (true, Some(path), true) = (s.union, up, members.len() != 1) {
            let shown = show(service, id, &Value::Struct(members.clone()));
            self.add(path, shown, Constraint::Union);
        }
    }

    /// Streams do not come into the tree.
    fn is_elsewhere(&self, payload: Option<usize>, name: &str, id: ShapeId) -> bool {
        let Some(s) = self.service.structure(id) else { return false };
        let Some(member) = payload.map(|at| &s.members[at]).filter(|m| m.name == name) else { return false };
        match &self.service.shape(member.target.shape).kind {
            Kind::Blob { streaming, .. } => *streaming,
            Kind::Structure(s) => s.event_stream,
            _ => false,
        }
    }

    fn add(&mut self, path: &Path, value: Option<String>, constraint: Constraint) {
        if self.found.len() < VIOLATIONS_MAX {
            let constraint = match constraint {
                Constraint::Enum(allowed) => Constraint::Enum(dialect::ordered(self.service, allowed)),
                other => other,
            };
            let (input, member, location) = (self.input, self.member, self.location);
            self.found.push(Violation { path: path.render(), input, member, location, value, constraint });
        }
    }

    fn value(&mut self, target: &MemberRef, value: &Value, path: &Path) {
        let shape = self.service.shape(target.shape);
        match (&shape.kind, value) {
            (Kind::Structure(s), _) if s.document => {}
            (_, Value::Null) => self.add(path, Some("null".to_owned()), Constraint::Required),
            (Kind::Structure(_), Value::Struct(members)) => self.structure(target.shape, members, Some(path)),
            (Kind::List { element, min, max, .. }, Value::List(items)) => {
                self.length(target.shape, value, items.len(), (*min, *max), path);
                self.list(target.shape, element, value, items, path);
            }
            (Kind::Map { key, value: inner, min, max, .. }, Value::Map(items)) => {
                self.length(target.shape, value, items.len(), (*min, *max), path);
                let keys = self.service.shape(key.shape);
                if items.iter().any(|(k, _)| !is_fine(keys, &Value::Str(k.clone()))) {
                    let shown = show(self.service, target.shape, value);
                    self.add(path, shown, Constraint::Keys(all(keys)));
                }
                let values = self.service.shape(inner.shape);
                if is_container(values) || items.iter().any(|(_, v)| *v == Value::Null) {
                    for (key, item) in items {
                        self.value(inner, item, &Path { up: Some(path), step: Step::Key(key) });
                    }
                } else if items.iter().any(|(_, v)| !is_fine(values, v)) {
                    let shown = show(self.service, target.shape, value);
                    self.add(path, shown, Constraint::Values(all(values)));
                }
            }
            _ if self.is_open(shape) => {}
            _ => {
                if broken(shape, value, &mut |_| true) {
                    let mut found = Vec::new();
                    broken(shape, value, &mut |c| {
                        found.push(c);
                        false
                    });
                    let shown = show(self.service, target.shape, value);
                    found.into_iter().for_each(|c| self.add(path, shown.clone(), c));
                }
            }
        }
    }

    /// S3 has errors of its own for what its headers may not say, so its operations must see it.
    fn is_open(&self, shape: &Shape) -> bool {
        let is_enum = matches!(&shape.kind, Kind::String { allowed, .. } if !allowed.is_empty());
        let is_told = is_enum && self.location == Location::Header || OPEN.contains(&shape.name);
        is_told && self.service.id == "s3"
    }

    fn list(&mut self, id: ShapeId, element: &MemberRef, value: &Value, items: &[Value], path: &Path) {
        let shape = self.service.shape(element.shape);
        if is_container(shape) || items.contains(&Value::Null) {
            for (at, item) in items.iter().enumerate() {
                self.value(element, item, &Path { up: Some(path), step: Step::Index(at + 1) });
            }
        } else if !self.is_open(shape) && items.iter().any(|item| !is_fine(shape, item)) {
            let shown = show(self.service, id, value);
            self.add(path, shown, Constraint::Items(all(shape)));
        }
    }

    fn length(
        &mut self,
        id: ShapeId,
        value: &Value,
        len: usize,
        bounds: (Option<u64>, Option<u64>),
        path: &Path,
    ) {
        let constraint = match bounds {
            (Some(min), _) if (len as u64) < min => Constraint::LengthMin(min),
            (_, Some(max)) if len as u64 > max => Constraint::LengthMax(max),
            _ => return,
        };
        let shown = show(self.service, id, value);
        self.add(path, shown, constraint);
    }
}

fn is_container(shape: &Shape) -> bool {
    matches!(shape.kind, Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. })
}

fn is_fine(shape: &'static Shape, value: &Value) -> bool {
    !broken(shape, value, &mut |_| true)
}

/// Calls `each` with every constraint that a scalar breaks, until it answers true; says whether it did or any broke.
fn broken(shape: &'static Shape, value: &Value, each: &mut dyn FnMut(Constraint) -> bool) -> bool {
    let mut any = false;
    let mut test = |is_broken: bool, constraint: &dyn Fn() -> Constraint| {
        any |= is_broken;
        is_broken && each(constraint())
    };
    match (&shape.kind, value) {
        (Kind::String { allowed, min, max, pattern }, Value::Str(text)) => {
            let no_match = !pattern.is_empty() && !pattern::matches(pattern, text);
            let _ = test(no_match, &|| Constraint::Pattern(pattern))
                || min.is_some_and(|n| short(text, n))
                    && test(true, &|| Constraint::LengthMin(min.unwrap_or(0)))
                || max.is_some_and(|n| long(text, n))
                    && test(true, &|| Constraint::LengthMax(max.unwrap_or(0)))
                || !allowed.is_empty()
                    && !allowed.contains(&text.as_str())
                    && test(true, &|| Constraint::Enum(allowed));
        }
        (Kind::Integer { min, max, .. }, Value::Int(n)) => {
            let _ = test(min.is_some_and(|m| *n < m), &|| Constraint::ValueMin(min.unwrap_or(0).to_string()))
                || test(max.is_some_and(|m| *n > m), &|| Constraint::ValueMax(max.unwrap_or(0).to_string()));
        }
        (Kind::Float { min, max, .. }, Value::Float(x)) => {
            let _ =
                test(min.is_some_and(|m| *x < m), &|| Constraint::ValueMin(min.unwrap_or(0.0).to_string()))
                    || test(max.is_some_and(|m| *x > m), &|| {
                        Constraint::ValueMax(max.unwrap_or(0.0).to_string())
                    });
        }
        (Kind::Blob { min, max, .. }, Value::Blob(bytes)) => {
            let len = bytes.len() as u64;
            let _ = test(min.is_some_and(|m| len < m), &|| Constraint::LengthMin(min.unwrap_or(0)))
                || test(max.is_some_and(|m| len > m), &|| Constraint::LengthMax(max.unwrap_or(0)));
        }
        _ => {}
    }
    any
}

/// Lengths are in characters; the bytes mostly tell already.
fn short(text: &str, min: u64) -> bool {
    (text.len() as u64) < min
        || (text.len() as u64) < min.saturating_mul(4) && (text.chars().count() as u64) < min
}

fn long(text: &str, max: u64) -> bool {
    text.len() as u64 > max && text.chars().count() as u64 > max
}

/// All constraints of a scalar shape, as AWS lists them.
fn all(shape: &'static Shape) -> Vec<Constraint> {
    let mut out = Vec::new();
    match &shape.kind {
        Kind::String { allowed, min, max, pattern } => {
            out.extend(max.map(Constraint::LengthMax));
            out.extend(min.map(Constraint::LengthMin));
            if !pattern.is_empty() {
                out.push(Constraint::Pattern(pattern));
            }
            if !allowed.is_empty() {
                out.push(Constraint::Enum(allowed));
            }
        }
        Kind::Integer { min, max, .. } => {
            out.extend(max.map(|n| Constraint::ValueMax(n.to_string())));
            out.extend(min.map(|n| Constraint::ValueMin(n.to_string())));
        }
        Kind::Float { min, max, .. } => {
            out.extend(max.map(|n| Constraint::ValueMax(n.to_string())));
            out.extend(min.map(|n| Constraint::ValueMin(n.to_string())));
        }
        Kind::Blob { min, max, .. } => {
            out.extend(max.map(Constraint::LengthMax));
            out.extend(min.map(Constraint::LengthMin));
        }
        _ => {}
    }
    out
}

/// A value as AWS's services print it, cut to [`SHOWN_BYTES_MAX`]; `None` where it is sensitive.
fn show(service: &Service, id: ShapeId, value: &Value) -> Option<String> {
    let mut out = String::new();
    write(service, id, value, &mut out)?;
    let end = out.char_indices().map(|(at, _)| at).take_while(|at| *at <= SHOWN_BYTES_MAX).last();
    if out.len() > SHOWN_BYTES_MAX {
        out.truncate(end.unwrap_or(0));
    }
    Some(out)
}

fn write(service: &Service, id: ShapeId, value: &Value, out: &mut String) -> Option<()> {
    let shape = service.shape(id);
    if shape.sensitive {
        return None;
    }
    if out.len() > SHOWN_BYTES_MAX {
        return Some(());
    }
    match (&shape.kind, value) {
        (_, Value::Str(text)) => out.push_str(text),
        (_, Value::Int(n)) => write!(out, "{n}").ok()?,
        (_, Value::Float(x)) => write!(out, "{x}").ok()?,
        (_, Value::Bool(b)) => write!(out, "{b}").ok()?,
        (_, Value::Time(t)) => write!(out, "{t}").ok()?,
        // Java's words for a buffer, which is what AWS shows.
        (_, Value::Blob(b)) => {
            write!(out, "java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", b.len()).ok()?;
        }
        (Kind::List { element, .. }, Value::List(items)) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(service, element.shape, item, out)?;
            }
            out.push(']');
        }
        (Kind::Map { value: inner, .. }, Value::Map(items)) => {
            out.push('{');
            for (at, (key, item)) in items.iter().enumerate() {
                let _ = write!(out, "{}{key}=", if at > 0 { ", " } else { "" });
                write(service, inner.shape, item, out)?;
            }
            out.push('}');
        }
        (Kind::Structure(s), Value::Struct(members)) => {
            out.push_str(shape.name);
            out.push('(');
            let mut comma = "";
            for member in &s.members {
                if let Some(value) = members.get(member.name) {
                    let _ = write!(out, "{comma}{}=", member.name);
                    write(service, member.target.shape, value, out)?;
                    comma = ", ";
                }
            }
            out.push(')');
        }
        _ => out.push_str("null"),
    }
    Some(())
}
