//! KMS: keys, their life and their use. So far the pure engine only, [`core`].

pub mod core;
