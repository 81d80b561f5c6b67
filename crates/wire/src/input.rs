//! From the bytes of a request to a [`crate::Value`], guided by the model, in one pass.

pub mod percent;
