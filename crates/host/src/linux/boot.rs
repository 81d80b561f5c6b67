//! Booting machines, in the host process: a root file system in layers, and namespaces for mounts, processes, names and
//! messages, with the machine's own network.

use super::frame::{Put, Take};
use super::steps::Steps;
use super::{groups, powers, room};
use crate::seal::Key;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A machine to be booted, as it comes over the line.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) layers: Vec<PathBuf>,
    /// Has the folders `upper`, `work` and `root`.
    pub(super) disk: PathBuf,
    /// From, to, read-only.
    pub(super) binds: Vec<(PathBuf, PathBuf, bool)>,
    pub(super) hostname: OsString,
    pub(super) init: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    /// Under which what it writes is sealed.
    pub(super) key: Option<Key>,
    /// What all its volumes use together ([`crate::pace::Common`]).
    pub(super) pace: Option<PathBuf>,
    /// Who serves its files, where they are counted.
    pub(super) server: Option<room::Server>,
}

pub(super) fn text(take: &mut Take<'_>) -> io::Result<OsString> {
    Ok(OsStr::from_bytes(take.bytes()?).to_owned())
}

fn list<T>(take: &mut Take<'_>, one: impl Fn(&mut Take<'_>) -> io::Result<T>) -> io::Result<Vec<T>> {
    (0..take.u32()?).map(|_| one(take)).collect()
}

impl Machine {
    pub(super) fn write(&self, mut put: Put) -> Put {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        put = put.u32(count(self.layers.len()));
        for layer in &self.layers {
            put = put.bytes(layer.as_os_str().as_bytes());
        }
        put = put.bytes(self.disk.as_os_str().as_bytes()).u32(count(self.binds.len()));
        for (from, to, read_only) in &self.binds {
            put = put
                .bytes(from.as_os_str().as_bytes())
                .bytes(to.as_os_str().as_bytes())
                .u8(u8::from(*read_only));
        }
        put = put.bytes(self.hostname.as_bytes()).u32(count(self.init.len()));
        for word in &self.init {
            put = put.bytes(word.as_bytes());
        }
        put = put.u32(count(self.env.len()));
        for (name, value) in &self.env {
            put = put.bytes(name.as_bytes()).bytes(value.as_bytes());
        }
        put = put.bytes(self.pace.as_ref().map_or(b"", |path| path.as_os_str().as_bytes()));
        match &self.key {
            Some(key) => {
                let (bytes, salt) = key.parts();
                put.u8(1).bytes(bytes).u64(salt)
            }
            None => put.u8(0),
        }
    }

    pub(super) fn read(take: &mut Take<'_>) -> io::Result<Machine> {
        Ok(Machine {
            layers: list(take, |take| Ok(text(take)?.into()))?,
            disk: text(take)?.into(),
            binds: list(take, |take| Ok((text(take)?.into(), text(take)?.into(), take.u8()? != 0)))?,
            hostname: text(take)?,
            init: list(take, text)?,
            env: list(take, |take| Ok((text(take)?, text(take)?)))?,
            pace: Some(text(take)?.into()).filter(|path: &PathBuf| !path.as_os_str().is_empty()),
            key: match take.u8()? {
                0 => None,
                _ => {
                    let bytes = take.bytes()?.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
                    Some(Key::new(bytes, take.u64()?))
                }
            },
            server: None,
        })
    }

