//! KMS without the service.
pub mod agree;
pub mod context;
mod der;
pub mod kem;
mod lc;
pub mod mac;
pub mod material;
pub mod oaep;
pub mod sign;
pub mod spec;
pub mod symmetric;
#[cfg(test)]
mod testkeys;
