//! The kernel: what every service stands on.
//!
//! A request's journey begins in [`dispatch`]; what a handler gets is [`Cx`], or [`Dx`] where it streams or waits; what
//! a service declares is [`ops!`]; what is answered beside AWS's interfaces is a [`site`]; who may
//! do what is decided in [`access`]; what has happened is in [`audit`]; what is to become real is done by
//! [`reconcile`], in several steps by [`saga`], told to others by [`bus`]; who is told of requests themselves is a [`witness`].
//!
//! INVARIANT: no service's name decides anything here but how errors are worded; services depend on the kernel, never
//! the kernel on them. Only [`vitals`] calls one by its name.

pub mod access;
pub mod audit;
mod authenticate;
pub mod body;
pub mod bus;
mod callers;
mod cloud;
pub mod coding;
mod contents;
mod context;
pub mod contributors;
mod cx;
mod data;
pub mod data_key;
pub mod digests;
mod dispatch;
pub mod due;
mod encoded;
mod expiring;
mod explain;
mod failure;
pub mod flow;
pub mod form;
pub mod gate;
pub mod identity;
mod journey;
pub mod listing;
pub mod log;
mod memory;
pub mod meter;
mod metrics;
mod nested;
pub mod op;
pub mod outbound;
pub mod pattern;
mod quota;
pub mod reconcile;
mod remembered;
pub mod reply;
pub mod saga;
pub mod seal;
mod sharded;
pub mod site;
mod slow;
pub mod steps;
pub mod told;
mod turned_away;
pub mod visit;
pub mod vitals;
mod wake;
mod way;
mod why;
pub mod witness;

pub use access::Target;
pub use body::{Body, Incoming};
pub use cloud::{CLOCK_STEP_SECONDS_MAX, ClockChange, Cloud, Parts, RootKey, Settings};
pub use cx::{As, Cx, Peer, Request, Signed, Tls};
pub use data::{Answer, Dx, Running};
pub use encoded::decode as decode_authorization_message;
pub use expiring::Expiring;
pub use failure::Failure;
pub use nested::{Call, Whom};
pub use op::{Empty, Nothing, Op, Run, Service};
pub use remembered::Remembered;
pub use reply::{Content, Reply};
pub use sharded::Sharded;
pub use slow::slow;
pub use wake::Wakes;
pub use way::Way;
