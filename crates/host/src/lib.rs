//! The data plane: real networks made of Linux namespaces, links, routes and netfilter rules.
//!
//! [`Driver`] is what services ask. [`Linux`] does it: a child process lives in user, network, mount and process
//! namespaces of its own, needs no privileges, and takes everything with it when it ends. [`Simulator`] does it in
//! memory, by [`net::walk`], for tests that need no packets.
//!
//! The kernel is spoken to in its own language (netlink), so that neither `ip` nor `nft` has to be there.

mod driver;
mod error;
mod linux;
mod simulator;

pub use driver::{Count, Driver, Inventory, Place, Process, Spawn};
pub use error::HostError;
pub use linux::{Linux, Missing, missing, run_child};
pub use simulator::Simulator;
