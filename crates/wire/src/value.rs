//! [`Value`]: what every protocol is read into and written from. Handlers, authorization, audit, metering and
//! coverage all look at requests through it, so it is a plain tree and not a type per operation.

use crate::elements::Elements;
use base::Timestamp;
use bytes::Bytes;

/// One node of a request or a response.
///
/// Members that are absent (or JSON `null`) are simply not in their [`Struct`]; `Null` stands only where a
/// document or a sparse list or map holds one.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Blob(Bytes),
    Time(Timestamp),
    List(Vec<Value>),
    /// In the order of the wire. A repeated key keeps its last value.
    Map(Vec<(String, Value)>),
    Struct(Struct),
    /// A list of an answer that is on its way out; nobody inside gets to see one.
    Elements(Elements),
}

/// Members by their model names, in the order of the wire. Small: a linear search beats a hash here.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Struct(Vec<(&'static str, Value)>);

impl Struct {
    pub fn new() -> Struct {
        Struct::default()
    }

    pub fn with_capacity(members: usize) -> Struct {
        Struct(Vec::with_capacity(members))
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Takes the member out, leaving what nobody has taken.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(n, _)| *n == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Sets the member, replacing an earlier value.
    pub fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a member that is known not to be there yet.
    pub fn push(&mut self, name: &'static str, value: Value) {
        debug_assert!(self.get(name).is_none(), "member {name} is set twice");
        self.0.push((name, value));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(n, v)| (*n, v))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }
}

impl IntoIterator for Struct {
    type Item = (&'static str, Value);
    type IntoIter = std::vec::IntoIter<(&'static str, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<(&'static str, Value)> for Struct {
    fn extend<I: IntoIterator<Item = (&'static str, Value)>>(&mut self, members: I) {
        members.into_iter().for_each(|(name, value)| self.push(name, value));
    }
}

impl FromIterator<(&'static str, Value)> for Struct {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(members: I) -> Struct {
        let mut out = Struct::new();
        for (name, value) in members {
            out.set(name, value);
        }
        out
    }
}

impl Value {
    /// A string value, without the ceremony.
    pub fn str(text: impl Into<String>) -> Value {
        Value::Str(text.into())
    }

    /// A map of these entries: an object of JSON, mostly.
    pub fn map<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(s) = self { Some(s) } else { None }
    }

    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(n) = self { Some(*n) } else { None }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self { Some(*b) } else { None }
    }

    pub fn as_struct(&self) -> Option<&Struct> {
        if let Value::Struct(s) = self { Some(s) } else { None }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(l) = self { Some(l) } else { None }
    }

    /// The value of `key`, where this is a map that has it: of JSON that [`crate::json::read`] has read.
    pub fn entry(&self, key: &str) -> Option<&Value> {
        let Value::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member `name`, where this is a struct that has it.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.as_struct()?.get(name)
    }

    /// Walks members by name: `value.at(&["Policy", "Statement"])`.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |v, name| v.member(name))
    }
}
