//! [`stored!`]: configurations that a bucket keeps just as they came over the wire, declared once for both.
//!
//! Each field has a number for the disk and a name for the wire. What the shape does not declare is reported like any
//! other member that nobody acts on.

/// Declares structs that are records of the store and shapes of the wire.
macro_rules! stored {
    ($( $(#[$meta:meta])* pub struct $name:ident {
        $( $(#[$fmeta:meta])* $number:literal => $field:ident : $ty:ty = $wire:literal ),* $(,)?
    } )+) => { $(
        store::record! {
            $(#[$meta])*
            #[derive(Clone, PartialEq, Debug)]
            pub struct $name { $( $(#[$fmeta])* $number => pub $field : $ty ),* }
        }

        impl wire::FromValue for $name {
            const MEMBERS: Option<&'static [wire::Member]> = Some(&[
                $( wire::Member { name: $wire, inner: || <$ty as wire::FromValue>::MEMBERS } ),*
            ]);

            #[allow(unused_mut, unused_variables, reason = "a shape may have no member")]
            fn from_value(value: wire::Value) -> Result<Self, wire::Mismatch> {
                let wire::Value::Struct(mut members) = value else {
                    return Err(wire::Mismatch::expected("a structure"));
                };
                Ok($name { $(
                    $field: match members.take($wire) {
                        Some(value) => <$ty as wire::FromValue>::from_value(value),
                        None => <$ty as wire::FromValue>::from_absent(),
                    }.map_err(|m| m.in_member($wire))?
                ),* })
            }
        }

        impl wire::ToValue for $name {
            const MEMBERS: Option<&'static [wire::Member]> = Some(&[
                $( wire::Member { name: $wire, inner: || <$ty as wire::ToValue>::MEMBERS } ),*
            ]);

            #[allow(unused_mut, reason = "a shape may have no member")]
            fn to_value(self) -> Option<wire::Value> {
                let mut members = wire::Struct::new();
                $( if let Some(value) = wire::ToValue::to_value(self.$field) { members.push($wire, value); } )*
                Some(wire::Value::Struct(members))
            }
        }
    )+ };
}

pub(crate) use stored;
