//! What an account is allowed at most: the control policies over it, level by level, and its place in the tree.
//!
//! The kernel asks on every request, so answers are kept until anything of Organizations changes. An account outside
//! of any organization costs one atomic load and a look into a map.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html>

use super::model::{Kind, Organization, TABLES};
use super::tree;
use crate::iam::directory::Compiled;
use auth::policy::{PolicyForm, PolicySource};
use base::{AccountId, Map};
use kernel::identity::{ControlLevel, Membership};
use std::sync::{Arc, PoisonError, RwLock};
use store::Read;
use store::{Store, StoreError, Watch};

/// Beyond this many accounts the memory is emptied and fills again.
const ACCOUNTS_MAX: usize = 4096;

/// The services whose resources resource control policies reach, by the prefixes of their actions.
/// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
const RESOURCE_CONTROLLED: [&str; 10] =
    ["s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "cognito-idp", "logs", "dynamodb"];

/// Whether resource control policies have a say about an action.
pub fn has_resource_control(action: &str) -> bool {
    action.split(':').next().is_some_and(|prefix| RESOURCE_CONTROLLED.contains(&prefix))
}

/// Of one account.
#[derive(Clone, Default, Debug)]
pub struct Limits {
    pub membership: Option<Membership>,
    /// From the root down. Empty: nothing limits.
    pub service: Arc<Vec<ControlLevel>>,
    pub resource: Arc<Vec<ControlLevel>>,
}

/// The limits of all accounts, as far as they were asked for.
#[derive(Debug)]
pub struct Controls {
    store: Store,
    watch: Watch,
    known: RwLock<Known>,
}

#[derive(Default, Debug)]
struct Known {
    generation: u64,
    accounts: Map<AccountId, Arc<Limits>>,
}

impl Controls {
    pub fn new(store: &Store) -> Controls {
        Controls { store: store.clone(), watch: store.watch(&TABLES), known: RwLock::default() }
    }

    /// The limits of an account. Reads the last committed state, not that of a transaction: what a transaction is
    /// about to change does not yet limit it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn of(&self, account: AccountId, compiled: &Compiled) -> Result<Arc<Limits>, StoreError> {
        // Before the state is read: what is kept is then never older than its generation says.
        let generation = self.watch.generation();
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.generation == generation
                && let Some(limits) = known.accounts.get(&account)
            {
                return Ok(Arc::clone(limits));
            }
        }
        let limits = Arc::new(read(&self.store.snapshot(), account, compiled)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.generation < generation || known.accounts.len() >= ACCOUNTS_MAX {
            *known = Known { generation, accounts: Map::default() };
        }
        if known.generation == generation {
            known.accounts.insert(account, Arc::clone(&limits));
        }
        Ok(limits)
    }
}

fn read(from: &dyn Read, account: AccountId, compiled: &Compiled) -> Result<Limits, StoreError> {
    let Some((organization, member)) = tree::home(from, account)? else { return Ok(Limits::default()) };
    let mut path = tree::path(from, &organization, &member.parent)?;
    let membership = Membership {
        organization_id: organization.id.clone(),
        path: format!("{}/{}/", organization.id, path.join("/")),
        is_management: organization.management == account,
    };
    let is_management = membership.is_management;
    let membership = Some(membership);
    // Control policies do not touch the management account.
    if is_management {
        return Ok(Limits { membership, ..Limits::default() });
    }
    path.push(account.to_string());
    let mut service = levels(from, &organization, &path, Kind::Scp, compiled)?;
    if member.closed.is_some() {
        service.push(ControlLevel { target: format!("{account} (closed)"), policies: Vec::new() });
    }
    let resource = levels(from, &organization, &path, Kind::Rcp, compiled)?;
    Ok(Limits { membership, service: Arc::new(service), resource: Arc::new(resource) })
}

/// The policies of one kind at each target of a path, from the root down; no level where the kind is not enabled.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn levels(
    from: &dyn Read,
    organization: &Organization,
    path: &[String],
    kind: Kind,
    compiled: &Compiled,
) -> Result<Vec<ControlLevel>, StoreError> {
    if !organization.enabled(kind) {
        return Ok(Vec::new());
    }
    let mut levels = Vec::with_capacity(path.len());
    for target in path {
        let mut policies = Vec::new();
        for id in tree::attached(from, organization, target)?.of(kind) {
            let Some(control) = tree::control(from, &organization.id, id)? else { continue };
            let source = PolicySource {
                id: control.arn(organization),
                attached_to: target.clone(),
                form: PolicyForm::Managed,
            };
            policies
                .extend(compiled.policy(&control.content, kind.language()).map(|policy| (source, policy)));
        }
        levels.push(ControlLevel { target: target.clone(), policies });
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::has_resource_control;

    #[test]
    fn resource_control_policies_reach_some_services() {
        for (action, expected) in
            [("sts:AssumeRole", true), ("kms:Decrypt", true), ("iam:CreateUser", false), ("s3", true)]
        {
            assert_eq!(has_resource_control(action), expected, "{action}");
        }
    }
}
