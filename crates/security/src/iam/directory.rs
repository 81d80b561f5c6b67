//! The kernel's door to IAM: from an access key to a caller with all its policies compiled.

pub(crate) use super::attached::Compiled;
use super::model::{ACCESS_KEYS, ROLES, Role, USERS};
use super::{last_used::LastUsed, model};
use crate::organizations::control::{self, Controls};
use auth::policy::Principal;
use auth::sigv4::Secret;
use base::tag::Tags;
use base::{AccountId, Timestamp};
use kernel::identity::{
    Bound, Caller, CallerPolicies, ControlLevel, Directory, Known, Membership, Names, Proof, Unknown,
};
use kernel::seal::Sealer;
use std::sync::Arc;
use store::{Key, Store, StoreError, Tx};

/// The purpose under which secrets of access keys are sealed.
pub(crate) const SECRET_PURPOSE: &str = "iam/access-key";

/// IAM as the kernel sees it. Compiled policies are shared between callers that have the same ones.
#[derive(Debug)]
pub struct IamDirectory {
    sealer: Sealer,
    compiled: Compiled,
    last_used: Arc<LastUsed>,
    controls: Controls,
}

impl IamDirectory {
    pub fn new(master: &[u8; 32], store: &Store, last_used: Arc<LastUsed>) -> IamDirectory {
        let (sealer, compiled, controls) = (Sealer::new(master), Compiled::default(), Controls::new(store));
        IamDirectory { sealer, compiled, last_used, controls }
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// A key of a user or of root.
    fn long_term(&self, tx: &Tx, access_key: &str) -> Result<Known, Unknown> {
        let key = ACCESS_KEYS.get(tx, &Key::global().str(access_key)).map_err(unreadable)?;
        let key = key.ok_or(Unknown::NoSuchKey)?;
        if !key.active {
            return Err(Unknown::InactiveKey);
        }
        let secret = self.sealer.open(SECRET_PURPOSE, &key.sealed_secret);
        let secret = secret.map_err(|e| Unknown::Unreadable(format!("access key {access_key}: {e}")))?;
        let secret = Secret::new(String::from_utf8_lossy(&secret).into_owned());
        let caller = match &key.user {
            None => {
                let mut caller = Caller::root(key.account, access_key);
                caller.policies.service_control = self.service_control(key.account).map_err(unreadable)?;
                caller
            }
            Some(name) => self.user(tx, key.account, name, access_key)?,
        };
        Ok(Known { caller, secret: Some(secret) })
    }

    /// A user with its own, its groups' and its account's policies.
    pub(crate) fn user(
        &self,
        tx: &Tx,
        account: AccountId,
        name: &str,
        access_key: &str,
    ) -> Result<Caller, Unknown> {
        let user =
            USERS.get(tx, &model::named(account, name)).map_err(unreadable)?.ok_or(Unknown::NoSuchKey)?;
        let policies = CallerPolicies {
            identity: self.compiled.of_user(tx, account, &user).map_err(unreadable)?,
            boundary: self
                .compiled
                .boundary(tx, account, user.boundary.as_deref(), &user.arn(account))
                .map_err(unreadable)?,
            session: None,
            service_control: self.service_control(account).map_err(unreadable)?,
        };
        Ok(Caller {
            principal: Principal::User { account, arn: user.arn(account), id: user.id.clone() },
            account,
            access_key: access_key.to_owned(),
            user_id: user.id,
            tags: user.tags.into_iter().collect::<Tags>(),
            session: None,
            policies,
            marks: false,
        })
    }
}

impl IamDirectory {
    /// A role and what limits its sessions: its own policies, its boundary, the account's control policies. The
    /// session's own policy is for whoever makes the session. `None` where there is no such role.
    ///
    /// # Errors
    /// The store's own.
    pub fn role_policies(
        &self,
        tx: &Tx,
        account: AccountId,
        name: &str,
    ) -> Result<Option<(Role, CallerPolicies)>, StoreError> {
        let Some(role) = ROLES.get(tx, &model::named(account, name))? else { return Ok(None) };
        let arn = role.arn(account);
        // Control policies do not limit service-linked roles.
        let service_control = match role.linked_service {
            Some(_) => Vec::new(),
            None => self.service_control(account)?,
        };
        let policies = CallerPolicies {
            identity: self.compiled.of_role(tx, account, &role)?,
            boundary: self.compiled.boundary(tx, account, role.boundary.as_deref(), &arn)?,
            session: None,
            service_control,
        };
        Ok(Some((role, policies)))
    }

    /// The service control policies over an account, from the organization's root down.
    pub(crate) fn service_control(&self, account: AccountId) -> Result<Vec<ControlLevel>, StoreError> {
        Ok(self.controls.of(account, &self.compiled)?.service.to_vec())
    }
}

impl Directory for IamDirectory {
    fn look_up(
        &self,
        tx: &Tx,
        access_key: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Known, Unknown> {
        match token {
            None => self.long_term(tx, access_key),
            Some(token) => crate::sts::caller::look_up(self, tx, access_key, token, now),
        }
    }

    fn prove(
        &self,
        tx: &mut Tx,
        sealer: &Sealer,
        caller: &Caller,
        device: (&str, &str),
        now: Timestamp,
    ) -> Result<Proof, StoreError> {
        super::mfa::prove(tx, sealer, caller, device, now)
    }

    fn bind(&self, tx: &Tx, policy: &str) -> Result<Result<Bound, String>, StoreError> {
        super::trust::bind(tx, policy)
    }

    fn unbind(&self, tx: &Tx, policy: &str, names: &Names) -> Result<String, StoreError> {
        super::trust::unbind(tx, policy, names)
    }

    fn root(&self, account: AccountId, access_key: &str) -> Result<Caller, StoreError> {
        let mut caller = Caller::root(account, access_key);
        caller.policies.service_control = self.service_control(account)?;
        Ok(caller)
    }

    fn resource_control(
        &self,
        account: AccountId,
        action: &str,
    ) -> Result<Arc<Vec<ControlLevel>>, StoreError> {
        let limits = self.controls.of(account, &self.compiled)?;
        Ok(if control::has_resource_control(action) { Arc::clone(&limits.resource) } else { Arc::default() })
    }

    fn organization(&self, account: AccountId) -> Result<Option<Membership>, StoreError> {
        Ok(self.controls.of(account, &self.compiled)?.membership.clone())
    }

    fn used(
        &self,
        caller: &Caller,
        service: &'static str,
        _: &'static str,
        region: &'static str,
        at: Timestamp,
    ) {
        self.last_used.note(caller, service, region, at);
    }

    fn watched(&self) -> Vec<Vec<u8>> {
        let tables = [
            USERS.stored_key(&Key::empty()),
            model::GROUPS.stored_key(&Key::empty()),
            model::ROLES.stored_key(&Key::empty()),
            model::MANAGED_POLICIES.stored_key(&Key::empty()),
            ACCESS_KEYS.stored_key(&Key::empty()),
            crate::organizations::model::TABLES.to_vec(),
        ];
        tables.to_vec()
    }
}

fn unreadable(error: StoreError) -> Unknown {
    Unknown::Unreadable(error.to_string())
}
