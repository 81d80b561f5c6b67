//! Repositories' policies: who else may push and pull.

use super::errors::{EcrError, invalid};
use super::model::Repository;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cx, Remembered};
use std::sync::Arc;

const KIND: PolicyKind = PolicyKind::Resource("ecr");

/// What policies were compiled into, so that not each request does it again.
#[derive(Debug, Default)]
struct Compiled(Remembered<Arc<Policy>>);

/// # Errors
/// `InvalidParameterException` for what is no policy of a repository.
pub(super) fn check(text: &str) -> Result<(), EcrError> {
    let refused = |_| invalid("PolicyText", "Invalid repository policy provided");
    Policy::parse(text, KIND).map(drop).map_err(refused)
}

/// A policy of the repository, for authorization.
///
/// # Errors
/// `ServerException` for one that cannot be read; those that are kept were checked.
pub(super) fn attached(cx: &Cx<'_>, repository: &Repository, text: &str) -> Result<Attached, EcrError> {
    let policy = cx.memory::<Compiled>().0.of(text, || {
        Policy::load(text, KIND).map(Arc::new).map_err(|malformed| {
            kernel::log::error("a repository's policy cannot be read", &[("problem", &malformed.message)]);
            EcrError::Server
        })
    })?;
    let arn = repository.arn();
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    Ok((source, policy))
}
