//! Making keys, switching them on and off, describing them.

use super::describe::{KeyAnswer, metadata};
use super::tag::{Tag, checked};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::material::KeyMaterial;
use crate::kms::core::spec::{KeySpec, KeyUsage};
use crate::kms::identify;
use crate::kms::model::{KeyState, KmsKey, Material, MultiRegion, Needs, key_arn};
use crate::kms::policy;
use base::{Arn, Region};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    CreateKey: create_key, "kms:CreateKey", access::create_key;
    EnableKey: enable_key, "kms:EnableKey", access::on_key;
    DisableKey: disable_key, "kms:DisableKey", access::on_key;
    UpdateKeyDescription: update_description, "kms:UpdateKeyDescription", access::on_key;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateKey {
        policy: Option<String> = "Policy",
        description: Option<String> = "Description",
        usage: Option<String> = "KeyUsage",
        customer_spec: Option<String> = "CustomerMasterKeySpec",
        spec: Option<String> = "KeySpec",
        origin: Option<String> = "Origin",
        key_store: Option<String> = "CustomKeyStoreId",
        bypass_lockout: Option<bool> = "BypassPolicyLockoutSafetyCheck",
        tags: Vec<Tag> = "Tags",
        multi_region: Option<bool> = "MultiRegion",
        external_key: Option<String> = "XksKeyId",
    }

    #[derive(Debug)]
    pub(crate) struct OneKey {
        pub(crate) key_id: String = "KeyId",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateDescription {
        key_id: String = "KeyId",
        description: String = "Description",
    }
}

fn create_key(cx: &mut Cx<'_>, request: CreateKey) -> Result<KeyAnswer, KmsError> {
    let external = origin(&request)?;
    let (spec, usage) = spec_and_usage(&request)?;
    if external
        && KeyMaterial::import(spec, &[]) == Err(crate::kms::core::material::MaterialError::Unsupported(spec))
    {
        return Err(KmsError::Unsupported(format!("KeySpec {spec} is not supported for Origin EXTERNAL")));
    }
    let tags = checked(request.tags)?;
    let multi_region = request.multi_region.unwrap_or_default();
    let id = new_id(cx, multi_region);
    let arn = key_arn(cx.account, cx.region, &id);
    let (policy, policy_names) = match request.policy {
        Some(text) => policy::accepted(cx, &arn, &text, request.bypass_lockout.unwrap_or_default())?,
        None => (policy::default_policy(cx.account), Default::default()),
    };
    let mut key = KmsKey {
        id,
        account: cx.account,
        region: cx.region,
        created: cx.now,
        description: request.description.unwrap_or_default(),
        spec,
        usage,
        external,
        stored_state: if external { KeyState::PendingImport } else { KeyState::Enabled },
        policy,
        policy_names,
        tags,
        multi_region: multi_region.then(|| MultiRegion { primary: cx.region, replicas: Vec::new() }),
        ..KmsKey::default()
    };
    if !external {
        let material = new_material(cx, &key)?;
        key.current = material.id.clone();
        material.save(cx.tx, &key);
    }
    touch(cx, &key);
    let metadata = metadata(&key, cx.now);
    key.save(cx.tx);
    Ok(KeyAnswer { metadata })
}

/// New material, made here.
///
/// # Errors
/// The engine's.
pub(crate) fn new_material(cx: &Cx<'_>, key: &KmsKey) -> Result<Material, KmsError> {
    let make = || KeyMaterial::generate(key.spec, cx.rng());
    let material = if key.spec.is_slow_to_generate() { kernel::slow(make)? } else { make()? };
    Ok(Material::new(cx.sealer(), cx.rng(), material.id(key.account, &key.id), &material))
}

fn new_id(cx: &Cx<'_>, multi_region: bool) -> String {
    let uuid = base::id::uuid(cx.rng());
    if multi_region { format!("mrk-{}", uuid.replace('-', "")) } else { uuid }
}

/// Whether the material is to come from outside.
fn origin(request: &CreateKey) -> Result<bool, KmsError> {
    let unsupported = |what: &str| {
        Err(KmsError::Unsupported(format!("{what} is not supported: this cloud has no custom key stores.")))
    };
    if request.key_store.is_some() {
        return unsupported("CustomKeyStoreId");
    }
    if request.external_key.is_some() {
        return unsupported("XksKeyId");
    }
    match request.origin.as_deref() {
        None | Some("AWS_KMS") => Ok(false),
        Some("EXTERNAL") => Ok(true),
        Some(other) => unsupported(&format!("Origin {other}")),
    }
}

fn spec_and_usage(request: &CreateKey) -> Result<(KeySpec, KeyUsage), KmsError> {
    let spec = match (&request.spec, &request.customer_spec) {
        (Some(_), Some(_)) => {
            let both = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.";
            return Err(KmsError::Validation(both.into()));
        }
        (Some(spec), None) | (None, Some(spec)) => spec,
        (None, None) => "SYMMETRIC_DEFAULT",
    };
    let unknown = || KmsError::Unsupported(format!("KeySpec {spec} is not supported in this Region"));
    let spec = KeySpec::parse(spec).filter(|spec| !spec.usages().is_empty()).ok_or_else(unknown)?;
    let usage = match request.usage.as_deref() {
        None if spec == KeySpec::Symmetric => KeyUsage::EncryptDecrypt,
        None => {
            let missing =
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
            return Err(KmsError::Validation(missing.into()));
        }
        Some(usage) => {
            let mismatch =
                || KmsError::Validation(format!("KeyUsage {usage} is not compatible with KeySpec {spec}"));
            KeyUsage::parse(usage).filter(|usage| spec.allows(*usage)).ok_or_else(mismatch)?
        }
    };
    Ok((spec, usage))
}

/// Names the key in the audit record.
pub(crate) fn touch(cx: &mut Cx<'_>, key: &KmsKey) {
    touch_arn(cx, key.region, &key.id, key.account.as_str());
}

fn touch_arn(cx: &mut Cx<'_>, region: Region, id: &str, account: &str) {
    cx.touch(Arn::new("kms", region.name(), account, &format!("key/{id}")));
}

fn enable_key(cx: &mut Cx<'_>, request: OneKey) -> Result<Empty, KmsError> {
    set_state(cx, &request.key_id, KeyState::Enabled)
}

fn disable_key(cx: &mut Cx<'_>, request: OneKey) -> Result<Empty, KmsError> {
    set_state(cx, &request.key_id, KeyState::Disabled)
}

fn set_state(cx: &mut Cx<'_>, key_id: &str, state: KeyState) -> Result<Empty, KmsError> {
    let mut key = identify::key_that(cx, key_id, Needs::Material)?;
    key.stored_state = state;
    if state == KeyState::Enabled {
        // AWS: a rotation that fell due while the key was disabled is made at once, and the period starts anew.
        key.next_rotation = key.next_rotation.map(|at| at.max(cx.now));
    }
    touch(cx, &key);
    key.save(cx.tx);
    Ok(Empty)
}

fn update_description(cx: &mut Cx<'_>, request: UpdateDescription) -> Result<Empty, KmsError> {
    let mut key = identify::key_that(cx, &request.key_id, Needs::Lasting)?;
    key.description = request.description;
    touch(cx, &key);
    key.save(cx.tx);
    Ok(Empty)
}
