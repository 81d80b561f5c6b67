//! What comes with time: jobs end and are forgotten, inventories are taken, uploads that nobody goes on with are removed.

use super::archives::{Keeper, drop_series, is_needed};
use super::jobs;
use super::model::{
    ARCHIVES, CHANGED, INVENTORIES_DUE, Inventory, JOBS_DUE, OVERHEAD, UPLOADS, UPLOADS_DUE, Upload,
    UploadDue, UploadState, VAULTS, Vault, VaultDue, scope,
};
use super::vaults;
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, due};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Read, StoreError, Tx};

/// AWS: an upload may be removed once nothing has happened to it for this time.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// A part's coming is noted in its upload's record no more often, so that parts do not meet there.
pub(super) const NOTED: Duration = Duration::from_secs(15 * 60);
/// Deleted archives that are removed in one transaction.
const BATCH: usize = 1000;

fn text(error: StoreError) -> String {
    error.to_string()
}

/// Jobs.
#[derive(Debug)]
pub struct Jobs;

impl Reconciler for Jobs {
    fn name(&self) -> &'static str {
        "glacier jobs"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![JOBS_DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &JOBS_DUE, |tx, due, now| jobs::come_due(cloud, tx, due, now))
    }
}

/// Inventories.
#[derive(Debug)]
pub struct Inventories;

impl Reconciler for Inventories {
    fn name(&self) -> &'static str {
        "glacier inventories"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![INVENTORIES_DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &INVENTORIES_DUE, |tx, due, now| take(cloud, tx, due, now).map_err(text))
    }
}

/// Takes an inventory in two steps: the first one settles what is in it, the second one counts that.
fn take(cloud: &Arc<Cloud>, tx: &mut Tx, due: &VaultDue, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut vault) = vaults::known(tx, due)? else {
        CHANGED.delete(tx, &scope(due.number));
        return Ok(());
    };
    let again = Key::global().time(now).u64(vault.number);
    let Some(number) = vault.counting else {
        vault.counting = Some(vault.next_inventory());
        CHANGED.delete(tx, &vault.scope());
        VAULTS.put(tx, &vault.key(), &vault);
        INVENTORIES_DUE.put(tx, &again, due);
        return Ok(());
    };
    let (inventory, gone) = count(&cloud.store().snapshot(), &vault, (number, now), BATCH)?;
    let keeper = Keeper { cloud, vault: vault.number, listed: number };
    gone.iter().try_for_each(|id| keeper.look_after_id(tx, id))?;
    if gone.len() == BATCH {
        INVENTORIES_DUE.put(tx, &again, due);
        return Ok(());
    }
    (vault.inventory, vault.counting) = (Some(inventory), None);
    VAULTS.put(tx, &vault.key(), &vault);
    Ok(())
}

/// What the inventory has, and some archives that it no longer has and that can go. One that a job still needs goes with
/// the job.
fn count(
    from: &dyn Read,
    vault: &Vault,
    (number, now): (u64, Timestamp),
    most: usize,
) -> Result<(Inventory, Vec<String>), StoreError> {
    let mut inventory = Inventory { number, at: now, archives: 0, bytes: 0 };
    let mut gone = Vec::new();
    for pair in ARCHIVES.scan(from, &vault.scope(), Direction::Forward) {
        let (_, archive) = pair?;
        if archive.is_listed(number) {
            inventory.archives += 1;
            inventory.bytes += archive.size + OVERHEAD;
        } else if archive.gone.is_some_and(|gone| gone <= number)
            && gone.len() < most
            && !is_needed(from, vault.number, &archive.id)?
        {
            gone.push(archive.id);
        }
    }
    Ok((inventory, gone))
}

/// Uploads.
#[derive(Debug)]
pub struct Uploads;

impl Reconciler for Uploads {
    fn name(&self) -> &'static str {
        "glacier uploads"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![UPLOADS_DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &UPLOADS_DUE, |tx, due, now| expire(cloud, tx, due, now).map_err(text))
    }
}

/// Has an upload looked at again once it has been idle for long enough.
pub(super) fn wait(tx: &mut Tx, vault: u64, upload: &Upload) {
    let key = Key::global().time(upload.touched.plus(IDLE + NOTED)).u64(vault).str(&upload.id);
    UPLOADS_DUE.put(tx, &key, &UploadDue { vault, upload: upload.id.clone() });
}

fn expire(cloud: &Cloud, tx: &mut Tx, due: &UploadDue, now: Timestamp) -> Result<(), StoreError> {
    let key = scope(due.vault).str(&due.upload);
    let Some(upload) = UPLOADS.get(tx, &key)? else { return Ok(()) };
    if upload.touched.plus(IDLE + NOTED) > now {
        wait(tx, due.vault, &upload);
        return Ok(());
    }
    // What has become an archive has its parts.
    if upload.state == UploadState::Open {
        drop_series(tx, cloud, due.vault, upload.series)?;
    }
    UPLOADS.delete(tx, &key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::count;
    use crate::glacier::model::{ARCHIVES, Archive, NEEDS, Need, Vault};
    use base::Timestamp;
    use store::{Store, Tx};

    /// Were they among those that can go, there would be as many of them each time, and no end.
    #[test]
    fn what_a_job_needs_fills_no_batch() {
        let store = Store::memory();
        let vault = Vault { number: 7, ..Vault::default() };
        let put = |tx: &mut Tx, id: &str, gone: Option<u64>| {
            let archive = Archive { id: id.into(), size: 10, since: 1, gone, ..Archive::default() };
            ARCHIVES.put(tx, &vault.scope().str(id), &archive);
        };
        let mut tx = store.begin();
        for id in ["a", "b", "c"] {
            put(&mut tx, id, Some(2));
            NEEDS.put(&mut tx, &vault.scope().str(id).str("job"), &Need {});
        }
        for (id, gone) in [("d", Some(2)), ("e", Some(1)), ("f", Some(2)), ("g", Some(3)), ("h", None)] {
            put(&mut tx, id, gone);
        }
        tx.commit().wait().unwrap();
        let counted = |most| {
            let (inventory, gone) =
                count(&store.snapshot(), &vault, (2, Timestamp::from_seconds(0)), most).unwrap();
            ((inventory.archives, inventory.bytes), gone)
        };
        let listed = (2, 2 * (10 + (32 << 10)));
        assert_eq!(counted(2), (listed, vec!["d".to_owned(), "e".to_owned()]));
        assert_eq!(counted(3), (listed, vec!["d".to_owned(), "e".to_owned(), "f".to_owned()]));
        let mut tx = store.begin();
        for id in ["d", "e", "f"] {
            ARCHIVES.delete(&mut tx, &vault.scope().str(id));
        }
        tx.commit().wait().unwrap();
        assert_eq!(counted(3), (listed, Vec::new()), "those that are needed are as many as a batch");
    }
}
