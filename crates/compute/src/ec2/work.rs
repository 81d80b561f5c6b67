//! Machines made real: what the records say, a data plane boots and stops.
//!
//! A machine whose first process ends by itself has been shut down from within: it is stopped or terminated, as its
//! record says. One that the records call running and that does not run (Virga was started again) is booted.

use super::credits::{CREDITS, begins_spent};
use super::errors::{INTERNAL, ON_LAUNCH};
use super::exec::PATH;
use super::image::{self, MADE, root};
use super::machinery::Machinery;
use super::metadata::Metadata;
use super::model::{INSTANCES, Instance, state};
use super::names;
use super::news;
use super::replace;
use super::share;
use super::user_data;
use super::whole;
use base::{AccountId, Region, Timestamp};
use ec2::attachment::ATTACHMENTS;
use ec2::backing::Shelves;
use ec2::disk::{ATTACHING, DiskAttachment, Paces};
use ec2::plane::DataPlane;
use ec2::zone::{self, ZONES, Zone};
use ec2::{disk, public, register};
use host::image::{Bind, RESOLVER_V6};
use host::seal::Key as FileKey;
use host::{Boot, HostError, Process};
use kernel::Call;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use store::{Direction, Key, Tx};
use wire::Value;

/// How long a terminated instance is shown.
const SHOWN: Duration = Duration::from_secs(3600);
/// Between two looks while something is under way, and while machines run.
const LOOK_OFTEN: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_secs(1);
/// Looks at a machine that was asked to end, before it is made to: a kernel of its own has more to do.
const LOOKS_MAX: u32 = 50;
const LOOKS_AT_GUEST_MAX: u32 = 300;

/// Whom machines trust when the cloud answers them by TLS: makes certificates in PEM, or says why not.
pub struct Trust(pub Box<dyn Fn() -> Result<String, String> + Send + Sync>);

