//! Images on their way: a machine's files are packed into a snapshot, and that becomes a layer.
//!
//! Each step is a transaction that finds its work done where a crash came between. What is on the disk is there before a
//! record says so; what no record needs is swept away.

use super::{AVAILABLE, FAILED, Image, MADE, PENDING, lay, pack, root, stage};
use crate::ec2::errors::{IMAGE_INSTANCE, IMAGE_SNAPSHOT, INTERNAL};
use crate::ec2::model::{INSTANCES, state};
use crate::ec2::news;
use crate::ec2::ops::SELF;
use crate::ec2::work::{DISK, LAYERS, UPPER};
use base::Timestamp;
use ec2::backing::{Home, Shelf, Shelves, Unpack};
use ec2::{disk, register};
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{Direction, Key, Tx};
use wire::Value;

const LOOK_OFTEN: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_secs(60);

/// Takes images on.
#[derive(Debug)]
pub struct Images {
    /// Where machines keep what they write; `None` where none of them is real.
    pub(super) folder: Option<PathBuf>,
    pub(super) busy: AtomicBool,
}

/// What a step of an image's way came to.
enum Step {
    /// It waits for something.
    Waits,
    To(i64),
    Fails(String, String),
}

fn failed(why: &dyn std::fmt::Display) -> Step {
    Step::Fails(INTERNAL.into(), why.to_string())
}

impl Images {
    pub fn new(folder: Option<PathBuf>) -> Images {
        Images { folder, busy: AtomicBool::new(false) }
    }

