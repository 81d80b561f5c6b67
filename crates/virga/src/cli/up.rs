//! `virga up`: starts the cloud, in the foreground or (with `--detach`) behind the shell.

use super::table::{bold, green};
use super::{Context, Outcome};
use crate::client;
use crate::config::{Place, Running};
use crate::daemon;
use clap::Args;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

pub(super) const LISTEN_DEFAULT: &str = "127.0.0.1:4566";
const READY_STEP: Duration = Duration::from_millis(10);
const READY_STEPS_MAX: u32 = 3000;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address and port to answer on; port 0 picks a free one
    #[arg(long, default_value = LISTEN_DEFAULT, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,

    /// Allow an address beyond loopback; root's shared keys are refused to whoever calls from there
    #[arg(long)]
    pub(crate) expose: bool,

    /// Go on in the background once the cloud is ready
    #[arg(long)]
    pub(crate) detach: bool,

    /// Refuse requests that carry members which their operation does not act on (instead of reporting them)
    #[arg(long)]
    pub(crate) strict: bool,

    /// Seed all chance with this number, for a reproducible run; its keys are then no secrets
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Let DynamoDB's eventually consistent reads show what was up to so many milliseconds ago
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub(crate) dynamodb_lag: u32,

    /// Keep up to so many mebibytes of what is read from the disk in memory [default: 48]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) cache: Option<u32>,

    /// Trust the authorities of this file (PEM), beside the cloud's own, where the cloud calls endpoints by HTTPS, and
    /// instead of the machine's where an object store is reached so
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,

    /// Let functions be of folders below this one, and run what is changed there (S3Bucket=hot-reload, S3Key=/its/path)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) hot_reload: Option<PathBuf>,

    /// Give every instance that is launched a kernel of its own, in a virtual machine
    #[arg(long)]
    pub(crate) vm: bool,

    /// Keep the bytes of objects, volumes and images in a bucket of another object store (s3://BUCKET[/PREFIX], for a
    /// new data folder only; the keys come by VIRGA_CONTENTS_ACCESS_KEY_ID and VIRGA_CONTENTS_SECRET_ACCESS_KEY)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contents: Option<String>,

    /// Where that object store answers; AWS's own address of the region by default
    #[arg(long, value_name = "URL", requires = "contents")]
    pub(crate) contents_endpoint: Option<String>,

    #[arg(long, value_name = "REGION", default_value = "us-east-1", requires = "contents")]
    pub(crate) contents_region: String,
}

