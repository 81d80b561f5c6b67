//! What connects: queues, topics and what is delivered between them.
//!
//! Services stand side by side here and do not see each other's tables: a topic reaches a queue by calling it.

mod chunks;
pub mod events;
pub mod pipes;
mod rates;
mod schedule;
pub mod scheduler;
pub mod sns;
pub mod sqs;
