//! Vault locks: a policy that holds for a day on trial, and then for ever or not at all.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-lock.html>

use super::OfVault;
use super::policy::Document;
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::{LOCKING, Lock, VAULTS};
use crate::glacier::{access, policy, vaults};
use kernel::{Cx, Empty};

kernel::ops! { pub(in crate::glacier) static OPS:
    InitiateVaultLock: initiate, "glacier:InitiateVaultLock", access::vault;
    CompleteVaultLock: complete, "glacier:CompleteVaultLock", access::vault;
    AbortVaultLock: abort, "glacier:AbortVaultLock", access::vault;
    GetVaultLock: get, "glacier:GetVaultLock", access::vault;
}

const ID_LEN: usize = 24;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Initiate {
        account: String = "accountId",
        vault: String = "vaultName",
        policy: Option<Document> = "policy",
    }

    #[derive(Debug)]
    pub(crate) struct Initiated { id: String = "lockId" }

    #[derive(Debug)]
    pub(crate) struct Complete {
        account: String = "accountId",
        vault: String = "vaultName",
        id: String = "lockId",
    }

    #[derive(Debug)]
    pub(crate) struct LockView {
        policy: String = "Policy",
        state: String = "State",
        expires: Option<String> = "ExpirationDate",
        created: String = "CreationDate",
    }
}

fn initiate(cx: &mut Cx<'_>, req: Initiate) -> Result<Initiated, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    if let Some(lock) = vault.lock(cx.now) {
        let state = if lock.locked { "locked" } else { "in progress" };
        return Err(Refusal::Denied(format!("The vault lock is {state}: {}", vault.arn())).into());
    }
    let text = req.policy.and_then(|policy| policy.text).ok_or(Refusal::Missing("Policy"))?;
    if !policy::is_good(&text) {
        return Err(invalid("The specified vault lock policy is invalid. Provide a valid policy."));
    }
    let id = vaults::id(cx, ID_LEN);
    vault.lock = Some(Lock { id: id.clone(), policy: text, begun: cx.now, locked: false });
    VAULTS.put(cx.tx, &vault.key(), &vault);
    Ok(Initiated { id })
}

fn complete(cx: &mut Cx<'_>, req: Complete) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    let Some(mut lock) = vault.lock(cx.now).cloned() else {
        return Err(Refusal::NoLock(vault.arn()).into());
    };
    match (lock.id == req.id, lock.locked) {
        // AWS: idempotent.
        (true, true) => return Ok(Empty),
        (true, false) => {}
        (false, true) => {
            return Err(Refusal::Denied(format!("The vault is locked: {}", vault.arn())).into());
        }
        (false, false) => return Err(invalid(format!("Invalid lock ID: {}", req.id))),
    }
    lock.locked = true;
    vault.lock = Some(lock);
    VAULTS.put(cx.tx, &vault.key(), &vault);
    Ok(Empty)
}

fn abort(cx: &mut Cx<'_>, req: OfVault) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    if vault.lock(cx.now).is_some_and(|lock| lock.locked) {
        return Err(Refusal::Denied(format!("The vault is locked: {}", vault.arn())).into());
    }
    // AWS: idempotent.
    if vault.lock.take().is_some() {
        VAULTS.put(cx.tx, &vault.key(), &vault);
    }
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: OfVault) -> Result<LockView, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let Some(lock) = vault.lock(cx.now) else { return Err(Refusal::NoLock(vault.arn()).into()) };
    let expires = lock.begun.plus(LOCKING).iso8601_millis();
    Ok(LockView {
        policy: lock.policy.clone(),
        state: if lock.locked { "Locked" } else { "InProgress" }.to_owned(),
        expires: (!lock.locked).then_some(expires),
        created: lock.begun.iso8601_millis(),
    })
}
