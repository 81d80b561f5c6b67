//! Which services some policies let their holders use: the statements that allow one of a service's actions.
//!
//! AWS: only permissions policies count here, neither boundaries nor resource policies nor an organization's.

use super::IamError;
use super::attached::Compiled;
use super::source::Source;
use auth::actions::{self, Service};
use auth::policy::Policy;
use kernel::Cx;
use kernel::identity::Attached;

/// Whether the policy allows one of the service's actions.
pub(crate) fn grants(policy: &Policy, service: Service) -> bool {
    service.actions().any(|action| policy.allows_somewhere(&action.full_name()))
}

/// The services that one of the policies grants, by prefix.
pub(crate) fn services(policies: &[Attached]) -> Vec<Service> {
    actions::services().filter(|service| policies.iter().any(|policy| grants(&policy.1, *service))).collect()
}

/// The policies of a user (with its groups'), group or role.
///
/// # Errors
/// The store's own.
pub(crate) fn policies(cx: &Cx<'_>, source: &Source) -> Result<Vec<Attached>, IamError> {
    Ok(source.policies(&Compiled::default(), cx)?)
}
