//! Attachments made real: a machine's disks are plugged in when it is up, served while it has them, and pulled out.
//!
//! ```text
//! AttachVolume ─▶ attaching ─▶ attached ─▶ DetachVolume or the instance's end ─▶ detaching ─▶ no record
//! ```
//!
//! A volume that is attached to a machine which is off is attached, and plugged in when the machine boots. One that a
//! program has open stays `detaching` until it is closed or force is used.

use super::key;
use super::live::{Home, Live};
use super::model::{AVAILABLE, VOLUMES};
use super::shape;
use base::Timestamp;
use ec2::disk::{
    self, ATTACHED, ATTACHING, DETACHING, DISK_ATTACHMENTS, DiskAttachment, Held, PAUSES, Paces, Served,
};
use ec2::plane::DataPlane;
use ec2::{Plain, register};
use host::disk::{Disk, Switch, serve};
use host::{Driver, HostError};
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use store::{CommitError, Direction, Key, Tx};
use wire::Value;

/// Between two looks while a machine lacks a disk, and while machines have disks.
const LOOK_OFTEN: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_secs(2);

/// The disks that are in use, for handlers.
#[derive(Debug, Default)]
pub(crate) struct Plugged {
    plane: OnceLock<Arc<DataPlane>>,
    /// By volume.
    disks: Mutex<BTreeMap<String, Plug>>,
}

#[derive(Clone, Debug)]
struct Plug {
    instance: String,
    device: String,
    live: Arc<Mutex<Live>>,
    switch: Arc<Switch>,
    ended: Arc<AtomicBool>,
}

impl Plugged {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Plug>> {
        self.disks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what needs a disk where there can be none.
    ///
    /// # Errors
    /// `Unsupported`, with what this machine lacks.
    pub(crate) fn possible(&self) -> Result<(), Plain> {
        self.can("attach volumes")
    }

    /// Refuses a size of a root that nothing could be held to.
    ///
    /// # Errors
    /// As [`Plugged::possible`].
    pub(crate) fn holds_roots(&self) -> Result<(), Plain> {
        self.can("hold the root of a container to a size")
    }

    /// Refuses an encrypted root that nothing would encrypt.
    ///
    /// # Errors
    /// As [`Plugged::possible`].
    pub(crate) fn seals_roots(&self) -> Result<(), Plain> {
        self.can("encrypt the root of a container")
    }

