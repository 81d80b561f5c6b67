//! What a machine has changed becomes an archive, in the form of container images' layers (tar, `.wh.` for what is gone).
//!
//! What there is lies in folders as overlays have them, one over the other: of the machine, and of the layer that it was
//! booted from. The machine may run meanwhile and change them under our hands, even so that a folder becomes a link to
//! one of this machine's: so every name is opened from the folder above it, and no link is ever followed. What grows or
//! shrinks meanwhile is taken as long as it was.
//!
//! Not kept: extended attributes, sockets, devices; and names that begin with `.wh.`, which mean something else in there.
//!
//! Specifications: POSIX's pax and ustar formats; <https://github.com/opencontainers/image-spec/blob/main/layer.md>;
//! the kernel's documentation of overlayfs, "whiteouts and opaque directories".

use crate::tar::{BLOCK, Entry, Kind, write};
use host::seal::{COPIES, Key};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, CString, OsStr};
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What marks that something of the layers below is gone, and that all of a folder's is.
pub(crate) const GONE: &str = ".wh.";
pub(crate) const ALL_GONE: &str = ".wh..wh..opq";
/// Where overlays mark the latter.
pub(crate) const OPAQUE: &CStr = c"user.overlay.opaque";

/// What a machine was told, and what makes it itself.
const OWN: [&str; 2] = ["var/lib/virga", "etc/dropbear/dropbear_ed25519_host_key"];
/// Of all files, holes and all: more than a machine of this cloud should carry.
pub(super) const BYTES_MAX: u64 = 64 << 30;
/// Folders in folders at most.
const DEPTH_MAX: usize = 200;

/// Writes an archive of what the folders hold, the uppermost first, whichever files are sealed under the key; one that is not
/// there is empty. Machines of it are new ones.
///
/// # Errors
/// What the disk says, or who takes the archive.
pub(crate) fn pack(folders: &[PathBuf], key: Option<&Key>, out: &mut dyn Write) -> io::Result<()> {
    write_out(folders, &OWN, key, out)
}

/// Likewise, with what makes a machine itself: it is to boot from the same root again.
///
/// # Errors
/// As [`pack`].
pub(crate) fn pack_all(folders: &[PathBuf], key: Option<&Key>, out: &mut dyn Write) -> io::Result<()> {
    write_out(folders, &[], key, out)
}

fn write_out(
    folders: &[PathBuf],
    without: &'static [&'static str],
    key: Option<&Key>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut open = Vec::new();
    for folder in folders {
        match rustix::fs::openat(CWD, folder, FOLDER, Mode::empty()) {
            Ok(found) => open.push(found),
            Err(Errno::NOENT) => {}
            Err(why) => return Err(why.into()),
        }
    }
    let mut packer = Packer { out, without, key, names: HashMap::new(), left: BYTES_MAX };
    if let Some(at) = open.iter().position(is_opaque) {
        // A root of its own, not one over the cloud's image.
        open.truncate(at + 1);
        packer.head(Path::new(ALL_GONE), Kind::File, &rustix::fs::fstat(&open[at])?, 0, "".as_ref())?;
    }
    packer.folder(&open, Path::new(""), 0)?;
    write::end(packer.out)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PLAIN: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

struct Packer<'a> {
    out: &'a mut dyn Write,
    without: &'static [&'static str],
    /// Under which files may be sealed.
    key: Option<&'a Key>,
    /// Where a file with several names was first met.
    names: HashMap<(u64, u64), PathBuf>,
    /// Bytes that it may still have.
    left: u64,
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn is_gone(stat: &Stat) -> bool {
    kind(stat) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Opens what is the cloud's to read, whatever the machine has set: its own user may not read it otherwise.
fn open(folder: &OwnedFd, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {}
        found => return Ok(found?),
    }
    let path = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(folder, name, path, Mode::empty())?;
    let was = rustix::fs::fstat(&held)?;
    if !matches!(kind(&was), FileType::RegularFile | FileType::Directory) {
        return Err(Errno::ACCESS.into());
    }
    // By what is held, and not by a name, which may lead elsewhere by now.
    let itself = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let set = |mode: u32| std::fs::set_permissions(&itself, Permissions::from_mode(mode & 0o7777));
    set(was.st_mode | 0o500)?;
    let opened = rustix::fs::openat(CWD, &itself, flags - OFlags::NOFOLLOW, Mode::empty());
    set(was.st_mode)?;
    Ok(opened?)
}

fn is_opaque(folder: &OwnedFd) -> bool {
    super::is_marked(|value| rustix::fs::fgetxattr(folder, OPAQUE, value))
}

