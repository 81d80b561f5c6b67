//! The cloud as a library: what the binary runs, and what the in-process tests run without sockets.

pub mod wiring;
