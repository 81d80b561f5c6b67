//! Processes in machines' networks.

use super::Line;
use super::boot::Machine;
use super::frame::{Order, Put, Take};
use crate::{Boot, HostError, Process, Spawn};
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

/// The exit codes of processes, for whoever waits.
#[derive(Debug, Default)]
pub(super) struct Exits {
    codes: Mutex<Codes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Codes {
    by_pid: HashMap<u32, i32>,
    no_more: bool,
}

impl Exits {
    pub(super) fn ended(&self, pid: u32, code: i32) {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).by_pid.insert(pid, code);
        self.changed.notify_all();
    }

    pub(super) fn all_ended(&self) {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).no_more = true;
        self.changed.notify_all();
    }

    fn wait(&self, pid: u32) -> Result<i32, HostError> {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(code) = codes.by_pid.remove(&pid) {
                return Ok(code);
            }
            if codes.no_more {
                return Err(HostError::Ended);
            }
            codes = self.changed.wait(codes).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[derive(Debug)]
struct Spawned {
    line: Arc<Line>,
    /// In the host process's namespace.
    pid: u32,
    code: OnceLock<i32>,
}

/// What a new process is sent: the doors follow the streams.
pub(super) fn with_doors<'a>(streams: [BorrowedFd<'a>; 3], doors: &'a [File]) -> Vec<BorrowedFd<'a>> {
    streams.into_iter().chain(doors.iter().map(AsFd::as_fd)).collect()
}

pub(super) fn spawn(
    line: &Arc<Line>,
    space: u32,
    command: Spawn,
    doors: &[File],
) -> Result<Box<dyn Process>, HostError> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut put = Put::default().u32(space).bytes(command.program.as_bytes()).u32(count(command.args.len()));
    for arg in &command.args {
        put = put.bytes(arg.as_bytes());
    }
    put = put.u32(count(command.env.len()));
    for (name, value) in &command.env {
        put = put.bytes(name.as_bytes()).bytes(value.as_bytes());
    }
    put = put.u8(u8::from(command.booted));
    let step = format!("run {}", command.program.display());
    let refused = |why| HostError::refused(step.clone(), why);
    let null = File::options().read(true).write(true).open("/dev/null").map_err(refused)?;
    let streams = [&command.stdin, &command.stdout, &command.stderr];
    let streams = streams.map(|stream| stream.as_ref().map_or(null.as_fd(), OwnedFd::as_fd));
    let (body, _) = line.call(Order::Spawn, &put.0, &with_doors(streams, doors))?.map_err(refused)?;
    // The streams are the process's alone now: their other ends notice when it ends.
    drop(command);
    let pid = Take(&body).u32().map_err(|_| HostError::Ended)?;
    Ok(spawned(line, pid))
}

pub(super) fn boot(
    line: &Arc<Line>,
    space: u32,
    boot: Boot,
    doors: &[File],
) -> Result<Box<dyn Process>, HostError> {
    let step = format!("boot {}", boot.hostname.display());
    let refused = |why| HostError::refused(step.clone(), why);
    let (machine, console) = machine(boot).map_err(refused)?;
    let null = File::options().read(true).write(true).open("/dev/null").map_err(refused)?;
    let body = machine.write(Put::default().u32(space)).0;
    let streams = with_doors([null.as_fd(), console.as_fd(), console.as_fd()], doors);
    let (body, _) = line.call(Order::Boot, &body, &streams)?.map_err(refused)?;
    let pid = Take(&body).u32().map_err(|_| HostError::Ended)?;
    Ok(spawned(line, pid))
}

/// A machine with the folders that it needs, and its console.
pub(super) fn machine(boot: Boot) -> std::io::Result<(Machine, OwnedFd)> {
    for folder in ["upper", "work", "root"] {
        std::fs::create_dir_all(boot.disk.join(folder))?;
    }
    match boot.room {
        Some(room) => crate::room::set(&boot.disk, room)?,
        None => crate::room::unset(&boot.disk)?,
    }
    let null = || File::options().write(true).open("/dev/null").map(OwnedFd::from);
    let console = boot.console.map_or_else(null, Ok)?;
    let binds = boot.binds.into_iter().map(|bind| (bind.from, bind.to, bind.read_only)).collect();
    let machine = Machine {
        layers: boot.layers,
        disk: boot.disk,
        binds,
        hostname: boot.hostname,
        init: boot.init,
        env: boot.env,
        key: boot.key,
        pace: boot.pace,
        server: None,
    };
    Ok((machine, console))
}

/// A process that the host process has started.
pub(super) fn spawned(line: &Arc<Line>, pid: u32) -> Box<dyn Process> {
    Box::new(Spawned { line: Arc::clone(line), pid, code: OnceLock::new() })
}

impl Process for Spawned {
    fn wait(&self) -> Result<i32, HostError> {
        if let Some(code) = self.code.get() {
            return Ok(*code);
        }
        let code = self.line.exits.wait(self.pid)?;
        Ok(*self.code.get_or_init(|| code))
    }

    fn signal(&self, signal: i32) -> Result<(), HostError> {
        if self.code.get().is_some() {
            return Ok(());
        }
        let body = Put::default().u32(self.pid).u32(signal.cast_unsigned());
        // One that has just ended cannot be told any more.
        self.line.call(Order::Signal, &body.0, &[]).map(|_| ())
    }
}
