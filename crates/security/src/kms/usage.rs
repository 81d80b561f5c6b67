//! When keys were last used: noted in memory on every use, written once in a while.
//!
//! AWS tells of a use with a delay, and so no use waits for a disk; `kill -9` may lose those of the last seconds.

use super::model::{KmsKey, TRACKING, Tracking, USAGES, Usage, usage_key};
use base::{AccountId, Region, Timestamp};
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Key, StoreError};

/// How often what is in memory is written.
const WRITE_EVERY: Duration = Duration::from_secs(5);

type Place = (AccountId, Region, String);

/// Uses that are not written yet.
#[derive(Default)]
struct Noted(Mutex<HashMap<Place, Usage>>);

/// Notes a successful use of the key by the operation that runs.
pub(crate) fn note(cx: &Cx<'_>, key: &KmsKey) {
    let usage = Usage {
        operation: cx.request.operation.to_owned(),
        at: cx.now,
        request_id: cx.request.id.clone(),
        account: cx.account,
    };
    let noted = cx.memory::<Noted>();
    let mut noted = noted.0.lock().unwrap_or_else(PoisonError::into_inner);
    noted.insert((key.account, key.region, key.id.clone()), usage);
}

/// The last use of a key that is known.
///
/// # Errors
/// The store's own.
pub(crate) fn last(cx: &Cx<'_>, key: &KmsKey) -> Result<Option<Usage>, StoreError> {
    let place = (key.account, key.region, key.id.clone());
    let noted = cx.memory::<Noted>();
    let found = noted.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
    match found {
        Some(usage) => Ok(Some(usage)),
        None => USAGES.get(cx.tx, &usage_key(key.account, key.region, &key.id)),
    }
}

/// Since when uses of a key are kept: since it is there, or since this cloud began to keep them.
///
/// # Errors
/// The store's own.
pub(crate) fn tracked_since(cx: &Cx<'_>, key: &KmsKey) -> Result<Timestamp, StoreError> {
    let tracking = TRACKING.get(cx.tx, &Key::global())?;
    Ok(tracking.map_or(key.created, |tracking| tracking.since.max(key.created)))
}

/// Writes the uses.
#[derive(Debug)]
pub struct WriteUsages;

impl Reconciler for WriteUsages {
    fn name(&self) -> &'static str {
        "kms key usage"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        WRITE_EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let memory = cloud.memory::<Noted>();
        let noted = memory.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut tx = cloud.store().begin();
        let tracked = TRACKING.contains(&tx, &Key::global()).map_err(|e| e.to_string())?;
        if tracked && noted.is_empty() {
            return Ok(None);
        }
        if !tracked {
            TRACKING.put(&mut tx, &Key::global(), &Tracking { since: cloud.clock().now() });
        }
        for ((account, region, id), usage) in &noted {
            // A key that has been deleted meanwhile leaves nothing behind.
            if KmsKey::load(&tx, *account, *region, id).map_err(|e| e.to_string())?.is_some() {
                USAGES.put(&mut tx, &usage_key(*account, *region, id), usage);
            }
        }
        tx.commit().wait().map_err(|e| e.to_string())?;
        // What was noted meanwhile is newer, and stays.
        memory
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key, now| noted.get(key) != Some(now));
        Ok(None)
    }
}
