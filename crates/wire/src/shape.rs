//! [`shape!`]: a handler declares the few members that it uses, by wire name, and gets a plain struct.
//!
//! What it does not declare is known ([`Shape::MEMBERS`]): the dispatcher refuses or reports it, coverage prints
//! it, and a test holds every name against the model.

use crate::value::{Struct, Value};
use base::Timestamp;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A type that one [`Value`] can be read into.
///
/// The parser has already checked the value against the model, so a failure here means that a `shape!` disagrees
/// with its model: the tests catch it, and the caller sees a `SerializationException`.
pub trait FromValue: Sized {
    /// The members that this type knows, where it is a struct (or a list or map of structs).
    const MEMBERS: Option<&'static [Member]> = None;

    /// # Errors
    /// [`Mismatch`] when the value is of another kind.
    fn from_value(value: Value) -> Result<Self, Mismatch>;

    /// What an absent member becomes: an error, but for `Option`, lists and maps.
    ///
    /// # Errors
    /// [`Mismatch`] when the member may not be absent.
    fn from_absent() -> Result<Self, Mismatch> {
        Err(Mismatch { member: "", expected: "a required member" })
    }
}

/// A type that can be written as a [`Value`]; `None` leaves the member out.
pub trait ToValue {
    const MEMBERS: Option<&'static [Member]> = None;

    fn to_value(self) -> Option<Value>;
}

/// One declared member: its wire name and, where it is a structure, what is declared inside.
#[derive(Clone, Copy)]
pub struct Member {
    pub name: &'static str,
    pub inner: fn() -> Option<&'static [Member]>,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A `shape!` and its model disagree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mismatch {
    pub member: &'static str,
    pub expected: &'static str,
}

impl Mismatch {
    pub fn expected(expected: &'static str) -> Mismatch {
        Mismatch { member: "", expected }
    }

    /// Names the member, unless an inner one is already named.
    #[must_use]
    pub fn in_member(self, member: &'static str) -> Mismatch {
        if self.member.is_empty() { Mismatch { member, ..self } } else { self }
    }
}

macro_rules! plain {
    ($($ty:ty, $pattern:pat => $read:expr, $what:literal, $self:ident => $write:expr;)+) => { $(
        impl FromValue for $ty {
            fn from_value(value: Value) -> Result<Self, Mismatch> {
                match value { $pattern => $read.ok_or(Mismatch::expected($what)), _ => Err(Mismatch::expected($what)) }
            }
        }
        impl ToValue for $ty {
            fn to_value($self) -> Option<Value> { Some($write) }
        }
    )+ };
}

plain! {
    String, Value::Str(s) => Some(s), "a string", self => Value::Str(self);
    bool, Value::Bool(b) => Some(b), "a boolean", self => Value::Bool(self);
    i64, Value::Int(n) => Some(n), "an integer", self => Value::Int(self);
    i32, Value::Int(n) => i32::try_from(n).ok(), "a 32-bit integer", self => Value::Int(self.into());
    u32, Value::Int(n) => u32::try_from(n).ok(), "a positive 32-bit integer", self => Value::Int(self.into());
    f64, Value::Float(x) => Some(x), "a number", self => Value::Float(self);
    Bytes, Value::Blob(b) => Some(b), "a blob", self => Value::Blob(self);
    Timestamp, Value::Time(t) => Some(t), "a timestamp", self => Value::Time(self);
    Struct, Value::Struct(s) => Some(s), "a structure", self => Value::Struct(self);
}

impl ToValue for &str {
    fn to_value(self) -> Option<Value> {
        Some(Value::Str(self.to_owned()))
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        Ok(value)
    }
}

impl ToValue for Value {
    fn to_value(self) -> Option<Value> {
        Some(self)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const MEMBERS: Option<&'static [Member]> = T::MEMBERS;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        T::from_value(value).map(Some)
    }

    fn from_absent() -> Result<Self, Mismatch> {
        Ok(None)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const MEMBERS: Option<&'static [Member]> = T::MEMBERS;

    fn to_value(self) -> Option<Value> {
        self.and_then(T::to_value)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    const MEMBERS: Option<&'static [Member]> = T::MEMBERS;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::List(items) => items.into_iter().map(T::from_value).collect(),
            _ => Err(Mismatch::expected("a list")),
        }
    }

    /// An absent list is an empty one; use `Option<Vec<_>>` where AWS tells them apart.
    fn from_absent() -> Result<Self, Mismatch> {
        Ok(Vec::new())
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    const MEMBERS: Option<&'static [Member]> = T::MEMBERS;

    fn to_value(self) -> Option<Value> {
        Some(Value::List(self.into_iter().filter_map(T::to_value).collect()))
    }
}

/// A modelled map, in the order of the wire.
#[derive(Clone, PartialEq, Debug)]
pub struct Pairs<T>(pub Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Pairs(Vec::new())
    }
}

impl<T: Clone> From<&BTreeMap<String, T>> for Pairs<T> {
    fn from(map: &BTreeMap<String, T>) -> Self {
        Pairs(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl<T: FromValue> FromValue for Pairs<T> {
    const MEMBERS: Option<&'static [Member]> = T::MEMBERS;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Map(items) => items
                .into_iter()
                .map(|(k, v)| Ok((k, T::from_value(v)?)))
                .collect::<Result<_, _>>()
                .map(Pairs),
            _ => Err(Mismatch::expected("a map")),
        }
    }

    fn from_absent() -> Result<Self, Mismatch> {
        Ok(Pairs::default())
    }
}

impl<T: ToValue> ToValue for Pairs<T> {
    const MEMBERS: Option<&'static [Member]> = T::MEMBERS;

