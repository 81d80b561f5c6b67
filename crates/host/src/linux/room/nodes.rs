//! The files that the kernel knows by a number, and where they are.
//!
//! A file may have several names, and may be in use when it has none any more: then it is held open until the kernel has
//! forgotten it. All others are found by name, from the folder above all of them, so that a machine with a million files
//! needs no million descriptors. Nobody else changes them meanwhile.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

/// The number of the folder above all.
pub(super) const ROOT: u64 = 1;

/// What a file is opened as when only something about it is asked, or done with it by name.
const PLACE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What a file is on the disk.
type File = (u64, u64);

pub(super) fn file(stat: &Stat) -> File {
    (stat.st_dev, stat.st_ino)
}

#[derive(Debug)]
struct Node {
    file: File,
    /// By the number of the folder, and in it.
    names: Vec<(u64, CString)>,
    /// How often the kernel was told the number.
    told: u64,
    held: Option<OwnedFd>,
}

#[derive(Debug)]
pub(super) struct Nodes {
    root: OwnedFd,
    all: HashMap<u64, Node>,
    by_file: HashMap<File, u64>,
    next: u64,
}

/// A file that is about to lose a name.
#[derive(Debug)]
pub(super) struct Losing {
    pub(super) stat: Stat,
    known: Option<(u64, OwnedFd)>,
}

impl Nodes {
    pub(super) fn new(root: OwnedFd) -> Nodes {
        Nodes { root, all: HashMap::new(), by_file: HashMap::new(), next: ROOT + 1 }
    }

    /// A file, not to be read or written.
    ///
    /// # Errors
    /// `ESTALE` for what is not known; what the file system says.
    pub(super) fn open(&self, node: u64) -> Result<OwnedFd, Errno> {
        if node == ROOT {
            return rustix::fs::openat(&self.root, c".", PLACE, Mode::empty());
        }
        let known = self.all.get(&node).ok_or(Errno::STALE)?;
        if let Some(held) = &known.held {
            return rustix::io::fcntl_dupfd_cloexec(held, 0);
        }
        let mut last = Errno::STALE;
        for (folder, name) in &known.names {
            let Some(path) = self.path(*folder, name) else { continue };
            let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match rustix::fs::openat2(&self.root, &path, PLACE, Mode::empty(), within) {
                Err(why) => last = why,
                found => return found,
            }
        }
        Err(last)
    }

    fn path(&self, folder: u64, name: &CStr) -> Option<CString> {
        let (mut parts, mut at) = (vec![name.to_bytes()], folder);
        while at != ROOT {
            let (above, name) = self.all.get(&at)?.names.first()?;
            parts.push(name.to_bytes());
            at = *above;
        }
        parts.reverse();
        CString::new(parts.join(&b"/"[..])).ok()
    }

    /// The kernel is told of a file, which it knows under this name from now on: its number.
    pub(super) fn tell(&mut self, stat: &Stat, folder: u64, name: &CStr) -> u64 {
        let number = *self.by_file.entry(file(stat)).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        });
        let new = || Node { file: file(stat), names: Vec::new(), told: 0, held: None };
        let node = self.all.entry(number).or_insert_with(new);
        node.told += 1;
        if !node.names.iter().any(|(at, known)| *at == folder && known.as_c_str() == name) {
            node.names.push((folder, name.to_owned()));
        }
        number
    }

    /// The kernel has forgotten a number so often; what is gone with that.
    pub(super) fn forget(&mut self, number: u64, times: u64) -> Option<Stat> {
        let node = self.all.get_mut(&number)?;
        node.told = node.told.saturating_sub(times);
        if node.told > 0 {
            return None;
        }
        let node = self.all.remove(&number)?;
        self.by_file.remove(&node.file);
        let stat = rustix::fs::fstat(node.held?).ok()?;
        (stat.st_nlink == 0 || is_folder(&stat)).then_some(stat)
    }

    /// What a name leads to, before it does no more.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn losing(&self, folder: impl AsFd, name: &CStr) -> Result<Losing, Errno> {
        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let known = match self.by_file.get(&file(&stat)) {
            Some(number) => Some((*number, rustix::fs::openat(&folder, name, PLACE, Mode::empty())?)),
            None => None,
        };
        Ok(Losing { stat, known })
    }

    /// It does no more; what is gone with that, where nobody knows it.
    pub(super) fn lost(&mut self, losing: Losing, folder: u64, name: &CStr) -> Option<Stat> {
        let Some((number, held)) = losing.known else {
            return (losing.stat.st_nlink <= 1 || is_folder(&losing.stat)).then_some(losing.stat);
        };
        let node = self.all.get_mut(&number)?;
        node.names.retain(|(at, known)| *at != folder || known.as_c_str() != name);
        if node.names.is_empty() {
            node.held = Some(held);
        }
        None
    }

    /// The folders in which a file has names, and those.
    pub(super) fn names(&self, number: u64) -> Vec<(u64, CString)> {
        self.all.get(&number).map(|node| node.names.clone()).unwrap_or_default()
    }

    /// Which number a file has, where the kernel knows it.
    pub(super) fn number(&self, stat: &Stat) -> Option<u64> {
        self.by_file.get(&file(stat)).copied()
    }

    /// Another file is what one was, under all its names, or held open where it has none.
    pub(super) fn replaced(&mut self, number: u64, stat: &Stat, by: OwnedFd) {
        let Some(node) = self.all.get_mut(&number) else { return };
        self.by_file.remove(&node.file);
        node.file = file(stat);
        self.by_file.insert(node.file, number);
        if node.held.is_some() {
            node.held = Some(by);
        }
    }

    /// What had one name has another.
    pub(super) fn moved(&mut self, stat: &Stat, from: (u64, &CStr), to: (u64, &CStr)) {
        let Some(node) = self.by_file.get(&file(stat)).and_then(|number| self.all.get_mut(number)) else {
            return;
        };
        node.names.retain(|(at, known)| (*at, known.as_c_str()) != from && (*at, known.as_c_str()) != to);
        node.names.push((to.0, to.1.to_owned()));
    }
}

