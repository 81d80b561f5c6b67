//! CBOR bodies (rpc-v2-cbor), in the definite-length form that the protocol prefers.

use super::members;
use crate::model::{Kind, MemberRef, Service, Structure};
use crate::value::{Struct, Value};
use base::Timestamp;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
/// Tag 1, seconds since the epoch.
const TAG_EPOCH: u8 = 0xC1;
const FALSE: u8 = 0xF4;
const TRUE: u8 = 0xF5;
const NULL: u8 = 0xF6;
const FLOAT_32: u8 = 0xFA;
const FLOAT_64: u8 = 0xFB;

pub(crate) struct Cbor<'a> {
    pub(crate) service: &'a Service,
    pub(crate) out: &'a mut Vec<u8>,
}

impl Cbor<'_> {
    pub(crate) fn object(&mut self, structure: &Structure, value: &Struct) {
        let fields = members::all(structure, value);
        self.map_head(fields.len());
        self.fields(&fields);
    }

    /// The members without the map's head.
    pub(crate) fn fields(&mut self, fields: &members::Fields<'_>) {
        for (member, value) in fields {
            self.text(member.name);
            self.value(&member.target, value);
        }
    }

    pub(crate) fn value(&mut self, target: &MemberRef, value: &Value) {
        match (&self.service.shape(target.shape).kind, value) {
            (Kind::Structure(s), Value::Struct(v)) if !s.document => self.object(s, v),
            (Kind::List { element, .. }, Value::List(items)) => {
                self.head(ARRAY, items.len() as u64);
                items.iter().for_each(|item| self.value(element, item));
            }
            (Kind::Map { value: target, .. }, Value::Map(items)) => {
                self.map_head(items.len());
                for (key, value) in items {
                    self.text(key);
                    self.value(target, value);
                }
            }
            (Kind::Float { double: false, .. }, Value::Float(x)) => {
                self.out.push(FLOAT_32);
                self.out.extend_from_slice(&(*x as f32).to_be_bytes());
            }
            (Kind::Blob { .. }, Value::Str(s)) => self.bytes(s.as_bytes()),
            _ => self.document(value),
        }
    }

    /// A value as it stands, without a model.
    pub(crate) fn document(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push(NULL),
            Value::Bool(b) => self.out.push(if *b { TRUE } else { FALSE }),
            Value::Int(n) => self.int(*n),
            Value::Float(x) => self.double(*x),
            Value::Str(s) => self.text(s),
            Value::Blob(b) => self.bytes(b),
            Value::Time(t) => self.time(*t),
            Value::List(items) => {
                self.head(ARRAY, items.len() as u64);
                items.iter().for_each(|item| self.document(item));
            }
            Value::Map(items) => {
                self.map_head(items.len());
                for (key, value) in items {
                    self.text(key);
                    self.document(value);
                }
            }
            Value::Struct(members) => {
                self.map_head(members.len());
                for (key, value) in members.iter() {
                    self.text(key);
                    self.document(value);
                }
            }
            Value::Elements(written) => self.text(&String::from_utf8_lossy(written.xml())),
        }
    }

    pub(crate) fn map_head(&mut self, len: usize) {
        self.head(MAP, len as u64);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn int(&mut self, n: i64) {
        // CBOR writes a negative n as -1 - n, which is n with all its bits turned.
        if n < 0 { self.head(NEGATIVE, !n as u64) } else { self.head(UNSIGNED, n as u64) }
    }

    fn double(&mut self, x: f64) {
        self.out.push(FLOAT_64);
        self.out.extend_from_slice(&x.to_be_bytes());
    }

    /// Whole seconds as an integer, anything finer as a double of milliseconds' precision.
    fn time(&mut self, t: Timestamp) {
        self.out.push(TAG_EPOCH);
        let millis = t.micros().div_euclid(1_000);
        if millis % 1_000 == 0 { self.int(millis / 1_000) } else { self.double(millis as f64 / 1_000.0) }
    }

    /// A major type and its argument, in the fewest bytes.
    fn head(&mut self, major: u8, n: u64) {
        let major = major << 5;
        match n {
            0..=23 => self.out.push(major | n as u8),
            24..=0xFF => self.out.extend_from_slice(&[major | 24, n as u8]),
            0x100..=0xFFFF => {
                self.out.push(major | 25);
                self.out.extend_from_slice(&(n as u16).to_be_bytes());
            }
            0x1_0000..=0xFFFF_FFFF => {
                self.out.push(major | 26);
                self.out.extend_from_slice(&(n as u32).to_be_bytes());
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend_from_slice(&n.to_be_bytes());
            }
        }
    }
}
