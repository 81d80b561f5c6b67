//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler owns its request")]

pub(super) mod list;
pub(super) mod pipe;
pub(super) mod state;
pub(super) mod tag;
pub(super) mod view;

use super::errors::PipesError;
use super::model::Pipe;
use kernel::Cx;

/// A pipe of the caller's.
///
/// # Errors
/// `NotFoundException`
fn own(cx: &Cx<'_>, name: &str) -> Result<Pipe, PipesError> {
    Pipe::load(cx.tx, (cx.account, cx.region), name)?.ok_or_else(|| PipesError::NoPipe(name.to_owned()))
}

/// A pipe of the caller's that is not on its way to another state.
///
/// # Errors
/// `NotFoundException`, `ConflictException`
fn settled(cx: &Cx<'_>, name: &str) -> Result<Pipe, PipesError> {
    let pipe = own(cx, name)?;
    match pipe.phase.is_passing() {
        true => Err(PipesError::Busy(pipe.name, pipe.phase.label())),
        false => Ok(pipe),
    }
}
