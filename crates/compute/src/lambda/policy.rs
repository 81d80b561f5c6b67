//! Resource policies: who else may call a function.

use super::errors::{LambdaError, invalid};
use super::model::{POLICIES, PolicyOf};
use super::name::Named;
use super::ops::configuration::check_revision;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cx, Remembered};
use std::sync::Arc;
use store::{Key, Read, Table};

/// AWS: the quotas of the developer guide.
const BYTES_MAX: usize = 20_480;

/// Of a function as a whole the qualifier is empty.
pub(crate) fn key(named: &Named) -> Key {
    named.key().str(named.qualifier.as_deref().unwrap_or_default())
}

impl PolicyOf {
    /// Refuses what is to be added under an id that is taken, or to another revision than the caller has seen.
    ///
    /// # Errors
    /// `PreconditionFailedException`, `ResourceConflictException`
    pub(crate) fn check_new(&self, id: &str, revision: Option<&str>) -> Result<(), LambdaError> {
        check_revision(revision, &self.revision)?;
        if self.statements.iter().any(|(known, _)| known == id) {
            return Err(LambdaError::Conflict(format!(
                "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
            )));
        }
        Ok(())
    }

    /// Adds a statement.
    ///
    /// # Errors
    /// `PolicyLengthExceededException`; `InvalidParameterValueException` where it makes no policy.
    pub(crate) fn add(&mut self, cx: &Cx<'_>, id: String, statement: String) -> Result<(), LambdaError> {
        self.statements.push((id, statement));
        self.revision = base::id::uuid(cx.rng());
        let document = self.text();
        if document.len() > BYTES_MAX {
            return Err(LambdaError::PolicyLength);
        }
        Policy::parse(&document, PolicyKind::Resource("lambda")).map(drop).map_err(|_| {
            invalid("The provided principal was invalid. Please check the principal and try again.")
        })
    }

    /// Takes a statement out.
    ///
    /// # Errors
    /// `PreconditionFailedException`, `ResourceNotFoundException`
    pub(crate) fn remove(
        &mut self,
        cx: &Cx<'_>,
        id: &str,
        revision: Option<&str>,
    ) -> Result<(), LambdaError> {
        check_revision(revision, &self.revision)?;
        let before = self.statements.len();
        self.statements.retain(|(known, _)| known != id);
        if self.statements.len() == before {
            return Err(LambdaError::NotFound(format!("Statement {id} is not found in resource policy.")));
        }
        self.revision = base::id::uuid(cx.rng());
        Ok(())
    }

    /// Keeps it under a key of its table, as long as there is something in it.
    pub(crate) fn keep(&self, cx: &mut Cx<'_>, table: &Table<PolicyOf>, key: &Key) {
        match self.statements.is_empty() {
            true => table.delete(cx.tx, key),
            false => table.put(cx.tx, key, self),
        }
    }

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
