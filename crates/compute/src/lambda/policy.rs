//! Resource policies: who else may call a function.

use super::errors::LambdaError;
use super::model::{POLICIES, PolicyOf};
use super::name::Named;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cx, Remembered};
use std::sync::Arc;
use store::{Key, Read};

/// AWS: the quotas of the developer guide.
pub(crate) const BYTES_MAX: usize = 20_480;

/// Of a function as a whole the qualifier is empty.
pub(crate) fn key(named: &Named) -> Key {
    named.key().str(named.qualifier.as_deref().unwrap_or_default())
}

impl PolicyOf {
    /// The document.
    pub(crate) fn text(&self) -> String {
        let statements: Vec<&str> = self.statements.iter().map(|(_, text)| text.as_str()).collect();
        format!(r#"{{"Version":"2012-10-17","Id":"default","Statement":[{}]}}"#, statements.join(","))
    }
}

/// The policy of what is named, if it has one.
///
/// # Errors
/// The store's.
pub(crate) fn of(from: &dyn Read, named: &Named) -> Result<Option<PolicyOf>, LambdaError> {
    Ok(POLICIES.get(from, &key(named))?)
}

/// What documents were compiled into, so that not each request does it again.
#[derive(Debug, Default)]
pub(crate) struct Compiled(Remembered<Arc<Policy>>);

/// The same, compiled.
///
/// # Errors
/// `ServiceException` for a stored policy that cannot be read.
pub(crate) fn attached(cx: &Cx<'_>, named: &Named) -> Result<Option<Attached>, LambdaError> {
    let Some(policy) = of(cx.tx, named)? else { return Ok(None) };
    compiled(&cx.memory::<Compiled>(), &policy.text(), named.qualified_arn()).map(Some)
}

/// What a document that hangs at `arn` was compiled into.
///
/// # Errors
/// `ServiceException` for one that cannot be read.
pub(crate) fn compiled(memory: &Compiled, text: &str, arn: String) -> Result<Attached, LambdaError> {
    let compiled = memory.0.of(text, || {
        Policy::load(text, PolicyKind::Resource("lambda")).map(Arc::new).map_err(|malformed| {
            kernel::log::error("a stored policy cannot be read", &[("problem", &malformed.message)]);
            LambdaError::Service("The policy cannot be read.".into())
        })
    })?;
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    Ok((source, compiled))
}
