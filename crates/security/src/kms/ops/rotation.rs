//! Rotation of symmetric keys: new material encrypts, every earlier one still decrypts.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html>

use super::key::{OneKey, touch};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::model::{KmsKey, Material, Needs, Rotation, Stage, days};
use crate::kms::page;
use crate::kms::rotate;
use base::Timestamp;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    EnableKeyRotation: enable, "kms:EnableKeyRotation", access::on_key;
    DisableKeyRotation: disable, "kms:DisableKeyRotation", access::on_key;
    GetKeyRotationStatus: status, "kms:GetKeyRotationStatus", access::on_key;
    RotateKeyOnDemand: rotate_on_demand, "kms:RotateKeyOnDemand", access::on_key;
    ListKeyRotations: list, "kms:ListKeyRotations", access::on_key;
}

/// About a year.
const PERIOD_DAYS_DEFAULT: u32 = 365;
/// AWS: `RotateKeyOnDemand`.
const ON_DEMAND_MAX: u32 = 25;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct EnableRotation {
        key_id: String = "KeyId",
        period_days: Option<u32> = "RotationPeriodInDays",
    }

    #[derive(Debug)]
    pub(crate) struct Status {
        enabled: bool = "KeyRotationEnabled",
        key_id: String = "KeyId",
        period_days: Option<u32> = "RotationPeriodInDays",
        next: Option<Timestamp> = "NextRotationDate",
    }

    #[derive(Debug)]
    pub(crate) struct ListRotations {
        key_id: String = "KeyId",
        include: Option<String> = "IncludeKeyMaterial",
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct Rotations {
        rotations: Vec<RotationEntry> = "Rotations",
        next: Option<String> = "NextMarker",
        truncated: bool = "Truncated",
    }

    #[derive(Debug)]
    pub(crate) struct RotationEntry {
        key_id: String = "KeyId",
        material: String = "KeyMaterialId",
        description: Option<String> = "KeyMaterialDescription",
        import_state: Option<String> = "ImportState",
        stage: String = "KeyMaterialState",
        expiration: Option<String> = "ExpirationModel",
        valid_to: Option<Timestamp> = "ValidTo",
        rotated: Option<Timestamp> = "RotationDate",
        kind: Option<String> = "RotationType",
    }
}

/// Only symmetric encryption keys have generations.
pub(crate) fn check_rotatable(key: &KmsKey) -> Result<(), KmsError> {
    if key.is_rotatable() {
        return Ok(());
    }
    let (arn, spec) = (key.arn(), key.spec);
    Err(KmsError::Unsupported(format!("{arn} key spec is {spec} which is not valid for this operation.")))
}

fn check_automatic(key: &KmsKey) -> Result<(), KmsError> {
    check_rotatable(key)?;
    if key.external {
        return Err(KmsError::Unsupported(format!(
            "{} origin is EXTERNAL which is not valid for this operation.",
            key.arn()
        )));
    }
    Ok(())
}

fn check_primary(key: &KmsKey) -> Result<(), KmsError> {
    if key.is_primary() {
        return Ok(());
    }
    let arn = key.arn();
    Err(KmsError::Unsupported(format!(
        "{arn} is a multi-Region replica key. Rotate the primary key instead."
    )))
}

fn enable(cx: &mut Cx<'_>, request: EnableRotation) -> Result<Empty, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    check_automatic(&key)?;
    key.check(Needs::Enabled, cx.now)?;
    check_primary(&key)?;
    let period = request.period_days.unwrap_or(PERIOD_DAYS_DEFAULT);
    schedule(cx, key, Some((period, cx.now.plus(days(period)))))
}

fn disable(cx: &mut Cx<'_>, request: OneKey) -> Result<Empty, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    check_automatic(&key)?;
    key.check(Needs::Enabled, cx.now)?;
    check_primary(&key)?;
    schedule(cx, key, None)
}

