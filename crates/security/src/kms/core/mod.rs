//! What KMS computes, without the service: a pure engine over aws-lc.
//!
//! - [`spec`]: names and which go together. [`material`]: making, storing and giving out keys.
//! - [`prepared`]: a key ready for use, one of [`symmetric`] (ciphertext blobs), [`oaep`], [`sign`], [`mac`],
//!   [`agree`], [`kem`].
//! - [`import`]: key material from outside. [`grant`]: grant tokens. [`context`]: encryption contexts.
//!
//! It does no I/O and knows no clock; the time is an argument. Chance comes from [`base::Rng`], except where aws-lc
//! insists on its own (RSA and EC key pairs, signatures, encapsulation, OAEP); then the module says so.
//!
//! Each noun has its own error, which carries what the service needs for AWS's exception; where AWS's message is
//! known, `Display` is that message.
//!
//! Not here: who may use a key, key states, aliases, grants, rotation schedules, limits on request members - the
//! service's work - and SM2, custom key stores, and Nitro attestation (`Recipient`), which are not offered at all.

pub mod agree;
pub mod context;
pub(crate) mod der;
mod fields;
pub mod grant;
pub mod import;
pub mod kem;
pub(crate) mod lc;
pub mod mac;
pub mod material;
pub mod oaep;
pub mod prepared;
pub mod sign;
pub mod spec;
pub mod symmetric;
#[cfg(test)]
mod testkeys;
#[cfg(test)]
mod vectors;
