//! A root that is encrypted: what the machine writes is sealed before it lies anywhere.
//!
//! The overlay copies what a machine changes of its image out of it as it is. So before that can happen this does it: the file
//! gets a sealed copy in its place, and is changed then. What lies over the image is so sealed, and nothing else; who is killed
//! meanwhile leaves a copy that nobody has, which goes at the next start.
//!
//! Names, sizes, times, what links lead to and extended attributes lie as they are: the overlay goes by them.

use super::nodes::{is_regular, itself, reopen};
use super::{Files, Open};
use crate::seal::{COPIES, Key, MARK, Sealed};
use rustix::fs::{AtFlags, CWD, Dir, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::rc::Rc;

const COPIED: usize = 256 << 10;

/// What of the machine's files is open and sealed.
#[derive(Debug)]
pub(super) struct Seals<'a> {
    key: Option<&'a Key>,
    open: HashMap<u64, Rc<Sealed>>,
    work: Option<OwnedFd>,
    copies: u64,
}

impl<'a> Seals<'a> {
    /// # Errors
    /// What the file system says.
    pub(super) fn new(key: Option<&'a Key>, root: &OwnedFd) -> Result<Seals<'a>, Errno> {
        let work = key.map(|_| work(root)).transpose()?;
        Ok(Seals { key, open: HashMap::new(), work, copies: 0 })
    }

    pub(super) fn is_on(&self) -> bool {
        self.key.is_some()
    }

    /// What opens an open file, where that is sealed.
    pub(super) fn of(&self, node: u64) -> Option<Rc<Sealed>> {
        self.open.get(&node).cloned()
    }

    /// A file that has just been made is sealed; nothing is where nothing is to be.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn mark(&self, file: &OwnedFd) -> Result<Option<Sealed>, Errno> {
        self.key.map(|key| key.mark(file)).transpose()
    }

    pub(super) fn know(&mut self, node: u64, sealed: Option<Sealed>) {
        self.open.extend(sealed.map(|sealed| (node, Rc::new(sealed))));
    }

    pub(super) fn forget(&mut self, node: u64) {
        self.open.remove(&node);
    }

    /// A new file among the copies, under its name there.
    fn copy(&mut self) -> Result<(OwnedFd, CString), Errno> {
        let name = self.name();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let work = self.work.as_ref().ok_or(Errno::IO)?;
        Ok((rustix::fs::openat(work, &name, flags, Mode::RUSR | Mode::WUSR)?, name))
    }

    fn name(&mut self) -> CString {
        self.copies += 1;
        CString::new(self.copies.to_string()).unwrap_or_default()
    }
}

/// The folder of copies, with nothing in it.
fn work(root: &OwnedFd) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(root, COPIES, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(why) => return Err(why),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(root, COPIES, flags, Mode::empty())?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            rustix::fs::unlinkat(&folder, entry.file_name(), AtFlags::empty())?;
        }
    }
    Ok(folder)
}

/// Whether an attribute is the cloud's own.
pub(super) fn is_mark(name: &CStr) -> bool {
    name == MARK
}

/// The names of attributes, each with its end, without the cloud's own.
pub(super) fn without_mark(all: &[u8]) -> Vec<u8> {
    let is_ours = |name: &&[u8]| *name == MARK.to_bytes_with_nul();
    all.split_inclusive(|byte| *byte == 0).filter(|name| !is_ours(name)).flatten().copied().collect()
}

fn times(stat: &Stat) -> Timestamps {
    let at = |seconds: i64, part: u64| Timespec { tv_sec: seconds, tv_nsec: part.cast_signed() };
    Timestamps {
        last_access: at(stat.st_atime, stat.st_atime_nsec),
        last_modification: at(stat.st_mtime, stat.st_mtime_nsec),
    }
}

/// A file's contents and all that it is beside them.
fn transfer(from: &OwnedFd, stat: &Stat, to: &OwnedFd, sealed: &Sealed) -> Result<(), Errno> {
    let (mut buffer, mut at) = (vec![0; COPIED], 0);
    loop {
        let length = rustix::io::pread(from, &mut buffer, at)?;
        if length == 0 {
            break;
        }
        if buffer[..length].iter().any(|byte| *byte != 0) {
            sealed.write(to, at, &buffer[..length])?;
        }
        at += length as u64;
    }
    sealed.set_size(to, at)?;
    let mut names = vec![0; 64 << 10];
    let length = rustix::fs::flistxattr(from, &mut names)?;
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let name = CStr::from_bytes_with_nul(name).map_err(|_| Errno::IO)?;
        if name.to_bytes().starts_with(b"user.") {
            let mut value = vec![0; 64 << 10];
            let length = rustix::fs::fgetxattr(from, name, &mut value)?;
            rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty())?;
        }
    }
    rustix::fs::fchown(to, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
    rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    rustix::fs::futimens(to, &times(stat))
}