impl Options {
    /// Whether they ask for what a running cloud cannot become. The default address and port 0 ask for none in
    /// particular; what the other options of the running one were is not known, so to give any is to ask.
    fn ask_for_another(&self, running: &Running) -> bool {
        let anywhere = self.listen.port() == 0 || self.listen.to_string() == LISTEN_DEFAULT;
        let elsewhere = !anywhere && running.endpoint != format!("http://{}", self.listen);
        let others = self.expose || self.strict || self.vm || self.seed.is_some() || self.dynamodb_lag > 0;
        elsewhere
            || others
            || self.cache.is_some()
            || self.trust.is_some()
            || self.contents.is_some()
            || self.hot_reload.is_some()
    }
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    if !options.listen.ip().is_loopback() && !options.expose {
        return Err(format!(
            "{} is reachable from other machines; say --expose if that is meant",
            options.listen
        ));
    }
    if let Some(running) = cx.place.running() {
        let runs = format!("a cloud already runs on {} ({})", cx.place.data.display(), running.endpoint);
        if !options.detach {
            // In the foreground somebody expects to own what runs.
            return Err(runs);
        }
        if options.ask_for_another(&running) {
            return Err(format!("{runs}; end it with `virga down` to start it with other options"));
        }
        banner(cx, &running, "already running")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !options.detach {
        daemon::run(&cx.place, options, |running| banner(cx, running, "ready"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut child = spawn(cx, options)?;
    let running = wait_ready(cx, &mut child)?;
    banner(cx, &running, "ready")?;
    Ok(ExitCode::SUCCESS)
}

/// Runs this same program in a session of its own, writing to the log file.
fn spawn(cx: &Context, options: &Options) -> Result<Child, String> {
    let log = cx.place.log_file();
    std::fs::create_dir_all(&cx.place.data).map_err(|e| format!("{}: {e}", cx.place.data.display()))?;
    let file = OpenOptions::new().create(true).append(true).open(&log);
    let file = file.map_err(|e| format!("{}: {e}", log.display()))?;
    let again = file.try_clone().map_err(|e| e.to_string())?;
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.arg("up").arg("--data").arg(&cx.place.data).arg("--listen").arg(options.listen.to_string());
    command.args(options.expose.then_some("--expose")).args(options.strict.then_some("--strict"));
    command.args(options.vm.then_some("--vm"));
    if let Some(seed) = options.seed {
        command.arg("--seed").arg(seed.to_string());
    }
    if let Some(cache) = options.cache {
        command.arg("--cache").arg(cache.to_string());
    }
    if options.dynamodb_lag > 0 {
        command.arg("--dynamodb-lag").arg(options.dynamodb_lag.to_string());
    }
    if let Some(file) = &options.trust {
        command.arg("--trust").arg(file);
    }
    if let Some(folder) = &options.hot_reload {
        command.arg("--hot-reload").arg(folder);
    }
    if let Some(contents) = &options.contents {
        command.arg("--contents").arg(contents).arg("--contents-region").arg(&options.contents_region);
        if let Some(endpoint) = &options.contents_endpoint {
            command.arg("--contents-endpoint").arg(endpoint);
        }
    }
    // A process group of its own: Ctrl-C in the shell that started it does not reach it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(file).stderr(again).spawn().map_err(|e| e.to_string())
}

fn wait_ready(cx: &Context, child: &mut Child) -> Result<Running, String> {
    for _ in 0..READY_STEPS_MAX {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            let log = std::fs::read_to_string(cx.place.log_file()).unwrap_or_default();
            let last = log.lines().rev().find(|l| !l.is_empty()).unwrap_or("it left no word").to_owned();
            return Err(format!("the cloud ended at once ({status}): {last}"));
        }
        let ours = cx.place.running().filter(|r| u32::try_from(r.pid) == Ok(child.id()));
        if let Some(running) = ours
            && client::call(&running.endpoint, "GET", "/_virga/health", "").is_ok()
        {
            return Ok(running);
        }
        std::thread::sleep(READY_STEP);
    }
    Err(format!("the cloud is not ready after {:?}; see `virga logs`", READY_STEP * READY_STEPS_MAX))
}

/// What is on, what is off, and where: then the line that scripts wait for.
fn banner(cx: &Context, running: &Running, state: &str) -> Result<(), String> {
    if cx.json {
        let data = cx.place.data.display().to_string();
        super::print(
            &serde_json::json!({ "state": state, "endpoint": running.endpoint, "pid": running.pid, "data": data })
                .to_string(),
        );
        return Ok(());
    }
    let services: Vec<_> = crate::wiring::services().iter().map(|s| s.id).collect();
    let modelled = wire::catalog::services().len();
    let already = if state == "ready" { "" } else { "  already running" };
    super::print(&format!("{} {}{already}", bold("virga"), env!("CARGO_PKG_VERSION")));
    super::print(&format!("  on    {}", services.join(" ")));
    super::print(&format!(
        "  off   the other {} modelled services answer NotImplemented",
        modelled - services.len()
    ));
    super::print(&format!("  data  {}", cx.place.data.display()));
    if let Some(bucket) = crate::bucket::Bucket::of(&cx.place)? {
        super::print(&format!("  bytes {}", bucket.place()?));
    }
    super::print(
        "  keys  test/test is the root of account 000000000000; any 12 digits are the root of that account",
    );
    if let Some(root) = Place::root_key()? {
        super::print(&format!("        {} is root, too, from wherever it is reached", root.access_key));
    }
    // The same command in a shell that knows nothing of `--data` would look at the user's own folder.
    let own = Place::find(None).is_ok_and(|own| own.data == cx.place.data);
    let data = if own { String::new() } else { format!(" --data {}", super::env::quoted(&cx.place.data)) };
    super::print(&format!("  next  eval \"$(virga env{data})\" && aws sts get-caller-identity"));
    super::print(&format!("{} {}", green("Ready"), running.endpoint));
    // Tools made for LocalStack wait for exactly this line.
    super::print("Ready.");
    Ok(())
}
