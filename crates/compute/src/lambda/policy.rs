//! Resource policies: who else may call a function.

use super::errors::LambdaError;
use super::model::{POLICIES, PolicyOf};
use super::name::Named;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::Cx;
use kernel::identity::Attached;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
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

/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 4_096;

/// What documents were compiled into, so that not each request does it again.
#[derive(Debug, Default)]
struct Compiled(RwLock<HashMap<String, Arc<Policy>>>);

impl Compiled {
    fn of(&self, text: &str) -> Result<Arc<Policy>, LambdaError> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(Arc::clone(known));
        }
        let fresh = Policy::load(text, PolicyKind::Resource("lambda")).map_err(|malformed| {
            kernel::log::error("a stored policy cannot be read", &[("problem", &malformed.message)]);
            LambdaError::Service("The policy cannot be read.".into())
        })?;
        let fresh = Arc::new(fresh);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ENTRIES_MAX {
            all.clear();
        }
        all.insert(text.to_owned(), Arc::clone(&fresh));
        Ok(fresh)
    }
}

/// The same, compiled.
///
/// # Errors
/// `ServiceException` for a stored policy that cannot be read.
pub(crate) fn attached(cx: &Cx<'_>, named: &Named) -> Result<Option<Attached>, LambdaError> {
    let Some(policy) = of(cx.tx, named)? else { return Ok(None) };
    let compiled = cx.memory::<Compiled>().of(&policy.text())?;
    let arn = named.qualified_arn();
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    Ok(Some((source, compiled)))
}
