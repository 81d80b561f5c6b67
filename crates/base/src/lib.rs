//! The words that every room uses: time, time zones, chance, accounts, regions, ARNs, ids, tags, page tokens.
//!
//! This crate depends on no other of ours, does no I/O (only [`rng::Rng::from_os`] asks the operating system for
//! a seed, and [`clock::Clock`] for the time) and knows no service.

pub mod account;
pub mod arn;
pub mod calendar;
pub mod clock;
pub mod id;
pub mod map;
pub mod page;
pub mod region;
pub mod rng;
pub mod tag;
pub mod timestamp;
pub mod zone;

pub use account::AccountId;
pub use arn::Arn;
pub use clock::Clock;
pub use map::Map;
pub use region::Region;
pub use rng::Rng;
pub use timestamp::Timestamp;