/// The schedule is shared by all related multi-Region keys.
fn schedule(cx: &mut Cx<'_>, key: KmsKey, rotation: Option<(u32, Timestamp)>) -> Result<Empty, KmsError> {
    touch(cx, &key);
    for region in key.other_regions() {
        if let Some(related) = KmsKey::load(cx.tx, key.account, region, &key.id)? {
            rotate::scheduled(related, rotation).save(cx.tx);
        }
    }
    rotate::scheduled(key, rotation).save(cx.tx);
    Ok(Empty)
}

fn status(cx: &mut Cx<'_>, request: OneKey) -> Result<Status, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    check_rotatable(&key)?;
    // AWS: while a key is pending deletion its status is false; cancelling brings the original back.
    let on = !key.state(cx.now).is_pending_deletion();
    Ok(Status {
        enabled: on && key.rotation_days.is_some(),
        key_id: key.arn(),
        period_days: key.rotation_days.filter(|_| on),
        next: key.next_rotation.filter(|_| on),
    })
}

fn rotate_on_demand(cx: &mut Cx<'_>, request: OneKey) -> Result<OneKey, KmsError> {
    let mut key = identify::key(cx, &request.key_id)?;
    check_rotatable(&key)?;
    key.check(Needs::Enabled, cx.now)?;
    check_primary(&key)?;
    if key.on_demand_rotations >= ON_DEMAND_MAX {
        let what = format!("A KMS key cannot be rotated on demand more than {ON_DEMAND_MAX} times.");
        return Err(KmsError::LimitExceeded(what));
    }
    let arn = key.arn();
    key.on_demand_rotations += 1;
    touch(cx, &key);
    let next = match key.external {
        false => super::key::new_material(cx, &key)?,
        true => imported(cx, &key)?,
    };
    let (cloud, now) = (std::sync::Arc::clone(cx.cloud()), cx.now);
    rotate::rotate(&cloud, cx.tx, key, next, Rotation::OnDemand, now)?;
    Ok(OneKey { key_id: arn })
}

/// The material that was imported to be rotated to.
fn imported(cx: &Cx<'_>, key: &KmsKey) -> Result<Material, KmsError> {
    let all = Material::all(cx.tx, key)?;
    let waiting =
        all.into_iter().find(|material| material.stage == Stage::PendingRotation && material.is_good(cx.now));
    waiting.ok_or_else(|| {
        KmsError::InvalidState(format!(
            "{} has no imported key material in the PENDING_ROTATION state.",
            key.arn()
        ))
    })
}

fn list(cx: &mut Cx<'_>, request: ListRotations) -> Result<Rotations, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    check_rotatable(&key)?;
    let everything = request.include.as_deref() == Some("ALL_KEY_MATERIAL");
    let now = cx.now;
    let wanted = Material::all(cx.tx, &key)?.into_iter().filter(|m| everything || m.rotated.is_some());
    let entries: Vec<_> = wanted.map(|material| (material.number, entry(&key, material, now))).collect();
    let list = format!("kms:ListKeyRotations {} {everything}", key.arn());
    let asked = (request.limit, request.marker.as_deref(), page::DEFAULT);
    let (entries, next) = page::of(cx, &list, entries, asked, |(number, _)| format!("{number:010}"))?;
    let rotations = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(Rotations { rotations, truncated: next.is_some(), next })
}

fn entry(key: &KmsKey, material: Material, now: Timestamp) -> RotationEntry {
    let present = material.is_good(now);
    let expiration =
        if material.valid_to.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" };
    let import_state = if present { "IMPORTED" } else { "PENDING_IMPORT" };
    RotationEntry {
        key_id: key.arn(),
        material: material.name(),
        import_state: key.external.then(|| import_state.to_owned()),
        stage: material.stage.as_str().to_owned(),
        expiration: (key.external && present).then(|| expiration.to_owned()),
        valid_to: material.valid_to.filter(|_| present),
        rotated: material.rotated,
        kind: material.rotated.map(|_| material.rotation.as_str().to_owned()),
        description: material.description,
    }
}
