//! EventBridge: buses, rules that pick events by pattern or come due by the clock, and targets that get them.
//!
//! Promises: whoever is told that an event was taken can rely on it: its deliveries are on the disk with it
//! ([`routing`]); a reconciler makes them ([`work`]), with the rights that the target's own policy or the target's role
//! gives and no others, again until the target's retries are over, and then into its dead-letter queue. What the cloud's own
//! services tell is on the default bus. Schedules cost nothing until they are due.
//!
//! API destinations are HTTPS endpoints on this machine; they are called apart from other deliveries ([`calling`]), authorized by
//! connections ([`connection`]).
//!
//! What comes over a bus with a key of KMS lies sealed until it is delivered ([`sealing`]).
//!
//! Partners' sources are offered by any account and taken by a bus of their name ([`partner`]).
//!
//! Not here: targets other than queues, topics, functions, log groups, buses and API destinations; rules on another
//! account's bus; global endpoints; archives with keys of KMS; logs of buses.

mod access;
mod archive;
pub mod authorizing;
pub mod calling;
mod connection;
mod destination;
mod errors;
mod invocation;
mod listening;
mod metering;
mod model;
mod ops;
pub(crate) mod outcall;
mod partner;
mod policy;
mod routing;
mod sealing;
mod target;
mod token;
pub(crate) mod transform;
pub mod work;

pub use errors::EventsError;
pub(crate) use model::Http;

pub static EVENTS: kernel::Service = kernel::Service {
    id: "events",
    global: false,
    ops: &[
        ops::bus::OPS,
        ops::permission::OPS,
        ops::rule::OPS,
        ops::target::OPS,
        ops::partner::OPS,
        ops::put::OPS,
        ops::pattern::OPS,
        ops::source::OPS,
        ops::tag::OPS,
        ops::archive::OPS,
        ops::connection::OPS,
        ops::destination::OPS,
        ops::replay::OPS,
    ],
};
