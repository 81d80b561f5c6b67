//! Room for a machine's files: they go through a process of ours, which counts them and says when the root is full.
//!
//! ```text
//! machine's root: FUSE ── this process ── overlay ── what the machine writes
//!                                                └── what its image has
//! ```
//!
//! A file system of a size of its own would need a block device, which nobody without privileges has. So the overlay that is
//! a machine's root is seen through a server that does with it what the kernel asks, and refuses what has no room (`ENOSPC`)
//! by the count that [`meter`] keeps. `df` in the machine tells of the root's size. What is bound in (the programs of a
//! built-in image) does not go this way, and is not counted.
//!
//! Where there is a key, what lies over the image is sealed ([`sealing`], [`crate::seal`]).
//!
//! What is read and written waits for its turn ([`turn`]).
//!
//! The overlay is above nothing that a program serves: there the kernel loses files of several names.
//!
//! The server is a copy of the host process, beside the machine: in none of its namespaces, so that it is not stopped with
//! it, but held to its share, as what it does the machine has asked for. It ends when the machine's mounts are gone.
//!
//! Not here: lists of rights beyond the mode (POSIX's ACLs), which are refused, and files without a name (`O_TMPFILE`).

mod answer;
mod meter;
mod nodes;
mod sealing;
mod turn;

use super::boot::Machine;
use super::{disk, groups};
use crate::fuse::{PAGE, Request, WRITE_MAX, op, u64_at, whole};
use meter::Meter;
use nodes::Nodes;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use sealing::Seals;
use std::collections::HashMap;
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use turn::Held;

/// In a machine's folder: where the server has its overlay.
const PLACE: &str = "room";

/// What a folder had when it was read.
#[derive(Debug, Default)]
struct Listed(Vec<(u64, FileType, CString)>);

/// A file that is open.
#[derive(Debug)]
struct Open {
    file: OwnedFd,
    node: u64,
    /// Where the last operation ended, and how long what went on until there was.
    end: u64,
    run: u64,
}

/// A machine's files, and what is open of them.
#[derive(Debug)]
struct Files<'a> {
    nodes: Nodes,
    meter: Meter,
    seals: Seals<'a>,
    held: Held,
    open: HashMap<u64, Open>,
    listed: HashMap<u64, Listed>,
    next: u64,
}

/// Who serves the files of a machine that is about to boot.
#[derive(Debug)]
pub(super) struct Server {
    channel: OwnedFd,
    /// Where it is told that there is something to serve.
    line: UnixStream,
}

/// Starts who serves the files of a machine, where it is held to a size; it has counted them when this returns.
///
/// # Errors
/// What this machine lacks.
pub(super) fn start(machine: &Machine, doors: &[OwnedFd]) -> io::Result<Option<Server>> {
    let disk = &machine.disk;
    if crate::room::get(disk)?.is_none() {
        // Nothing that should be sealed is written by who does not do that.
        return if machine.key.is_none() { Ok(None) } else { Err(io::ErrorKind::Unsupported.into()) };
    }
    let channel = disk::channel()?;
    std::fs::create_dir_all(disk.join(PLACE))?;
    let (mut line, far) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so a copy of it may do whatever a process may.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            let done = serve(machine, &channel, &far, doors);
            // SAFETY: it does not come back, so that nothing that was the host process's is dropped here.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        _ => {}
    }
    drop(far);
    // What it is refused it says by its end.
    line.read_exact(&mut [0])?;
    Ok(Some(Server { channel, line }))
}

impl Server {
    /// Makes them seen, in the namespace of the machine's mounts.
    pub(super) fn enter(&self, root: &Path) -> io::Result<()> {
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
            self.channel.as_raw_fd()
        );
        mount("root", root, "fuse", MountFlags::NODEV, Some(CString::new(options)?.as_c_str()))?;
        (&self.line).write_all(&[0])
    }
}

/// What the server does until its machine is gone.
fn serve(machine: &Machine, channel: &OwnedFd, line: &UnixStream, doors: &[OwnedFd]) -> io::Result<()> {
    doors.iter().try_for_each(groups::enter)?;
    let (channel, mut line) = alone_with(channel, line)?;
    let root = machine.disk.join(PLACE);
    // SAFETY: this process has one thread, and descriptors are not unshared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    machine.overlay(&root)?;
    let folder = rustix::fs::openat(CWD, &root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    rustix::process::umask(Mode::empty());
    let seals = Seals::new(
        machine.key.as_ref(),
        &rustix::fs::openat(
            &folder,
            c".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?,
    )?;
    let mut files = Files {
        seals,
        nodes: Nodes::new(folder),
        meter: Meter::new(&machine.disk, &root)?,
        held: Held::new(machine)?,
        open: HashMap::new(),
        listed: HashMap::new(),
        next: 0,
    };
    line.write_all(&[0])?;
    // Before it is mounted there is nobody to be heard.
    line.read_exact(&mut [0])?;
    drop(line);
    let mut buffer = vec![0; WRITE_MAX + PAGE];
    loop {
        let length = match rustix::io::read(&channel, &mut buffer) {
            Ok(length) => length,
            Err(Errno::NOENT | Errno::INTR | Errno::AGAIN) => continue,
            Err(Errno::NODEV) => return Ok(()),
            Err(why) => return Err(why.into()),
        };
        let Some(asked) = Request::read(&buffer[..length]) else { continue };
        if let Some(said) = files.answer(&asked) {
            match rustix::io::write(&channel, &said) {
                // Whoever asked may be gone.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(why) => return Err(why.into()),
            }
        }
    }
}

/// Lets go of all that the host process has open: others notice the end of it by that.
fn alone_with(channel: &OwnedFd, line: &UnixStream) -> io::Result<(OwnedFd, UnixStream)> {
    let done = |code: libc::c_long| if code == -1 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: nothing that was open is used after this, but for these two under their new numbers, which are nobody else's.
    unsafe {
        done(libc::dup2(channel.as_raw_fd(), 0).into())?;
        done(libc::dup2(line.as_raw_fd(), 1).into())?;
        done(libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0))?;
        Ok((OwnedFd::from_raw_fd(0), UnixStream::from_raw_fd(1)))
    }
}

impl Files<'_> {
    /// None to what wants none.
    fn answer(&mut self, asked: &Request<'_>) -> Option<Vec<u8>> {
        match asked.operation {
            op::FORGET => {
                self.forget(asked.node, u64_at(asked.body, 0));
                None
            }
            op::BATCH_FORGET => {
                for one in asked.body.get(8..).unwrap_or_default().chunks_exact(16) {
                    self.forget(u64_at(one, 0), u64_at(one, 8));
                }
                None
            }
            op::INTERRUPT => None,
            op::READ | op::WRITE => {
                self.wait_for_turn(asked.body);
                whole(asked.unique, self.obey(asked))
            }
            _ => whole(asked.unique, self.obey(asked)),
        }
    }

    fn forget(&mut self, node: u64, times: u64) {
        if let Some(gone) = self.nodes.forget(node, times) {
            self.meter.went(&gone);
        }
    }
}
