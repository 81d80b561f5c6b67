//! Control groups: what all that runs in a machine may take together of processors and memory.
//!
//! They are made by Virga itself, beside its own or at the top where it may, one folder a machine in a folder of this
//! process. Who is born in a machine enters the machine's group before it runs a program, by a file that Virga has opened
//! for it: from within there is no way out.
//!
//! Both forms are known: the newer, with one tree, and the older, with a tree a resource. When Virga is killed, its host
//! process takes the folders away; if that is killed as well, the next Virga does.
//!
//! Not here: measuring, which needs no privileges ([`super::usage`]); limits on disks and networks.

use crate::{HostError, Share};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Of every period of 100 ms, which is the kernel's default.
const PERIOD_US: u64 = 100_000;
/// The kernel takes no less.
const QUOTA_US_MIN: u64 = 1_000;
const OURS: &str = "virga-";
/// Of a group that Virga has moved to, so that its own may have groups below it.
const ASIDE: &str = ".self";
/// A process may have several data planes.
static COUNT: AtomicU32 = AtomicU32::new(0);
const CONTROLLERS: [&str; 2] = ["cpu", "memory"];

/// A tree, and what is limited in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tree {
    /// Where this process makes its groups.
    home: PathBuf,
    rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// All of it, in the newer form.
    Unified,
    OldMemory,
    OldCpu,
}

/// The trees as they are mounted, and where in them this process is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mounted {
    /// The top, and our own group in it.
    unified: Option<(PathBuf, PathBuf)>,
    cpu: Option<PathBuf>,
    memory: Option<PathBuf>,
}

/// Of `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn mounted(mounts: &str, own: &str) -> Mounted {
    let path_in = |controller: &str| {
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (names, path) = (parts.next()?, parts.next()?);
            let is_it = names.split(',').any(|name| name == controller);
            is_it.then_some(path)
        })
    };
    let mut found = Mounted::default();
    for line in mounts.lines() {
        let Some((place, kind)) = line.split_once(" - ") else { continue };
        let mut place = place.split(' ').skip(3);
        let (Some(root), Some(top)) = (place.next(), place.next()) else { continue };
        let mut kind = kind.split(' ');
        let (form, options) = (kind.next(), kind.nth(1).unwrap_or_default());
        let below = |path: &str| {
            let path = path.strip_prefix(root).unwrap_or(path);
            Path::new(top).join(path.trim_start_matches('/'))
        };
        let has = |controller: &str| options.split(',').any(|option| option == controller);
        match form {
            Some("cgroup2") => {
                found.unified = path_in("").map(|path| (PathBuf::from(top), below(path)));
            }
            Some("cgroup") if has("memory") => found.memory = path_in("memory").map(below),
            Some("cgroup") if has("cpu") => found.cpu = path_in("cpu").map(below),
            _ => {}
        }
    }
    found
}

fn has_all(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    CONTROLLERS.iter().all(|wanted| text.split_whitespace().any(|name| name == *wanted))
}

/// Writes to a file that the kernel has made.
fn set(file: &Path, value: &str) -> io::Result<()> {
    use std::io::Write;
    File::options().write(true).open(file)?.write_all(value.as_bytes())
}

/// What this process may make its groups in.
fn trees(mounted: Mounted, name: &str) -> io::Result<Vec<Tree>> {
    if let Some((top, own)) = mounted.unified.filter(|(top, _)| has_all(&top.join("cgroup.controllers"))) {
        let home = unified(&top, &own, name)?;
        return Ok(vec![Tree { home, rules: Rules::Unified }]);
    }
    let (Some(cpu), Some(memory)) = (mounted.cpu, mounted.memory) else {
        return Err(io::Error::other("no control groups for cpu and memory are mounted"));
    };
    let (cpu, memory) = (cpu.join(name), memory.join(name));
    make(&cpu)?;
    make(&memory).inspect_err(|_| drop(fs::remove_dir(&cpu)))?;
    Ok(vec![Tree { home: cpu, rules: Rules::OldCpu }, Tree { home: memory, rules: Rules::OldMemory }])
}

/// At the top where this process may; else below its own group, if that was given to it.
fn unified(top: &Path, own: &Path, name: &str) -> io::Result<PathBuf> {
    let enable = |group: &Path| set(&group.join("cgroup.subtree_control"), "+cpu +memory");
    if has_all(&top.join("cgroup.subtree_control")) {
        let home = top.join(name);
        if make(&home).is_ok() {
            return enable(&home).map(|()| home);
        }
    }
    if !has_all(&own.join("cgroup.subtree_control")) {
        // A group has processes, or groups with limits below it.
        let aside = own.join(format!("{name}{ASIDE}"));
        make(&aside)?;
        let moved = set(&aside.join("cgroup.procs"), "0").and_then(|()| enable(own));
        if let Err(why) = moved {
            let _ = set(&own.join("cgroup.procs"), "0");
            let _ = fs::remove_dir(&aside);
            return Err(why);
        }
    }
    let home = own.join(name);
    make(&home)?;
    enable(&home).map(|()| home)
}

