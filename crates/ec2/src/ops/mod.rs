//! Handlers, one file a noun.

pub mod tags;
