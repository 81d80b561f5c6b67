//! Tags of vaults.

use super::OfVault;
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::VAULTS;
use crate::glacier::{access, vaults};
use base::tag;
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! { pub(in crate::glacier) static OPS:
    AddTagsToVault: add, "glacier:AddTagsToVault", access::vault;
    RemoveTagsFromVault: remove, "glacier:RemoveTagsFromVault", access::vault;
    ListTagsForVault: list, "glacier:ListTagsForVault", access::vault;
}

/// AWS: of one vault.
const TAGS_MAX: usize = 10;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Add {
        account: String = "accountId",
        vault: String = "vaultName",
        tags: Pairs<String> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct Remove {
        account: String = "accountId",
        vault: String = "vaultName",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct Listed { tags: Pairs<String> = "Tags" }
}

fn add(cx: &mut Cx<'_>, req: Add) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    let tags = tag::checked(req.tags.0).map_err(|error| invalid(format!("Invalid tag: {error:?}")))?;
    vault.tags.extend(tags);
    if vault.tags.len() > TAGS_MAX {
        return Err(Refusal::Limit(format!("A vault has at most {TAGS_MAX} tags")).into());
    }
    VAULTS.put(cx.tx, &vault.key(), &vault);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: Remove) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    vault.tags.retain(|key, _| !req.keys.contains(key));
    VAULTS.put(cx.tx, &vault.key(), &vault);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OfVault) -> Result<Listed, GlacierError> {
    Ok(Listed { tags: Pairs(vaults::find(cx, &req.account, &req.vault)?.tags.into_iter().collect()) })
}