    fn to_value(self) -> Option<Value> {
        Some(Value::Map(self.0.into_iter().filter_map(|(k, v)| Some((k, v.to_value()?))).collect()))
    }
}

/// Declares structs over [`Value`]s. `input` structs are read, `output` structs written, plain ones both.
///
/// ```
/// wire::shape! {
///     /// The members of CreateUser that the handler acts on.
///     #[derive(Clone, Debug)]
///     pub struct CreateUser {
///         pub user_name: String = "UserName",
///         pub path: Option<String> = "Path",
///     }
/// }
/// ```
#[macro_export]
macro_rules! shape {
    ($( $(#[$meta:meta])* $vis:vis struct $name:ident {
        $( $(#[$fmeta:meta])* $fvis:vis $field:ident : $ty:ty = $wire:literal ),* $(,)?
    } )+) => { $(
        $(#[$meta])*
        $vis struct $name { $( $(#[$fmeta])* $fvis $field : $ty ),* }

        impl $crate::FromValue for $name {
            const MEMBERS: Option<&'static [$crate::Member]> = Some(&[
                $( $crate::Member { name: $wire, inner: || <$ty as $crate::FromValue>::MEMBERS } ),*
            ]);

            #[allow(unused_mut, unused_variables, reason = "a shape may have no member")]
            fn from_value(value: $crate::Value) -> Result<Self, $crate::Mismatch> {
                let $crate::Value::Struct(mut members) = value else {
                    return Err($crate::Mismatch::expected("a structure"));
                };
                Ok($name { $(
                    $field: match members.take($wire) {
                        Some(value) => <$ty as $crate::FromValue>::from_value(value),
                        None => <$ty as $crate::FromValue>::from_absent(),
                    }.map_err(|m| m.in_member($wire))?
                ),* })
            }
        }

        impl $crate::ToValue for $name {
            const MEMBERS: Option<&'static [$crate::Member]> = Some(&[
                $( $crate::Member { name: $wire, inner: || <$ty as $crate::ToValue>::MEMBERS } ),*
            ]);

            #[allow(unused_mut, reason = "a shape may have no member")]
            fn to_value(self) -> Option<$crate::Value> {
                let declared = <Self as $crate::ToValue>::MEMBERS.map_or(0, <[_]>::len);
                let mut members = $crate::Struct::with_capacity(declared.min($crate::shape::ROOM));
                $( if let Some(value) = $crate::ToValue::to_value(self.$field) { members.push($wire, value); } )*
                Some($crate::Value::Struct(members))
            }
        }
    )+ };
}

/// For so many members there is room from the beginning; answers mostly leave some out.
pub const ROOM: usize = 16;

/// The paths (`Policy.Statement`) in `value` that no declaration in `known` covers.
pub fn undeclared(value: &Value, known: &[Member], out: &mut Vec<String>) {
    fn walk(value: &Value, known: Option<&'static [Member]>, path: &str, out: &mut Vec<String>) {
        match (value, known) {
            (Value::Struct(members), Some(known)) => walk_struct(members, known, path, out),
            (Value::List(items), Some(_)) => items.iter().for_each(|v| walk(v, known, path, out)),
            (Value::Map(items), Some(_)) => items.iter().for_each(|(_, v)| walk(v, known, path, out)),
            _ => {}
        }
    }
    fn walk_struct(members: &Struct, known: &[Member], path: &str, out: &mut Vec<String>) {
        for (name, value) in members.iter() {
            let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            match known.iter().find(|m| m.name == name) {
                Some(member) => walk(value, (member.inner)(), &full, out),
                None if out.contains(&full) => {}
                None => out.push(full),
            }
        }
    }
    if let Value::Struct(members) = value {
        walk_struct(members, known, "", out);
    }
}

#[cfg(test)]
mod tests {
    use super::{FromValue, Mismatch, ToValue, undeclared};
    use crate::value::{Struct, Value};

    crate::shape! {
        #[derive(Clone, PartialEq, Debug)]
        struct Tag { key: String = "Key", value: Option<String> = "Value" }

        #[derive(Clone, PartialEq, Debug)]
        struct CreateUser { user_name: String = "UserName", tags: Vec<Tag> = "Tags" }
    }

    fn request(members: &[(&'static str, Value)]) -> Value {
        Value::Struct(members.iter().cloned().collect())
    }

    #[test]
    fn round_trip() {
        let user = CreateUser { user_name: "eva".into(), tags: vec![Tag { key: "k".into(), value: None }] };
        assert_eq!(CreateUser::from_value(user.clone().to_value().unwrap()), Ok(user));
    }

    #[test]
    fn a_missing_member_is_named() {
        let missing = CreateUser::from_value(Value::Struct(Struct::new())).unwrap_err();
        assert_eq!(missing, Mismatch { member: "UserName", expected: "a required member" });
    }

    #[test]
    fn undeclared_members_are_found_at_every_depth() {
        let tag = request(&[("Key", Value::str("k")), ("Colour", Value::str("red"))]);
        let value = request(&[
            ("UserName", Value::str("eva")),
            ("Tags", Value::List(vec![tag.clone(), tag])),
            ("Boundary", Value::str("x")),
        ]);
        let mut out = Vec::new();
        undeclared(&value, <CreateUser as FromValue>::MEMBERS.unwrap(), &mut out);
        assert_eq!(out, ["Tags.Colour", "Boundary"]);
    }
}
