//! Amazon EBS: volumes and snapshots as part of EC2's API, and the EBS direct APIs, by which a snapshot's blocks are
//! read and written.
//!
//! Bytes lie in blocks of 512 KiB ([`blocks`]): snapshots share what has not changed, and cost nothing to be taken. What
//! has a KMS key is encrypted under it ([`key`]). What takes time is done by [`work`].
//!
//! A machine has a volume as a file in its `/dev` that this process serves ([`plug`], [`live`]): programs read, write and
//! format it as they do a disk. It is no block device, so that the kernel mounts no file system from it.
//!
//! What becomes of volumes and snapshots is told on the bus ([`news`]); which snapshots are restored [`fast`], in its own words.
//!
//! Not here: attachments to several instances, archived snapshots and the recycle bin, local snapshots, product codes,
//! the rate at which a volume is filled from its snapshot (its blocks are there from the beginning), data lifecycle
//! policies.

mod backing;
pub mod billing;
pub mod blocks;
mod copies;
pub mod direct;
mod errors;
mod fast;
mod key;
mod live;
mod meter;
mod model;
mod news;
mod ops;
mod plug;
mod shape;
pub mod work;

pub use backing::Backing;
pub use meter::Meters;
pub use ops::attachment::{as_root, for_launch, spare};
pub use plug::Plugs;

/// The operation tables of EC2's API, for the wiring.
pub const TABLES: &[&[kernel::Op]] = &[
    ops::attachment::OPS,
    ops::volume::OPS,
    ops::volumes::OPS,
    ops::modify::OPS,
    ops::attribute::OPS,
    ops::defaults::OPS,
    ops::snapshot::OPS,
    ops::snapshots::OPS,
    ops::copy::OPS,
    ops::share::OPS,
    ops::fast::OPS,
];