/// Makes a group of this process, and takes those away whose process is no more.
fn make(home: &Path) -> io::Result<()> {
    for entry in home.parent().into_iter().flat_map(fs::read_dir).flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(OURS));
        let owner = owner.and_then(|name| name.split('-').next()).filter(|pid| pid.parse::<u32>().is_ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            clear(&entry.path());
        }
    }
    folder(home)
}

/// A group, which may be there already.
fn folder(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Takes a group and those in it away; what somebody is in stays.
fn clear(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
    let _ = fs::remove_dir(home);
}

/// What this machine lacks for limits, in a sentence.
pub fn missing() -> Option<String> {
    Groups::find().err()
}

/// Where the outer host process is told of the folders.
pub(super) const HOMES: &str = "VIRGA_GROUPS";

/// Takes the folders away, when all that ran in them has ended.
pub(super) fn sweep() {
    let homes = std::env::var_os(HOMES).unwrap_or_default();
    for home in homes.as_bytes().split(|byte| *byte == b':').filter(|home| !home.is_empty()) {
        clear(Path::new(OsStr::from_bytes(home)));
    }
}

/// The groups of this process's machines.
#[derive(Debug)]
pub(super) struct Groups {
    trees: Vec<Tree>,
    /// Of machines that are there.
    machines: BTreeSet<String>,
    /// Of those that are gone, whose last processes may still be on their way.
    leaving: BTreeSet<String>,
}

impl Groups {
    /// # Errors
    /// What is in the way, in a sentence.
    pub(super) fn find() -> Result<Groups, String> {
        let read = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{OURS}{}-{count}", std::process::id());
        let found = trees(mounted(&read("mountinfo"), &read("cgroup")), &name);
        let trees = found.map_err(|why| {
            format!(
                "this machine gives Virga no control groups ({why}): run it as root, or in a group of its own \
                 (systemd-run --user --scope -p Delegate=yes virga up)"
            )
        })?;
        Ok(Groups { trees, machines: BTreeSet::new(), leaving: BTreeSet::new() })
    }

    /// The folders, for who takes them away in our stead ([`sweep`]).
    pub(super) fn homes(&self) -> OsString {
        let homes: Vec<&OsStr> = self.trees.iter().map(|tree| tree.home.as_os_str()).collect();
        homes.join(OsStr::new(":"))
    }

    /// Makes a machine's group, or changes its limits.
    pub(super) fn limit(&mut self, machine: &str, share: Share) -> Result<(), HostError> {
        self.leaving.remove(machine);
        for tree in &self.trees {
            let group = tree.home.join(machine);
            let done = folder(&group).and_then(|()| tree.rules.write(&group, share));
            done.map_err(|why| HostError::refused(format!("limit what {machine} takes"), why))?;
        }
        self.machines.insert(machine.to_owned());
        Ok(())
    }

    /// The files by which one enters a machine's groups; none where it has no limits.
    pub(super) fn doors(&self, machine: &str) -> io::Result<Vec<File>> {
        if !self.machines.contains(machine) {
            return Ok(Vec::new());
        }
        let open =
            |tree: &Tree| File::options().write(true).open(tree.home.join(machine).join("cgroup.procs"));
        self.trees.iter().map(open).collect()
    }

    /// A machine is gone.
    pub(super) fn remove(&mut self, machine: &str) {
        if self.machines.remove(machine) {
            self.leaving.insert(machine.to_owned());
        }
        let trees = &self.trees;
        self.leaving.retain(|name| {
            let all = trees.iter().map(|tree| fs::remove_dir(tree.home.join(name)));
            !all.fold(true, |gone, done| {
                gone & done.map_or_else(|why| why.kind() == io::ErrorKind::NotFound, |()| true)
            })
        });
    }
}

impl Drop for Groups {
    /// After all that ran in them.
    fn drop(&mut self) {
        for Tree { home, rules } in &self.trees {
            clear(home);
            let (Some(own), Some(name)) = (home.parent(), home.file_name().and_then(|name| name.to_str()))
            else {
                continue;
            };
            let aside = own.join(format!("{name}{ASIDE}"));
            if *rules == Rules::Unified && aside.exists() {
                let _ = set(&own.join("cgroup.subtree_control"), "-cpu -memory");
                let _ = set(&own.join("cgroup.procs"), "0");
                let _ = fs::remove_dir(aside);
            }
        }
    }
}

impl Rules {
    fn write(self, group: &Path, share: Share) -> io::Result<()> {
        let quota = (u64::from(share.millicpus) * PERIOD_US / 1_000).max(QUOTA_US_MIN);
        let memory = share.memory_bytes.to_string();
        // A kernel that does not count swap has no such file.
        let swap = |file: &str, value: &str| match set(&group.join(file), value) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        match self {
            Rules::Unified => {
                set(&group.join("cpu.max"), &format!("{quota} {PERIOD_US}"))?;
                set(&group.join("memory.max"), &memory)?;
                swap("memory.swap.max", "0")
            }
            Rules::OldCpu => set(&group.join("cpu.cfs_quota_us"), &quota.to_string()),
            Rules::OldMemory => {
                let whole = "memory.memsw.limit_in_bytes";
                // The one may never be above the other, so it goes up first and down last.
                if swap(whole, &memory).is_err() {
                    set(&group.join("memory.limit_in_bytes"), &memory)?;
                    return swap(whole, &memory);
                }
                set(&group.join("memory.limit_in_bytes"), &memory)
            }
        }
    }
}

/// Enters a group, in a process that has one thread.
pub(super) fn enter(door: &impl std::os::fd::AsFd) -> io::Result<()> {
    Ok(rustix::io::write(door, b"0").map(|_| ())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_groups_are() {
        let unified = "29 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = mounted(unified, "0::/user.slice/virga.scope\n");
        let (top, own) = found.unified.unwrap();
        assert_eq!(top, Path::new("/sys/fs/cgroup"));
        assert_eq!(own, Path::new("/sys/fs/cgroup/user.slice/virga.scope"));
        let old = "31 30 0:27 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                   32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";
        let found = mounted(old, "5:memory:/docker/1/x\n4:cpu,cpuacct:/y\n0::/\n");
        assert_eq!(found.memory.unwrap(), Path::new("/sys/fs/cgroup/memory/x"));
        assert_eq!(found.cpu.unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct/y"));
        assert_eq!(found.unified, None);
        assert_eq!(mounted("", ""), Mounted::default());
    }

    /// A folder in which the files are that the kernel would have made.
    fn tree(name: &str, files: &[&str]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("virga-groups-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for file in files {
            fs::write(folder.join(file), "").unwrap();
        }
        folder
    }

    #[test]
    fn limits_are_said_as_each_form_has_them() {
        let share = Share { millicpus: 250, memory_bytes: 1 << 20 };
        let said = |folder: &Path, file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let new = tree("new", &["cpu.max", "memory.max", "memory.swap.max"]);
        Rules::Unified.write(&new, share).unwrap();
        assert_eq!(said(&new, "cpu.max"), "25000 100000");
        assert_eq!(said(&new, "memory.max"), "1048576");
        assert_eq!(said(&new, "memory.swap.max"), "0");
        let old = tree("old", &["cpu.cfs_quota_us", "memory.limit_in_bytes"]);
        Rules::OldCpu.write(&old, Share { millicpus: 1, ..share }).unwrap();
        Rules::OldMemory.write(&old, share).unwrap();
        assert_eq!(said(&old, "cpu.cfs_quota_us"), "1000");
        assert_eq!(said(&old, "memory.limit_in_bytes"), "1048576");
        for folder in [new, old] {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    /// A group that was given to a user, and has none of the top's rights.
    #[test]
    fn who_has_a_group_of_its_own_moves_aside() {
        let top = tree("top", &["cgroup.controllers", "cgroup.subtree_control"]);
        fs::write(top.join("cgroup.controllers"), "cpuset cpu memory pids").unwrap();
        let own = tree("top/own", &["cgroup.procs", "cgroup.subtree_control"]);
        // No kernel makes the files of new groups here.
        let aside = tree("top/own/virga-7-0.self", &["cgroup.procs"]);
        let home = tree("top/own/virga-7-0", &["cgroup.subtree_control"]);
        let mounted = Mounted { unified: Some((top.clone(), own.clone())), ..Mounted::default() };
        let found = trees(mounted, "virga-7-0").unwrap();
        assert_eq!(found, [Tree { home, rules: Rules::Unified }]);
        assert_eq!(fs::read_to_string(aside.join("cgroup.procs")).unwrap(), "0");
        assert_eq!(fs::read_to_string(own.join("cgroup.subtree_control")).unwrap(), "+cpu +memory");
        let nothing = trees(Mounted::default(), "virga-7-0").unwrap_err();
        assert_eq!(nothing.to_string(), "no control groups for cpu and memory are mounted");
        fs::remove_dir_all(top).unwrap();
    }
}
