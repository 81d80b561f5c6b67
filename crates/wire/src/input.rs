//! From the bytes of a request to a [`crate::Value`], guided by the model, in one pass.

pub mod percent;

#[derive(Debug)]
pub struct Parsed { pub value: crate::Value, pub violations: Vec<()>, pub unknown: Vec<String>, pub idempotency: Vec<&'static str> }
pub fn parse(_: &crate::route::Route<'_>, _: &crate::Head<'_>, _: bytes::Bytes) -> Result<Parsed, crate::Fault> { Err(crate::Fault::new(500, "", "")) }
