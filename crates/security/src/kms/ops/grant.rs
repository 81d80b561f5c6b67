//! Grants: making them, listing them, taking them back.

use super::key::touch;
use super::{check_tokens, stop_if_dry};
use crate::iam::trust;
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::grant::GrantToken;
use crate::kms::core::spec::{KeySpec, KeyUsage};
use crate::kms::identify;
use crate::kms::model::{GRANTS, GRANTS_PER_KEY_MAX, KeyGrant, KmsKey, Needs};
use crate::kms::page::{self, Page};
use base::{AccountId, Arn, Timestamp};
use kernel::{Cx, Empty};
use std::collections::BTreeMap;
use store::{Direction, StoreError};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreateGrant: create_grant, "kms:CreateGrant", access::create_grant;
    ListGrants: list_grants, "kms:ListGrants", access::on_key;
    ListRetirableGrants: list_retirable_grants, "kms:ListRetirableGrants", kernel::access::any;
    RevokeGrant: revoke_grant, "kms:RevokeGrant", access::on_key;
    RetireGrant: retire_grant, "kms:RetireGrant", access::retire_grant;
}

/// AWS: `ListGrants`, `Limit`.
const PAGE_MAX: u32 = 100;
/// AWS: `CreateGrant`, `Constraints`: eight pairs, 384 characters in all.
const CONSTRAINT_PAIRS_MAX: usize = 8;
const CONSTRAINT_CHARS_MAX: usize = 384;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateGrant {
        key_id: String = "KeyId",
        grantee: Option<String> = "GranteePrincipal",
        retiring: Option<String> = "RetiringPrincipal",
        operations: Vec<String> = "Operations",
        constraints: Option<Constraints> = "Constraints",
        grant_tokens: Vec<String> = "GrantTokens",
        name: Option<String> = "Name",
        dry_run: Option<bool> = "DryRun",
        grantee_service: Option<String> = "GranteeServicePrincipal",
        retiring_service: Option<String> = "RetiringServicePrincipal",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Constraints {
        subset: Option<Pairs<String>> = "EncryptionContextSubset",
        equals: Option<Pairs<String>> = "EncryptionContextEquals",
        source_arn: Option<String> = "SourceArn",
    }

    #[derive(Debug)]
    pub(crate) struct Created {
        token: String = "GrantToken",
        id: String = "GrantId",
    }

    #[derive(Debug)]
    pub(crate) struct ListGrants {
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
        key_id: String = "KeyId",
        id: Option<String> = "GrantId",
        grantee: Option<String> = "GranteePrincipal",
        grantee_service: Option<String> = "GranteeServicePrincipal",
    }

    #[derive(Debug)]
    pub(crate) struct ListRetirable {
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
        retiring: Option<String> = "RetiringPrincipal",
        retiring_service: Option<String> = "RetiringServicePrincipal",
    }

    #[derive(Debug)]
    pub(crate) struct Grants {
        grants: Vec<GrantEntry> = "Grants",
        next: Option<String> = "NextMarker",
        truncated: bool = "Truncated",
    }

    #[derive(Debug)]
    pub(crate) struct GrantEntry {
        key_id: String = "KeyId",
        id: String = "GrantId",
        name: String = "Name",
        created: Timestamp = "CreationDate",
        grantee: String = "GranteePrincipal",
        retiring: Option<String> = "RetiringPrincipal",
        issuer: String = "IssuingAccount",
        operations: Vec<String> = "Operations",
        constraints: Option<Constraints> = "Constraints",
    }

    #[derive(Debug)]
    pub(crate) struct RevokeGrant {
        key_id: String = "KeyId",
        id: String = "GrantId",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct RetireGrant {
        token: Option<String> = "GrantToken",
        key_id: Option<String> = "KeyId",
        id: Option<String> = "GrantId",
        dry_run: Option<bool> = "DryRun",
    }
}

fn refuse_services(given: &[&Option<String>]) -> Result<(), KmsError> {
    if given.iter().all(|member| member.is_none()) {
        return Ok(());
    }
    let what = "Grants to service principals and for source ARNs are not supported by this cloud.";
    Err(KmsError::Unsupported(what.into()))
}

/// An account, a user, a role, or a session, which exists.
fn check_principal(cx: &Cx<'_>, arn: &str) -> Result<(), KmsError> {
    const KINDS: &[&str] = &["user/", "role/", "assumed-role/", "federated-user/"];
    let is_principal = Arn::parse(arn).is_some_and(|arn| {
        let named =
            KINDS.iter().any(|kind| arn.resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
        matches!(arn.service.as_str(), "iam" | "sts")
            && AccountId::parse(&arn.account).is_some()
            && (named || arn.resource == "root")
    });
    match is_principal && trust::is_somebody(cx.tx, arn)? {
        true => Ok(()),
        false => Err(KmsError::InvalidArn(format!("ARN does not refer to a valid principal: {arn}"))),
    }
}

/// AWS: `CreateGrant`, `Constraints`.
fn check_constraint(key: &KmsKey, pairs: &BTreeMap<String, String>) -> Result<(), KmsError> {
    let refused = |what: String| Err(KmsError::Validation(what));
    if key.spec != KeySpec::Symmetric {
        return refused(
            "Encryption context constraints are valid only with symmetric encryption KMS keys.".into(),
        );
    }
    if pairs.len() > CONSTRAINT_PAIRS_MAX {
        return refused(format!(
            "A grant constraint cannot have more than {CONSTRAINT_PAIRS_MAX} encryption context pairs."
        ));
    }
    let chars: usize = pairs.iter().map(|(key, value)| key.chars().count() + value.chars().count()).sum();
    if chars > CONSTRAINT_CHARS_MAX {
        return refused(format!(
            "The encryption context of a grant constraint cannot be longer than {CONSTRAINT_CHARS_MAX} characters."
        ));
    }
    Ok(())
}

/// A grant may allow only what the key can do.
///
/// AWS: "Grant operations": signing keys cannot get grants for encryption, and so on.
fn fits(key: &KmsKey, operation: &str) -> bool {
    match operation {
        "Decrypt" | "Encrypt" | "ReEncryptFrom" | "ReEncryptTo" => key.usage == KeyUsage::EncryptDecrypt,
        "GenerateDataKey"
        | "GenerateDataKeyWithoutPlaintext"
        | "GenerateDataKeyPair"
        | "GenerateDataKeyPairWithoutPlaintext" => key.spec == KeySpec::Symmetric,
        "Sign" | "Verify" => key.usage == KeyUsage::SignVerify,
        "GenerateMac" | "VerifyMac" => key.usage == KeyUsage::GenerateVerifyMac,
        "DeriveSharedSecret" => key.usage == KeyUsage::KeyAgreement,
        "Encapsulate" | "Decapsulate" => key.usage == KeyUsage::EncapsulateDecapsulate,
        "GetPublicKey" => key.spec.is_asymmetric(),
        _ => true,
    }
}

fn create_grant(cx: &mut Cx<'_>, request: CreateGrant) -> Result<Created, KmsError> {
    check_tokens(cx, &request.grant_tokens)?;
    let source_arn = request.constraints.as_ref().and_then(|c| c.source_arn.clone());
    refuse_services(&[&request.grantee_service, &request.retiring_service, &source_arn])?;
    let Some(grantee) = request.grantee else {
        return Err(KmsError::Validation("GranteePrincipal is required.".into()));
    };
    [Some(&grantee), request.retiring.as_ref()]
        .into_iter()
        .flatten()
        .try_for_each(|arn| check_principal(cx, arn))?;
    let mut key = identify::key_that(cx, &request.key_id, Needs::Enabled)?;
    if let Some(operation) = request.operations.iter().find(|operation| !fits(&key, operation)) {
        let (spec, usage) = (key.spec, key.usage);
        let what =
            format!("{operation} cannot be granted on a KMS key with key spec {spec} and key usage {usage}.");
        return Err(KmsError::Validation(what));
    }
    let map = |pairs: Pairs<String>| pairs.0.into_iter().collect::<BTreeMap<_, _>>();
    let (equals, subset) = match request.constraints {
        Some(constraints) => (constraints.equals.map(map), constraints.subset.map(map)),
        None => (None, None),
    };
    for pairs in [&equals, &subset].into_iter().flatten() {
        check_constraint(&key, pairs)?;
    }
    let grant = KeyGrant {
        id: new_id(cx),
        account: key.account,
        region: key.region,
        key_id: key.id.clone(),
        created: cx.now,
        name: request.name,
        grantee,
        retiring: request.retiring,
        issuer: cx.account,
        operations: request.operations,
        equals,
        subset,
    };
    stop_if_dry(request.dry_run)?;
    let token = |cx: &Cx<'_>, id: &str| {
        let token = GrantToken { key_arn: key.arn(), grant_id: id.to_owned() };
        token.seal(cx.sealer(), cx.rng()).map_err(|_| KmsError::Internal)
    };
    if let Some(same) = the_same(cx, &key, &grant)? {
        return Ok(Created { token: token(cx, &same)?, id: same });
    }
    if key.grants >= GRANTS_PER_KEY_MAX {
        return Err(KmsError::LimitExceeded(format!(
            "A KMS key cannot have more than {GRANTS_PER_KEY_MAX} grants."
        )));
    }
    let created = Created { token: token(cx, &grant.id)?, id: grant.id.clone() };
    key.grants += 1;
    grant.save(cx.tx);
    touch(cx, &key);
    key.save(cx.tx);
    Ok(created)
}

/// 64 hexadecimal digits.
fn new_id(cx: &Cx<'_>) -> String {
    cx.rng().bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A grant with a name is made once, however often the request comes.
fn the_same(cx: &Cx<'_>, key: &KmsKey, new: &KeyGrant) -> Result<Option<String>, KmsError> {
    if new.name.is_none() {
        return Ok(None);
    }
    let all = KeyGrant::of_grantee(cx.tx, key, &new.grantee)?;
    let same = all.into_iter().find(|old| {
        KeyGrant { id: new.id.clone(), created: new.created, issuer: new.issuer, ..old.clone() } == *new
    });
    Ok(same.map(|grant| grant.id))
}

fn entry(grant: KeyGrant) -> GrantEntry {
    let pairs = |map: Option<BTreeMap<String, String>>| map.map(|map| Pairs(map.into_iter().collect()));
    let constrained = grant.equals.is_some() || grant.subset.is_some();
    GrantEntry {
        key_id: grant.key_arn(),
        id: grant.id,
        // AWS: the name of a grant without one is empty.
        name: grant.name.unwrap_or_default(),
        created: grant.created,
        grantee: grant.grantee,
        retiring: grant.retiring,
        issuer: format!("arn:aws:iam::{}:root", grant.issuer),
        operations: grant.operations,
        constraints: constrained.then(|| Constraints {
            subset: pairs(grant.subset),
            equals: pairs(grant.equals),
            source_arn: None,
        }),
    }
}

fn check_limit(limit: Option<u32>) -> Result<(), KmsError> {
    match limit {
        Some(limit) if limit > PAGE_MAX => Err(KmsError::Validation(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have \
             value less than or equal to {PAGE_MAX}"
        ))),
        _ => Ok(()),
    }
}

fn list_grants(cx: &mut Cx<'_>, request: ListGrants) -> Result<Grants, KmsError> {
    check_limit(request.limit)?;
    refuse_services(&[&request.grantee_service])?;
    let key = identify::key(cx, &request.key_id)?;
    let list = format!("kms:ListGrants {} {:?} {:?}", key.arn(), request.id, request.grantee);
    let Page { after, limit } = page::read(cx, &list, request.limit, request.marker.as_deref(), page::SMALL)?;
    let wanted = |grant: &KeyGrant| {
        after.as_ref().is_none_or(|after| grant.id > *after)
            && request.id.as_ref().is_none_or(|id| grant.id == *id)
            && request.grantee.as_ref().is_none_or(|grantee| grant.grantee == *grantee)
    };
    let all = GRANTS.scan(cx.tx, &key.key(), Direction::Forward).map(|pair| Ok(pair?.1));
    let found = all.filter(|grant: &Result<KeyGrant, StoreError>| grant.as_ref().map_or(true, &wanted));
    let mut grants = found.take(limit.saturating_add(1)).collect::<Result<Vec<_>, _>>()?;
    let more = grants.len() > limit;
    grants.truncate(limit);
    let next = grants.last().filter(|_| more).map(|last| page::marker(cx, &list, &last.id));
    Ok(Grants { grants: grants.into_iter().map(entry).collect(), truncated: next.is_some(), next })
}

fn list_retirable_grants(cx: &mut Cx<'_>, request: ListRetirable) -> Result<Grants, KmsError> {
    check_limit(request.limit)?;
    refuse_services(&[&request.retiring_service])?;
    let Some(retiring) = request.retiring else {
        return Err(KmsError::Validation("RetiringPrincipal is required.".into()));
    };
    check_principal(cx, &retiring)?;
    // AWS: "any principal in your account".
    if Arn::parse(&retiring).is_none_or(|arn| arn.account != cx.account.as_str()) {
        return Err(KmsError::InvalidArn(format!("{retiring} is not a principal of this account.")));
    }
    let mut all = KeyGrant::of_retirer(cx.tx, cx.region, &retiring)?;
    let position = |grant: &KeyGrant| format!("{} {}", grant.key_arn(), grant.id);
    all.sort_by_key(position);
    let list = format!("kms:ListRetirableGrants {} {retiring}", cx.region);
    let asked = (request.limit, request.marker.as_deref(), page::SMALL);
    let (grants, next) = page::of(cx, &list, all, asked, position)?;
    Ok(Grants { grants: grants.into_iter().map(entry).collect(), truncated: next.is_some(), next })
}

fn existing(cx: &Cx<'_>, key: &KmsKey, id: &str) -> Result<KeyGrant, KmsError> {
    KeyGrant::load(cx.tx, key, id)?.ok_or_else(|| KmsError::NotFound(format!("Grant ID {id} not found")))
}

fn delete(cx: &mut Cx<'_>, mut key: KmsKey, grant: &KeyGrant) {
    grant.delete(cx.tx);
    key.grants = key.grants.saturating_sub(1);
    touch(cx, &key);
    key.save(cx.tx);
}

fn revoke_grant(cx: &mut Cx<'_>, request: RevokeGrant) -> Result<Empty, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    let grant = existing(cx, &key, &request.id)?;
    stop_if_dry(request.dry_run)?;
    delete(cx, key, &grant);
    Ok(Empty)
}

fn retire_grant(cx: &mut Cx<'_>, request: RetireGrant) -> Result<Empty, KmsError> {
    let (key, id) = match (request.token, request.key_id, request.id) {
        (Some(token), None, None) => {
            let token = GrantToken::open(cx.sealer(), &token).map_err(|_| KmsError::InvalidGrantToken)?;
            (token.key_arn, token.grant_id)
        }
        (None, Some(key), Some(id)) => (key, id),
        _ => {
            let what = "Specify either a grant token, or both a key ID and a grant ID.";
            return Err(KmsError::Validation(what.into()));
        }
    };
    let key = identify::key(cx, &key)?;
    let grant = existing(cx, &key, &id)?;
    stop_if_dry(request.dry_run)?;
    delete(cx, key, &grant);
    Ok(Empty)
}
