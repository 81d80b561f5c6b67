//! The compact file of one model, `models/<id>.bin`: written by `xtask models`, read at a service's first use.
//!
//! Layout: magic, length of the string pool (u32, little-endian), the pool, then the records in the order of
//! [`crate::model`]. Numbers are LEB128; a string is an offset and a length into the pool, so that a decoded model
//! borrows its strings from the embedded file. There is no compression here (the binary is mapped, not read; [`super::packed`]
//! has it) and no version: writer and reader live in this file and the models are rebuilt with it.

use crate::model::{
    ErrorTrait, Kind, Location, MemberModel, MemberRef, Operation, Protocol, Service, Shape, ShapeId,
    Structure, TimestampFormat,
};
use std::collections::HashMap;

const MAGIC: &[u8; 4] = b"VGM1";

const PROTOCOLS: [Protocol; 7] = [
    Protocol::Query,
    Protocol::Ec2Query,
    Protocol::Json10,
    Protocol::Json11,
    Protocol::RestJson,
    Protocol::RestXml,
    Protocol::RpcV2Cbor,
];
const LOCATIONS: [Location; 6] = [
    Location::Body,
    Location::Uri,
    Location::QueryString,
    Location::Header,
    Location::HeaderPrefix,
    Location::StatusCode,
];
const TIMESTAMPS: [TimestampFormat; 4] =
    [TimestampFormat::Default, TimestampFormat::Iso8601, TimestampFormat::Unix, TimestampFormat::Rfc822];

/// The file is not one that [`encode`] wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt {
    /// Where in the file reading stopped.
    pub offset: usize,
}

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the model file is corrupt at byte {}", self.offset)
    }
}

impl std::error::Error for Corrupt {}

type Read<T> = Result<T, Corrupt>;

/// What a model file says of its service before any operation: enough to route by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub id: &'static str,
    pub service_id: &'static str,
    pub full_name: &'static str,
    pub api_version: &'static str,
    pub endpoint_prefix: &'static str,
    pub signing_name: &'static str,
    pub target_prefix: &'static str,
    pub xml_namespace: &'static str,
    pub protocols: Vec<Protocol>,
}

/// Writes one service as the bytes of its file. Equal services give equal bytes.
pub fn encode(service: &Service) -> Vec<u8> {
    let mut w = Writer::default();
    for text in [
        service.id,
        service.service_id,
        service.full_name,
        service.api_version,
        service.endpoint_prefix,
        service.signing_name,
        service.target_prefix,
        service.xml_namespace,
    ] {
        w.text(text);
    }
    w.list(&service.protocols, |w, p| w.choice(&PROTOCOLS, p));
    w.list(&service.operations, Writer::operation);
    w.list(&service.shapes, Writer::shape);
    let mut out = MAGIC.to_vec();
    out.extend((w.pool.len() as u32).to_le_bytes());
    out.extend(w.pool.as_bytes());
    out.extend(w.out);
    out
}

/// Reads only the head of a file.
///
/// # Errors
/// [`Corrupt`] when `file` is not a model file.
pub fn entry(file: &'static [u8]) -> Read<Entry> {
    Reader::open(file)?.entry()
}

/// Reads a whole file.
///
/// # Errors
/// [`Corrupt`] when `file` is not a model file.
pub fn decode(file: &'static [u8]) -> Read<Service> {
    let mut r = Reader::open(file)?;
    let head = r.entry()?;
    let operations = r.list(Reader::operation)?;
    let shapes = r.list(Reader::shape)?;
    if r.at != r.body.len() {
        return r.corrupt();
    }
    Ok(Service {
        id: head.id,
        service_id: head.service_id,
        full_name: head.full_name,
        api_version: head.api_version,
        endpoint_prefix: head.endpoint_prefix,
        signing_name: head.signing_name,
        target_prefix: head.target_prefix,
        xml_namespace: head.xml_namespace,
        protocols: head.protocols,
        operations,
        shapes,
    })
}

#[derive(Default)]
struct Writer {
    pool: String,
    known: HashMap<String, usize>,
    out: Vec<u8>,
}

