//! Vaults.

use super::{OfVault, limit};
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::{CHANGED, VAULTS, Vault, arn};
use crate::glacier::{access, vaults};
use base::Arn;
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(in crate::glacier) static OPS:
    CreateVault: create, "glacier:CreateVault", access::new;
    DescribeVault: describe, "glacier:DescribeVault", access::vault;
    ListVaults: list, "glacier:ListVaults", access::account;
    DeleteVault: delete, "glacier:DeleteVault", access::vault;
}

/// AWS: vaults of an account in a region.
const VAULTS_MAX: usize = 1000;
/// AWS: of one page.
const PAGE: usize = 10;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Created { location: String = "location" }

    #[derive(Debug)]
    pub(crate) struct VaultView {
        arn: String = "VaultARN",
        name: String = "VaultName",
        created: String = "CreationDate",
        inventory: Option<String> = "LastInventoryDate",
        archives: i64 = "NumberOfArchives",
        size: i64 = "SizeInBytes",
    }

    #[derive(Debug)]
    pub(crate) struct List {
        account: String = "accountId",
        marker: Option<String> = "marker",
        limit: Option<String> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        vaults: Vec<VaultView> = "VaultList",
        marker: Option<String> = "Marker",
    }
}

fn view(vault: &Vault) -> VaultView {
    let int = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let last = vault.inventory.as_ref();
    VaultView {
        arn: vault.arn(),
        name: vault.name.clone(),
        created: vault.created.iso8601_millis(),
        inventory: last.map(|last| last.at.iso8601_millis()),
        archives: last.map_or(0, |last| int(last.archives)),
        size: last.map_or(0, |last| int(last.bytes)),
    }
}

fn create(cx: &mut Cx<'_>, req: OfVault) -> Result<Created, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    if !vaults::is_name(&req.vault) {
        let arn = arn(account, cx.region, &req.vault);
        return Err(invalid(format!("Invalid vault name: {arn}")));
    }
    let key = Vault::key_of(account, cx.region, &req.vault);
    // AWS: idempotent.
    if let Some(vault) = VAULTS.get(cx.tx, &key)? {
        return Ok(Created { location: vault.path() });
    }
    if VAULTS.count(cx.tx, &Key::regional(account, cx.region))? >= VAULTS_MAX {
        return Err(Refusal::Limit(format!("Limit of {VAULTS_MAX} vaults exceeded")).into());
    }
    let vault = Vault {
        account,
        region: cx.region,
        name: req.vault,
        number: cx.rng().u64(),
        created: cx.now,
        ..Vault::default()
    };
    VAULTS.put(cx.tx, &key, &vault);
    Ok(Created { location: vault.path() })
}

fn describe(cx: &mut Cx<'_>, req: OfVault) -> Result<VaultView, GlacierError> {
    Ok(view(&vaults::find(cx, &req.account, &req.vault)?))
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    let most = limit(req.limit.as_deref(), PAGE)?;
    let after = match req.marker.as_deref() {
        None | Some("") => None,
        Some(text) => {
            let marker = Arn::parse(text).filter(|arn| arn.service == "glacier");
            let name = marker.as_ref().and_then(|arn| arn.resource.strip_prefix("vaults/"));
            let name = name.ok_or_else(|| invalid(format!("Invalid marker: {text}")))?;
            Some(Vault::key_of(account, cx.region, name))
        }
    };
    let page = VAULTS.page(cx.tx, &Key::regional(account, cx.region), after.as_ref(), most)?;
    let marker = page.next.as_ref().and_then(|_| page.items.last()).map(|(_, last)| last.arn());
    Ok(Listed { vaults: page.items.iter().map(|(_, vault)| view(vault)).collect(), marker })
}

fn delete(cx: &mut Cx<'_>, req: OfVault) -> Result<Empty, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    let key = Vault::key_of(account, cx.region, &req.vault);
    // AWS: idempotent.
    let Some(vault) = VAULTS.get(cx.tx, &key)? else { return Ok(Empty) };
    let is_empty = vault.inventory.as_ref().is_none_or(|last| last.archives == 0);
    if !is_empty || vault.counting.is_some() || CHANGED.contains(cx.tx, &vault.scope())? {
        return Err(invalid(format!("Vault not empty or recently written to: {}", vault.arn())));
    }
    // Its jobs and uploads go when their time has come.
    VAULTS.delete(cx.tx, &key);
    Ok(Empty)
}
