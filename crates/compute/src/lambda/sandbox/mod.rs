//! An environment: a sandbox with a runtime in it, started for a version of a function, and used for one event after
//! the other.

pub(crate) mod api;
mod archive;
mod container;
pub(crate) mod end;
mod extensions;
pub(crate) mod output;
mod share;
mod telemetry;
mod variables;

pub(crate) use archive::{HOSTS, LAID, code_folder};

use super::allotment::Kept;
use super::beginning::Kind;
use super::errors::LambdaError;
use super::image::pins::Pin;
use super::invocation::Runs;
use super::logs::Said;
use super::model::{Function, Network, Version};
use super::network::{self, Tether};
use super::platform;
use super::workshop::{API_PORT, Ground, Workshop};
use api::Desk;
use base::Timestamp;
use end::{Farewell, Reason};
use extensions::About;
use host::sandbox::Limits;
use host::{Driver, HostError, Place, Process, Sandbox, Share};
use kernel::Cloud;
use output::Output;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use telemetry::Reach;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How soon an environment stands still: one that is used all the time never does.
const REST: Duration = Duration::from_millis(100);
/// Credentials must last longer than any event may take.
const CREDENTIALS_LEFT: Duration = Duration::from_secs(900 + 60);
/// So long before its end a provisioned environment has a follower.
const FOLLOWED: Duration = Duration::from_secs(240);
/// Beside what a function is given: interpreters and their threads' stacks.
const RUNTIME_MIB: u32 = 256;
/// AWS: the quotas of the developer guide.
const PROCESSES_MAX: u32 = 1024;
const DESCRIPTORS_MAX: u32 = 1024;

/// A running environment.
#[derive(Debug)]
pub(crate) struct Environment {
    machine: String,
    driver: Arc<dyn Driver>,
    process: Arc<dyn Process>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) output: Arc<Output>,
    /// The runtime's exit code, once there is one.
    pub(crate) ended: watch::Receiver<Option<i32>>,
    /// Whether nothing in it runs any more.
    gone: Arc<AtomicBool>,
    /// Why it ends, where that is not because nobody needs it.
    why: OnceLock<Reason>,
    /// The most that it may occupy, in bytes.
    memory: u64,
    /// When its credentials end.
    pub(crate) expires: Timestamp,
    pub(crate) log_stream: String,
    pub(crate) kind: Kind,
    pub(crate) started: Instant,
    /// How long it took until the first event was asked for, until that is told.
    pub(crate) init: Mutex<Option<Duration>>,
    /// Whether it has ever asked for an event.
    pub(crate) begun: AtomicBool,
    pub(crate) said: Mutex<Said>,
    /// What it may take once it has begun.
    share: Share,
    /// What it sends by, where that is a VPC.
    tether: Option<Linked>,
    /// Keeps the image that it stands on.
    pin: Option<Pin>,
    /// Whether an event is being handled.
    busy: AtomicBool,
    /// Whether all in it stands still.
    still: Mutex<bool>,
    tasks: Vec<tokio::task::AbortHandle>,
}

/// An environment's place among those that send by an interface, given back when the sandbox is gone.
#[derive(Debug)]
struct Linked {
    tether: Tether,
    workshop: Arc<Workshop>,
}

