//! Grants as permissions, and the permission to deal with grants.

use super::{condition, plain, target};
use crate::kms::KmsError;
use crate::kms::core::grant::GrantToken;
use crate::kms::identify::{Accepts, Place, place};
use crate::kms::model::{Child, KeyGrant, KmsKey, Wanted, names_of};
use auth::policy::{Grant, ResourceMode};
use base::AccountId;
use kernel::{Cx, Target};
use std::collections::BTreeMap;
use wire::{Fault, Struct, Value};

/// The grant that covers a request of this caller, if there is one.
pub(crate) fn covering(cx: &Cx<'_>, key: &KmsKey, wanted: &Wanted<'_>) -> Result<Option<Grant>, KmsError> {
    if key.grants == 0 {
        return Ok(None);
    }
    for name in names_of(&cx.caller.principal) {
        let found = KeyGrant::of_grantee(cx.tx, key, &name)?;
        if let Some(grant) = found.into_iter().find(|grant| grant.covers(wanted)) {
            return Ok(Some(Grant { id: grant.id, grantee: grant.grantee }));
        }
    }
    Ok(None)
}

/// # Errors
/// For a `KeyId` that can name no key.
pub(crate) fn create_grant(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let place = place(cx, request.str("KeyId").unwrap_or_default(), Accepts::Keys)?;
    let operations = request.get("Operations").and_then(Value::as_list).unwrap_or_default();
    let operations: Vec<&str> = operations.iter().filter_map(Value::as_str).collect();
    let (equals, subset) =
        (constraint(request, "EncryptionContextEquals"), constraint(request, "EncryptionContextSubset"));
    let child = Child { operations: &operations, equals: equals.as_ref(), subset: subset.as_ref() };
    let wanted = Wanted { operation: "CreateGrant", context: &[], child: Some(child) };
    let mut target = target(cx, place, &wanted, request)?;
    for (given, name) in [(&equals, "EncryptionContextEquals"), (&subset, "EncryptionContextSubset")] {
        if given.is_some() {
            target = target.key("kms:GrantConstraintType", name);
        }
    }
    let for_service = !cx.request.via.is_empty();
    Ok(vec![target.key("kms:GrantIsForAWSResource", for_service.to_string())])
}

fn constraint(request: &Struct, name: &str) -> Option<BTreeMap<String, String>> {
    let Some(Value::Map(pairs)) = request.get("Constraints")?.member(name) else { return None };
    Some(pairs.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// The grant itself says who may retire it: its retiring principal, its grantee if it has `RetireGrant`, the account
/// that created it, and the account that owns the key. Key policies have no say.
///
/// AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/grant-delete.html>
///
/// # Errors
/// `InvalidGrantTokenException`, and for a `KeyId` that can name no key.
pub(crate) fn retire_grant(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let (key, id) = match request.str("GrantToken") {
        Some(token) => {
            let token = GrantToken::open(cx.sealer(), token).map_err(|_| KmsError::InvalidGrantToken)?;
            (token.key_arn, token.grant_id)
        }
        None => {
            let text = |member: &str| request.str(member).unwrap_or_default().to_owned();
            (text("KeyId"), text("GrantId"))
        }
    };
    if key.is_empty() || id.is_empty() {
        // Names no grant; the handler says so to those who may ask.
        return Ok(vec![Target::any()]);
    }
    let place = place(cx, &key, Accepts::Keys)?;
    let Place::Key { account, .. } = &place else { return Ok(vec![Target::any()]) };
    let owner = *account;
    let Ok(found) = place.clone().key(cx) else {
        return Ok(vec![target(cx, place, &plain("RetireGrant"), request)?]);
    };
    let grant = KeyGrant::load(cx.tx, &found.key, &id).map_err(KmsError::from)?;
    let retirer = retirer(cx, owner, grant);
    let mut target =
        condition::of_key(Target::on(found.key.arn()), &found.key).tagged(found.key.tags.clone());
    // Whoever a grant names needs nobody's permission beside, of whichever account it is.
    target = target.owned_by(if retirer.is_some() { cx.account } else { owner });
    target.mode = ResourceMode::Required;
    Ok(vec![condition::of_caller(cx, target.granted(retirer))])
}

/// How the grant, or the accounts behind it, let this caller retire it. Of a grant that is not there, only the key's
/// account learns so.
fn retirer(cx: &Cx<'_>, owner: AccountId, grant: Option<KeyGrant>) -> Option<Grant> {
    let root = |account: AccountId| format!("arn:aws:iam::{account}:root");
    let mut named = vec![root(owner)];
    let mut id = String::new();
    if let Some(grant) = grant {
        named.push(root(grant.issuer));
        named.extend(grant.retiring);
        if grant.operations.iter().any(|operation| operation == "RetireGrant") {
            named.push(grant.grantee);
        }
        id = grant.id;
    }
    let grantee = names_of(&cx.caller.principal).into_iter().find(|name| named.contains(name))?;
    Some(Grant { id, grantee })
}
