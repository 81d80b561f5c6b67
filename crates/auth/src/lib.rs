//! Room under construction.
//!
//! - [`sigv4`]: request signatures (SigV4, SigV4A, presigned, chunked), verified and made.

pub mod sigv4;
