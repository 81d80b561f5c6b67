//! Sandboxes: how the host process shuts a program in ([`crate::Sandbox`]).
//!
//! Which system calls it may make is in [`super::filter`].
//!
//! Limits are the kernel's per process and per user namespace; who watches the whole of a sandbox's memory asks for it
//! ([`super::Order::Memory`]). Not here: control groups, which not every user may make ([`super::groups`]).

use super::boot::{Ends, launch};
use super::cover;
use super::frame::{Order, Put, Take};
use super::steps::{Steps, Word, flags};
use super::{Line, process};
use crate::image::Bind;
use crate::sandbox::{Limits, Template};
use crate::{HostError, Process, Sandbox};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;

/// Who the program is, in its own namespace and, where there are ids to give, outside of it.
const NOBODY: u32 = 993;

/// The form in which the kernel takes what a process may do, and that it is the process itself.
const CAPABILITIES: [u8; 8] = {
    let [a, b, c, d] = 0x2008_0522_u32.to_ne_bytes();
    [a, b, c, d, 0, 0, 0, 0]
};

/// A sandbox as it comes over the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    root: PathBuf,
    binds: Binds,
    live: Option<PathBuf>,
    folder: PathBuf,
    hostname: OsString,
    program: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    limits: Limits,
    pub(super) template: Option<Template>,
}

