//! What the crates that serve EC2's one API share: kinds of resources and their ids, the register of what exists with
//! its tags, authorization targets, the filters and pages of Describe operations, client tokens, and the words of
//! refusals.
//!
//! The API is one wire service, but its nouns live in several rooms: networks, machines, disks. They meet here and
//! nowhere else. Not here: any noun of its own, but for the operations on tags, which are about all of them.

pub mod access;
pub mod attachment;
pub mod backing;
pub mod bandwidth;
pub mod describe;
pub mod disk;
pub mod errors;
pub mod fault;
pub mod filter;
pub mod front;
pub mod kind;
pub mod ops;
pub mod plane;
pub mod public;
pub mod register;
pub mod served;
pub mod shapes;
pub mod share;
pub mod tags;
pub mod token;
pub mod zone;

pub use errors::{Ec2Error, Plain};
pub use kind::Kind;

/// The operation tables of this crate, for the wiring.
pub const TABLES: &[&[kernel::Op]] = &[ops::tags::OPS];
