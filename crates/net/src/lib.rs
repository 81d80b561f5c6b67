//! The virtual network as data: what decides about a packet, and what it decides.
//!
//! - [`cidr`]: prefixes, AWS's rules for the blocks of VPCs and subnets, free addresses.
//! - [`topology`]: a VPC and everything in it that a packet can meet, as plain structs.
//! - [`walk`]: a packet's way through a topology, hop by hop, with the rule that decided at each; and its answer's way
//!   back.
//! - [`tracking`]: which connections end with the rule that let them pass.
//! - [`program`]: a topology compiled to links, routes and filter rules that a data plane applies, and the difference
//!   between two of them.
//!
//! Pure: no socket, no clock, no chance. That real packets do what [`walk`] says is tested in `host`.

pub mod cidr;
pub mod program;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod topology;
pub mod tracking;
pub mod walk;

pub use cidr::Cidr;
pub use program::Program;
pub use topology::Topology;
