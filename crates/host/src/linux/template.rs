//! Templates: interpreters that have begun, and wait. A program that would begin with one begins in a copy of it, which
//! costs a fork instead of a start.
//!
//! A template runs the runtime's own program, and nothing of a function's: it sees the root that functions see, with
//! nothing of theirs in it. What a copy is to do is read by the copy alone (the template only waits until there is
//! something to read), so nothing of a function is ever in a template's memory, from where the next would have it. The copy
//! is shut in by the very steps by which a program of its own would be ([`super::steps`]).
//!
//! What copies share and programs of their own would not: where things lie in memory, and how the interpreter hashes.

use super::boot::bind;
use super::frame::{Put, Take};
use super::sandbox::Cell;
use super::steps::Steps;
use crate::sandbox::Template;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    recv, sendmsg, socketpair,
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::fs;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long one stays that nobody needs.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(600);
/// What a copy reads at once.
const ORDER_MAX: usize = 120 << 10;
const DESCRIPTORS_MAX: usize = 8;
/// A copy that takes longer is given up, and its template with it.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A template that runs.
#[derive(Debug)]
pub(super) struct Running {
    template: Template,
    line: OwnedFd,
    process: OwnedFd,
    ready: bool,
    used: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

impl Running {
    /// Starts one, and does not wait for it.
    pub(super) fn start(template: &Template) -> io::Result<Running> {
        let (name, words) = template.program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let (line, far) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let mut command = Command::new(name);
        command.args(words).env_clear().envs(template.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::from(far)).stdout(Stdio::null()).stderr(Stdio::null());
        let sees = template.clone();
        // SAFETY: the host process has one thread, so a child of it may do whatever a process may.
        unsafe {
            command.pre_exec(move || {
                unshare_unsafe(UnshareFlags::NEWNS)?;
                furnish(&sees)
            });
        }
        let child = command.spawn()?;
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Running { template: template.clone(), line, process, ready: false, used: Instant::now() })
    }

    pub(super) fn is(&self, template: &Template) -> bool {
        self.template == *template
    }

    pub(super) fn is_idle(&self) -> bool {
        self.used.elapsed() > IDLE_MAX
    }

    /// Whether it waits by now.
    pub(super) fn is_ready(&mut self) -> bool {
        if !self.ready {
            let mut word = [0; 8];
            self.ready = recv(&self.line, &mut word[..], RecvFlags::DONTWAIT).is_ok_and(|(n, _)| n > 0);
        }
        self.ready
    }

    /// Makes a copy that is shut in: its process id, and else why it could not be. Nothing where the template has ended.
    pub(super) fn copy(&mut self, cell: &Cell, descriptors: &[BorrowedFd<'_>]) -> io::Result<Option<i32>> {
        let order = cell.order(&cell.steps()?);
        if order.len() > ORDER_MAX {
            return Ok(None);
        }
        self.used = Instant::now();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        if sendmsg(&self.line, &[IoSlice::new(&order)], &mut ancillary, SendFlags::NOSIGNAL).is_err() {
            return Ok(None);
        }
        let mut fds = [PollFd::new(&self.line, PollFlags::IN)];
        let mut answer = [0; 8];
        if !matches!(poll(&mut fds, Some(&PATIENCE)), Ok(1)) {
            return Err(Errno::TIMEDOUT.into());
        }
        match recv(&self.line, &mut answer[..], RecvFlags::DONTWAIT) {
            Ok((8, _)) => {}
            _ => return Ok(None),
        }
        let mut answer = Take(&answer);
        let (pid, errno) = (answer.u32()?, answer.u32()?);
        if errno == 0 {
            Ok(Some(pid.cast_signed()))
        } else {
            Err(io::Error::from_raw_os_error(errno.cast_signed()))
        }
    }
}

/// Lets it see what functions see, without a function in it.
fn furnish(template: &Template) -> io::Result<()> {
    let mut steps = Steps::default();
    let root = &template.root;
    steps.private()?;
    steps.bind(root, root, false)?;
    steps.take()?;
    for each in &template.binds {
        bind(&each.from, &root.join(&each.to), each.read_only)?;
    }
    for folder in &template.folders {
        // Loaders remember which of the folders that they were told of are not there.
        let folder = root.join(folder);
        let mut steps = Steps::default();
        steps.mount(
            "tmpfs",
            folder.parent().unwrap_or(root),
            libc::MS_NOSUID | libc::MS_NODEV,
            "mode=755",
        )?;
        steps.take()?;
        fs::create_dir(&folder)?;
    }
    // What a copy has mapped is told to it by the way from here, which must not begin outside of the root.
    let mut steps = Steps::default();
    steps.pivot(root)?;
    steps.take()
}

impl Cell {
    /// What a copy reads.
    fn order(&self, steps: &Steps) -> Vec<u8> {
        let mut put = steps.put(Put::default()).u32(u32::try_from(self.env.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.env {
            put = put.bytes(name.as_encoded_bytes()).bytes(value.as_encoded_bytes());
        }
        put.0
    }
}

/// In the order in which copies take them.
pub(super) fn handed<'a>(
    streams: &'a [OwnedFd],
    network: BorrowedFd<'a>,
    mounts: BorrowedFd<'a>,
) -> Vec<BorrowedFd<'a>> {
    let (ends, doors) = streams.split_at(streams.len().min(3));
    let (ends, doors) = (ends.iter().map(AsFd::as_fd), doors.iter().map(AsFd::as_fd));
    ends.chain([network, mounts]).chain(doors).collect()
}
