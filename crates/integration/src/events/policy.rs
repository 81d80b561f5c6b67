//! Policies of buses, compiled for authorization.

use super::errors::{EventsError, invalid};
use super::model::Bus;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cx, Remembered};
use std::sync::Arc;

const KIND: PolicyKind = PolicyKind::Resource("events");
/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html>
const CHARS_MAX: usize = 10_240;

/// # Errors
/// `ValidationException` for what is no policy of a bus, `PolicyLengthExceededException`.
pub(super) fn check(text: &str) -> Result<(), EventsError> {
    if text.chars().count() > CHARS_MAX {
        return Err(EventsError::LongPolicy);
    }
    Policy::parse(text, KIND).map(drop).map_err(|malformed| invalid(malformed.message))
}

#[derive(Debug, Default)]
struct Compiled(Remembered<Arc<Policy>>);

/// # Errors
/// `InternalException` for a stored policy that cannot be read.
pub(super) fn attached(cx: &Cx<'_>, bus: &Bus) -> Result<Option<Attached>, EventsError> {
    let Some(text) = &bus.policy else { return Ok(None) };
    let policy = cx.memory::<Compiled>().0.of(text, || {
        Policy::load(text, KIND).map(Arc::new).map_err(|malformed| {
            kernel::log::error("a stored policy of a bus cannot be read", &[("problem", &malformed.message)]);
            EventsError::Internal
        })
    })?;
    let arn = bus.arn();
    Ok(Some((PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource }, policy)))
}