    fn can(&self, does: &str) -> Result<(), Plain> {
        let Some(plane) = self.plane.get() else { return Ok(()) };
        match plane.driver().and_then(|driver| driver.disks()) {
            Err(HostError::Unable(what)) => {
                let help = "`virga doctor` says more";
                Err(Plain::Unsupported(format!("This machine cannot {does}: {what} ({help})")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what would have no effect: QEMU's NVMe disks keep the size that they were plugged in with.
    ///
    /// # Errors
    /// `Unsupported`, with what to do.
    pub(crate) fn may_grow(&self, volume: &str) -> Result<(), Plain> {
        let plug = self.lock().get(volume).filter(|plug| !plug.ended.load(Ordering::Relaxed)).cloned();
        let driver = self.plane.get().and_then(|plane| plane.running());
        let (Some(plug), Some(driver)) = (plug, driver) else { return Ok(()) };
        if !driver.is_guest(&plug.instance) {
            return Ok(());
        }
        let why = "Virga's virtual machines do not learn of a disk that has grown while they run";
        let instance = &plug.instance;
        let what =
            format!("{why}. Stop '{instance}', or detach '{volume}' from it, before it is made larger.");
        Err(Plain::Unsupported(what))
    }

    /// Of a volume that is served just now.
    pub(super) fn switch(&self, volume: &str) -> Option<Arc<Switch>> {
        let disks = self.lock();
        let plug = disks.get(volume).filter(|plug| !plug.ended.load(Ordering::Relaxed))?;
        Some(Arc::clone(&plug.switch))
    }

    /// How much of its burst a volume that is served has left, of a hundred.
    pub(super) fn burst_balance(&self, volume: &str) -> Option<f64> {
        let live = Arc::clone(&self.lock().get(volume)?.live);
        let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
        live.burst_balance()
    }

    /// Makes what programs have written to a volume safe. Blocks the thread.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn flush(&self, volume: &str) -> io::Result<()> {
        let plug = self.lock().get(volume).cloned();
        match plug {
            Some(plug) => plug.live.lock().unwrap_or_else(PoisonError::into_inner).flush(),
            None => Ok(()),
        }
    }
}

/// Keeps machines' disks at what the records say.
#[derive(Debug)]
pub struct Plugs {
    plane: Arc<DataPlane>,
    busy: AtomicBool,
}

/// What is to become of a record.
enum Next {
    Same,
    State(&'static str),
    /// Of what is files: how large it is, and how fast.
    Shape(i64, Held),
    Gone,
}

impl Plugs {
    pub fn new(plane: Arc<DataPlane>) -> Plugs {
        Plugs { plane, busy: AtomicBool::new(false) }
    }

    fn look_again(&self) -> Next {
        self.busy.store(true, Ordering::Relaxed);
        Next::Same
    }

    /// One that should be plugged in.
    fn keep_up(&self, cloud: &Arc<Cloud>, home: &Home, attachment: &DiskAttachment) -> Next {
        let plugged = cloud.memory::<Plugged>();
        let found = plugged.lock().get(&home.volume).cloned();
        let attached = if attachment.state == ATTACHING { Next::State(ATTACHED) } else { Next::Same };
        if let Some(plug) = found {
            if !plug.ended.load(Ordering::Relaxed) {
                reshape(cloud, home, &plug);
                plug.switch.pause.store(pauses(cloud, home), Ordering::Relaxed);
                return attached;
            }
            plugged.lock().remove(&home.volume);
        }
        let Some(driver) = self.plane.running() else { return attached };
        if !has_its_bytes(cloud, home) {
            return self.look_again();
        }
        match plug_in(cloud, &driver, home, attachment) {
            Ok(plug) => {
                if let Some(plug) = plug {
                    cloud.memory::<Served>().add(&plug.instance, Arc::clone(&plug.switch));
                    plugged.lock().insert(home.volume.clone(), plug);
                }
                attached
            }
            // It is off, or still booting.
            Err(why) if is_off(&why) => {
                self.busy.store(true, Ordering::Relaxed);
                attached
            }
            Err(why) => {
                let (volume, problem) = (&home.volume, why.to_string());
                kernel::log::error(
                    "a volume cannot be attached",
                    &[("volume", volume), ("problem", &problem)],
                );
                Next::Gone
            }
        }
    }

    /// One that should be pulled out; only when its last bytes are safe it is.
    fn pull(&self, cloud: &Arc<Cloud>, home: &Home, attachment: &DiskAttachment) -> Next {
        let plugged = cloud.memory::<Plugged>();
        let found = plugged.lock().get(&home.volume).cloned();
        let Some(plug) = found else {
            if let Some(driver) = self.plane.running().filter(|_| !attachment.over) {
                // One that nobody serves: what a plug that failed half-way has left.
                let _ = driver.unplug(&attachment.instance, &attachment.device, true);
            }
            return Next::Gone;
        };
        if plug.ended.load(Ordering::Relaxed) {
            plugged.lock().remove(&home.volume);
            return Next::Gone;
        }
        if let Some(driver) = self.plane.running() {
            let forced = attachment.forced || attachment.over;
            match driver.unplug(&plug.instance, &plug.device, forced) {
                Err(HostError::Refused { why, .. }) if why.kind() == io::ErrorKind::ResourceBusy => {}
                // Without it, or with the machine gone, its server ends by itself; by force it is made to.
                _ if forced => plug.switch.stop.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
        self.look_again()
    }
}

/// Whether the machine is not up.
fn is_off(why: &HostError) -> bool {
    match why {
        HostError::NotThere(_) | HostError::Ended => true,
        HostError::Refused { why, .. } => why.kind() == io::ErrorKind::HostUnreachable,
        _ => false,
    }
}

/// Whether nothing of the volume is still on its way ([`super::copies`]).
fn has_its_bytes(cloud: &Arc<Cloud>, home: &Home) -> bool {
    let key = register::key(home.account, home.region, &home.volume);
    let volume = VOLUMES.get(&cloud.store().snapshot(), &key);
    volume.is_ok_and(|volume| volume.is_some_and(|volume| volume.state == AVAILABLE))
}

/// How large and how fast the volume is whose files a machine has, where it has been modified.
fn shape(cloud: &Arc<Cloud>, home: &Home, attachment: &DiskAttachment) -> Next {
    let key = register::key(home.account, home.region, &home.volume);
    match VOLUMES.get(&cloud.store().snapshot(), &key) {
        Ok(Some(volume)) => {
            let held = Held::to(&shape::rate(&volume.shape()));
            let is_same = attachment.size == Some(volume.size) && attachment.held.as_ref() == Some(&held);
            if is_same { Next::Same } else { Next::Shape(volume.size, held) }
        }
        _ => Next::Same,
    }
}

/// Tells a disk in use how its volume has been modified.
fn reshape(cloud: &Arc<Cloud>, home: &Home, plug: &Plug) {
    let key = register::key(home.account, home.region, &home.volume);
    if let Ok(Some(volume)) = VOLUMES.get(&cloud.store().snapshot(), &key) {
        plug.live.lock().unwrap_or_else(PoisonError::into_inner).reshape(&volume);
    }
}

/// Whether an experiment lets it pause just now. Where that cannot be read it does not.
fn pauses(cloud: &Arc<Cloud>, home: &Home) -> bool {
    let (from, now) = (cloud.store().snapshot(), cloud.clock().now());
    disk::pauses(&from, (home.account, home.region), &home.volume, now).unwrap_or(false)
}

fn plug_in(
    cloud: &Arc<Cloud>,
    driver: &Arc<dyn Driver>,
    home: &Home,
    attachment: &DiskAttachment,
) -> Result<Option<Plug>, HostError> {
    let refused = |why| HostError::Refused { step: format!("open {}", home.volume), why };
    let root = key::root_of(cloud.sealer(), &attachment.key);
    let root = root.ok_or_else(|| refused(io::Error::other("its data key does not open")))?;
    let Some(channel) = driver.plug(&attachment.instance, &attachment.device)? else { return Ok(None) };
    let common = cloud.memory::<Paces>().of(&attachment.instance);
    let live = Live::open(cloud, home.clone(), root, common).map_err(refused)?;
    let plug = Plug {
        instance: attachment.instance.clone(),
        device: attachment.device.clone(),
        live: Arc::new(Mutex::new(live)),
        switch: Arc::default(),
        ended: Arc::default(),
    };
    let own = plug.clone();
    let volume = home.volume.clone();
    let thread = std::thread::Builder::new().name("volume".into());
    let spawned = thread.spawn(move || {
        if let Err(why) = serve(&channel, &own.live, &own.switch) {
            let problem = why.to_string();
            kernel::log::error("a volume is no longer served", &[("volume", &volume), ("problem", &problem)]);
        }
        own.ended.store(true, Ordering::Relaxed);
    });
    spawned.map_err(refused)?;
    Ok(Some(plug))
}

/// Who deletes a volume with its instance.
const SELF: &str = "ec2.amazonaws.com";

/// Ends an attachment, and its volume where that is to go with the instance.
fn end(cloud: &Arc<Cloud>, tx: &mut Tx, home: &Home, attachment: &DiskAttachment) -> Result<(), String> {
    DISK_ATTACHMENTS.delete(tx, &register::key(home.account, home.region, &home.volume));
    if attachment.over && attachment.delete_on_termination {
        let value = Value::Struct([("VolumeId", Value::str(&home.volume))].into_iter().collect());
        let call = Call { service: "ec2", operation: "DeleteVolume", value };
        cloud.call(tx, SELF, home.account, home.region, call).map_err(|fault| fault.message)?;
    }
    Ok(())
}

fn write(
    cloud: &Arc<Cloud>,
    at: &Key,
    home: &Home,
    seen: &DiskAttachment,
    next: &Next,
) -> Result<(), String> {
    let mut tx = cloud.store().begin();
    let there = DISK_ATTACHMENTS.get(&tx, at).map_err(|e| e.to_string())?;
    // Whoever has changed it meanwhile wakes the next run.
    let Some(mut there) = there.filter(|there| there == seen) else { return Ok(()) };
    match next {
        Next::Same => return Ok(()),
        Next::State(state) => {
            there.state = (*state).to_owned();
            DISK_ATTACHMENTS.put(&mut tx, at, &there);
        }
        Next::Shape(size, held) => {
            (there.size, there.held) = (Some(*size), Some(held.clone()));
            DISK_ATTACHMENTS.put(&mut tx, at, &there);
        }
        Next::Gone => end(cloud, &mut tx, home, &there)?,
    }
    match tx.commit().wait() {
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

impl Reconciler for Plugs {
    fn name(&self) -> &'static str {
        "attached volumes"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![DISK_ATTACHMENTS.stored_key(&all), VOLUMES.stored_key(&all), PAUSES.stored_key(&all)]
    }

    fn nap(&self) -> Duration {
        if self.busy.load(Ordering::Relaxed) { LOOK_OFTEN } else { LOOK }
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        self.busy.store(false, Ordering::Relaxed);
        cloud.memory::<Plugged>().plane.get_or_init(|| Arc::clone(&self.plane));
        let snapshot = cloud.store().snapshot();
        let all = DISK_ATTACHMENTS.scan(&snapshot, &Key::empty(), Direction::Forward);
        let all: Vec<(Key, DiskAttachment)> = all.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        // What a reset has left without a record.
        cloud.memory::<Plugged>().lock().retain(|volume, plug| {
            let is_kept = all.iter().any(|(_, attachment)| attachment.volume == *volume);
            plug.switch.stop.fetch_or(!is_kept, Ordering::Relaxed);
            is_kept
        });
        for (at, attachment) in all {
            let Some((account, region)) = at.reader().regional() else { continue };
            let home = Home { account, region, volume: attachment.volume.clone() };
            let goes = attachment.over && attachment.delete_on_termination;
            if attachment.files && !(goes && attachment.state == DETACHING) {
                // Who keeps machines' files brings it on, and holds them to the volume's size.
                write(cloud, &at, &home, &attachment, &shape(cloud, &home, &attachment))?;
                continue;
            }
            let next = match attachment.state.as_str() {
                DETACHING => self.pull(cloud, &home, &attachment),
                _ => self.keep_up(cloud, &home, &attachment),
            };
            write(cloud, &at, &home, &attachment, &next)?;
        }
        Ok(None)
    }
}
