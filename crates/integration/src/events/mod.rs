//! EventBridge: buses, rules that pick events by pattern or come due by the clock, and targets that get them.
//!
//! Promises: whoever is told that an event was taken can rely on it: its deliveries are on the disk with it
//! ([`routing`]); a reconciler makes them ([`work`]), with the rights that the target's own policy or the target's role
//! gives and no others, again until the target's retries are over, and then into its dead-letter queue. What the cloud's own
//! services tell is on the default bus. Schedules cost nothing until they are due.
//!
//! Not here: targets other than queues, topics, functions, log groups and buses; rules on another account's bus; partner sources, connections, API destinations, global endpoints; own keys and logs of buses.

mod access;
mod archive;
mod errors;
mod model;
mod ops;
mod policy;
mod routing;
mod target;
mod transform;
pub mod work;

pub use errors::EventsError;

pub static EVENTS: kernel::Service = kernel::Service {
    id: "events",
    global: false,
    ops: &[
        ops::bus::OPS,
        ops::permission::OPS,
        ops::rule::OPS,
        ops::target::OPS,
        ops::put::OPS,
        ops::pattern::OPS,
        ops::tag::OPS,
        ops::archive::OPS,
        ops::replay::OPS,
    ],
};
