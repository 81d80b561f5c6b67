//! Sandboxes: how the host process shuts a program in ([`crate::Sandbox`]).
//!
//! Which system calls it may make is in [`super::filter`].
//!
//! Not here: control groups, which few users may make. Limits are the kernel's per process and per user namespace; who
//! watches the whole of a sandbox's memory asks for it ([`super::Order::Memory`]).

use super::boot::{bind, devices, launch, plain};
use super::frame::{Order, Put, Take};
use super::residents::inside;
use super::{Line, process};
use crate::sandbox::Limits;
use crate::{HostError, Process, Sandbox};
use rustix::fs::{Gid, Uid};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount_change, mount_remount, unmount};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

/// Who the program is, in its own namespace and, where there are ids to give, outside of it.
const NOBODY: u32 = 993;

/// A sandbox as it comes over the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    root: PathBuf,
    binds: Vec<(PathBuf, PathBuf, bool)>,
    folder: PathBuf,
    hostname: OsString,
    program: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    limits: Limits,
}

fn text(take: &mut Take<'_>) -> io::Result<OsString> {
    Ok(OsStr::from_bytes(take.bytes()?).to_owned())
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Orders a sandbox.
pub(super) fn confine(line: &Arc<Line>, space: u32, sandbox: Sandbox) -> Result<Box<dyn Process>, HostError> {
    let step = format!("shut in {}", sandbox.hostname.display());
    let refused = |why| HostError::refused(step.clone(), why);
    let null = File::options().read(true).write(true).open("/dev/null").map_err(refused)?;
    let output = sandbox.output.as_ref().map_or(null.as_fd(), OwnedFd::as_fd);
    let binds = sandbox.binds.into_iter().map(|bind| (bind.from, bind.to, bind.read_only)).collect();
    let cell = Cell {
        root: sandbox.root,
        binds,
        folder: sandbox.folder,
        hostname: sandbox.hostname,
        program: sandbox.program,
        env: sandbox.env,
        limits: sandbox.limits,
    };
    let body = cell.write(Put::default().u32(space)).0;
    let (body, _) = line.call(Order::Confine, &body, &[null.as_fd(), output, output])?.map_err(refused)?;
    let pid = Take(&body).u32().map_err(|_| HostError::Ended)?;
    Ok(process::spawned(line, pid))
}

impl Cell {
    fn write(&self, mut put: Put) -> Put {
        put = put.bytes(self.root.as_os_str().as_bytes()).u32(count(self.binds.len()));
        for (from, to, read_only) in &self.binds {
            put = put
                .bytes(from.as_os_str().as_bytes())
                .bytes(to.as_os_str().as_bytes())
                .u8(u8::from(*read_only));
        }
        put = put.bytes(self.folder.as_os_str().as_bytes()).bytes(self.hostname.as_bytes());
        put = put.u32(count(self.program.len()));
        for word in &self.program {
            put = put.bytes(word.as_bytes());
        }
        put = put.u32(count(self.env.len()));
        for (name, value) in &self.env {
            put = put.bytes(name.as_bytes()).bytes(value.as_bytes());
        }
        let Limits { scratch, data, processes, descriptors } = self.limits;
        put.u32(scratch).u32(data).u32(processes).u32(descriptors)
    }

    pub(super) fn read(take: &mut Take<'_>) -> io::Result<Cell> {
        let root = text(take)?.into();
        let mut binds = Vec::new();
        for _ in 0..take.u32()? {
            binds.push((text(take)?.into(), text(take)?.into(), take.u8()? != 0));
        }
        let (folder, hostname) = (text(take)?.into(), text(take)?);
        let program = (0..take.u32()?).map(|_| text(take)).collect::<io::Result<_>>()?;
        let env = (0..take.u32()?).map(|_| Ok((text(take)?, text(take)?))).collect::<io::Result<_>>()?;
        let limits = Limits {
            scratch: take.u32()?,
            data: take.u32()?,
            processes: take.u32()?,
            descriptors: take.u32()?,
        };
        Ok(Cell { root, binds, folder, hostname, program, env, limits })
    }

    /// Starts the program in a network namespace, as the first process of a process namespace.
    pub(super) fn start(self, network: File, streams: [Stdio; 3]) -> io::Result<Child> {
        let (program, env) = (self.program.clone(), self.env.clone());
        launch(&program, &env, streams, network, move || {
            self.furnish()?;
            self.become_nobody()
        })
    }

    /// Makes the root, and makes it the root. Nothing in it can be changed but `/tmp`.
    fn furnish(&self) -> io::Result<()> {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        let root = &self.root;
        bind(root, root, false)?;
        for (from, to, read_only) in &self.binds {
            bind(from, &root.join(to.strip_prefix("/").unwrap_or(to)), *read_only)?;
        }
        let dev = root.join("dev");
        devices(&dev)?;
        // Memory that no limit of a process knows.
        unmount(dev.join("shm"), UnmountFlags::empty())?;
        mount_remount(&dev, MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID, "")?;
        let guarded = MountFlags::NOSUID | MountFlags::NODEV;
        plain("proc", &root.join("proc"), guarded | MountFlags::NOEXEC, None)?;
        let size = CString::new(format!("mode=1777,size={}m", self.limits.scratch))?;
        plain("tmpfs", &root.join("tmp"), guarded, Some(&size))?;
        rustix::system::sethostname(self.hostname.as_bytes())?;
        bind_read_only(root)?;
        rustix::process::chdir(root)?;
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        Ok(rustix::process::chdir(&self.folder)?)
    }

    /// Gives up all that the host process may.
    fn become_nobody(&self) -> io::Result<()> {
        let bytes = |mib: u32| u64::from(mib) << 20;
        limit(Resource::Data, bytes(self.limits.data))?;
        limit(Resource::Nofile, self.limits.descriptors.into())?;
        limit(Resource::Core, 0)?;
        limit(Resource::Msgqueue, 0)?;
        limit(Resource::Memlock, 64 << 10)?;
        // Another id than Virga's own, where this namespace has others.
        let _ = rustix::thread::set_thread_groups(&[]);
        let (gid, uid) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
        if rustix::thread::set_thread_res_gid(gid, gid, gid).is_ok() {
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        // Without it `/proc/self` is not the process's own after a change of ids.
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        // SAFETY: this is a child with one thread, and descriptors are not unshared.
        unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{NOBODY} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{NOBODY} {gid} 1"))?;
        // No further user namespaces: in one it would be root again.
        fs::write("/proc/sys/user/max_user_namespaces", "0")?;
        // Counted within the new namespace.
        limit(Resource::Nproc, self.limits.processes.into())?;
        rustix::thread::set_no_new_privs(true)?;
        super::filter::install()
    }
}

fn bind_read_only(root: &std::path::Path) -> io::Result<()> {
    Ok(mount_remount(
        root,
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
        "",
    )?)
}

fn limit(what: Resource, most: u64) -> io::Result<()> {
    Ok(setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// What the processes in a network namespace occupy, in bytes.
pub(super) fn memory(namespace: &File) -> io::Result<u64> {
    let mut all = 0;
    for pid in inside(namespace)? {
        // Who has ended meanwhile has nothing.
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // What is shared with files is the machine's anyway.
        all += own_memory(&text);
    }
    Ok(all)
}

/// What a process has for itself or shares with its like, of its `status`, in bytes.
fn own_memory(status: &str) -> u64 {
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
    let own = |line: &&str| line.starts_with("RssAnon:") || line.starts_with("RssShmem:");
    status.lines().filter(own).filter_map(kib).sum::<u64>() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_process() {
        let status =
            "Name:\tx\nVmRSS:\t  100 kB\nRssAnon:\t      12 kB\nRssFile:\t 80 kB\nRssShmem:\t   3 kB\n";
        assert_eq!(own_memory(status), 15 << 10);
        assert_eq!(own_memory(""), 0);
    }

    #[test]
    fn a_sandbox_comes_over_the_line_as_it_is() {
        let cell = Cell {
            root: "/root".into(),
            binds: vec![("/a".into(), "b".into(), true)],
            folder: "/var/task".into(),
            hostname: "h".into(),
            program: vec!["p".into(), "q".into()],
            env: vec![("A".into(), "b".into())],
            limits: Limits { scratch: 1, data: 2, processes: 3, descriptors: 4 },
        };
        let bytes = cell.write(Put::default()).0;
        assert_eq!(Cell::read(&mut Take(&bytes)).unwrap(), cell);
    }
}