pub(super) fn is_folder(stat: &Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory
}

pub(super) fn is_regular(stat: &Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile
}

/// By which its file is opened as what it is.
pub(super) fn itself(place: &OwnedFd) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", place.as_raw_fd())
}

/// Opens what a place is, to be read or written.
///
/// # Errors
/// What the file system says.
pub(super) fn reopen(place: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, itself(place), flags | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_found_under_the_names_that_they_have() {
        let base = std::env::temp_dir().join(format!("virga-nodes-{}", std::process::id()));
        fs::create_dir_all(base.join("a")).unwrap();
        fs::write(base.join("a/one"), "1").unwrap();
        let root = || rustix::fs::openat(CWD, &base, PLACE, Mode::empty()).unwrap();
        let mut nodes = Nodes::new(root());
        let stat = |name: &CStr| rustix::fs::statat(root(), name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let folder = nodes.tell(&stat(c"a"), ROOT, c"a");
        let file = nodes.tell(&stat(c"a/one"), folder, c"one");
        assert_eq!(nodes.tell(&stat(c"a/one"), folder, c"one"), file);
        let size =
            |nodes: &Nodes, node| nodes.open(node).map(|held| rustix::fs::fstat(held).unwrap().st_size);
        assert_eq!(size(&nodes, file), Ok(1));
        // A second name, and the folder has another.
        fs::hard_link(base.join("a/one"), base.join("two")).unwrap();
        assert_eq!(nodes.tell(&stat(c"two"), ROOT, c"two"), file);
        fs::rename(base.join("a"), base.join("b")).unwrap();
        nodes.moved(&stat(c"b"), (ROOT, c"a"), (ROOT, c"b"));
        assert_eq!(size(&nodes, file), Ok(1));
        let place = nodes.open(folder).unwrap();
        let losing = nodes.losing(&place, c"one").unwrap();
        fs::remove_file(base.join("b/one")).unwrap();
        assert!(nodes.lost(losing, folder, c"one").is_none());
        assert_eq!(size(&nodes, file), Ok(1));
        // Without a name it is there until it is forgotten.
        let losing = nodes.losing(root(), c"two").unwrap();
        fs::remove_file(base.join("two")).unwrap();
        assert!(nodes.lost(losing, ROOT, c"two").is_none());
        assert_eq!(size(&nodes, file), Ok(1));
        assert!(nodes.forget(file, 2).is_none());
        assert_eq!(nodes.forget(file, 1).map(|gone| gone.st_size), Some(1));
        assert_eq!(size(&nodes, file), Err(Errno::STALE));
        // A link is not followed, and nothing outside is found.
        std::os::unix::fs::symlink("/etc", base.join("b/out")).unwrap();
        let link = nodes.tell(&stat(c"b/out"), folder, c"out");
        assert!(nodes.open(link).is_ok());
        let beyond = nodes.tell(&stat(c"b"), link, c"passwd");
        assert_eq!(beyond, folder);
        assert!(nodes.forget(99, 1).is_none());
        fs::remove_dir_all(base).unwrap();
    }
}
