//! Roots that are files: they come out of their volume when it is attached, and go back into it when it is detached.
//!
//! ```text
//! launch ───────────────▶ attached ── CreateSnapshot ──▶ an archive of them in a snapshot
//! AttachVolume ─▶ attaching ─┘ ▲ │
//!                (unpacked)       └─ DetachVolume, or an end that keeps it ─▶ detaching (packed) ─▶ no record
//! ```
//!
//! While the volume is attached its files are the truth, and they are here: what the machine has written, over the layer
//! that it was booted from. Before that, and after, the truth is the archive in the volume's blocks.

use super::work::{Images, unpack};
use super::{MADE, PENDING, pack, stage};
use crate::ec2::errors::ON_LAUNCH;
use crate::ec2::model::{INSTANCES, state};
use crate::ec2::news;
use crate::ec2::whole;
use crate::ec2::work::{DISK, LAYERS, UPPER};
use ec2::backing::{Home, Pack, Shelf, Shelves, Unpack};
use ec2::disk::{ATTACHED, ATTACHING, DETACHING, DISK_ATTACHMENTS, DiskAttachment, FILLS, Fill};
use ec2::register;
use kernel::Cloud;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{CommitError, Direction, Key, Read, StoreError, Tx};

/// The machines whose files are, or are still to become, the contents of a volume or of a snapshot.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn holders(from: &dyn Read) -> Result<BTreeSet<String>, StoreError> {
    let mut out = BTreeSet::new();
    for pair in DISK_ATTACHMENTS.scan(from, &Key::empty(), Direction::Forward) {
        let (_, attachment) = pair?;
        out.extend(Some(attachment).filter(is_kept).map(|attachment| attachment.instance));
    }
    for pair in FILLS.scan(from, &Key::empty(), Direction::Forward) {
        out.insert(pair?.1.instance);
    }
    Ok(out)
}

/// Whether what a root holds is not to go with its machine.
fn is_kept(attachment: &DiskAttachment) -> bool {
    attachment.files && !(attachment.over && attachment.delete_on_termination)
}

/// The name of the layer that a volume's archive becomes: its own for each time that it is attached.
fn layer(attachment: &DiskAttachment) -> String {
    format!("{}-{}", attachment.volume, attachment.at.micros())
}

/// Where a record is, and its last part.
fn place(at: &Key) -> Option<(Home, String)> {
    let (account, region) = at.reader().regional()?;
    let mut reader = at.reader();
    reader.regional()?;
    Some((Home { account, region }, reader.str()?))
}