fn text(take: &mut Take<'_>) -> io::Result<OsString> {
    Ok(OsStr::from_bytes(take.bytes()?).to_owned())
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn put_words(put: Put, words: &[OsString]) -> Put {
    words.iter().fold(put.u32(count(words.len())), |put, word| put.bytes(word.as_bytes()))
}

fn take_words(take: &mut Take<'_>) -> io::Result<Vec<OsString>> {
    (0..take.u32()?).map(|_| text(take)).collect()
}

fn put_pairs(put: Put, pairs: &[(OsString, OsString)]) -> Put {
    let pair =
        |put: Put, (name, value): &(OsString, OsString)| put.bytes(name.as_bytes()).bytes(value.as_bytes());
    pairs.iter().fold(put.u32(count(pairs.len())), pair)
}

fn take_pairs(take: &mut Take<'_>) -> io::Result<Vec<(OsString, OsString)>> {
    (0..take.u32()?).map(|_| Ok((text(take)?, text(take)?))).collect()
}

/// From, to, read-only.
type Binds = Vec<(PathBuf, PathBuf, bool)>;

fn put_binds(put: Put, binds: &Binds) -> Put {
    binds.iter().fold(put.u32(count(binds.len())), |put, (from, to, read_only)| {
        put.bytes(from.as_os_str().as_bytes()).bytes(to.as_os_str().as_bytes()).u8(u8::from(*read_only))
    })
}

fn take_binds(take: &mut Take<'_>) -> io::Result<Binds> {
    (0..take.u32()?).map(|_| Ok((text(take)?.into(), text(take)?.into(), take.u8()? != 0))).collect()
}

/// Orders a sandbox.
pub(super) fn confine(
    line: &Arc<Line>,
    space: u32,
    sandbox: Sandbox,
    doors: &[File],
) -> Result<Box<dyn Process>, HostError> {
    let step = format!("shut in {}", sandbox.hostname.display());
    let refused = |why| HostError::refused(step.clone(), why);
    let null = File::options().read(true).write(true).open("/dev/null").map_err(refused)?;
    let output = sandbox.output.as_ref().map_or(null.as_fd(), OwnedFd::as_fd);
    let binds = sandbox.binds.into_iter().map(|bind| (bind.from, bind.to, bind.read_only)).collect();
    let cell = Cell {
        root: sandbox.root,
        binds,
        live: sandbox.live,
        folder: sandbox.folder,
        hostname: sandbox.hostname,
        program: sandbox.program,
        env: sandbox.env,
        limits: sandbox.limits,
        template: sandbox.template,
    };
    let body = cell.write(Put::default().u32(space)).0;
    let streams = [null.as_fd(), output, output];
    let (body, _) =
        line.call(Order::Confine, &body, &process::with_doors(streams, doors))?.map_err(refused)?;
    let pid = Take(&body).u32().map_err(|_| HostError::Ended)?;
    Ok(process::spawned(line, pid))
}

impl Cell {
    fn write(&self, mut put: Put) -> Put {
        put = put_binds(put.bytes(self.root.as_os_str().as_bytes()), &self.binds);
        put = put.bytes(self.live.as_ref().map_or(&[], |live| live.as_os_str().as_bytes()));
        put = put.bytes(self.folder.as_os_str().as_bytes()).bytes(self.hostname.as_bytes());
        put = put_pairs(put_words(put, &self.program), &self.env);
        let Limits { scratch, data, processes, descriptors } = self.limits;
        put = put.u32(scratch).u32(data).u32(processes).u32(descriptors);
        let Some(template) = &self.template else { return put.u8(0) };
        put = put_pairs(put_words(put.u8(1), &template.program), &template.env);
        let binds: Vec<_> =
            template.binds.iter().map(|bind| (bind.from.clone(), bind.to.clone(), bind.read_only)).collect();
        put = put_binds(put.bytes(template.root.as_os_str().as_bytes()), &binds);
        let folders: Vec<OsString> = template.folders.iter().map(OsString::from).collect();
        put_words(put, &folders)
    }

    pub(super) fn read(take: &mut Take<'_>) -> io::Result<Cell> {
        Ok(Cell {
            root: text(take)?.into(),
            binds: take_binds(take)?,
            live: Some(PathBuf::from(text(take)?)).filter(|live| !live.as_os_str().is_empty()),
            folder: text(take)?.into(),
            hostname: text(take)?,
            program: take_words(take)?,
            env: take_pairs(take)?,
            limits: Limits {
                scratch: take.u32()?,
                data: take.u32()?,
                processes: take.u32()?,
                descriptors: take.u32()?,
            },
            template: match take.u8()? {
                0 => None,
                _ => Some(Template {
                    program: take_words(take)?,
                    env: take_pairs(take)?,
                    root: text(take)?.into(),
                    binds: take_binds(take)?
                        .into_iter()
                        .map(|(from, to, read_only)| Bind { from, to, read_only })
                        .collect(),
                    folders: take_words(take)?.into_iter().map(PathBuf::from).collect(),
                }),
            },
        })
    }

    /// Starts the program in a network namespace, as the first process of a process namespace.
    pub(super) fn start(&self, steps: Steps, network: File, ends: Ends) -> io::Result<Child> {
        launch(&self.program, &self.env, ends, network, move || steps.take())
    }

    /// How it is shut in, from within namespaces of its own for mounts, names, messages, processes and networks.
    pub(super) fn steps(&self) -> io::Result<Steps> {
        let mut steps = Steps::default();
        self.furnish(&mut steps)?;
        self.become_nobody(&mut steps)?;
        Ok(steps)
    }

    /// Makes the root, and makes it the root. Nothing in it can be changed but `/tmp`.
    fn furnish(&self, steps: &mut Steps) -> io::Result<()> {
        steps.private()?;
        let root = &self.root;
        if cover::works(root) {
            cover::begin(steps)?;
            cover::folder(steps, root, root)?;
        } else {
            steps.bind(root, root, false)?;
        }
        for (from, to, read_only) in &self.binds {
            let to = root.join(to.strip_prefix("/").unwrap_or(to));
            match *read_only && self.live.as_ref() != Some(from) && cover::works(root) {
                true => cover::bind(steps, from, &to, &root.join("proc"))?,
                false => steps.bind(from, &to, *read_only)?,
            }
        }
        let dev = root.join("dev");
        steps.devices(&dev)?;
        // Memory that no limit of a process knows.
        steps.unmount(&dev.join("shm"), 0)?;
        steps.remount(&dev, libc::MS_RDONLY | libc::MS_NOSUID)?;
        let guarded = libc::MS_NOSUID | libc::MS_NODEV;
        steps.mount("proc", &root.join("proc"), guarded | libc::MS_NOEXEC, "")?;
        let size = format!("mode=1777,size={}m", self.limits.scratch);
        steps.mount("tmpfs", &root.join("tmp"), guarded, &size)?;
        let name = self.hostname.as_bytes();
        let length = Word::Number(name.len() as u64);
        steps.call(libc::SYS_sethostname, vec![Word::Bytes(name.to_vec()), length]);
        steps.remount(root, libc::MS_RDONLY | guarded)?;
        steps.pivot(root)?;
        steps.change_folder(&self.folder)
    }

    /// Gives up all that the host process may.
    fn become_nobody(&self, steps: &mut Steps) -> io::Result<()> {
        let (number, none) = (|n: u32| Word::Number(n.into()), || Word::Number(0));
        steps.limit(libc::RLIMIT_DATA.into(), u64::from(self.limits.data) << 20);
        steps.limit(libc::RLIMIT_NOFILE.into(), self.limits.descriptors.into());
        steps.limit(libc::RLIMIT_CORE.into(), 0);
        steps.limit(libc::RLIMIT_MSGQUEUE.into(), 0);
        steps.limit(libc::RLIMIT_MEMLOCK.into(), 64 << 10);
        // Another id than Virga's own, where this namespace has others.
        steps.try_call(libc::SYS_setgroups, vec![none(), none()]);
        let (mut uid, mut gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if has_nobody("/proc/self/uid_map")? && has_nobody("/proc/self/gid_map")? {
            (uid, gid) = (NOBODY, NOBODY);
            steps.call(libc::SYS_setresgid, vec![number(gid), number(gid), number(gid)]);
            steps.call(libc::SYS_setresuid, vec![number(uid), number(uid), number(uid)]);
        }
        let set = |what: libc::c_int, to: u64| vec![flags(what), Word::Number(to), none(), none(), none()];
        // Without it `/proc/self` is not the process's own after a change of ids.
        steps.call(libc::SYS_prctl, set(libc::PR_SET_DUMPABLE, 1));
        steps.call(libc::SYS_unshare, vec![flags(libc::CLONE_NEWUSER)]);
        steps.write("/proc/self/setgroups", "deny")?;
        steps.write("/proc/self/uid_map", &format!("{NOBODY} {uid} 1"))?;
        steps.write("/proc/self/gid_map", &format!("{NOBODY} {gid} 1"))?;
        // No further user namespaces: in one it would be root again.
        steps.write("/proc/sys/user/max_user_namespaces", "0")?;
        // Counted within the new namespace.
        steps.limit(libc::RLIMIT_NPROC.into(), self.limits.processes.into());
        steps.call(libc::SYS_prctl, set(libc::PR_SET_NO_NEW_PRIVS, 1));
        // Of whoever made a user namespace; a program that begins would lose it, a copy would not.
        let nothing = vec![Word::Bytes(CAPABILITIES.to_vec()), Word::Bytes(vec![0; 24])];
        steps.call(libc::SYS_capset, nothing);
        let filter = Word::Filter(super::filter::bytes());
        let filtered = u64::from(libc::SECCOMP_MODE_FILTER);
        steps.call(
            libc::SYS_prctl,
            vec![flags(libc::PR_SET_SECCOMP), Word::Number(filtered), filter, none(), none()],
        );
        Ok(())
    }
}

/// Whether a map of ids has the one that programs get.
fn has_nobody(map: &str) -> io::Result<bool> {
    let text = fs::read_to_string(map)?;
    let has = |line: &str| {
        let mut words = line.split_whitespace();
        let (first, count): (u32, u32) = (words.next()?.parse().ok()?, words.nth(1)?.parse().ok()?);
        Some((first..=first.saturating_add(count.saturating_sub(1))).contains(&NOBODY))
    };
    Ok(text.lines().any(|line| has(line) == Some(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_comes_over_the_line_as_it_is() {
        let cell = Cell {
            root: "/root".into(),
            binds: vec![("/a".into(), "b".into(), true)],
            live: Some("/a".into()),
            folder: "/var/task".into(),
            hostname: "h".into(),
            program: vec!["p".into(), "q".into()],
            env: vec![("A".into(), "b".into())],
            limits: Limits { scratch: 1, data: 2, processes: 3, descriptors: 4 },
            template: Some(Template {
                program: vec!["t".into()],
                env: vec![("C".into(), "d".into())],
                root: "/root".into(),
                binds: vec![Bind { from: "/usr".into(), to: "usr".into(), read_only: true }],
                folders: vec!["opt/lib".into()],
            }),
        };
        let bytes = cell.write(Put::default()).0;
        assert_eq!(Cell::read(&mut Take(&bytes)).unwrap(), cell);
    }
}
