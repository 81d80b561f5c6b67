//! Authorization of the network's operations: as [`ec2::access`], after the account has got its default VPC.

use super::defaults;
use ec2::access::Access;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

/// Begins the targets of an operation.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn on<'a, 'c>(cx: &'a mut Cx<'c>, request: &'a Struct) -> Result<Access<'a, 'c>, Fault> {
    defaults::ensure(cx)?;
    Ok(Access::of(cx, request))
}

/// For operations that are about no resource in particular.
///
/// # Errors
/// As [`on`].
pub(crate) fn list(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    on(cx, request)?.done()
}
