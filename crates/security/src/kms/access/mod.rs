//! Who may do what: from a request to the keys and aliases that it touches.
//!
//! A key's policy decides, not its account (`ResourceMode::Required`); a grant that covers the request counts as the
//! policy's own allow. A key that does not exist is asked about as if it had no policy, so that only those learn of
//! its absence whom the account's own policies let ask.

mod condition;
mod cross;
mod decrypt;
mod grant;

pub(crate) use decrypt::{decrypt, re_encrypt};
pub(crate) use grant::{create_grant, retire_grant};

use super::KmsError;
use super::identify::{Accepts, Found, Place, place};
use super::managed;
use super::model::{ALIASES, KmsKey, Wanted, alias_arn, alias_key, key_arn};
use super::policy;
use auth::policy::ResourceMode;
use base::Region;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

/// The operation's one key, in `KeyId`.
///
/// # Errors
/// For a `KeyId` that can name no key, and for keys of other accounts where the operation does not reach them.
pub(crate) fn on_key(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let operation = cx.request.operation;
    let name = request.str("KeyId").unwrap_or_default();
    if cross::accepts(operation) == Accepts::KeysAndAliases {
        managed::provide(cx, name)?;
    }
    let place = place(cx, name, cross::accepts(operation))?;
    let context = condition::context(request, "EncryptionContext");
    let wanted = Wanted { operation, context: &context, child: None };
    Ok(vec![target(cx, place, &wanted, request)?])
}

/// One key, with its policy, the grant that covers the request, and every condition key.
pub(crate) fn target(
    cx: &Cx<'_>,
    place: Place,
    wanted: &Wanted<'_>,
    request: &Struct,
) -> Result<Target, KmsError> {
    let (account, arn) = match &place {
        Place::Key { account, id, .. } => (*account, key_arn(*account, cx.region, id)),
        Place::NoAlias { account, arn } => (*account, arn.clone()),
    };
    if account != cx.account && !cross::reaches_other_accounts(cx.request.operation) {
        return Err(cross::refused(cx, &arn));
    }
    let target = match place.key(cx) {
        Ok(Found { key, alias }) => {
            let target = guarded(cx, &key, grant::covering(cx, &key, wanted)?)?;
            match alias {
                Some(alias) => target.key("kms:RequestAlias", alias),
                None => target,
            }
        }
        Err(KmsError::NotFound(_)) => condition::of_caller(cx, Target::on(arn).owned_by(account)),
        Err(error) => return Err(error),
    };
    let target = condition::of_request(target, request);
    Ok(condition::of_context(target, wanted.context))
}

/// A key that is there.
fn guarded(cx: &Cx<'_>, key: &KmsKey, grant: Option<auth::policy::Grant>) -> Result<Target, KmsError> {
    let target = Target::on(key.arn())
        .owned_by(key.account)
        .guarded(policy::attached(cx, key)?, ResourceMode::Required)
        .granted(grant)
        .tagged(key.tags.clone());
    Ok(condition::of_caller(cx, condition::of_key(target, key)))
}

fn plain(operation: &str) -> Wanted<'_> {
    Wanted { operation, context: &[], child: None }
}

/// `CreateKey`, and `TagResource` where it carries tags.
///
/// # Errors
/// Never.
pub(crate) fn create_key(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let text = |name: &str| request.str(name);
    let spec = text("KeySpec").or(text("CustomerMasterKeySpec")).unwrap_or("SYMMETRIC_DEFAULT");
    let usage = text("KeyUsage").unwrap_or("ENCRYPT_DECRYPT");
    let multi_region = request.get("MultiRegion").and_then(Value::as_bool).unwrap_or_default();
    let bypass = request.get("BypassPolicyLockoutSafetyCheck").and_then(Value::as_bool).unwrap_or_default();
    let target = condition::of_caller(cx, Target::any())
        .key("kms:KeySpec", spec)
        .key("kms:CustomerMasterKeySpec", spec)
        .key("kms:KeyUsage", usage)
        .key("kms:CustomerMasterKeyUsage", usage)
        .key("kms:KeyOrigin", text("Origin").unwrap_or("AWS_KMS"))
        .key("kms:MultiRegion", multi_region.to_string())
        .key("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string());
    let target = if multi_region { target.key("kms:MultiRegionKeyType", "PRIMARY") } else { target };
    Ok(with_tags(cx, vec![target], request))
}

fn with_tags(cx: &Cx<'_>, mut targets: Vec<Target>, request: &Struct) -> Vec<Target> {
    if request.get("Tags").and_then(Value::as_list).is_some_and(|tags| !tags.is_empty()) {
        targets.push(condition::of_caller(cx, Target::any().doing("kms:TagResource")));
    }
    targets
}

/// The alias and the key that it is to name; of `UpdateAlias` also the key that it names now.
///
/// # Errors
/// For a `TargetKeyId` that can name no key.
pub(crate) fn set_alias(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut targets = existing_alias(cx, request)?;
    let key = request.str("TargetKeyId").unwrap_or_default();
    if key.starts_with("alias/") || key.contains(":alias/") {
        return Err(KmsError::Validation("Aliases must refer to keys. Not aliases".into()).into());
    }
    let place = place(cx, key, Accepts::Keys)?;
    targets.push(target(cx, place, &plain(cx.request.operation), request)?);
    Ok(targets)
}

/// The alias, and the key that it names.
///
/// # Errors
/// The store's own.
pub(crate) fn existing_alias(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let name = request.str("AliasName").unwrap_or_default();
    let mut targets = vec![condition::of_caller(cx, Target::on(alias_arn(cx.account, cx.region, name)))];
    let found = ALIASES.get(cx.tx, &alias_key(cx.account, cx.region, name)).map_err(KmsError::from)?;
    // CreateAlias is refused when the alias exists; whose key it names is no business of its caller.
    if let Some(alias) = found.filter(|_| cx.request.operation != "CreateAlias") {
        let place = Place::Key { account: cx.account, id: alias.key_id, alias: None };
        targets.push(target(cx, place, &plain(cx.request.operation), request)?);
    }
    Ok(targets)
}

/// `ReplicateKey` on the primary, and `CreateKey` (with `TagResource` for tags) for the replica.
///
/// # Errors
/// As [`on_key`].
pub(crate) fn replicate_key(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut targets = on_key(cx, request)?;
    targets.push(condition::of_caller(cx, Target::any().doing("kms:CreateKey")));
    Ok(with_tags(cx, targets, request))
}

/// The primary that is and the one that is to be.
///
/// # Errors
/// As [`on_key`].
pub(crate) fn update_primary_region(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut targets = on_key(cx, request)?;
    let Place::Key { account, id, .. } = place(cx, request.str("KeyId").unwrap_or_default(), Accepts::Keys)?
    else {
        return Ok(targets);
    };
    let Some(region) = Region::parse(request.str("PrimaryRegion").unwrap_or_default()) else {
        return Ok(targets);
    };
    if let Some(key) = KmsKey::load(cx.tx, account, region, &id).map_err(KmsError::from)? {
        targets.push(condition::of_request(guarded(cx, &key, None)?, request));
    }
    Ok(targets)
}