impl Writer {
    fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.out.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.out.push(n as u8);
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return self.number(0);
        }
        let at = *self.known.entry(text.to_owned()).or_insert_with(|| {
            self.pool.push_str(text);
            self.pool.len() - text.len()
        });
        self.number(text.len() as u64);
        self.number(at as u64);
    }

    fn flags(&mut self, flags: &[bool]) {
        let bits = flags.iter().rev().fold(0, |bits, flag| bits << 1 | u64::from(*flag));
        self.number(bits);
    }

    fn choice<T: PartialEq>(&mut self, all: &[T], one: &T) {
        self.number(all.iter().position(|x| x == one).unwrap_or(0) as u64);
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn optional<T: Copy>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        self.number(u64::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn length(&mut self, value: Option<u64>) {
        self.optional(value, Writer::number);
    }

    fn signed(&mut self, value: Option<i64>) {
        self.optional(value, |w, n| w.number((n << 1 ^ n >> 63) as u64));
    }

    fn float(&mut self, value: Option<f64>) {
        self.optional(value, |w, x| w.out.extend(x.to_le_bytes()));
    }

    fn operation(&mut self, o: &Operation) {
        for text in [o.name, o.method, o.uri, o.result_wrapper, o.checksum_algorithm_member, o.host_prefix] {
            self.text(text);
        }
        self.number(u64::from(o.status));
        self.length(o.input.map(|s| u64::from(s.0)));
        self.length(o.output.map(|s| u64::from(s.0)));
        self.list(&o.errors, |w, s| w.number(u64::from(s.0)));
        self.flags(&[o.unsigned, o.unsigned_body, o.checksum_required, o.deprecated]);
    }

    fn shape(&mut self, s: &Shape) {
        self.text(s.name);
        self.flags(&[s.sensitive]);
        match &s.kind {
            Kind::Structure(structure) => {
                self.number(0);
                self.structure(structure);
            }
            Kind::List { element, min, max, flattened } => {
                self.number(1);
                self.target(element);
                self.bounds(*min, *max);
                self.flags(&[*flattened]);
            }
            Kind::Map { key, value, min, max, flattened } => {
                self.number(2);
                self.target(key);
                self.target(value);
                self.bounds(*min, *max);
                self.flags(&[*flattened]);
            }
            Kind::String { allowed, min, max, pattern } => {
                self.number(3);
                self.list(allowed, |w, text| w.text(text));
                self.bounds(*min, *max);
                self.text(pattern);
            }
            Kind::Integer { min, max, long } => {
                self.number(4);
                self.signed(*min);
                self.signed(*max);
                self.flags(&[*long]);
            }
            Kind::Float { min, max, double } => {
                self.number(5);
                self.float(*min);
                self.float(*max);
                self.flags(&[*double]);
            }
            Kind::Boolean => self.number(6),
            Kind::Blob { min, max, streaming } => {
                self.number(7);
                self.bounds(*min, *max);
                self.flags(&[*streaming]);
            }
            Kind::Timestamp { format } => {
                self.number(8);
                self.choice(&TIMESTAMPS, format);
            }
        }
    }

    fn bounds(&mut self, min: Option<u64>, max: Option<u64>) {
        self.length(min);
        self.length(max);
    }

    fn structure(&mut self, s: &Structure) {
        self.list(&s.members, Writer::member);
        self.length(s.payload.map(|n| n as u64));
        self.flags(&[s.union, s.document, s.event_stream, s.event]);
        self.text(s.xml_name);
        self.text(s.xml_namespace);
        self.number(u64::from(s.error.is_some()));
        if let Some(error) = &s.error {
            self.text(error.code);
            self.number(u64::from(error.status));
            self.flags(&[error.sender]);
        }
    }

    fn member(&mut self, m: &MemberModel) {
        self.text(m.name);
        self.flags(&[
            m.required,
            m.idempotency_token,
            m.deprecated,
            m.event_header,
            m.event_payload,
            m.host_label,
        ]);
        self.choice(&LOCATIONS, &m.location);
        self.target(&m.target);
    }

    fn target(&mut self, t: &MemberRef) {
        self.number(u64::from(t.shape.0));
        let plain = t.query_name.is_empty()
            && t.xml_namespace.is_empty()
            && t.xml_prefix.is_empty()
            && t.timestamp == TimestampFormat::Default;
        self.flags(&[!plain, !t.wire_name.is_empty(), t.xml_attribute, t.flattened, t.json_value]);
        if !t.wire_name.is_empty() {
            self.text(t.wire_name);
        }
        if !plain {
            self.text(t.query_name);
            self.text(t.xml_namespace);
            self.text(t.xml_prefix);
            self.choice(&TIMESTAMPS, &t.timestamp);
        }
    }
}

struct Reader {
    pool: &'static [u8],
    body: &'static [u8],
    at: usize,
}

impl Reader {
    fn open(file: &'static [u8]) -> Read<Reader> {
        let split = || {
            let rest = file.strip_prefix(MAGIC)?;
            let (len, rest) = rest.split_first_chunk::<4>()?;
            rest.split_at_checked(u32::from_le_bytes(*len) as usize)
        };
        let (pool, body) = split().ok_or(Corrupt { offset: 0 })?;
        Ok(Reader { pool, body, at: 0 })
    }

    fn corrupt<T>(&self) -> Read<T> {
        Err(Corrupt { offset: 8 + self.pool.len() + self.at })
    }

    fn number(&mut self) -> Read<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.body.get(self.at) else { return self.corrupt() };
            self.at += 1;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        self.corrupt()
    }

    fn text(&mut self) -> Read<&'static str> {
        let len = self.number()? as usize;
        if len == 0 {
            return Ok("");
        }
        let at = self.number()? as usize;
        let bytes = at.checked_add(len).and_then(|end| self.pool.get(at..end));
        match bytes.and_then(|b| std::str::from_utf8(b).ok()) {
            Some(text) => Ok(text),
            None => self.corrupt(),
        }
    }

    fn flags<const N: usize>(&mut self) -> Read<[bool; N]> {
        let bits = self.number()?;
        Ok(std::array::from_fn(|n| bits >> n & 1 == 1))
    }

    fn choice<T: Copy>(&mut self, all: &[T]) -> Read<T> {
        let n = self.number()? as usize;
        all.get(n).copied().map_or_else(|| self.corrupt(), Ok)
    }

    fn list<T>(&mut self, mut each: impl FnMut(&mut Reader) -> Read<T>) -> Read<Vec<T>> {
        let len = self.number()? as usize;
        // Each item takes a byte at least, which bounds what a corrupt length can reserve.
        if len > self.body.len() - self.at {
            return self.corrupt();
        }
        (0..len).map(|_| each(self)).collect()
    }

    fn optional<T>(&mut self, read: impl FnOnce(&mut Reader) -> Read<T>) -> Read<Option<T>> {
        Ok(if self.number()? == 0 { None } else { Some(read(self)?) })
    }

    fn shape_id(&mut self) -> Read<ShapeId> {
        Ok(ShapeId(self.number()? as u32))
    }

    fn signed(&mut self) -> Read<i64> {
        let n = self.number()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn float(&mut self) -> Read<f64> {
        let Some((bytes, _)) = self.body[self.at..].split_first_chunk::<8>() else { return self.corrupt() };
        self.at += 8;
        Ok(f64::from_le_bytes(*bytes))
    }

    fn entry(&mut self) -> Read<Entry> {
        Ok(Entry {
            id: self.text()?,
            service_id: self.text()?,
            full_name: self.text()?,
            api_version: self.text()?,
            endpoint_prefix: self.text()?,
            signing_name: self.text()?,
            target_prefix: self.text()?,
            xml_namespace: self.text()?,
            protocols: self.list(|r| r.choice(&PROTOCOLS))?,
        })
    }

    fn operation(&mut self) -> Read<Operation> {
        let (name, method, uri) = (self.text()?, self.text()?, self.text()?);
        let (result_wrapper, checksum_algorithm_member, host_prefix) =
            (self.text()?, self.text()?, self.text()?);
        let status = self.number()? as u16;
        let input = self.optional(Reader::shape_id)?;
        let output = self.optional(Reader::shape_id)?;
        let errors = self.list(Reader::shape_id)?;
        let [unsigned, unsigned_body, checksum_required, deprecated] = self.flags()?;
        Ok(Operation {
            name,
            method,
            uri,
            status,
            input,
            output,
            result_wrapper,
            errors,
            unsigned,
            unsigned_body,
            checksum_required,
            checksum_algorithm_member,
            host_prefix,
            deprecated,
        })
    }

    fn shape(&mut self) -> Read<Shape> {
        let name = self.text()?;
        let [sensitive] = self.flags()?;
        Ok(Shape { name, sensitive, kind: self.kind()? })
    }

    fn kind(&mut self) -> Read<Kind> {
        Ok(match self.number()? {
            0 => Kind::Structure(self.structure()?),
            1 => {
                let element = self.target()?;
                let (min, max, [flattened]) = self.bounds()?;
                Kind::List { element, min, max, flattened }
            }
            2 => {
                let (key, value) = (self.target()?, self.target()?);
                let (min, max, [flattened]) = self.bounds()?;
                Kind::Map { key, value, min, max, flattened }
            }
            3 => {
                let allowed = self.list(Reader::text)?;
                let (min, max) = (self.optional(Reader::number)?, self.optional(Reader::number)?);
                Kind::String { allowed, min, max, pattern: self.text()? }
            }
            4 => {
                let (min, max) = (self.optional(Reader::signed)?, self.optional(Reader::signed)?);
                let [long] = self.flags()?;
                Kind::Integer { min, max, long }
            }
            5 => {
                let (min, max) = (self.optional(Reader::float)?, self.optional(Reader::float)?);
                let [double] = self.flags()?;
                Kind::Float { min, max, double }
            }
            6 => Kind::Boolean,
            7 => {
                let (min, max, [streaming]) = self.bounds()?;
                Kind::Blob { min, max, streaming }
            }
            8 => Kind::Timestamp { format: self.choice(&TIMESTAMPS)? },
            _ => return self.corrupt(),
        })
    }

    fn bounds(&mut self) -> Read<(Option<u64>, Option<u64>, [bool; 1])> {
        Ok((self.optional(Reader::number)?, self.optional(Reader::number)?, self.flags()?))
    }

    fn structure(&mut self) -> Read<Structure> {
        let members = self.list(Reader::member)?;
        let payload = self.optional(|r| Ok(r.number()? as usize))?;
        if payload.is_some_and(|n| n >= members.len()) {
            return self.corrupt();
        }
        let [union, document, event_stream, event] = self.flags()?;
        let (xml_name, xml_namespace) = (self.text()?, self.text()?);
        let error = self.optional(|r| {
            let (code, status, [sender]) = (r.text()?, r.number()? as u16, r.flags()?);
            Ok(ErrorTrait { code, status, sender })
        })?;
        Ok(Structure {
            members,
            payload,
            union,
            document,
            event_stream,
            event,
            xml_name,
            xml_namespace,
            error,
        })
    }

    fn member(&mut self) -> Read<MemberModel> {
        let name = self.text()?;
        let [required, idempotency_token, deprecated, event_header, event_payload, host_label] =
            self.flags()?;
        let location = self.choice(&LOCATIONS)?;
        let target = self.target()?;
        Ok(MemberModel {
            name,
            target,
            required,
            location,
            idempotency_token,
            deprecated,
            event_header,
            event_payload,
            host_label,
        })
    }

    fn target(&mut self) -> Read<MemberRef> {
        let shape = self.shape_id()?;
        let [more, named, xml_attribute, flattened, json_value] = self.flags()?;
        let wire_name = if named { self.text()? } else { "" };
        let (query_name, xml_namespace, xml_prefix, timestamp) = if more {
            (self.text()?, self.text()?, self.text()?, self.choice(&TIMESTAMPS)?)
        } else {
            ("", "", "", TimestampFormat::Default)
        };
        Ok(MemberRef {
            shape,
            wire_name,
            query_name,
            xml_attribute,
            xml_namespace,
            xml_prefix,
            flattened,
            timestamp,
            json_value,
        })
    }
}
