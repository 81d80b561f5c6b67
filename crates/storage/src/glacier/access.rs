//! Which vaults each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/glacier-api-permissions-ref.html>

use super::errors::GlacierError;
use super::model::{ARCHIVES, VAULTS, Vault, arn};
use super::{policy, vaults};
use auth::policy::ResourceMode;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

type Targets = Result<Vec<Target>, Fault>;

const DAY_SECONDS: u64 = 24 * 3600;

fn target(cx: &Cx<'_>, request: &Struct) -> Result<(Target, Option<Vault>), GlacierError> {
    let account = vaults::owner(cx, request.str("accountId").unwrap_or_default())?;
    let name = request.str("vaultName").unwrap_or_default();
    let target = Target::on(arn(account, cx.region, name)).owned_by(account);
    let Some(vault) = VAULTS.get(cx.tx, &Vault::key_of(account, cx.region, name))? else {
        return Ok((target, None));
    };
    let keys = vault.tags.iter().map(|(key, value)| (format!("glacier:ResourceTag/{key}"), value.clone()));
    let target = keys.fold(target, |target, (key, value)| target.key(key, value));
    let target = target.tagged(vault.tags.clone());
    Ok(match policy::attached(cx, &vault)? {
        Some(attached) => (target.guarded(attached, ResourceMode::Optional), Some(vault)),
        None => (target, Some(vault)),
    })
}

/// A vault.
///
/// # Errors
/// `InvalidParameterValueException`; the store's.
pub(super) fn vault(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![target(cx, request)?.0])
}

/// A vault that is to be made: nobody but its own account may, whatever a policy says.
///
/// # Errors
/// As [`vault`].
pub(super) fn new(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let account = vaults::owner(cx, request.str("accountId").unwrap_or_default())?;
    let name = request.str("vaultName").unwrap_or_default();
    Ok(vec![Target::on(arn(account, cx.region, name)).owned_by(account)])
}

/// A vault because of one of its archives, whose age is a condition key.
fn of_archive(cx: &Cx<'_>, request: &Struct, archive: Option<&str>) -> Targets {
    let (target, vault) = target(cx, request)?;
    let (Some(vault), Some(id)) = (vault, archive) else { return Ok(vec![target]) };
    let archive = ARCHIVES.get(cx.tx, &vault.scope().str(id)).map_err(GlacierError::from)?;
    Ok(vec![match archive {
        Some(archive) => {
            let days = cx.now.since(archive.created).as_secs() / DAY_SECONDS;
            target.key("glacier:ArchiveAgeInDays", days.to_string())
        }
        None => target,
    }])
}

/// The archive that the address tells.
///
/// # Errors
/// As [`vault`].
pub(super) fn archive(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    of_archive(cx, request, request.str("archiveId"))
}

/// The archive that a job is to retrieve.
///
/// # Errors
/// As [`vault`].
pub(super) fn job(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let parameters = request.get("jobParameters");
    let archive = parameters.and_then(|p| p.member("ArchiveId")).and_then(Value::as_str);
    of_archive(cx, request, archive)
}

/// What an account has as a whole, in its own region.
///
/// # Errors
/// `InvalidParameterValueException`
pub(super) fn account(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let account = vaults::owner(cx, request.str("accountId").unwrap_or_default())?;
    Ok(vec![Target::any().owned_by(account)])
}
