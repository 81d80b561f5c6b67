//! Who asks, and may they: request signatures and the IAM policy language. Pure: no I/O, no clock.

pub mod policy;
