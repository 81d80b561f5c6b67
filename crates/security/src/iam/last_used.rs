//! When access keys and roles were last used, and for what. Noted in memory on every call, written by a reconciler.
//!
//! AWS reports this with a delay of minutes, and so nothing here waits for a disk.

use super::attached::last_part;
use super::model::{self, ACCESS_KEYS, ROLES};
use auth::policy::Principal;
use base::{AccountId, Map, Timestamp};
use kernel::Cloud;
use kernel::identity::Caller;
use kernel::reconcile::Reconciler;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Key, StoreError, Tx};

/// How often what is in memory is written.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Whose use it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Used {
    Key(String),
    Role(AccountId, String),
}

#[derive(Clone, Debug)]
struct Use {
    at: Timestamp,
    service: &'static str,
    region: &'static str,
}

/// Uses that are not written yet.
#[derive(Debug, Default)]
pub struct LastUsed(Mutex<Map<Used, Use>>);

impl LastUsed {
    pub(crate) fn note(&self, caller: &Caller, service: &'static str, region: &'static str, at: Timestamp) {
        let used = match &caller.principal {
            Principal::User { .. } | Principal::Root { .. } if caller.access_key.starts_with("AKIA") => {
                Used::Key(caller.access_key.clone())
            }
            Principal::AssumedRole { account, role_arn, .. } => {
                Used::Role(*account, last_part(role_arn).to_owned())
            }
            _ => return,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(used, Use { at, service, region });
    }
}

/// Writes the uses to the records of keys and roles.
#[derive(Debug)]
pub struct WriteLastUsed(pub Arc<LastUsed>);

impl Reconciler for WriteLastUsed {
    fn name(&self) -> &'static str {
        "last used"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        WRITE_EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let uses = std::mem::take(&mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        if uses.is_empty() {
            return Ok(None);
        }
        let mut tx = cloud.store().begin();
        for (used, last) in uses {
            write(&mut tx, &used, &last).map_err(|e| e.to_string())?;
        }
        tx.commit().wait().map(|_| None).map_err(|e| e.to_string())
    }
}

fn write(tx: &mut Tx, used: &Used, last: &Use) -> Result<(), StoreError> {
    match used {
        Used::Key(id) => {
            let key = Key::global().str(id);
            if let Some(mut record) = ACCESS_KEYS.get(tx, &key)? {
                record.last_used = Some(last.at.whole_seconds());
                record.last_used_service = Some(last.service.to_owned());
                record.last_used_region = Some(last.region.to_owned());
                ACCESS_KEYS.put(tx, &key, &record);
            }
        }
        Used::Role(account, name) => {
            let key = model::named(*account, name);
            if let Some(mut record) = ROLES.get(tx, &key)? {
                record.last_used = Some(last.at.whole_seconds());
                record.last_used_region = Some(last.region.to_owned());
                ROLES.put(tx, &key, &record);
            }
        }
    }
    Ok(())
}
