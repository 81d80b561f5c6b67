//! Spot machines: on capacity that is to spare, at a price that moves, and taken back with two minutes' notice.
//!
//! Each has a request, which RunInstances makes with it and RequestSpotInstances before it; [`work`] brings requests and
//! machines on. A machine is interrupted when its pool's [`price`] rises above its maximum, and when the operator
//! orders it ([`notice::interrupt`]): then its place is needed. What was told in the notice happens by the cloud's clock,
//! and to the real machine.
//!
//! Not here: hibernation, launch groups and zone groups, rebalance recommendations, data feeds.

pub(crate) mod model;
pub mod notice;
pub(crate) mod price;
pub(crate) mod terms;
pub mod work;
