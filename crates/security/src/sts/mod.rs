//! STS: who is calling, and temporary credentials.

pub mod ops;

/// STS's operations.
pub static STS: kernel::Service = kernel::Service { id: "sts", global: true, ops: &[ops::identity::OPS] };
