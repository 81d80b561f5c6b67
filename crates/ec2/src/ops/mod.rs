//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub mod tags;