fn commit(tx: Tx) -> Result<(), String> {
    match tx.commit().wait() {
        // Whoever has changed it meanwhile wakes the next run.
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

impl Images {
    /// One step for each root that is under way; what could not be done.
    pub(super) fn roots(&self, cloud: &Arc<Cloud>) -> Result<Vec<String>, String> {
        let snapshot = cloud.store().snapshot();
        let fills: Vec<(Key, Fill)> = FILLS
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        let all: Vec<(Key, DiskAttachment)> = DISK_ATTACHMENTS
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        drop(snapshot);
        let mut stuck = Vec::new();
        for attachment in all.iter().filter(|one| one.1.state == ATTACHED).map(|one| &one.1) {
            stuck.extend(self.resize(attachment).err());
        }
        if fills.is_empty() && !all.iter().any(|(_, one)| is_kept(one) && one.state != ATTACHED) {
            return Ok(stuck);
        }
        let shelf = cloud.memory::<Shelves>().get().map_err(|_| "no snapshots yet")?;
        for (at, fill) in &fills {
            stuck.extend(self.fill(cloud, shelf, at, fill).err());
        }
        for (at, attachment) in all.iter().filter(|(_, one)| is_kept(one)) {
            let Some((home, _)) = place(at) else { continue };
            let done = match attachment.state.as_str() {
                ATTACHING => self.bring(cloud, shelf, (at, home), attachment),
                DETACHING => self.take_back(cloud, shelf, (at, home), attachment),
                _ => Ok(()),
            };
            stuck.extend(done.err());
        }
        Ok(stuck)
    }

    /// A machine has what its volume has grown by, and is as fast as that is now.
    fn resize(&self, attachment: &DiskAttachment) -> Result<(), String> {
        let (Some(folder), Some(size)) = (&self.folder, attachment.size.filter(|_| attachment.files)) else {
            return Ok(());
        };
        let disk = folder.join(&attachment.instance).join(DISK);
        if !disk.exists() {
            return Ok(());
        }
        let done =
            host::room::resize(&disk, size.unsigned_abs() << 30).and_then(|()| match &attachment.held {
                Some(held) => held.rate().say(&host::room::rate(&disk)),
                None => Ok(()),
            });
        done.map_err(|why| format!("the size of {}: {why}", attachment.volume))
    }

    /// Packs a machine's files into a snapshot.
    fn fill(&self, cloud: &Arc<Cloud>, shelf: &dyn Shelf, at: &Key, fill: &Fill) -> Result<(), String> {
        let Some((home, snapshot)) = place(at) else { return Ok(()) };
        let layers = self.layers(cloud, home, &fill.instance)?;
        let packed = shelf.fill(cloud, home, &snapshot, &mut |out, key| pack::pack_all(&layers, key, out));
        let why = packed.as_ref().err().map(|why| format!("The files of the root cannot be packed: {why}"));
        let mut tx = cloud.store().begin();
        let how = packed.map_err(|_| why.as_deref().unwrap_or_default());
        shelf.end(&mut tx, home, &snapshot, how).map_err(|e| e.to_string())?;
        FILLS.delete(&mut tx, at);
        commit(tx)
    }

    /// A volume's archive becomes the layer that a machine boots from.
    fn bring(
        &self,
        cloud: &Arc<Cloud>,
        shelf: &dyn Shelf,
        (at, home): (&Key, Home),
        seen: &DiskAttachment,
    ) -> Result<(), String> {
        let open = || shelf.open_volume(cloud, home, &seen.volume);
        let laid = match &self.folder {
            Some(folder) => lay(folder, seen, open),
            None => Ok(None),
        };
        let mut tx = cloud.store().begin();
        let there = DISK_ATTACHMENTS.get(&tx, at).map_err(|e| e.to_string())?;
        let Some(mut there) = there.filter(|there| there == seen) else { return Ok(()) };
        let key = register::key(home.account, home.region, &seen.instance);
        let instance = INSTANCES.get(&tx, &key).map_err(|e| e.to_string())?;
        match (laid, instance) {
            (Ok(layer), Some(mut instance)) => {
                instance.layer = layer;
                INSTANCES.put(&mut tx, &key, &instance);
                there.state = ATTACHED.into();
                DISK_ATTACHMENTS.put(&mut tx, at, &there);
            }
            // Its bytes are still on their way.
            (Err(why), Some(_)) if why.kind() == io::ErrorKind::WouldBlock => {
                self.busy.store(true, Ordering::Relaxed);
                return Ok(());
            }
            (Err(why), Some(_)) if why.kind() != io::ErrorKind::InvalidData => {
                self.busy.store(true, Ordering::Relaxed);
                return Err(format!("the root {}: {why}", seen.volume));
            }
            (laid, instance) => {
                if let Some(mut instance) = instance.filter(|instance| instance.state == state::PENDING) {
                    // AWS's word for a launch of what cannot be read.
                    instance.enter(state::SHUTTING_DOWN, cloud.clock().now(), Some(ON_LAUNCH));
                    INSTANCES.put(&mut tx, &key, &instance);
                    let told = (home.account, home.region);
                    news::entered(cloud, &mut tx, told, cloud.clock().now(), &instance);
                }
                let problem = laid.err().map_or_else(String::new, |why| why.to_string());
                let known = [("volume", seen.volume.as_str()), ("problem", &problem)];
                kernel::log::error("a volume is no root of a machine", &known);
                DISK_ATTACHMENTS.delete(&mut tx, at);
            }
        }
        commit(tx)
    }

    /// A machine's files become the archive in their volume.
    fn take_back(
        &self,
        cloud: &Arc<Cloud>,
        shelf: &dyn Shelf,
        (at, home): (&Key, Home),
        seen: &DiskAttachment,
    ) -> Result<(), String> {
        if is_wanted(&cloud.store().snapshot(), home, &seen.instance)? {
            self.busy.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let layers = self.layers(cloud, home, &seen.instance)?;
        let pack: Pack<'_> = &mut |out, key| pack::pack_all(&layers, key, out);
        if let Err(why) = shelf.refill(cloud, home, &seen.volume, pack) {
            self.busy.store(true, Ordering::Relaxed);
            return Err(format!(
                "the files of {} cannot be packed into {}: {why}",
                seen.instance, seen.volume
            ));
        }
        let mut tx = cloud.store().begin();
        DISK_ATTACHMENTS.delete(&mut tx, at);
        let key = register::key(home.account, home.region, &seen.instance);
        if let Some(mut instance) = INSTANCES.get(&tx, &key).map_err(|e| e.to_string())? {
            instance.layer = None;
            INSTANCES.put(&mut tx, &key, &instance);
        }
        commit(tx)
    }
}

/// Whether a snapshot or an image still waits for a machine's files.
fn is_wanted(from: &dyn Read, home: Home, instance: &str) -> Result<bool, String> {
    let own = Key::regional(home.account, home.region);
    for pair in FILLS.scan(from, &own, Direction::Forward) {
        if pair.map_err(|e| e.to_string())?.1.instance == instance {
            return Ok(true);
        }
    }
    for pair in MADE.scan(from, &own, Direction::Forward) {
        let (_, image) = pair.map_err(|e| e.to_string())?;
        let waits = image.state == PENDING && image.stage <= stage::PACK;
        if waits && image.instance.as_deref() == Some(instance) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Unpacks a root to where a machine has its files; the name of the layer that it is, where it brings a whole system.
fn lay(
    folder: &Path,
    attachment: &DiskAttachment,
    open: impl FnOnce() -> io::Result<Unpack>,
) -> io::Result<Option<String>> {
    let own = folder.join(&attachment.instance).join(DISK);
    // What a root that was detached has left.
    if own.exists() {
        host::image::remove(&own)?;
    }
    let (layers, name) = (folder.join(LAYERS), layer(attachment));
    unpack(&layers, &name, open)?;
    let laid = layers.join(&name);
    if whole::is(&laid) {
        return Ok(Some(name));
    }
    fs::create_dir_all(&own)?;
    fs::rename(laid, own.join(UPPER))?;
    host::image::settle(folder)?;
    Ok(None)
}
