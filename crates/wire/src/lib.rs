//! AWS's protocols, driven by AWS's own API models: routing, parsing, validation, serialization.
//!
//! INVARIANT: only this crate knows XML, JSON, CBOR or HTTP bindings. It is pure: no sockets, no clock, no tokio.

pub mod catalog;
pub mod elements;
pub mod eventstream;
pub mod fault;
pub mod head;
pub mod input;
pub mod json;
pub mod model;
pub mod octets;
pub mod output;
pub mod route;
pub mod shape;
pub mod shaped;
pub mod validate;
pub mod value;
pub mod words;

pub use elements::Elements;
pub use fault::Fault;
pub use head::Head;
pub use shape::{FromValue, Member, Mismatch, Pairs, ToValue, undeclared};
pub use value::{Struct, Value};
