//! Amazon EC2's instances: real machines in the networks of the room `network`, with
//! key pairs, images and types; as part of EC2's API.
//!
//! Handlers write what is wanted, and [`work`] boots and stops the machines: system containers whose programs are those
//! of the machine that Virga runs on, or the same under a kernel of their own, as virtual machines. A machine keeps what
//! it has written over stops and reboots, until it is terminated.
//!
//! What a machine does at its boots is what its [`user_data`] says. Each change of state is an event on the bus ([`news`]).
//!
//! In a machine, [`metadata`] answers what it may know about itself, and hands out the credentials of its role; AWS's names
//! lead to the cloud, whose certificates the image trusts.
//!
//! One logs in by SSH with the key pair's key: a small SSH server of this machine's (dropbear) runs in each. The developer's
//! own programs come in by [`tunnel`].
//!
//! On capacity that is to spare, machines are [`spot`] machines. A [`fleet`] is many of both. What a machine has become can be the [`image`] of others.
//!
//! The root of a machine that runs can be [`replace`]d by another.
//!
//! Room for machines is reserved by [`reservation`]s, and which of them belong together is said by [`placement`] groups.
//!
//! What a machine takes of processors and memory is held to its [`share`] of this one, and that of a T machine to its
//! [`credits`]; the [`meter`] tells CloudWatch.
//!
//! Where an image brings a root of its own, nothing of this machine's programs is seen but what lets people in ([`whole`]).
//!
//! Not here: volumes that machines boot from.

mod bandwidth;
pub mod billing;
pub(crate) mod cpus;
mod credits;
pub(crate) mod errors;
pub mod exec;
pub mod fleet;
pub mod image;
pub(crate) mod kinds;
pub mod machinery;
mod metadata;
pub mod meter;
pub mod model;
pub(crate) mod names;
mod news;
pub mod ops;
pub(crate) mod placement;
pub mod replace;
pub mod reservation;
mod share;
pub mod spot;
pub(crate) mod template;
pub mod tunnel;
pub(crate) mod upkeep;
mod user_data;
mod whole;
pub mod work;

/// The operation tables, for the wiring.
pub const TABLES: &[&[kernel::Op]] = &[
    ops::key_pair::OPS,
    ops::image::OPS,
    ops::image_make::OPS,
    ops::image_share::OPS,
    ops::kinds::OPS,
    ops::run::OPS,
    ops::describe::OPS,
    ops::cpus::OPS,
    ops::credit::OPS,
    ops::state::OPS,
    ops::interface::OPS,
    ops::attribute::OPS,
    ops::profile::OPS,
    ops::metadata::OPS,
    ops::monitoring::OPS,
    ops::names::OPS,
    ops::upkeep::OPS,
    ops::template::OPS,
    ops::template_version::OPS,
    ops::spot_request::OPS,
    ops::spot_price::OPS,
    ops::fleet::OPS,
    ops::fleet_describe::OPS,
    ops::spot_fleet::OPS,
    ops::reservation::OPS,
    ops::placement::OPS,
    ops::replace::OPS,
];
