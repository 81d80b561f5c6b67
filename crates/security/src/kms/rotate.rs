//! One rotation: on demand from a handler, or automatically from the reconciler.

use super::KmsError;
use super::import;
use super::model::{KmsKey, Material, Rotation, Stage};
use base::Timestamp;
use kernel::Cloud;
use kernel::bus::News;
use store::Tx;
use wire::Value;

/// A key with another rotation schedule: the period in days and the next date.
pub(crate) fn scheduled(mut key: KmsKey, rotation: Option<(u32, Timestamp)>) -> KmsKey {
    (key.rotation_days, key.next_rotation) = rotation.unzip();
    key
}

/// Makes `next` the material that encrypts, in the key's region and in those of its related keys, and tells of it.
///
/// # Errors
/// The store's own.
pub(crate) fn rotate(
    cloud: &Cloud,
    tx: &mut Tx,
    key: KmsKey,
    next: Material,
    kind: Rotation,
    at: Timestamp,
) -> Result<(), KmsError> {
    for region in key.other_regions() {
        if let Some(related) = KmsKey::load(tx, key.account, region, &key.id)? {
            let shared = KmsKey {
                rotation_days: key.rotation_days,
                next_rotation: key.next_rotation,
                on_demand_rotations: key.on_demand_rotations,
                ..related
            };
            step(cloud, tx, shared, next.clone(), kind, at)?;
        }
    }
    step(cloud, tx, key, next, kind, at)
}

fn step(
    cloud: &Cloud,
    tx: &mut Tx,
    mut key: KmsKey,
    next: Material,
    kind: Rotation,
    at: Timestamp,
) -> Result<(), KmsError> {
    let all = Material::all(tx, &key)?;
    let number = all.iter().filter(|m| !m.stage.is_pending()).map(|m| m.number + 1).max().unwrap_or_default();
    let previous = all.iter().find(|material| material.stage == Stage::Current).cloned();
    if let Some(previous) = &previous {
        Material { stage: Stage::NonCurrent, ..previous.clone() }.save(tx, &key);
    }
    // Imported material is already there, with what this region knows of it.
    let here = all.into_iter().find(|material| material.id == next.id).unwrap_or(next);
    let current = Material { number, stage: Stage::Current, rotated: Some(at), rotation: kind, ..here };
    current.save(tx, &key);
    key.current.clone_from(&current.id);
    let detail = Value::Map(vec![
        ("key-id".into(), Value::str(&key.id)),
        ("key-origin".into(), Value::str(key.origin())),
        ("rotation-type".into(), Value::str(kind.as_str())),
        ("previous-key-material-id".into(), Value::str(previous.map(|m| m.name()).unwrap_or_default())),
        ("current-key-material-id".into(), Value::str(current.name())),
    ]);
    cloud.emit(tx, at, news(&key, "KMS CMK Rotation", &detail));
    if key.external {
        import::note_expiry(tx, &mut key)?;
    }
    key.save(tx);
    Ok(())
}

/// An event about a key.
pub(crate) fn news<'a>(key: &KmsKey, detail_type: &'static str, detail: &'a Value) -> News<'a> {
    News {
        account: key.account,
        region: key.region.name(),
        source: "aws.kms",
        detail_type,
        resources: vec![key.arn()],
        detail,
    }
}
