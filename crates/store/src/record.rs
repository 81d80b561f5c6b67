//! [`record!`](crate::record!) and [`record_enum!`](crate::record_enum!): structs and enums with numbered parts and
//! a binary form that is read for ever.
//!
//! The number of a field or variant is its name on the disk: it is never changed and never used again. A field may
//! be added (older data reads as its absent value: 0, empty, `None`, the first variant), renamed, or dropped (its
//! bytes are skipped, and gone with the next write). A stored value is a version byte and then the record; the
//! version stands for this encoding, not for the fields.
//!
//! Not here: keeping unknown fields. A newer version's data that an older one rewrites loses what the older one
//! does not know.

use crate::field::{Field, Input, Malformed};

/// The encoding described in this module and in [`crate::field`].
const VERSION: u8 = 1;

/// A struct made by [`record!`](crate::record!); or anything else that a table can hold.
pub trait Record: Field {
    /// The stored form.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.push(VERSION);
        self.write(&mut out);
        out
    }

    /// # Errors
    /// [`Malformed`] when the bytes are no such record.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Self::read(Input::new(rest)),
            Some(_) => Err(Malformed::new("it was written by a newer version")),
            None => Err(Malformed::new("it is empty")),
        }
    }
}

/// Declares records: structs whose fields have a number each.
///
/// ```
/// store::record! {
///     #[derive(Clone, PartialEq, Debug)]
///     pub struct User {
///         1 => pub name: String,
///         2 => pub tags: std::collections::BTreeMap<String, String>,
///         3 => pub boundary: Option<String>,
///     }
/// }
/// use store::record::Record;
/// let user = User { name: "eva".into(), ..User::default() };
/// assert_eq!(User::from_bytes(&user.to_bytes()), Ok(user));
/// ```
///
/// `Default` is implemented: every field absent.
#[macro_export]
macro_rules! record {
    ($( $(#[$meta:meta])* $vis:vis struct $name:ident {
        $( $(#[$fmeta:meta])* $number:literal => $fvis:vis $field:ident : $ty:ty ),* $(,)?
    } )+) => { $(
        $(#[$meta])*
        $vis struct $name { $( $(#[$fmeta])* $fvis $field : $ty ),* }

        // Two fields with one number do not compile: an enum's discriminants are unique.
        const _: () = {
            #[allow(dead_code, non_camel_case_types, clippy::enum_variant_names, reason = "exists for its numbers")]
            enum Numbers { $( $field = $number ),* }
        };

        impl ::core::default::Default for $name {
            fn default() -> Self {
                $name { $( $field: <$ty as $crate::field::Field>::absent() ),* }
            }
        }

        impl $crate::field::Field for $name {
            #[allow(unused_variables, reason = "a record may have no field")]
            fn write(&self, out: &mut Vec<u8>) {
                $( if !$crate::field::Field::is_absent(&self.$field) {
                    $crate::field::write_varint($number, out);
                    $crate::field::write_nested(&self.$field, out);
                } )*
            }

            #[allow(unused_mut, reason = "a record may have no field")]
            fn read(mut input: $crate::field::Input<'_>) -> Result<Self, $crate::field::Malformed> {
                let mut record = <$name as ::core::default::Default>::default();
                while !input.is_empty() {
                    let number = input.varint()?;
                    #[allow(unused_variables, reason = "a record may have no field")]
                    let payload = input.nested()?;
                    match number {
                        $( $number => {
                            record.$field = <$ty as $crate::field::Field>::read(payload)
                                .map_err(|m| m.within(stringify!($field)))?;
                        } )*
                        _ => {}
                    }
                }
                Ok(record)
            }

            fn absent() -> Self {
                <$name as ::core::default::Default>::default()
            }

            fn is_absent(&self) -> bool {
                true $( && $crate::field::Field::is_absent(&self.$field) )*
            }
        }

        impl $crate::record::Record for $name {}
    )+ };
}

/// Declares enums whose variants have a number each and at most one payload, itself a field. The first variant is
/// what an absent field stands for, and has no payload.
///
/// ```
/// store::record_enum! {
///     #[derive(Clone, PartialEq, Debug)]
///     pub enum State {
///         1 => Active,
///         2 => Deleting(base::Timestamp),
///     }
/// }
/// ```
#[macro_export]
macro_rules! record_enum {
    ($( $(#[$meta:meta])* $vis:vis enum $name:ident {
        $(#[$first_meta:meta])* $first_number:literal => $first:ident
        $( , $(#[$vmeta:meta])* $number:literal => $variant:ident $( ( $payload:ty ) )? )* $(,)?
    } )+) => { $(
        $(#[$meta])*
        $vis enum $name { $(#[$first_meta])* $first $( , $(#[$vmeta])* $variant $( ( $payload ) )? )* }

        const _: () = {
            #[allow(dead_code, clippy::enum_variant_names, reason = "exists for its numbers")]
            enum Numbers { $first = $first_number $( , $variant = $number )* }
        };

        impl ::core::default::Default for $name {
            fn default() -> Self {
                $name::$first
            }
        }

        impl $crate::field::Field for $name {
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $name::$first => $crate::field::write_varint($first_number, out),
                    $( $crate::record_enum!(@pattern $name $variant payload $( $payload )?) => {
                        $crate::field::write_varint($number, out);
                        $( <$payload as $crate::field::Field>::write(payload, out); )?
                    } )*
                }
            }

            fn read(mut input: $crate::field::Input<'_>) -> Result<Self, $crate::field::Malformed> {
                match input.varint()? {
                    $first_number => Ok($name::$first),
                    $( $number => Ok(
                        $crate::record_enum!(@value $name $variant input $( $payload )?)
                    ), )*
                    _ => Err($crate::field::Malformed::new("it is of a kind that is not known")),
                }
            }

            fn absent() -> Self {
                $name::$first
            }

            fn is_absent(&self) -> bool {
                matches!(self, $name::$first)
            }
        }
    )+ };
    (@pattern $name:ident $variant:ident $bound:ident) => { $name::$variant };
    (@pattern $name:ident $variant:ident $bound:ident $payload:ty) => { $name::$variant($bound) };
    (@value $name:ident $variant:ident $input:ident) => { $name::$variant };
    (@value $name:ident $variant:ident $input:ident $payload:ty) => {
        $name::$variant(
            <$payload as $crate::field::Field>::read($input).map_err(|m| m.within(stringify!($variant)))?
        )
    };
}
