//! `virga ssh i-… -i KEY.pem`: this machine's own `ssh`, led to the instance.

use super::env::quoted;
use super::{Context, Outcome};
use clap::Args;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The instance's id
    instance: String,

    /// The private key of the instance's key pair; without it, ssh tries those that it knows
    #[arg(short = 'i', long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Whom to log in as
    #[arg(short = 'l', long, default_value = host::image::USER)]
    user: String,

    /// Go by no network, as Session Manager does: also to instances that nothing outside can reach
    #[arg(long)]
    inside: bool,

    /// A command to run there instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    cx.place.must_run()?;
    let program = std::env::current_exe().map_err(|e| format!("where is this program? {e}"))?;
    let data = &cx.place.data;
    let inside = if options.inside { " --inside" } else { "" };
    let proxy = format!(
        "{} --data {} forward{inside} --stdio %p %h",
        quoted(&program).replace('%', "%%"),
        quoted(data).replace('%', "%%")
    );
    let mut ssh = Command::new("ssh");
    // An instance's key is learnt when it is first met, in the cloud's own folder: its id is never given again.
    let known = format!("UserKnownHostsFile=\"{}\"", data.join("known_hosts").display());
    let settings = [
        format!("ProxyCommand={proxy}"),
        known,
        "StrictHostKeyChecking=accept-new".into(),
        "LogLevel=ERROR".into(),
    ];
    for setting in settings {
        ssh.arg("-o").arg(setting);
    }
    if let Some(key) = &options.key {
        ssh.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
    }
    ssh.args(["-l", &options.user, &options.instance]);
    if !options.command.is_empty() {
        ssh.arg("--").args(&options.command);
    }
    // It becomes ssh, so that the terminal and the exit code are ssh's.
    Err(format!("ssh cannot be run: {} (Debian's package is openssh-client)", ssh.exec()))
}