    /// Where what it writes is counted, somebody serves its files from now on; what a new process is sent goes with it.
    pub(super) fn serve(&mut self, descriptors: &[OwnedFd]) -> io::Result<()> {
        if !self.layers.is_empty() {
            self.server = room::start(self, descriptors.get(STREAMS..).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Starts it in a network namespace; its init is the first process of a process namespace.
    /// `guarded`: its root is not to have all that it would have ([`powers`]).
    pub(super) fn boot(self, network: File, ends: Ends, guarded: bool) -> io::Result<Child> {
        let (init, env) = (self.init.clone(), self.env.clone());
        launch(&init, &env, ends, network, move || {
            self.prepare(guarded)?;
            if guarded { powers::shed() } else { Ok(()) }
        })
    }

    /// Starts its keeper instead, where its files are laid together, and nothing else is changed.
    pub(super) fn boot_guest(
        self,
        keeper: &[OsString],
        network: File,
        ends: Ends,
        guarded: bool,
    ) -> io::Result<Child> {
        launch(keeper, &[], ends, network, move || {
            // One that boots from a disk has no files here.
            if !self.layers.is_empty() {
                self.lay()?;
            }
            if guarded { powers::shed() } else { Ok(()) }
        })
    }

    /// In the new namespaces: lays the root together; where it is.
    fn lay(&self) -> io::Result<PathBuf> {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        let root = self.disk.join("root");
        match &self.server {
            Some(server) => server.enter(&root)?,
            None => self.overlay(&root)?,
        }
        for (from, to, read_only) in &self.binds {
            bind(from, &root.join(to.strip_prefix("/").unwrap_or(to)), *read_only)?;
        }
        Ok(root)
    }

    /// Lays its files over those that it is made of.
    pub(super) fn overlay(&self, root: &Path) -> io::Result<()> {
        let layers: Vec<&OsStr> = self.layers.iter().map(|layer| layer.as_os_str()).collect();
        let mut options = OsString::from("userxattr,lowerdir=").into_vec();
        options.extend(layers.join(OsStr::new(":")).as_bytes());
        for (name, folder) in [("upperdir", "upper"), ("workdir", "work")] {
            options.extend(format!(",{name}=").as_bytes());
            options.extend(self.disk.join(folder).as_os_str().as_bytes());
        }
        let options = CString::new(options)?;
        Ok(mount("overlay", root, "overlay", MountFlags::empty(), Some(options.as_c_str()))?)
    }

    /// Makes the root ready for its programs, and makes it the root.
    fn prepare(&self, guarded: bool) -> io::Result<()> {
        let root = self.lay()?;
        let mut steps = Steps::default();
        steps.devices(&root.join("dev"))?;
        steps.take()?;
        plain("proc", &root.join("proc"), MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)?;
        if guarded {
            powers::guard(&root.join("proc"))?;
        }
        plain("tmpfs", &root.join("run"), MountFlags::NOSUID | MountFlags::NODEV, Some(c"mode=755"))?;
        // Where the kernel does not allow it, a machine does without.
        let _ = plain(
            "sysfs",
            &root.join("sys"),
            MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC,
            None,
        );
        rustix::system::sethostname(self.hostname.as_bytes())?;
        rustix::process::chdir(&root)?;
        // The old root ends up above the new one, and goes.
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        Ok(())
    }
}

/// How many streams a new process has; what else it is sent are doors.
const STREAMS: usize = 3;

/// What a new process begins with: its streams, and the doors of the control groups that it is to enter.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) streams: [Stdio; STREAMS],
    pub(super) doors: Vec<OwnedFd>,
}

impl Ends {
    /// The streams come first.
    pub(super) fn of(descriptors: Vec<OwnedFd>) -> Ends {
        let mut all = descriptors.into_iter();
        let mut next = || all.next().map_or_else(Stdio::null, Stdio::from);
        Ends { streams: [next(), next(), next()], doors: all.collect() }
    }
}

/// Starts a program in a network namespace, with further namespaces that `prepare` makes ready from within.
pub(super) fn launch(
    program: &[OsString],
    env: &[(OsString, OsString)],
    ends: Ends,
    network: File,
    mut prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<Child> {
    let (name, words) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(words).env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    let Ends { streams: [stdin, stdout, stderr], doors } = ends;
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    // SAFETY: the host process has one thread, so a child of it may do whatever a process may.
    unsafe {
        command.pre_exec(move || {
            doors.iter().try_for_each(groups::enter)?;
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
            unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC)?;
            prepare()
        });
    }
    command.spawn()
}

pub(super) fn plain(
    kind: &str,
    at: &Path,
    flags: MountFlags,
    options: Option<&std::ffi::CStr>,
) -> io::Result<()> {
    Ok(mount(kind, at, kind, flags, options)?)
}

pub(super) fn bind(from: &Path, to: &Path, read_only: bool) -> io::Result<()> {
    let mut steps = Steps::default();
    steps.bind(from, to, read_only)?;
    steps.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_comes_over_the_line_as_it_is() {
        let machine = Machine {
            layers: vec!["/a".into(), "/b".into()],
            disk: "/disk".into(),
            binds: vec![("/usr".into(), "usr".into(), true)],
            hostname: "ip-10-0-1-10".into(),
            init: vec!["/sbin/init".into(), "-x".into()],
            env: vec![("A".into(), "b".into())],
            key: Some(Key::new([1; 32], 2)),
            pace: Some("/pace".into()),
            server: None,
        };
        let bytes = machine.write(Put::default()).0;
        assert_eq!(format!("{:?}", Machine::read(&mut Take(&bytes)).unwrap()), format!("{machine:?}"));
    }
}