impl Packer<'_> {
    /// What is in a folder, which several layers have; whether it hides what is below all of them.
    fn folder(&mut self, layers: &[OwnedFd], at: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(io::Error::other("its folders are too deep"));
        }
        let mut names: BTreeMap<CString, usize> = BTreeMap::new();
        for (number, layer) in layers.iter().enumerate() {
            for entry in Dir::read_from(layer)? {
                let entry = entry?;
                let name = entry.file_name();
                if !matches!(name.to_bytes(), b"." | b"..") {
                    names.entry(name.to_owned()).or_insert(number);
                }
            }
        }
        for (name, number) in names {
            let path = at.join(OsStr::from_bytes(name.to_bytes()));
            if self.without.iter().any(|own| path == Path::new(own))
                || name.to_bytes().starts_with(GONE.as_bytes())
                || depth == 0 && name.as_c_str() == COPIES
            {
                continue;
            }
            match self.entry(&layers[number..], &name, &path, depth) {
                // It has gone, or become another, since it was listed.
                Err(why) if is_change(&why) => {}
                done => done?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, layers: &[OwnedFd], name: &CStr, path: &Path, depth: usize) -> io::Result<()> {
        let Some((first, below)) = layers.split_first() else { return Ok(()) };
        let stat = rustix::fs::statat(first, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match kind(&stat) {
            FileType::Directory => {
                let (found, hides) = folders(first, below, name)?;
                self.head(path, Kind::Folder, &stat, 0, "".as_ref())?;
                if hides {
                    self.head(&path.join(ALL_GONE), Kind::File, &stat, 0, "".as_ref())?;
                }
                self.folder(&found, path, depth + 1)
            }
            FileType::RegularFile => self.file(first, name, path),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(first, name, Vec::new())?;
                self.head(path, Kind::Symbolic, &stat, 0, OsStr::from_bytes(target.to_bytes()))
            }
            FileType::Fifo => self.head(path, Kind::Special, &stat, 0, "".as_ref()),
            _ if is_gone(&stat) => {
                let mut gone = GONE.as_bytes().to_vec();
                gone.extend(name.to_bytes());
                self.head(&path.with_file_name(OsStr::from_bytes(&gone)), Kind::File, &stat, 0, "".as_ref())
            }
            _ => Ok(()),
        }
    }

    fn file(&mut self, folder: &OwnedFd, name: &CStr, path: &Path) -> io::Result<()> {
        let file = open(folder, name, PLAIN)?;
        let stat = rustix::fs::fstat(&file)?;
        if kind(&stat) != FileType::RegularFile {
            return Err(Errno::NOENT.into());
        }
        let itself = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.names.get(&itself) {
            let first = first.clone();
            return self.head(path, Kind::Hard, &stat, 0, first.as_os_str());
        }
        let size = stat.st_size.unsigned_abs();
        self.left = self
            .left
            .checked_sub(size)
            .ok_or_else(|| io::Error::other("its files are larger than 64 GiB"))?;
        self.head(path, Kind::File, &stat, size, "".as_ref())?;
        if stat.st_nlink > 1 {
            self.names.insert(itself, path.to_owned());
        }
        let mut from = host::seal::reader(self.key, File::from(file))?.take(size);
        let copied = io::copy(&mut from, &mut self.out)?;
        // From here on nothing may be left out: the archive says how long it is.
        let whole = size.next_multiple_of(BLOCK as u64);
        io::copy(&mut io::repeat(0).take(whole - copied), &mut self.out).map(drop)
    }

    fn head(&mut self, path: &Path, kind: Kind, stat: &Stat, size: u64, link: &OsStr) -> io::Result<()> {
        let entry = Entry {
            path: path.to_owned(),
            kind,
            mode: stat.st_mode & 0o7777,
            size,
            link: link.into(),
            owner: (stat.st_uid, stat.st_gid),
            modified: u64::try_from(stat.st_mtime).unwrap_or(0),
        };
        write::head(self.out, &entry)
    }
}

/// Whether an error says that something is no more what it was.
fn is_change(why: &io::Error) -> bool {
    let changed = [Errno::NOENT, Errno::LOOP, Errno::NOTDIR, Errno::NXIO];
    why.raw_os_error().is_some_and(|code| changed.iter().any(|errno| errno.raw_os_error() == code))
}

/// The folders of one name, down to what ends them; whether what is below is hidden by them.
fn folders(first: &OwnedFd, below: &[OwnedFd], name: &CStr) -> io::Result<(Vec<OwnedFd>, bool)> {
    let mut found = vec![open(first, name, FOLDER)?];
    if found.iter().any(is_opaque) {
        return Ok((found, true));
    }
    for layer in below {
        let stat = match rustix::fs::statat(layer.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        if kind(&stat) != FileType::Directory {
            return Ok((found, true));
        }
        let next = open(layer, name, FOLDER)?;
        let hides = is_opaque(&next);
        found.push(next);
        if hides {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}