impl Files<'_> {
    /// Opens a file, for what the kernel says.
    pub(super) fn open_file(&mut self, node: u64, wanted: OFlags) -> Result<OwnedFd, Errno> {
        let Some(key) = self.seals.key else { return reopen(&self.nodes.open(node)?, wanted) };
        let mut flags = wanted;
        if wanted != OFlags::RDONLY {
            self.make_own(node)?;
            // Parts of sectors are read before they are written.
            flags = OFlags::RDWR;
        }
        let file = reopen(&self.nodes.open(node)?, flags)?;
        if self.seals.of(node).is_none() {
            self.seals.know(node, key.of(&file)?);
        }
        Ok(file)
    }

    /// A file that is about to be changed, whatever about it, lies sealed from then on.
    pub(super) fn make_own(&mut self, node: u64) -> Result<(), Errno> {
        let Some(key) = self.seals.key else { return Ok(()) };
        if self.seals.of(node).is_some() {
            return Ok(());
        }
        let place = self.nodes.open(node)?;
        let stat = rustix::fs::fstat(&place)?;
        if !is_regular(&stat) {
            return Ok(());
        }
        let from = reopen(&place, OFlags::RDONLY)?;
        if key.of(&from)?.is_some() {
            return Ok(());
        }
        let (to, name) = self.seals.copy()?;
        let done = key.mark(&to).and_then(|sealed| {
            transfer(&from, &stat, &to, &sealed)?;
            self.put_in_place(node, &to, &name)?;
            Ok(sealed)
        });
        let sealed = match done {
            Ok(sealed) => sealed,
            Err(why) => {
                if let Some(work) = &self.seals.work {
                    let _ = rustix::fs::unlinkat(work, &name, AtFlags::empty());
                }
                return Err(why);
            }
        };
        let after = rustix::fs::fstat(&to)?;
        self.meter.changed(&stat, &after);
        // Who reads it reads on.
        for open in self.open.values_mut().filter(|open| open.node == node) {
            open.file = reopen(&to, OFlags::RDONLY)?;
        }
        self.seals.know(node, Some(sealed));
        self.nodes.replaced(node, &after, to);
        Ok(())
    }

    /// Gives a copy all the names that are known of what it is a copy of.
    fn put_in_place(&mut self, node: u64, copy: &OwnedFd, name: &CStr) -> Result<(), Errno> {
        let mut name = Some(name.to_owned());
        for (folder, as_what) in self.nodes.names(node) {
            let place = self.nodes.open(folder)?;
            let before = rustix::fs::fstat(&place)?;
            let from = match name.take() {
                Some(name) => name,
                None => {
                    let further = self.seals.name();
                    let work = self.seals.work.as_ref().ok_or(Errno::IO)?;
                    rustix::fs::linkat(CWD, itself(copy), work, &further, AtFlags::SYMLINK_FOLLOW)?;
                    further
                }
            };
            let work = self.seals.work.as_ref().ok_or(Errno::IO)?;
            rustix::fs::renameat(work, &from, &place, &as_what)?;
            rustix::fs::utimensat(&place, c"", &times(&before), AtFlags::EMPTY_PATH)?;
        }
        // What has no name any more gets none.
        match (name, &self.seals.work) {
            (Some(name), Some(work)) => rustix::fs::unlinkat(work, name, AtFlags::empty()),
            _ => Ok(()),
        }
    }

    /// Makes a file as long as that.
    pub(super) fn set_size(&mut self, node: u64, place: &OwnedFd, to: u64) -> Result<(), Errno> {
        let Some(key) = self.seals.key else {
            return rustix::fs::ftruncate(reopen(place, OFlags::WRONLY)?, to);
        };
        let file = reopen(place, OFlags::RDWR)?;
        if to == 0 {
            rustix::fs::ftruncate(&file, 0)?;
            // What comes into it now has nothing to do with what was there.
            let anew = key.mark(&file)?;
            if self.seals.of(node).is_some() {
                self.seals.know(node, Some(anew));
            }
            return Ok(());
        }
        match key.of(&file)? {
            Some(sealed) => sealed.set_size(&file, to),
            None => rustix::fs::ftruncate(&file, to),
        }
    }

    pub(super) fn release(&mut self, number: u64) {
        let Some(Open { node, .. }) = self.open.remove(&number) else { return };
        if !self.open.values().any(|open| open.node == node) {
            self.seals.forget(node);
        }
    }
}
