//! Whom a vault tells that jobs have ended.

use super::{OfVault, topic};
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::jobs::{ARCHIVE_DONE, INVENTORY_DONE};
use crate::glacier::model::{Notify, VAULTS};
use crate::glacier::{access, vaults};
use kernel::{Cx, Empty};

kernel::ops! { pub(in crate::glacier) static OPS:
    SetVaultNotifications: set, "glacier:SetVaultNotifications", access::vault;
    GetVaultNotifications: get, "glacier:GetVaultNotifications", access::vault;
    DeleteVaultNotifications: delete, "glacier:DeleteVaultNotifications", access::vault;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Set {
        account: String = "accountId",
        vault: String = "vaultName",
        configuration: Option<Configuration> = "vaultNotificationConfig",
    }

    #[derive(Debug)]
    pub(crate) struct Configuration {
        topic: Option<String> = "SNSTopic",
        events: Vec<String> = "Events",
    }

    #[derive(Debug)]
    pub(crate) struct Got { configuration: Configuration = "vaultNotificationConfig" }
}

fn set(cx: &mut Cx<'_>, req: Set) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    let given = req.configuration.ok_or(Refusal::Missing("Vault Notification Configuration"))?;
    let text = given.topic.ok_or(Refusal::Missing("SNSTopic"))?;
    topic(&text)?;
    if given.events.is_empty() {
        return Err(Refusal::Missing("Events").into());
    }
    let known = |event: &&String| ![ARCHIVE_DONE, INVENTORY_DONE].contains(&event.as_str());
    if let Some(event) = given.events.iter().find(known) {
        return Err(invalid(format!("Invalid event: {event}")));
    }
    vault.notify = Some(Notify { topic: text, events: given.events });
    VAULTS.put(cx.tx, &vault.key(), &vault);
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: OfVault) -> Result<Got, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let Notify { topic, events } =
        vault.notify.clone().ok_or_else(|| Refusal::NoNotifications(vault.arn()))?;
    Ok(Got { configuration: Configuration { topic: Some(topic), events } })
}

fn delete(cx: &mut Cx<'_>, req: OfVault) -> Result<Empty, GlacierError> {
    let mut vault = vaults::find(cx, &req.account, &req.vault)?;
    if vault.notify.take().is_some() {
        VAULTS.put(cx.tx, &vault.key(), &vault);
    }
    Ok(Empty)
}
