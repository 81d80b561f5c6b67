//! The data plane: real networks made of Linux namespaces, links, routes and netfilter rules.
//!
//! [`Driver`] is what services ask. [`Linux`] does it: a child process lives in user, network, mount and process
//! namespaces of its own, needs no privileges, and takes everything with it when it ends. [`Simulator`] does it in
//! memory, by [`net::walk`], for tests that need no packets.
//!
//! A machine is a network namespace that interfaces are plugged into: sockets can be made in it and processes run in
//! it. Booted, it is a system container with a root file system in layers ([`image`]); one without interfaces can hold a
//! single program that is not trusted ([`sandbox`]).
//!
//! Disks are plugged into booted machines as files that their owner serves ([`disk`]). What a container writes to its root has
//! so much room as is said ([`room`]), and lies encrypted where there is a key ([`seal`]), at the
//! pace that is said ([`pace`]).
//!
//! What runs in a machine may be held to a [`Share`] of this one, where control groups are to be had.
//!
//! A machine may have a kernel of its own, in a virtual machine (`guest`), with the same files behind the same interfaces.
//!
//! Not there: block devices of containers; disks that containers boot from.
//!
//! The kernel is spoken to in its own language (netlink), so that neither `ip` nor `nft` has to be there.

pub mod disk;
mod driver;
mod error;
mod fuse;
mod guest;
pub mod image;
mod linux;
pub mod pace;
pub mod room;
pub mod sandbox;
pub mod seal;
mod share;
mod simulator;

pub use driver::{Boot, Count, Driver, Flow, Flows, Guest, Inventory, Place, Process, Spawn, Usage};
pub use error::HostError;
pub use guest::{missing_for_guests, speed_of_guests};
pub use linux::{
    Linux, Missing, missing, missing_for_disks, missing_for_limits, missing_for_logins,
    raise_descriptor_limit, run_child,
};
pub use sandbox::Sandbox;
pub use share::{Share, whole};
pub use simulator::Simulator;
