//! EC2 Fleets: capacity of several types and zones, on demand and to spare, in one request.
//!
//! A request's overrides are [`place::Place`]s; the pure strategies of [`crate::pools`] choose among them by the prices of
//! [`super::spot::price`]. An instant fleet launches within its request and in its caller's name, and tells for each
//! override why it could not. The others are brought on by [`work`]: a request fleet until its capacity was placed once,
//! one that is maintained for as long as it lives. Whoever makes them must have the rights to launch what they launch;
//! they act by the service-linked role, as Auto Scaling does. A Spot Fleet is the same under names of its own, and acts by the
//! role that it was given.
//!
//! Not here: capacity reservations, placement groups, events about the spot requests of
//! a fleet.

pub(crate) mod fill;
pub(crate) mod model;
pub(crate) mod news;
pub(crate) mod place;
pub mod work;
