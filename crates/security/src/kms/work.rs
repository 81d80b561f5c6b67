//! What happens to keys by themselves: automatic rotation, the expiry of imported material, deletion.

use super::KmsError;
use super::cache::KmsMemory;
use super::core::material::{KeyMaterial, MaterialId};
use super::import;
use super::model::{
    ALIASES, DUE, GRANTS, KEYS, KeyGrant, KeyState, KmsKey, Material, Rotation, USAGES, alias_key, days,
};
use super::rotate;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use store::{CommitError, Direction, Key, StoreError, Tx};
use wire::{Fault, Value};

/// Does to each key what its time has come for, one key and one event in a transaction.
#[derive(Debug)]
pub struct KeyLife;

impl Reconciler for KeyLife {
    fn name(&self) -> &'static str {
        "kms key life"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        loop {
            let now = cloud.clock().now();
            let mut tx = cloud.store().begin();
            let first = DUE.scan(&tx, &Key::empty(), Direction::Forward).next().transpose();
            let Some((entry, due)) = first.map_err(|e| e.to_string())? else { return Ok(None) };
            let at = due_time(&entry);
            if let Some(at) = at.filter(|at| *at > now) {
                return Ok(Some(at));
            }
            let key = KmsKey::load(&tx, due.account, due.region, &due.id).map_err(|e| e.to_string())?;
            let mut gone = Vec::new();
            match key.filter(|key| key.due.is_some() && key.due == at) {
                Some(key) => gone = step(cloud, &mut tx, key, now).map_err(|e| Fault::from(e).to_string())?,
                None => DUE.delete(&mut tx, &entry),
            }
            match tx.commit().wait() {
                // Somebody changed the key meanwhile; the next round sees it.
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
            let ids = gone.into_iter().filter_map(|m| Some(MaterialId(m.id.try_into().ok()?)));
            cloud.memory::<KmsMemory>().forget(ids);
        }
    }
}

fn due_time(entry: &Key) -> Option<Timestamp> {
    let mut reader = entry.reader();
    reader.scope()?;
    reader.time()
}

/// The first thing that is due; returns material that is gone.
fn step(cloud: &Cloud, tx: &mut Tx, mut key: KmsKey, now: Timestamp) -> Result<Vec<Material>, KmsError> {
    let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    if is_due(key.deletion) {
        return delete(cloud, tx, &key, now);
    }
    if is_due(key.expires) || is_due(key.pending_expires) {
        let gone = import::expire(tx, &mut key, now)?;
        for material in &gone {
            let detail = Value::Map(vec![
                ("key-id".into(), Value::str(&key.id)),
                ("key-material-id".into(), Value::str(material.name())),
            ]);
            cloud.emit(tx, now, rotate::news(&key, "KMS Imported Key Material Expiration", &detail));
        }
        key.save(tx);
        return Ok(gone);
    }
    if let (Some(period), Some(at)) = (key.rotation_days, key.next_rotation)
        && at <= now
    {
        let material = KeyMaterial::generate(key.spec, cloud.rng())?;
        let material =
            Material::new(cloud.sealer(), cloud.rng(), material.id(key.account, &key.id), &material);
        key.next_rotation = Some(at.plus(days(period)));
        rotate::rotate(cloud, tx, key, material, Rotation::Automatic, at)?;
        return Ok(Vec::new());
    }
    key.save(tx);
    Ok(Vec::new())
}

/// The key and everything that hangs on it.
fn delete(cloud: &Cloud, tx: &mut Tx, key: &KmsKey, now: Timestamp) -> Result<Vec<Material>, KmsError> {
    for name in &key.aliases {
        ALIASES.delete(tx, &alias_key(key.account, key.region, name));
    }
    let grants = GRANTS.scan(tx, &key.key(), Direction::Forward).map(|pair| Ok(pair?.1));
    for grant in grants.collect::<Result<Vec<KeyGrant>, StoreError>>()? {
        grant.delete(tx);
    }
    let materials = Material::all(tx, key)?;
    for material in &materials {
        material.delete(tx, key);
    }
    leave(tx, key, now)?;
    key.forget_due(tx);
    KEYS.delete(tx, &key.key());
    USAGES.delete(tx, &key.key());
    let detail = Value::Map(vec![("key-id".into(), Value::str(&key.id))]);
    cloud.emit(tx, now, rotate::news(key, "KMS CMK Deletion", &detail));
    // Related keys still use the same material.
    let shared = !key.other_regions().is_empty();
    Ok(if shared { Vec::new() } else { materials })
}

/// Takes the key out of the relations of the others. The waiting period of a primary begins when its last replica is
/// gone.
fn leave(tx: &mut Tx, key: &KmsKey, now: Timestamp) -> Result<(), StoreError> {
    for region in key.other_regions() {
        let Some(mut other) = KmsKey::load(tx, key.account, region, &key.id)? else { continue };
        if let Some(related) = &mut other.multi_region {
            related.replicas.retain(|replica| *replica != key.region);
        }
        if other.stored_state == KeyState::PendingReplicaDeletion && other.other_regions().is_empty() {
            other.stored_state = KeyState::PendingDeletion;
            other.deletion = other.pending_days.take().map(|count| now.plus(days(count)));
        }
        other.save(tx);
    }
    Ok(())
}
