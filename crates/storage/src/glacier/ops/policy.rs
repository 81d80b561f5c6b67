//! Vaults' access policies.

use super::OfVault;
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::VAULTS;
use crate::glacier::{access, policy, vaults};
use kernel::{Cx, Empty};

kernel::ops! { pub(in crate::glacier) static OPS:
    SetVaultAccessPolicy: set, "glacier:SetVaultAccessPolicy", access::vault;
    GetVaultAccessPolicy: get, "glacier:GetVaultAccessPolicy", access::vault;
    DeleteVaultAccessPolicy: delete, "glacier:DeleteVaultAccessPolicy", access::vault;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Set {
        account: String = "accountId",
        vault: String = "vaultName",
        policy: Option<Document> = "policy",
    }

    #[derive(Debug)]
    pub(crate) struct Document { pub(super) text: Option<String> = "Policy" }

    #[derive(Debug)]
    pub(crate) struct Got { policy: Document = "policy" }
}

fn set(cx: &mut Cx<'_>, req: Set) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    let text = req.policy.and_then(|policy| policy.text).ok_or(Refusal::Missing("Policy"))?;
    if !policy::is_good(&text) {
        let what = "The specified vault access policy is invalid. Provide a valid policy.";
        return Err(invalid(what));
    }
    vault.access = Some(text);
    VAULTS.put(cx.tx, &vault.key(), &vault);
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: OfVault) -> Result<Got, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let text = vault.access.clone().ok_or_else(|| Refusal::NoPolicy(vault.arn()))?;
    Ok(Got { policy: Document { text: Some(text) } })
}

fn delete(cx: &mut Cx<'_>, req: OfVault) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    // AWS: idempotent.
    if vault.access.take().is_some() {
        VAULTS.put(cx.tx, &vault.key(), &vault);
    }
    Ok(Empty)
}
