//! An environment: a sandbox with a runtime in it, started for a version of a function, and used for one event after
//! the other.

pub(crate) mod api;
mod extensions;
pub(crate) mod output;

use super::allotment::Kept;
use super::beginning::Kind;
use super::code;
use super::errors::LambdaError;
use super::invocation::Runs;
use super::layer::lay_over;
use super::logs::Said;
use super::model::{Function, Network, UsedLayer, Version};
use super::network::{self, Tether};
use super::ops::configuration::{log_group, variables};
use super::workshop::{Ground, Workshop};
use api::Desk;
use base::Timestamp;
use blob::ContentId;
use extensions::{About, END_MAX};
use host::image::Bind;
use host::sandbox::Limits;
use host::{Driver, HostError, Place, Process, Sandbox};
use kernel::{Call, Cloud};
use output::Output;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;
use wire::Value;

const PYTHON: &str = include_str!("bootstrap.py");
const NODE: &str = include_str!("bootstrap.mjs");
/// Starts the extensions, and then becomes the runtime.
const BESIDE: &str =
    r#"for each in /opt/extensions/*; do [ -f "$each" ] && [ -x "$each" ] && "$each" & done; exec "$@""#;
/// How soon an environment stands still: one that is used all the time never does.
const REST: Duration = Duration::from_millis(100);
/// Whom programs trust, beside the runtime's own files: those by OpenSSL, AWS's SDKs, Python's requests, Node.
const TRUSTED: &str = "ca-cert.pem";
const TRUSTS: [(&str, &str); 4] = [
    ("SSL_CERT_FILE", "/var/runtime/ca-cert.pem"),
    ("AWS_CA_BUNDLE", "/var/runtime/ca-cert.pem"),
    ("REQUESTS_CA_BUNDLE", "/var/runtime/ca-cert.pem"),
    ("NODE_EXTRA_CA_CERTS", "/var/runtime/ca-cert.pem"),
];
/// Credentials must last longer than any event may take.
const CREDENTIALS_LEFT: Duration = Duration::from_secs(900 + 60);
/// So long before its end a provisioned environment has a follower.
const FOLLOWED: Duration = Duration::from_secs(240);
const API_PORT: u16 = 9001;
/// Where the cloud itself is found from inside.
const CLOUD_PORT: u16 = 4566;
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
    /// The exit code, once there is one.
    pub(crate) ended: watch::Receiver<Option<i32>>,
    /// When its credentials end.
    pub(crate) expires: Timestamp,
    pub(crate) log_stream: String,
    pub(crate) started: Instant,
    /// How long it took until the first event was asked for, until that is told.
    pub(crate) init: Mutex<Option<Duration>>,
    pub(crate) said: Mutex<Said>,
    /// What it sends by, where that is a VPC.
    tether: Option<Linked>,
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
        let linked = self.tether.take();
        let (driver, machine) = (Arc::clone(&self.driver), std::mem::take(&mut self.machine));
        let (desk, tasks, is_running) =
            (Arc::clone(&self.desk), std::mem::take(&mut self.tasks), self.is_running());
        let remove = move || {
            let end = base::Clock::system().now().plus(END_MAX);
            if is_running
                && desk.extensions.shutdown(end.micros() / 1000)
                && driver.freeze(&machine, false).is_ok()
            {
                std::thread::sleep(END_MAX);
            }
            tasks.iter().for_each(tokio::task::AbortHandle::abort);
            let _ = driver.remove_machine(&machine);
            drop(linked);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

impl Environment {
    pub(crate) fn kill(&self) {
        let _ = self.process.signal(9);
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

/// Temporary credentials of the function's role.
struct Credentials {
    key: String,
    secret: String,
    token: String,
    expires: Timestamp,
}

fn credentials(
    cloud: &Arc<Cloud>,
    function: &Function,
    version: &Version,
) -> Result<Credentials, LambdaError> {
    // STS takes no name of one letter.
    let session = format!("{:_<2}", function.name);
    let members = [("RoleArn", Value::str(&version.role)), ("RoleSessionName", Value::Str(session))];
    let call =
        Call { service: "sts", operation: "AssumeRole", value: Value::Struct(members.into_iter().collect()) };
    let mut tx = cloud.store().begin();
    let answer = cloud.call(&mut tx, super::access::SERVICE, function.account, function.region, call);
    let answer = answer.map_err(|_| {
        LambdaError::Service("The role defined for the function cannot be assumed by Lambda.".into())
    })?;
    let text =
        |member| answer.at(&["Credentials", member]).and_then(Value::as_str).unwrap_or_default().to_owned();
    let expires = match answer.at(&["Credentials", "Expiration"]) {
        Some(Value::Time(time)) => *time,
        _ => cloud.clock().now(),
    };
    Ok(Credentials {
        key: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        token: text("SessionToken"),
        expires,
    })
}

/// What a function finds in its environment.
///
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn environment(
    cloud: &Cloud,
    Runs { function, version }: &Runs,
    kind: Kind,
    credentials: &Credentials,
    stream: &str,
) -> Result<Vec<(OsString, OsString)>, LambdaError> {
    let region = function.region.name();
    let (memory, group) = (version.memory.to_string(), log_group(&function.name));
    let execution = format!("AWS_Lambda_{}", version.runtime);
    let (api, cloud_url) = (format!("127.0.0.1:{API_PORT}"), format!("http://127.0.0.1:{CLOUD_PORT}"));
    let label = version.label();
    let own = [
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("LD_LIBRARY_PATH", "/var/task:/var/task/lib:/opt/lib"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("_HANDLER", version.handler.as_str()),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_EXECUTION_ENV", execution.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.as_str()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", label.as_str()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", kind.initialization()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", group.as_str()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream),
        ("AWS_ACCESS_KEY_ID", credentials.key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret.as_str()),
        ("AWS_SESSION_TOKEN", credentials.token.as_str()),
        ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ];
    let mut all: std::collections::BTreeMap<String, String> =
        own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let way: &[(&str, &str)] = match version.network {
        // By AWS's names, as everything there.
        Some(_) => &TRUSTS,
        None => &[("AWS_ENDPOINT_URL", cloud_url.as_str())],
    };
    all.extend(way.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    if let Some(major) = version.runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")) {
        let modules = "node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules";
        all.insert("NODE_PATH".into(), format!("/opt/nodejs/node{major}/{modules}"));
    }
    all.extend(variables(cloud.sealer(), version)?.0);
    Ok(all.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// The sandbox of a version, and the names of the external extensions in it.
fn furnished(
    cloud: &Cloud,
    ground: &Ground,
    version: &Version,
    env: Vec<(OsString, OsString)>,
    output: OwnedFd,
) -> Result<(Sandbox, Vec<String>), LambdaError> {
    let mut sandbox = Sandbox {
        folder: "/var/task".into(),
        hostname: "169-254-100-1".into(),
        program: program(version),
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
    let mut external = Vec::new();
    if let Some(folder) = &ground.folder {
        external = furnish(cloud, ground, folder, version, &mut sandbox)
            .map_err(|why| unable("unpack the code", &why))?;
    }
    if !external.is_empty() {
        let program = std::mem::take(&mut sandbox.program);
        sandbox.program =
            ["/bin/sh", "-c", BESIDE, "sh"].map(OsString::from).into_iter().chain(program).collect();
    }
    Ok((sandbox, external))
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
    let id = hex(&cloud.rng().bytes::<16>());
    let machine = format!("lambda-{id}");
    let date = cloud.clock().now().iso8601()[..10].replace('-', "/");
    let log_stream = format!("{date}/[{}]{id}", version.label());
    let credentials = credentials(cloud, function, version)?;
    let env = environment(cloud, runs, kind, &credentials, &log_stream)?;
    let (pipe, end) = io::pipe().map_err(|why| unable("make a pipe", &why))?;
    let output = Output::new(pipe.into(), cloud).map_err(|why| unable("make a pipe", &why))?;
    let (sandbox, external) = furnished(cloud, ground, version, env, end.into())?;
    driver.lone_machine(&machine).map_err(|why| unable("make a sandbox", &why))?;
    let tether = match &version.network {
        Some(network) => Some(linked(cloud, &driver, &machine, function, network)?),
        None => None,
    };
    let desk = Arc::new(Desk::new(about(function, version, external), cloud));
    let made = inhabit(ground, &driver, &machine, sandbox, &desk, tether.is_none());
    let (process, mut tasks) = made.map_err(|why| {
        let _ = driver.remove_machine(&machine);
        if matches!(why, HostError::Ended) {
            ground.plane.ended();
        }
        unable("start the runtime", &why)
    })?;
    let output = Arc::new(output);
    tasks.push(tokio::spawn(Arc::clone(&output).follow()).abort_handle());
    let ended = awaited(&process).map_err(|why| unable("start a thread", &why))?;
    Ok(Environment {
        machine,
        driver,
        process,
        desk,
        output,
        ended,
        expires: credentials.expires,
        log_stream,
        started,
        init: Mutex::default(),
        said: Mutex::default(),
        tether,
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

/// The exit code of a process, once there is one.
fn awaited(process: &Arc<dyn Process>) -> io::Result<watch::Receiver<Option<i32>>> {
    let (tell, ended) = watch::channel(None);
    let waits = Arc::clone(process);
    std::thread::Builder::new().name("function".into()).spawn(move || {
        let _ = tell.send(Some(waits.wait().unwrap_or(-1)));
    })?;
    Ok(ended)
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
    if has_door {
        let (cloud, door) = (listen(CLOUD_PORT)?, Arc::clone(&ground.door));
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

/// What a runtime runs.
fn program(version: &Version) -> Vec<OsString> {
    let program = super::runtimes::here().iter().find(|runtime| runtime.name == version.runtime);
    let program = program.map(|runtime| runtime.program.clone()).unwrap_or_default();
    let words = match version.runtime.as_str() {
        name if name.starts_with("python") => vec![program, "/var/runtime/bootstrap.py".into()],
        name if name.starts_with("node") => vec![program, "/var/runtime/bootstrap.mjs".into()],
        _ => vec!["/var/task/bootstrap".into()],
    };
    words.into_iter().map(OsString::from).collect()
}

/// Between the contents that a folder of layers is called after.
pub(crate) const LAID: &str = "+";
/// The file that tells functions in a VPC who knows names.
const RESOLVER: &str = "resolv.conf";

/// Where the code of a version is unpacked.
pub(crate) fn code_folder(folder: &Path) -> PathBuf {
    folder.join("code")
}

/// The root, the runtime's own files and the code.
/// Gives the names of the external extensions that the layers have.
fn furnish(
    cloud: &Cloud,
    ground: &Ground,
    folder: &Path,
    version: &Version,
    sandbox: &mut Sandbox,
) -> io::Result<Vec<String>> {
    static MADE: Mutex<Vec<(PathBuf, Vec<Bind>)>> = Mutex::new(Vec::new());
    let (image, runtime) = (folder.join("image"), folder.join("runtime"));
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = made.iter().find(|(at, _)| *at == image && image.exists()).map(|(_, binds)| binds.clone());
    let binds = match known {
        Some(binds) => binds,
        None => {
            fs::create_dir_all(&image)?;
            let binds = host::image::of_this_machine(&image)?;
            fs::create_dir_all(&runtime)?;
            fs::set_permissions(&image, fs::Permissions::from_mode(0o755))?;
            fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755))?;
            // Of another run, whose authority may be another.
            match fs::remove_file(runtime.join(TRUSTED)) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                _ => {}
            }
            for inner in ["var/task", "var/runtime", "opt"] {
                fs::create_dir_all(image.join(inner))?;
                fs::set_permissions(image.join(inner), fs::Permissions::from_mode(0o755))?;
            }
            for (name, text) in [("bootstrap.py", PYTHON), ("bootstrap.mjs", NODE)] {
                fs::write(runtime.join(name), text)?;
                fs::set_permissions(runtime.join(name), fs::Permissions::from_mode(0o644))?;
            }
            let passwd =
                "root:x:0:0:root:/:/usr/sbin/nologin\nsbx_user1051:x:993:993::/tmp:/usr/sbin/nologin\n";
            fs::write(image.join("etc/passwd"), passwd)?;
            fs::write(image.join("etc/resolv.conf"), "")?;
            fs::write(folder.join(RESOLVER), "nameserver 169.254.169.253\n")?;
            fs::set_permissions(folder.join(RESOLVER), fs::Permissions::from_mode(0o644))?;
            made.push((image.clone(), binds.clone()));
            binds
        }
    };
    if version.network.is_some() {
        trust(ground, &runtime)?;
    }
    drop(made);
    let code = unpacked(cloud, folder, version.code, version.code_size)?;
    sandbox.root = image;
    sandbox.binds = binds;
    if version.network.is_some() {
        let (from, to) = (folder.join(RESOLVER), "etc/resolv.conf".into());
        sandbox.binds.push(Bind { from, to, read_only: true });
    }
    sandbox.binds.push(Bind { from: runtime, to: "var/runtime".into(), read_only: true });
    sandbox.binds.push(Bind { from: code, to: "var/task".into(), read_only: true });
    if version.layers.is_empty() {
        return Ok(Vec::new());
    }
    let layers = laid(cloud, folder, &version.layers)?;
    let external = programs(&layers.join("extensions"))?;
    sandbox.binds.push(Bind { from: layers, to: "opt".into(), read_only: true });
    Ok(external)
}

/// Whom functions trust by TLS, once it is needed.
fn trust(ground: &Ground, runtime: &Path) -> io::Result<()> {
    let file = runtime.join(TRUSTED);
    if file.exists() {
        return Ok(());
    }
    let draft = file.with_extension("draft");
    fs::write(&draft, (ground.authority.0)().map_err(io::Error::other)?)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o644))?;
    fs::rename(draft, file)
}

/// The programs in a folder, by name.
fn programs(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        let kind = fs::metadata(entry.path());
        let runs = kind.is_ok_and(|kind| kind.is_file() && kind.permissions().mode() & 0o111 != 0);
        // As the shell that starts them: what begins with a dot is hidden.
        found.extend(entry.file_name().into_string().ok().filter(|name| runs && !name.starts_with('.')));
    }
    Ok(found)
}

/// The folder of a code.
fn unpacked(cloud: &Cloud, folder: &Path, content: ContentId, size: u64) -> io::Result<PathBuf> {
    let target = code_folder(folder).join(content.to_string());
    made(cloud, folder, target, |draft| unpack(cloud, content, size, draft))
}

fn unpack(cloud: &Cloud, content: ContentId, size: u64, folder: &Path) -> io::Result<()> {
    let zip = code::read(cloud, content, size)?;
    code::unpack(&zip, folder).map_err(|why| io::Error::other(wire::Fault::from(why).message))
}

/// The folder of layers, laid over each other in their order. It is called after their contents.
fn laid(cloud: &Cloud, folder: &Path, layers: &[UsedLayer]) -> io::Result<PathBuf> {
    let names: Vec<String> = layers.iter().map(|layer| layer.content.to_string()).collect();
    let target = code_folder(folder).join(names.join(LAID));
    made(cloud, folder, target, |draft| {
        let upper = draft.with_extension("layer");
        for layer in layers {
            fs::create_dir(&upper)?;
            let done =
                unpack(cloud, layer.content, layer.size, &upper).and_then(|()| lay_over(draft, &upper));
            host::image::remove(&upper)?;
            done?;
        }
        Ok(())
    })
}

/// A folder, made beside and renamed, so that none is ever half there.
fn made(
    cloud: &Cloud,
    folder: &Path,
    target: PathBuf,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    if target.exists() {
        return Ok(target);
    }
    let draft = folder.join(format!("draft-{}", hex(&cloud.rng().bytes::<8>())));
    fs::create_dir_all(&draft)?;
    fs::create_dir_all(code_folder(folder))?;
    let done = fill(&draft).and_then(|()| readable(&draft)).and_then(|()| fs::rename(&draft, &target));
    match done {
        Ok(()) => Ok(target),
        Err(why) => {
            let _ = host::image::remove(&draft);
            // Somebody else was faster.
            if target.exists() { Ok(target) } else { Err(why) }
        }
    }
}

/// Folders of the code are open to the function, whatever this process makes folders with.
fn readable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            readable(&entry.path())?;
        }
    }
    Ok(())
}
