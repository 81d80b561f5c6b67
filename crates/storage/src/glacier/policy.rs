//! The policies of vaults: one for access, which can be changed, and the lock, which cannot. They decide together, as one.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-lock-policy.html>

use super::errors::{GlacierError, Refusal};
use super::model::Vault;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cx, Remembered};
use std::sync::Arc;

const KIND: PolicyKind = PolicyKind::Resource("glacier");

/// AWS: 20 KB.
const BYTES_MAX: usize = 20 * 1024;

/// What policies were compiled into.
#[derive(Debug, Default)]
struct Compiled(Remembered<Arc<Policy>>);

/// Whether a text is a policy that a vault can have.
pub(super) fn is_good(text: &str) -> bool {
    text.len() <= BYTES_MAX && Policy::parse(text, KIND).is_ok()
}

fn compiled(cx: &Cx<'_>, texts: &[&str]) -> Result<Option<Arc<Policy>>, GlacierError> {
    if texts.is_empty() {
        return Ok(None);
    }
    // No policy has a character of this kind.
    let policy = cx.memory::<Compiled>().0.of(&texts.join("\0"), || {
        let all: Result<Vec<_>, _> = texts.iter().map(|text| Policy::load(text, KIND)).collect();
        let joined = all.map(|all| Policy::joined(all).map(Arc::new)).map_err(|malformed| {
            kernel::log::error("a vault's policy cannot be read", &[("problem", &malformed.message)]);
            GlacierError::from(Refusal::Unavailable)
        })?;
        joined.ok_or_else(|| GlacierError::from(Refusal::Unavailable))
    })?;
    Ok(Some(policy))
}

/// All that the vault's own policies say, for authorization.
///
/// # Errors
/// `ServiceUnavailableException` for one that cannot be read; those that are kept were checked.
pub(super) fn attached(cx: &Cx<'_>, vault: &Vault) -> Result<Option<Attached>, GlacierError> {
    let lock = vault.lock(cx.now).map(|lock| lock.policy.as_str());
    let texts: Vec<&str> = vault.access.as_deref().into_iter().chain(lock).collect();
    let Some(policy) = compiled(cx, &texts)? else { return Ok(None) };
    let arn = vault.arn();
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    Ok(Some((source, policy)))
}