impl Drop for Linked {
    fn drop(&mut self) {
        self.workshop.environments.left(&self.tether.interface);
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let (linked, pin) = (self.tether.take(), self.pin.take());
        let tasks = std::mem::take(&mut self.tasks);
        let farewell = Farewell {
            driver: Arc::clone(&self.driver),
            machine: std::mem::take(&mut self.machine),
            process: Arc::clone(&self.process),
            desk: Arc::clone(&self.desk),
            output: Arc::clone(&self.output),
            ended: self.ended.clone(),
            gone: Arc::clone(&self.gone),
            why: self.why.get().copied().unwrap_or(Reason::Spindown),
            memory: self.memory,
        };
        let remove = move || {
            farewell.say();
            tasks.iter().for_each(tokio::task::AbortHandle::abort);
            let _ = farewell.driver.remove_machine(&farewell.machine);
            drop((linked, pin));
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

impl Environment {
    /// It is good for nothing any more. Its runtime ends, and the rest when nobody holds it.
    pub(crate) fn fail(&self, why: Reason) {
        if self.why.set(why).is_ok() {
            let _ = self.process.signal(end::signal(&self.desk, why));
        }
    }

    /// Takes what it has said, and the exit code of an extension that has ended.
    pub(crate) fn said(&self) -> (Vec<output::Line>, Option<i32>) {
        let lines = self.output.take();
        (lines, self.output.crashed())
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// What it occupies, in bytes. Blocks.
    pub(crate) fn memory(&self) -> u64 {
        self.driver.memory(&self.machine).unwrap_or(0)
    }

    /// Takes it for an event; whether it has to be woken.
    pub(crate) fn claim(&self) -> bool {
        self.busy.store(true, Ordering::SeqCst);
        // Whoever is about to let it stand still holds this.
        self.still.try_lock().map_or(true, |still| *still)
    }

    /// Lets it go on. Blocks.
    pub(crate) fn wake(&self) {
        let mut still = self.still.lock().unwrap_or_else(PoisonError::into_inner);
        if *still && self.driver.freeze(&self.machine, false).is_ok() {
            *still = false;
        }
    }

    /// Its event is handled: soon all in it stands still until there is another one.
    /// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
    pub(crate) fn rest(self: &Arc<Self>) {
        self.busy.store(false, Ordering::SeqCst);
        let resting = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(REST).await;
            let Some(environment) = resting.upgrade() else { return };
            let _ = tokio::task::spawn_blocking(move || environment.stand_still()).await;
        });
    }

    /// Whoever takes it meanwhile waits for this, and wakes it.
    fn stand_still(&self) {
        let mut still = self.still.lock().unwrap_or_else(PoisonError::into_inner);
        if !*still && !self.busy.load(Ordering::SeqCst) {
            *still = self.driver.freeze(&self.machine, true).is_ok();
        }
    }

    /// Whether it still has the link that it sends by, if it has one.
    fn is_linked(&self) -> bool {
        self.tether.as_ref().is_none_or(|linked| linked.tether.holds(&*self.driver))
    }

    pub(crate) fn stands_on(&self, root: &Path) -> bool {
        self.pin.as_ref().is_some_and(|pin| pin.is_of(root))
    }

    /// Whether it runs, and may for as long as an event takes.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        self.is_running() && self.expires > now.plus(CREDENTIALS_LEFT)
    }

    pub(crate) fn sends_by(&self, interface: &str) -> bool {
        self.tether.as_ref().is_some_and(|linked| linked.tether.interface == interface)
    }

    fn is_running(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// From now on it gets its share of the processors and no more. Blocks.
    pub(crate) fn settle_down(&self) {
        if let Err(why) = share::hold(&*self.driver, &self.machine, self.share) {
            kernel::log::error("a function is not held to its share", &[("problem", &why.to_string())]);
        }
    }

    pub(crate) fn take_init(&self) -> Option<Duration> {
        self.init.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Kept for Environment {
    fn is_usable(&self, now: Timestamp) -> bool {
        self.lasts(now) && self.is_linked()
    }

    fn stays(&self, now: Timestamp) -> bool {
        self.expires > now.plus(CREDENTIALS_LEFT + FOLLOWED)
    }
}

fn unable(what: &str, why: &dyn std::fmt::Display) -> LambdaError {
    kernel::log::error("an environment does not start", &[("step", what), ("problem", &why.to_string())]);
    LambdaError::Service(format!(
        "This machine could not run the function: {what}: {why} (`virga doctor` says more)"
    ))
}

/// The sandbox of a version, and the names of the external extensions in it.
fn furnished(
    cloud: &Cloud,
    ground: &Ground,
    version: &Version,
    env: Vec<(OsString, OsString)>,
    output: OwnedFd,
) -> Result<(Sandbox, Vec<String>, Option<Pin>), LambdaError> {
    let mut sandbox = Sandbox {
        folder: "/var/task".into(),
        hostname: "169-254-100-1".into(),
        program: match &version.image {
            Some(image) => container::program(version, image),
            None => archive::program(version, &env),
        },
        env,
        output: Some(output),
        limits: Limits {
            scratch: version.storage,
            data: version.memory + RUNTIME_MIB,
            processes: PROCESSES_MAX,
            descriptors: DESCRIPTORS_MAX,
        },
        ..Sandbox::default()
    };
    let (external, pin) = match (&ground.folder, &version.image) {
        (Some(folder), Some(image)) => {
            let (external, pin) = container::furnish(cloud, ground, folder, (version, image), &mut sandbox)?;
            (external, Some(pin))
        }
        (Some(folder), None) => {
            let external = archive::furnish(cloud, ground, folder, version, &mut sandbox);
            let external = external.map_err(|why| unable("unpack the code", &why))?;
            if version.runtime.starts_with("provided") {
                sandbox.program = vec![archive::own(&sandbox)?];
            }
            (external, None)
        }
        (None, _) => (Vec::new(), None),
    };
    if !external.is_empty() {
        sandbox.template = None;
        sandbox.program = end::beside(std::mem::take(&mut sandbox.program));
    }
    Ok((sandbox, external, pin))
}

/// What the log of a new environment is called. In a group that functions may share it tells whose it is.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html>
pub(crate) fn log_stream(cloud: &Cloud, Runs { function, version }: &Runs) -> String {
    let date = cloud.clock().now().iso8601()[..10].replace('-', "/");
    let (label, id) = (version.label(), hex(&cloud.rng().bytes::<16>()));
    match version.log_group {
        Some(_) => format!("{date}/{}[{label}][{id}]", function.name),
        None => format!("{date}/[{label}]{id}"),
    }
}

/// Starts an environment. Blocks.
///
/// # Errors
/// `ServiceException`
pub(crate) fn start(
    cloud: &Arc<Cloud>,
    ground: &Ground,
    runs: &Runs,
    kind: Kind,
) -> Result<Environment, LambdaError> {
    let (function, version) = (&runs.function, &runs.version);
    let started = Instant::now();
    let driver = ground.plane.driver().map_err(|why| unable("start the data plane", &why))?;
    let machine = format!("lambda-{}", hex(&cloud.rng().bytes::<16>()));
    let log_stream = log_stream(cloud, runs);
    let credentials = variables::credentials(cloud, function, version)?;
    let env = variables::environment(cloud, runs, kind, &credentials, &log_stream)?;
    let (pipe, end) = io::pipe().map_err(|why| unable("make a pipe", &why))?;
    let (sandbox, external, pin) = furnished(cloud, ground, version, env, end.into())?;
    let program = sandbox.program.clone();
    driver.lone_machine(&machine).map_err(|why| unable("make a sandbox", &why))?;
    let share = share::of(version);
    share::hold(&*driver, &machine, share::beginning(share)).map_err(|why| {
        let _ = driver.remove_machine(&machine);
        unable("limit the sandbox", &why)
    })?;
    let tether = match &version.network {
        Some(network) => Some(linked(cloud, &driver, &machine, function, network)?),
        None => None,
    };
    let (tell, ended) = watch::channel(None);
    let (tell, has_extensions) = (Arc::new(tell), !external.is_empty());
    let desk = Arc::new(Desk::new(about(function, version, external), cloud));
    let _ = desk.reach.set(Reach { driver: Arc::clone(&driver), machine: machine.clone() });
    desk.telemetry.platform(cloud.clock().now(), &platform::init_start(runs, kind));
    let output = Output::new(pipe.into(), cloud, &desk.telemetry, &tell, has_extensions);
    let output = output.map_err(|why| unable("make a pipe", &why))?;
    let made = inhabit(ground, &driver, &machine, sandbox, &desk, tether.is_none());
    let (process, mut tasks) = made.map_err(|why| {
        let _ = driver.remove_machine(&machine);
        if matches!(why, HostError::Ended) {
            ground.plane.ended();
        }
        let wrong = version.image.as_ref().and_then(|_| container::wrong(&program, &why));
        wrong.unwrap_or_else(|| unable("start the runtime", &why))
    })?;
    let output = Arc::new(output);
    tasks.push(tokio::spawn(Arc::clone(&output).follow()).abort_handle());
    let gone = awaited(&process, tell).map_err(|why| unable("start a thread", &why))?;
    Ok(Environment {
        machine,
        driver,
        process,
        desk,
        output,
        ended,
        gone,
        why: OnceLock::new(),
        memory: u64::from(version.memory) << 20,
        expires: credentials.expires,
        log_stream,
        kind,
        started,
        init: Mutex::default(),
        begun: AtomicBool::new(false),
        said: Mutex::default(),
        share,
        tether,
        pin,
        busy: AtomicBool::new(true),
        still: Mutex::new(false),
        tasks,
    })
}

/// Links a new sandbox to its network.
fn linked(
    cloud: &Arc<Cloud>,
    driver: &Arc<dyn Driver>,
    machine: &str,
    function: &Function,
    network: &Network,
) -> Result<Linked, LambdaError> {
    let home = (function.account, function.region);
    let tether = network::tether(cloud, &**driver, machine, home, network).map_err(|why| {
        let _ = driver.remove_machine(machine);
        unable("link the sandbox to its VPC", &why)
    })?;
    let workshop = cloud.memory::<Workshop>();
    workshop.environments.enter(&tether.interface);
    Ok(Linked { tether, workshop })
}

/// What extensions are told of a function.
fn about(function: &Function, version: &Version, external: Vec<String>) -> About {
    About {
        function: function.name.clone(),
        version: version.label(),
        handler: version.handler.clone(),
        account: function.account.to_string(),
        external,
    }
}

/// Tells a process's exit code, once there is one; whether there is.
fn awaited(process: &Arc<dyn Process>, tell: Arc<watch::Sender<Option<i32>>>) -> io::Result<Arc<AtomicBool>> {
    let gone = Arc::new(AtomicBool::new(false));
    let (waits, is_gone) = (Arc::clone(process), Arc::clone(&gone));
    std::thread::Builder::new().name("function".into()).spawn(move || {
        let code = waits.wait().unwrap_or(-1);
        is_gone.store(true, Ordering::SeqCst);
        tell.send_if_modified(|ended| ended.is_none() && ended.replace(code).is_none());
    })?;
    Ok(gone)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

type Inhabited = (Arc<dyn Process>, Vec<tokio::task::AbortHandle>);

/// Opens the sandbox's doors and starts the runtime in it.
fn inhabit(
    ground: &Ground,
    driver: &Arc<dyn Driver>,
    machine: &str,
    sandbox: Sandbox,
    desk: &Arc<Desk>,
    has_door: bool,
) -> Result<Inhabited, HostError> {
    let refused = |why| HostError::Refused { step: "listen".into(), why };
    let listen = |port| -> Result<tokio::net::TcpListener, HostError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener: TcpListener = driver.listen(&Place::Machine(machine.to_owned()), address)?;
        listener.set_nonblocking(true).map_err(refused)?;
        tokio::net::TcpListener::from_std(listener).map_err(refused)
    };
    let api = listen(API_PORT)?;
    let mut tasks = Vec::new();
    for port in if has_door { ground.door.ports() } else { Vec::new() } {
        let (cloud, door) = (listen(port)?, Arc::clone(&ground.door));
        let relay = async move {
            while let Ok((stream, _)) = cloud.accept().await {
                door.enter(stream);
            }
        };
        tasks.push(tokio::spawn(relay).abort_handle());
    }
    tasks.push(tokio::spawn(Arc::clone(desk).serve(api)).abort_handle());
    match driver.confine(machine, sandbox) {
        Ok(process) => Ok((Arc::from(process), tasks)),
        Err(why) => {
            tasks.iter().for_each(tokio::task::AbortHandle::abort);
            Err(why)
        }
    }
}