    /// The folders of which a machine's changes are, the uppermost first.
    pub(super) fn layers(&self, cloud: &Cloud, home: Home, instance: &str) -> Result<Vec<PathBuf>, String> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let at = register::key(home.account, home.region, instance);
        let found = INSTANCES.get(&cloud.store().snapshot(), &at).map_err(|e| e.to_string())?;
        let below = found.and_then(|found| found.layer).map(|layer| folder.join(LAYERS).join(layer));
        let own = folder.join(instance).join(DISK).join(UPPER);
        Ok([own].into_iter().chain(below).collect())
    }

    fn pack(&self, cloud: &Cloud, shelf: &dyn Shelf, home: Home, image: &Image) -> Result<Packed, String> {
        let (Some(instance), Some(root)) = (&image.instance, image.root()) else {
            return Ok(Packed::Fails("It is of no machine.".into()));
        };
        let layers = self.layers(cloud, home, instance)?;
        match shelf.fill(cloud, home, root, &mut |out, key| pack::pack(&layers, key, out)) {
            Ok(bytes) => Ok(Packed::Done(bytes)),
            Err(why) => Ok(Packed::Fails(format!("The files of {instance} cannot be packed: {why}"))),
        }
    }

    fn lay(&self, cloud: &Arc<Cloud>, shelf: &dyn Shelf, home: Home, image: &Image) -> Step {
        let (Some(folder), Some(root)) = (&self.folder, image.root()) else {
            return Step::To(stage::SNAPSHOTS);
        };
        if image.is_sealed() {
            return Step::To(stage::SNAPSHOTS);
        }
        let open = || Ok((shelf.open(cloud, home, root)?, None));
        match unpack(&folder.join(LAYERS), &image.layer, open) {
            Ok(()) => Step::To(stage::SNAPSHOTS),
            Err(why) if why.kind() == io::ErrorKind::InvalidData => {
                let what = format!("The snapshot {root} does not hold the root of a machine: {why}");
                Step::Fails(IMAGE_SNAPSHOT.into(), what)
            }
            Err(why) => failed(&format!("The layer cannot be unpacked: {why}")),
        }
    }

    /// Removes layers that neither an image nor a machine needs.
    fn sweep(&self, kept: &BTreeSet<String>) -> io::Result<()> {
        let Some(folder) = self.folder.as_ref().map(|folder| folder.join(LAYERS)) else { return Ok(()) };
        if !folder.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| kept.contains(name)) {
                host::image::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn one(&self, cloud: &Arc<Cloud>, at: &Key, image: &Image) -> Result<(), String> {
        let Some((account, region)) = at.reader().regional() else { return Ok(()) };
        let home = Home { account, region };
        let shelf = cloud.memory::<Shelves>().get().map_err(|_| "no snapshots yet")?;
        let (step, bytes) = match image.stage {
            stage::REST => (Step::Waits, 0),
            stage::PACK if image.disk => (settle(cloud, shelf, home, image)?, 0),
            stage::PACK => match self.pack(cloud, shelf, home, image)? {
                Packed::Done(bytes) => (Step::To(stage::LAY), bytes),
                Packed::Fails(why) => (failed(&why), 0),
            },
            stage::LAY => (self.lay(cloud, shelf, home, image), 0),
            _ => (Step::To(stage::SNAPSHOTS), 0),
        };
        let mut tx = cloud.store().begin();
        let Some(mut now) = MADE.get(&tx, at).map_err(|e| e.to_string())? else { return Ok(()) };
        if now.stage != image.stage || now.state != PENDING {
            self.busy.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let step = match step {
            Step::Waits | Step::To(stage::LAY) if !lives(&tx, home, image)? => {
                Step::Fails(IMAGE_INSTANCE.into(), "The instance has been terminated.".into())
            }
            Step::To(stage::LAY) if image.disk => {
                if let (Some(root), Some(volume)) = (image.root(), &image.volume) {
                    shelf.snap(&mut tx, home, root, volume).map_err(|e| e.to_string())?;
                }
                Step::To(stage::SNAPSHOTS)
            }
            Step::To(stage::SNAPSHOTS) => ready(cloud, &mut tx, home, &mut now)?,
            step => step,
        };
        let root = image.root().cloned().unwrap_or_default();
        match step {
            Step::Waits => {}
            Step::To(next) => {
                if next == stage::LAY {
                    shelf.end(&mut tx, home, &root, Ok(bytes)).map_err(|e| e.to_string())?;
                }
                now.stage = next;
            }
            Step::Fails(code, why) => {
                shelf.end(&mut tx, home, &root, Err(&why)).map_err(|e| e.to_string())?;
                now.why = Some((code.clone(), format!("{code}: {why}")));
                now.state = FAILED.into();
            }
        }
        if now != *image {
            MADE.put(&mut tx, at, &now);
        }
        if now.state != PENDING {
            let told = (&now, now.state.as_str(), now.request.as_str());
            news::imaged(cloud, &mut tx, (account, region), cloud.clock().now(), told);
        }
        self.busy.fetch_or(now.state == PENDING, Ordering::Relaxed);
        if tx.is_read_only() { Ok(()) } else { tx.commit().wait().map(drop).map_err(|e| e.to_string()) }
    }
}

/// What a disk's machine has written last is made safe.
fn settle(cloud: &Cloud, shelf: &dyn Shelf, home: Home, image: &Image) -> Result<Step, String> {
    let volumes: Vec<String> = image.volume.iter().cloned().collect();
    let there = match &image.volume {
        Some(volume) => disk::of_volume(&cloud.store().snapshot(), home.account, home.region, volume),
        None => Ok(None),
    };
    if there.map_err(|e| e.to_string())?.is_none() {
        return Ok(failed(&"The root of the instance has been detached."));
    }
    match shelf.settle(cloud, &volumes) {
        Ok(()) => Ok(Step::To(stage::LAY)),
        Err(why) => Ok(failed(&format!("The root cannot be read: {why}"))),
    }
}

enum Packed {
    Done(u64),
    Fails(String),
}

/// Whether the machine that an image is of still has its files.
fn lives(tx: &Tx, home: Home, image: &Image) -> Result<bool, String> {
    let Some(instance) = &image.instance else { return Ok(true) };
    let found = INSTANCES.get(tx, &register::key(home.account, home.region, instance));
    let found = found.map_err(|e| e.to_string())?;
    Ok(found.is_some_and(|instance| instance.state != state::TERMINATED))
}

/// Makes an image available whose snapshots are all complete.
fn ready(cloud: &Arc<Cloud>, tx: &mut Tx, home: Home, image: &mut Image) -> Result<Step, String> {
    let snapshots: Vec<String> =
        image.mappings.iter().filter_map(|mapping| mapping.snapshot.clone()).collect();
    let ids = Value::List(snapshots.iter().map(Value::str).collect());
    let value = Value::Struct([("SnapshotIds", ids)].into_iter().collect());
    let call = Call { service: "ec2", operation: "DescribeSnapshots", value };
    let found = match cloud.call(tx, SELF, home.account, home.region, call) {
        Ok(found) => found,
        Err(fault) if fault.status < 500 => return Ok(failed(&fault.message)),
        Err(fault) => return Err(fault.message),
    };
    let found = found.member("Snapshots").and_then(Value::as_list).unwrap_or_default().to_vec();
    let is = |snapshot: &Value, state: &str| snapshot.member("State").and_then(Value::as_str) == Some(state);
    if let Some(broken) = found.iter().find(|snapshot| is(snapshot, "error")) {
        let id = broken.member("SnapshotId").and_then(Value::as_str).unwrap_or_default();
        return Ok(failed(&format!("The snapshot {id} has failed.")));
    }
    if found.iter().all(|snapshot| is(snapshot, "completed")) {
        for mapping in &mut image.mappings {
            let own =
                |s: &&Value| s.member("SnapshotId").and_then(Value::as_str) == mapping.snapshot.as_deref();
            let size = found.iter().find(own).and_then(|snapshot| snapshot.member("VolumeSize"));
            if let Some(Value::Int(size)) = size {
                mapping.size = Some(mapping.size.unwrap_or(0).max(*size));
            }
        }
        image.state = AVAILABLE.into();
    }
    Ok(Step::To(stage::SNAPSHOTS))
}

/// Makes a layer's folder: it is whole, and on the disk, as soon as it has its name.
pub(super) fn unpack(
    folder: &Path,
    layer: &str,
    open: impl FnOnce() -> io::Result<Unpack>,
) -> io::Result<()> {
    let whole = folder.join(layer);
    if whole.exists() {
        return Ok(());
    }
    let begun = folder.join(format!("{layer}.new"));
    if begun.exists() {
        host::image::remove(&begun)?;
    }
    fs::create_dir_all(folder)?;
    let done = open().and_then(|(archive, key)| lay::lay(&begun, key.as_ref(), archive)).and_then(|()| {
        host::image::settle(folder)?;
        fs::rename(&begun, &whole)?;
        host::image::settle(folder)
    });
    if done.is_err() && begun.exists() {
        host::image::remove(&begun)?;
    }
    done
}

impl Reconciler for Images {
    fn name(&self) -> &'static str {
        "images"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![
            MADE.stored_key(&all),
            INSTANCES.stored_key(&all),
            disk::DISK_ATTACHMENTS.stored_key(&all),
            disk::FILLS.stored_key(&all),
        ]
    }

    fn nap(&self) -> Duration {
        if self.busy.load(Ordering::Relaxed) { LOOK_OFTEN } else { IDLE }
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        self.busy.store(false, Ordering::Relaxed);
        let snapshot = cloud.store().snapshot();
        let all: Vec<(Key, Image)> = MADE
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        let mut kept: BTreeSet<String> = all.iter().map(|(_, image)| image.layer.clone()).collect();
        let holders = root::holders(&snapshot).map_err(|e| e.to_string())?;
        for pair in INSTANCES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, instance) = pair.map_err(|e| e.to_string())?;
            let is_over = instance.state == state::TERMINATED && !holders.contains(&instance.id);
            kept.extend(instance.layer.filter(|_| !is_over));
        }
        drop(snapshot);
        self.sweep(&kept).map_err(|why| format!("the layers of images that are gone: {why}"))?;
        let pending = all.iter().filter(|(_, image)| image.state == PENDING);
        // One that cannot go on holds up no other.
        let mut stuck: Vec<String> =
            pending.filter_map(|(at, image)| self.one(cloud, at, image).err()).collect();
        stuck.extend(self.roots(cloud)?);
        if stuck.is_empty() { Ok(None) } else { Err(stuck.join("; ")) }
    }
}
