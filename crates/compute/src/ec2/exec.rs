//! Programs that the cloud's owner runs in a machine: `virga exec`.

use super::machinery::Machinery;
use super::model::{INSTANCES, Instance, state};
use base::{AccountId, Region};
use ec2::kind::INSTANCE;
use host::{HostError, Process, Spawn};
use kernel::Cloud;
use std::io::{self, PipeReader};
use std::sync::Arc;
use store::{Direction, Key};

/// What every program finds, whoever starts it.
pub(super) const PATH: (&str, &str) =
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

/// A program that runs, and what it says.
#[derive(Debug)]
pub struct Started {
    pub process: Arc<dyn Process>,
    pub stdout: PipeReader,
    pub stderr: PipeReader,
}

/// Why nothing runs.
#[derive(Debug)]
pub enum NotStarted {
    /// What is wrong with what is asked for: there is no such machine, or it is off.
    Machine(String),
    /// The machine has no such program, or none that can be run.
    Program { is_there: bool },
    /// This machine's own fault.
    Failed(String),
}

impl From<io::Error> for NotStarted {
    fn from(why: io::Error) -> NotStarted {
        NotStarted::Failed(why.to_string())
    }
}

/// Runs a program as root of a machine, beside all that runs there. Its standard input is empty.
///
/// # Errors
/// [`NotStarted`]
pub fn start(cloud: &Arc<Cloud>, instance: &str, command: &[String]) -> Result<Started, NotStarted> {
    let (program, args) =
        command.split_first().ok_or_else(|| NotStarted::Machine("there is no command".into()))?;
    if running(cloud, instance)?.2.disk {
        let what =
            "boots from a disk of its own, where nobody of Virga's runs programs (virga ssh leads into it)";
        return Err(NotStarted::Machine(format!("{instance} {what}")));
    }
    let driver = cloud.memory::<Machinery>().driver();
    let driver = driver.ok_or_else(|| NotStarted::Machine(off(instance, "booting")))?;
    let ((stdout, out), (stderr, err)) = (io::pipe()?, io::pipe()?);
    let env = [PATH, ("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("SHELL", "/bin/sh")];
    let spawn = Spawn {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        env: env.map(|(name, value)| (name.into(), value.into())).to_vec(),
        stdin: None,
        stdout: Some(out.into()),
        stderr: Some(err.into()),
        booted: true,
    };
    match driver.spawn(instance, spawn) {
        Ok(process) => Ok(Started { process: Arc::from(process), stdout, stderr }),
        Err(HostError::NotThere(_)) => Err(NotStarted::Machine(off(instance, "booting"))),
        Err(HostError::Refused { why, .. }) => Err(match why.kind() {
            io::ErrorKind::HostUnreachable => NotStarted::Machine(off(instance, "not up")),
            io::ErrorKind::NotFound => NotStarted::Program { is_there: false },
            io::ErrorKind::PermissionDenied => NotStarted::Program { is_there: true },
            _ => NotStarted::Failed(why.to_string()),
        }),
        Err(why) => Err(NotStarted::Failed(why.to_string())),
    }
}

pub(super) fn off(instance: &str, word: &str) -> String {
    format!("{instance} is {word}: nothing can be run in it")
}

/// A running instance, with its account and region.
pub(super) fn running(
    cloud: &Arc<Cloud>,
    instance: &str,
) -> Result<(AccountId, Region, Instance), NotStarted> {
    if !INSTANCE.fits(instance) {
        return Err(NotStarted::Machine(format!("{instance:?} is not the id of an instance (i-…)")));
    }
    let tx = cloud.store().begin();
    for pair in INSTANCES.scan(&tx, &Key::empty(), Direction::Forward) {
        let (key, record) = pair.map_err(|why| NotStarted::Failed(why.to_string()))?;
        if record.id == instance
            && let Some((account, region)) = key.reader().regional()
        {
            return match record.state {
                state::RUNNING => Ok((account, region, record)),
                other => Err(NotStarted::Machine(off(instance, state::word(other)))),
            };
        }
    }
    Err(NotStarted::Machine(format!("there is no instance {instance}")))
}