impl Trust {
    /// Where nothing answers.
    pub fn nobody() -> Arc<Trust> {
        Arc::new(Trust(Box::new(|| Ok(String::new()))))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// The certificates that a machine's programs trust.
const TRUSTED: &str = "etc/ssl/certs/ca-certificates.crt";

/// What tells those programs so that bring certificates of their own: AWS's SDKs, Python's requests, Node.
fn trust(bundle: &str) -> [(&'static str, &str); 3] {
    ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"].map(|name| (name, bundle))
}

/// The first process of a machine.
const INIT: &str = include_str!("init.sh");

/// Keeps machines at what the records say.
#[derive(Debug)]
pub struct Machines {
    plane: Arc<DataPlane>,
    /// Where they keep what they write; `None` where the data plane is a simulation and nothing is on a disk.
    folder: Option<PathBuf>,
    authority: Arc<Trust>,
    programs: Mutex<Option<Vec<Bind>>>,
    places: Mutex<Option<Vec<Bind>>>,
    running: Mutex<BTreeMap<String, Running>>,
    metadata: Metadata,
    busy: AtomicBool,
}

#[derive(Debug)]
struct Running {
    process: Arc<dyn Process>,
    /// Set at its end: whether it came to one, or the data plane did.
    ended: Arc<OnceLock<bool>>,
    /// The record's count when it was booted.
    reboots: u64,
    /// How often its zone had failed.
    failures: u64,
    /// How often it was looked at since it was asked to end.
    looks: u32,
}

/// What a machine begins with, beside its record.
struct Start<'a> {
    disks: &'a [String],
    /// Where that is files.
    root: Option<DiskAttachment>,
    failures: u64,
    spent: bool,
}

/// Where a record is.
#[derive(Clone, Copy)]
struct Home {
    account: AccountId,
    region: Region,
}

impl Machines {
    pub fn new(plane: Arc<DataPlane>, folder: Option<PathBuf>, authority: Arc<Trust>) -> Machines {
        Machines {
            plane,
            folder,
            authority,
            programs: Mutex::default(),
            places: Mutex::default(),
            running: Mutex::new(BTreeMap::new()),
            metadata: Metadata::default(),
            busy: AtomicBool::new(false),
        }
    }

    /// The layers of a machine's root below its own files, and what is bound into it; what all have in common is made once.
    fn root(
        &self,
        folder: &Path,
        layer: Option<PathBuf>,
        whole: bool,
    ) -> io::Result<(Vec<PathBuf>, Vec<Bind>)> {
        let (made, name) = if whole { (&self.places, PLACES) } else { (&self.programs, IMAGE) };
        let below = folder.join(name);
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let binds = match &*made {
            Some(binds) => binds.clone(),
            None => {
                fs::create_dir_all(&below)?;
                let make = if whole { whole::places } else { host::image::of_this_machine };
                made.insert(make(&below)?).clone()
            }
        };
        Ok((layer.into_iter().chain([below]).collect(), binds))
    }

    /// What a machine is booted from. One that boots from a disk by itself has its folder and its console.
    fn files_of(
        &self,
        folder: &Path,
        instance: &Instance,
        disks: &[String],
        key: Option<FileKey>,
    ) -> io::Result<Boot> {
        if !instance.disk {
            return self.boot_of(folder, instance, disks, key);
        }
        let own = folder.join(&instance.id);
        fs::create_dir_all(own.join(DISK))?;
        let console = fs::File::options().create(true).append(true).open(own.join("console"))?;
        let hostname = instance.id.clone().into();
        Ok(Boot { disk: own.join(DISK), hostname, console: Some(console.into()), ..Boot::default() })
    }

    /// Its own files over the image's.
    fn boot_of(
        &self,
        folder: &Path,
        instance: &Instance,
        disks: &[String],
        key: Option<FileKey>,
    ) -> io::Result<Boot> {
        let own = folder.join(&instance.id);
        let seed = own.join("seed");
        let layer = instance.layer.as_ref().map(|layer| folder.join(LAYERS).join(layer));
        let own_root = layer.as_ref().filter(|layer| whole::is(layer));
        let (is_whole, brings) =
            (own_root.is_some(), own_root.map(|layer| whole::files(layer, key.as_ref())));
        let (below, binds) = self.root(folder, layer, is_whole)?;
        let plan = user_data::plan(&instance.user_data);
        let name = plan.name.clone().unwrap_or_else(|| names::label(instance));
        let hostname = format!("{name}\n");
        let public = instance.public_key.as_ref().map(|key| format!("{key}\n")).unwrap_or_default();
        let disks = disks.join("\n");
        let home = format!("home/{}", host::image::USER);
        let authorized = format!("{home}/.ssh/authorized_keys");
        let trusted = (self.authority.0)().map_err(io::Error::other)?;
        let mut files: Vec<(String, Vec<u8>, u32)> = Vec::new();
        let fixed: [(&str, &[u8], u32); 9] = [
            ("var/lib/virga/instance", instance.id.as_bytes(), 0o644),
            ("var/lib/virga/devices", disks.as_bytes(), 0o644),
            ("etc/hostname", hostname.as_bytes(), 0o644),
            (TRUSTED, trusted.as_bytes(), 0o644),
            ("etc/virga-init", INIT.as_bytes(), 0o755),
            ("var/lib/virga/every", plan.every.as_bytes(), 0o600),
            ("var/lib/virga/first", plan.first.as_bytes(), 0o600),
            ("root/.ssh/authorized_keys", public.as_bytes(), 0o600),
            (&authorized, public.as_bytes(), 0o600),
        ];
        files.extend(fixed.map(|(path, bytes, mode)| (path.to_owned(), bytes.to_vec(), mode)));
        for (path, text) in brings.transpose()?.unwrap_or_default() {
            files.push((path.to_owned(), text.into_bytes(), 0o644));
        }
        if instance.address.is_empty() {
            files.push(("etc/resolv.conf".into(), RESOLVER_V6.into(), 0o644));
        }
        files.extend(numbered(LATE, plan.late, 0o700));
        files.extend(numbered(user_data::FILES, plan.files, 0o600));
        for (path, contents, mode) in files {
            let path = seed.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&seed))?;
            host::seal::write(key.as_ref(), &path, &contents)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        for folder in ["root", "root/.ssh", &home, &format!("{home}/.ssh")] {
            fs::set_permissions(seed.join(folder), fs::Permissions::from_mode(0o700))?;
        }
        let bundle = format!("/{TRUSTED}");
        let pair = |(name, value): (&str, &str)| (name.into(), value.into());
        let console = fs::File::options().create(true).append(true).open(own.join("console"))?;
        Ok(Boot {
            layers: [seed].into_iter().chain(below).collect(),
            disk: own.join(DISK),
            binds,
            hostname: name.into(),
            init: ["/bin/sh", "/etc/virga-init"].map(Into::into).to_vec(),
            env: [&[PATH], &trust(&bundle)[..]].concat().into_iter().map(pair).collect(),
            console: Some(console.into()),
            room: None,
            key,
            pace: None,
            guest: None,
        })
    }

    fn boot(&self, cloud: &Arc<Cloud>, instance: &Instance, start: &Start<'_>) -> Result<(), HostError> {
        let driver = self.plane.driver()?;
        // Before its first program can ask.
        self.metadata.serve(cloud, &driver, &instance.vpc)?;
        let Start { disks, root, failures, spent } = start;
        let (failures, spent) = (*failures, *spent);
        let mut notes = share::hold(&*driver, instance, spent)?;
        let mut boot = match &self.folder {
            Some(folder) => {
                let key = root.as_ref().map_or(Ok(None), |root| file_key(cloud, root));
                let made = key.and_then(|key| self.files_of(folder, instance, disks, key));
                let step = format!("make the files of {}", instance.id);
                made.map_err(|why| HostError::Refused { step, why })?
            }
            None => Boot::default(),
        };
        if let Some(folder) = &self.folder {
            let (own, held) = (folder.join(&instance.id), root.as_ref().and_then(|root| root.held.as_ref()));
            let paced = share::pace(&own, instance).and_then(|(path, pace)| {
                cloud.memory::<Paces>().set(&instance.id, pace);
                boot.pace = path;
                fs::create_dir_all(&boot.disk)?;
                held.map_or(Ok(()), |held| held.rate().say(&host::room::rate(&boot.disk)))
            });
            let step = format!("say how fast the volumes of {} are", instance.id);
            paced.map_err(|why| HostError::Refused { step, why })?;
        }
        boot.guest = share::of_guest(instance);
        let size = root.as_ref().and_then(|root| root.size);
        if let Some(size) = size.filter(|_| !boot.layers.is_empty()) {
            let (room, note) = share::room(&*driver, size)?;
            boot.room = room;
            notes += &note;
        }
        let console = boot.console.as_ref().and_then(|console| console.try_clone().ok());
        let process: Arc<dyn Process> = Arc::from(driver.boot(&instance.id, boot)?);
        if let Some(console) = console {
            // What cannot be said is no reason not to run.
            let _ = fs::File::from(console).write_all(notes.as_bytes());
        }
        let ended = Arc::new(OnceLock::new());
        let (waits, tells) = (Arc::clone(&process), Arc::clone(&ended));
        let thread = std::thread::Builder::new().name("machine".into());
        let spawned = thread.spawn(move || {
            let _ = tells.set(waits.wait().is_ok());
        });
        spawned.map_err(|why| HostError::Refused { step: "start a thread".into(), why })?;
        let running = Running { process, ended, reboots: instance.reboots, failures, looks: 0 };
        self.lock().insert(instance.id.clone(), running);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a machine to end, and makes it if it does not; whether it is off.
    fn halt(&self, instance: &Instance) -> bool {
        let mut running = self.lock();
        let Some(machine) = running.get_mut(&instance.id) else { return true };
        if machine.ended.get().is_some() {
            running.remove(&instance.id);
            return true;
        }
        let most = if instance.virtual_machine { LOOKS_AT_GUEST_MAX } else { LOOKS_MAX };
        let signal = match machine.looks {
            _ if instance.forced => Some(9),
            0 => Some(15),
            looks if looks >= most => Some(9),
            _ => None,
        };
        machine.looks += 1;
        if let Some(signal) = signal {
            let _ = machine.process.signal(signal);
        }
        self.busy.store(true, Ordering::Relaxed);
        false
    }

    /// Whether a machine can be in its zone: what was booted before the zone failed ends first, as by a power cut, and
    /// has not been shut down.
    fn has_power(&self, instance: &Instance, zone: Option<&Zone>) -> bool {
        let booted = self.lock().get(&instance.id).map(|machine| machine.failures);
        if booted.is_some_and(|failures| failures != failures_of(zone)) {
            let dying = Instance { forced: true, ..instance.clone() };
            return self.halt(&dying) && zone.is_none_or(|zone| !zone.down);
        }
        zone.is_none_or(|zone| !zone.down)
    }

    /// A machine that should run: boots it if it does not. The record, if it changes.
    fn keep_up(
        &self,
        cloud: &Arc<Cloud>,
        home: Home,
        mut instance: Instance,
        zone: Option<&Zone>,
        now: Timestamp,
    ) -> Result<Option<Instance>, String> {
        if !self.has_power(&instance, zone) {
            return Ok(None);
        }
        let found = self.lock().get(&instance.id).map(|m| (m.ended.get().copied(), m.reboots, m.looks));
        match found {
            Some((None, reboots, _)) if reboots == instance.reboots => {
                if let Some(driver) = self.plane.running() {
                    // A router may have been made anew. If it is not there just now, the next look finds it.
                    let _ = self.metadata.serve(cloud, &driver, &instance.vpc);
                }
                let was = instance.state;
                instance.enter(state::RUNNING, now, None);
                instance.ran = true;
                return Ok((was != state::RUNNING).then_some(instance));
            }
            Some((None, ..)) => {
                self.halt(&instance);
                return Ok(None);
            }
            Some((Some(true), reboots, 0)) if reboots == instance.reboots => {
                let next =
                    if instance.terminates_on_shutdown { state::SHUTTING_DOWN } else { state::STOPPING };
                let reason = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown");
                instance.enter(next, now, Some(reason));
                return Ok(Some(instance));
            }
            Some(_) => {
                self.lock().remove(&instance.id);
            }
            None => {}
        }
        self.begin(cloud, home, instance, zone, now)
    }

    /// Boots a machine, as soon as it has what it boots from. The record, if it changes.
    fn begin(
        &self,
        cloud: &Arc<Cloud>,
        home: Home,
        mut instance: Instance,
        zone: Option<&Zone>,
        now: Timestamp,
    ) -> Result<Option<Instance>, String> {
        let was = instance.state;
        if was == state::PENDING && std::mem::take(&mut instance.locked) {
            if instance.ran {
                instance.enter(state::STOPPING, now, Some(ON_LAUNCH));
            } else {
                // For the reason that its launch has found.
                (instance.state, instance.since) = (state::SHUTTING_DOWN, now);
            }
            return Ok(Some(instance));
        }
        // Who keeps volumes is about to say how large it is; who keeps images, that its files are there.
        let waits = |root: &DiskAttachment| root.files && (root.size.is_none() || root.state == ATTACHING);
        // Without them it would wait for none; what cannot be read now is read at the next run.
        let ready = disks_of(cloud, home, &instance)?.filter(|(_, root)| !root.as_ref().is_some_and(waits));
        let Some((disks, root)) = ready else {
            self.busy.store(true, Ordering::Relaxed);
            return Ok(None);
        };
        let root = root.filter(|root| root.files);
        let spent = spent(cloud, home, &instance)?;
        let start = Start { disks: &disks, root, failures: failures_of(zone), spent };
        Ok(match self.boot(cloud, &instance, &start) {
            Ok(()) => {
                instance.enter(state::RUNNING, now, None);
                instance.ran = true;
                (was != state::RUNNING).then_some(instance)
            }
            // Its network is not there yet.
            Err(HostError::NotThere(_) | HostError::Ended) => {
                self.busy.store(true, Ordering::Relaxed);
                None
            }
            Err(why) => {
                let why = why.to_string();
                kernel::log::error(
                    "a machine does not boot",
                    &[("instance", &instance.id), ("problem", &why)],
                );
                let is_first = was == state::PENDING && !instance.ran;
                let next = if is_first { state::SHUTTING_DOWN } else { state::STOPPING };
                instance.enter(next, now, Some((INTERNAL, &why)));
                Some(instance)
            }
        })
    }

    /// Removes what no record keeps: also what a crash between a machine's end and this, or a reset, has left.
    fn sweep(&self, kept: &BTreeSet<String>) -> io::Result<()> {
        let Some(folder) = self.folder.as_ref().filter(|folder| folder.exists()) else { return Ok(()) };
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let common = [IMAGE, LAYERS, PLACES].iter().any(|common| name == *common);
            if !common && !name.to_str().is_some_and(|name| kept.contains(name)) {
                host::image::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Those images for which a machine must be off are told when it is; whether there are any.
    fn rests(
        &self,
        tx: &mut Tx,
        images: &BTreeMap<String, Vec<Key>>,
        instance: &Instance,
    ) -> Result<bool, String> {
        let Some(images) = images.get(&instance.id) else { return Ok(false) };
        let runs = matches!(instance.state, state::PENDING | state::RUNNING);
        if instance.state != state::STOPPED && !(runs && self.halt(instance)) {
            return Ok(runs);
        }
        for at in images {
            let found = MADE.get(tx, at).map_err(|e| e.to_string())?;
            if let Some(mut image) = found.filter(|image| image.stage == image::stage::REST) {
                image.stage = image::stage::PACK;
                MADE.put(tx, at, &image);
            }
        }
        Ok(true)
    }

    /// Whether a machine is off, or is to be, as its root is being replaced: who does that is told when it is.
    fn gives_way(&self, tx: &mut Tx, task: Option<&Key>, instance: &Instance) -> Result<bool, String> {
        let Some(task) = task else { return Ok(false) };
        let runs = matches!(instance.state, state::PENDING | state::RUNNING);
        if runs && !self.halt(instance) {
            return Ok(true);
        }
        if runs || instance.state == state::STOPPED {
            replace::is_off(tx, task).map_err(|e| e.to_string())?;
        }
        Ok(runs)
    }

    /// One step for one instance: the record as it is then, where it changes.
    fn step(
        &self,
        cloud: &Arc<Cloud>,
        home: Home,
        instance: Instance,
        zone: Option<&Zone>,
        now: Timestamp,
    ) -> Result<Option<Instance>, String> {
        let next = match instance.state {
            state::PENDING | state::RUNNING => return self.keep_up(cloud, home, instance, zone, now),
            state::STOPPING => state::STOPPED,
            state::SHUTTING_DOWN => state::TERMINATED,
            _ => return Ok(None),
        };
        if !self.halt(&instance) {
            return Ok(None);
        }
        let mut instance = instance;
        (instance.state, instance.since) = (next, now);
        Ok(Some(instance))
    }
}

/// Where the programs of the first boot are.
const LATE: &str = "/var/lib/virga/late";

/// Files of a folder that are called by their number, with as many digits as put them in order.
fn numbered(folder: &str, all: Vec<Vec<u8>>, mode: u32) -> impl Iterator<Item = (String, Vec<u8>, u32)> {
    let folder = folder.trim_start_matches('/').to_owned();
    all.into_iter().enumerate().map(move |(at, bytes)| (format!("{folder}/{at:03}"), bytes, mode))
}

fn failures_of(zone: Option<&Zone>) -> u64 {
    zone.map_or(0, |zone| zone.failures)
}

/// The folder of what machines are made of, beside their own.
const IMAGE: &str = "image";
/// And of places for mounts, where an image brings all else.
const PLACES: &str = "places";
/// The folder of the layers of images that were made here ([`image::work`]).
pub(super) const LAYERS: &str = "layers";
/// In a machine's folder: what it has written.
pub(super) const DISK: &str = "disk";
/// In that: over the layers.
pub(super) const UPPER: &str = "upper";

/// Takes the public address that was assigned at the start away, and lets the interface rest.
fn release(tx: &mut Tx, home: Home, interface: &str) -> Result<bool, String> {
    let key = register::key(home.account, home.region, interface);
    let found = ATTACHMENTS.get(tx, &key).map_err(|e| e.to_string())?;
    let Some(mut attachment) = found else { return Ok(false) };
    if let Some(address) = attachment.public_address.take()
        && let Ok(address) = address.parse()
    {
        public::release(tx, address);
    }
    attachment.rests = true;
    ATTACHMENTS.put(tx, &key, &attachment);
    Ok(attachment.delete_on_termination)
}

/// The names of disks, and a root.
type Disks = (Vec<String>, Option<DiskAttachment>);

/// The names of an instance's disks, for which its first programs wait; and its root. None where the instance is another by now.
fn disks_of(cloud: &Cloud, home: Home, instance: &Instance) -> Result<Option<Disks>, String> {
    let (from, id) = (cloud.store().snapshot(), &instance.id);
    let now = INSTANCES.get(&from, &register::key(home.account, home.region, id));
    // With its root comes what it boots from.
    if now.map_err(|why| why.to_string())?.is_none_or(|now| now.layer != instance.layer) {
        return Ok(None);
    }
    let all = disk::of_instance(&from, home.account, home.region, id);
    let all = all.map_err(|why| format!("the disks of {id}: {why}"))?;
    let (roots, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|attachment| disk::is_root(&attachment.device));
    let names = others.into_iter().map(|attachment| attachment.device).collect();
    Ok(Some((names, roots.into_iter().next())))
}

/// Under which key a root's files lie.
fn file_key(cloud: &Cloud, root: &DiskAttachment) -> io::Result<Option<FileKey>> {
    let shelf = cloud.memory::<Shelves>().get().map_err(|_| io::ErrorKind::NotConnected)?;
    shelf.file_key(cloud, root)
}

/// Whether it has its baseline of processors only.
fn spent(cloud: &Cloud, home: Home, instance: &Instance) -> Result<bool, String> {
    let key = register::key(home.account, home.region, &instance.id);
    let found = CREDITS.get(&cloud.store().snapshot(), &key).map_err(|error| error.to_string())?;
    Ok(begins_spent(found, instance))
}

/// The volumes of an instance that is no more: those who keep them take them away.
fn pull_disks(tx: &mut Tx, home: Home, instance: &str) -> Result<(), String> {
    let all = disk::of_instance(tx, home.account, home.region, instance).map_err(|e| e.to_string())?;
    for mut attachment in all {
        if attachment.state == disk::ATTACHING {
            // No file of it was ever here.
            attachment.files = false;
        }
        attachment.state = disk::DETACHING.into();
        attachment.over = true;
        let key = register::key(home.account, home.region, &attachment.volume);
        disk::DISK_ATTACHMENTS.put(tx, &key, &attachment);
    }
    Ok(())
}

/// What changes with a record.
fn write(cloud: &Arc<Cloud>, tx: &mut Tx, home: Home, instance: &mut Instance) -> Result<(), String> {
    let interfaces = match instance.state {
        state::STOPPED => instance.interfaces.clone(),
        state::TERMINATED => std::mem::take(&mut instance.interfaces),
        _ => Vec::new(),
    };
    for interface in &interfaces {
        let delete = release(tx, home, interface)?;
        if instance.state == state::TERMINATED {
            ATTACHMENTS.delete(tx, &register::key(home.account, home.region, interface));
            if delete {
                let named = [("NetworkInterfaceId", Value::str(interface))];
                let value = Value::Struct(named.into_iter().collect());
                let call = Call { service: "ec2", operation: "DeleteNetworkInterface", value };
                let done = cloud.call(tx, super::ops::SELF, home.account, home.region, call);
                done.map_err(|fault| fault.message)?;
            }
        }
    }
    if instance.state == state::TERMINATED {
        pull_disks(tx, home, &instance.id)?;
        instance.profile = None;
    }
    INSTANCES.put(tx, &register::key(home.account, home.region, &instance.id), instance);
    Ok(())
}

impl Reconciler for Machines {
    fn name(&self) -> &'static str {
        "machines"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![
            INSTANCES.stored_key(&Key::empty()),
            MADE.stored_key(&Key::empty()),
            ZONES.stored_key(&Key::empty()),
            disk::DISK_ATTACHMENTS.stored_key(&Key::empty()),
            disk::FILLS.stored_key(&Key::empty()),
            replace::TASKS.stored_key(&Key::empty()),
        ]
    }

    fn nap(&self) -> Duration {
        match self.lock().is_empty() {
            _ if self.busy.load(Ordering::Relaxed) => LOOK_OFTEN,
            false => LOOK,
            true => Duration::from_secs(60),
        }
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        self.busy.store(false, Ordering::Relaxed);
        cloud.memory::<Machinery>().set(&self.plane, self.folder.as_ref());
        let now = cloud.clock().now();
        let mut tx = cloud.store().begin();
        let all: Vec<(Key, Instance)> = INSTANCES
            .scan(&tx, &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        let zones = zone::all(&tx).map_err(|e| e.to_string())?;
        let tasks = replace::under_way(&tx).map_err(|e| e.to_string())?;
        let mut images: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        for pair in MADE.scan(&tx, &Key::empty(), Direction::Forward) {
            let (at, image) = pair.map_err(|e| e.to_string())?;
            if let Some(instance) = image.resting() {
                images.entry(instance.clone()).or_default().push(at);
            }
        }
        let mut next = None;
        let mut kept = BTreeSet::new();
        let mut vpcs = BTreeSet::new();
        for (key, instance) in all {
            let Some((account, region)) = key.reader().regional() else { continue };
            let home = Home { account, region };
            if instance.state == state::TERMINATED {
                let until = instance.since.plus(SHOWN);
                if until > now {
                    next = [next, Some(until)].into_iter().flatten().min();
                } else {
                    INSTANCES.delete(&mut tx, &key);
                    register::strike(&mut tx, account, region, &instance.id);
                }
                continue;
            }
            let id = instance.id.clone();
            if instance.state != state::STOPPED {
                vpcs.insert(instance.vpc.clone());
            }
            let zone = zones.get(&instance.zone);
            let was = instance.state;
            let task = tasks.get(&instance.id);
            if self.rests(&mut tx, &images, &instance)? || self.gives_way(&mut tx, task, &instance)? {
                kept.insert(id);
                continue;
            }
            if let Some(mut changed) = self.step(cloud, home, instance, zone, now)? {
                write(cloud, &mut tx, home, &mut changed)?;
                if changed.state != was {
                    news::entered(cloud, &mut tx, (account, region), now, &changed);
                }
                if changed.state == state::TERMINATED {
                    continue;
                }
            }
            kept.insert(id);
        }
        if !tx.is_read_only() {
            tx.commit().wait().map_err(|e| e.to_string())?;
        }
        self.lock().retain(|id, _| kept.contains(id));
        self.metadata.retain(&vpcs, &kept);
        cloud.memory::<Paces>().retain(|instance| kept.contains(instance));
        // What is still to be packed of those that are gone stays.
        kept.extend(root::holders(&cloud.store().snapshot()).map_err(|e| e.to_string())?);
        self.sweep(&kept).map_err(|why| format!("the files of machines that are gone: {why}"))?;
        Ok(next)
    }
}
