//! What the kernel asks about a machine's files, done with those that there are.

use super::meter::{BLOCK, Meter};
use super::nodes::{ROOT, file, is_folder, itself, reopen};
use super::sealing::{is_mark, without_mark};
use super::{Files, Listed, Open};
use crate::fuse::{Out, PAGE, Request, WRITE_MAX, init, op, u32_at, u64_at};
use crate::seal::COPIES;
use rustix::fs::{
    AtFlags, CWD, Dir, FallocateFlags, FileType, Gid, Mode, OFlags, RenameFlags, SeekFrom, Stat, Timespec,
    Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

/// For how many seconds what was said may be believed: nobody but the kernel changes anything.
const FOR_EVER: u64 = 1 << 30;

/// The names that a body has from somewhere on.
fn names<const N: usize>(body: &[u8], at: usize) -> Result<[CString; N], Errno> {
    let mut left = body.get(at..).ok_or(Errno::INVAL)?;
    let mut out = std::array::from_fn(|_| CString::default());
    for name in &mut out {
        let one = CStr::from_bytes_until_nul(left).map_err(|_| Errno::INVAL)?;
        left = &left[one.count_bytes() + 1..];
        one.clone_into(name);
    }
    Ok(out)
}

/// A name in a folder.
fn name(body: &[u8], at: usize) -> Result<CString, Errno> {
    let [name] = names(body, at)?;
    check(name)
}

fn check(name: CString) -> Result<CString, Errno> {
    let bytes = name.to_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    // The cloud's own.
    if name.as_c_str() == COPIES {
        return Err(Errno::PERM);
    }
    Ok(name)
}

fn unsigned(n: i64) -> u64 {
    n.cast_unsigned()
}

fn attributes(out: Out, stat: &Stat) -> Out {
    let part = |n: u64| u32::try_from(n).unwrap_or(0);
    out.u64(stat.st_ino)
        .u64(unsigned(stat.st_size))
        .u64(unsigned(stat.st_blocks))
        .u64(unsigned(stat.st_atime))
        .u64(unsigned(stat.st_mtime))
        .u64(unsigned(stat.st_ctime))
        .u32(part(stat.st_atime_nsec))
        .u32(part(stat.st_mtime_nsec))
        .u32(part(stat.st_ctime_nsec))
        .u32(stat.st_mode)
        .u32(u32::try_from(stat.st_nlink).unwrap_or(u32::MAX))
        .u32(stat.st_uid)
        .u32(stat.st_gid)
        .u32(u32::try_from(stat.st_rdev).unwrap_or(0))
        .u32(PAGE as u32)
        .u32(0)
}

fn told(stat: &Stat) -> Out {
    attributes(Out::default().u64(FOR_EVER).zeros(8), stat)
}

fn entry(number: u64, stat: &Stat) -> Out {
    attributes(Out::default().u64(number).u64(0).u64(FOR_EVER).u64(FOR_EVER).zeros(8), stat)
}

/// Of an extended attribute: how long it is, or the whole of it where there is room.
fn extended(room: u32, read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Out, Errno> {
    if room == 0 {
        let length = u32::try_from(read(&mut [])?).map_err(|_| Errno::RANGE)?;
        return Ok(Out::default().u32(length).u32(0));
    }
    let mut value = vec![0; room as usize];
    let length = read(&mut value)?;
    value.truncate(length);
    Ok(Out(value))
}

/// What is refused, as nothing would act on it.
fn is_list_of_rights(name: &CStr) -> bool {
    name.to_bytes().starts_with(b"system.")
}

impl Files<'_> {
    /// A body, or an error's number.
    pub(super) fn obey(&mut self, asked: &Request<'_>) -> Result<Out, Errno> {
        let (node, body) = (asked.node, asked.body);
        match asked.operation {
            op::INIT => Ok(init()),
            op::LOOKUP => match name(body, 0) {
                Err(Errno::PERM) => Err(Errno::NOENT),
                name => self.look_up(node, &name?),
            },
            op::GETATTR => Ok(told(&self.stat(node, body)?)),
            op::SETATTR => self.set_attributes(node, body),
            op::READLINK => {
                let place = self.nodes.open(node)?;
                Ok(Out(rustix::fs::readlinkat(place, c"", Vec::new())?.into_bytes()))
            }
            op::SYMLINK => {
                let [name, target] = names(body, 0)?;
                self.make(asked, &check(name)?, FileType::Symlink, |at, name| {
                    rustix::fs::symlinkat(&target, at, name)
                })
            }
            op::MKNOD => {
                let (mode, device) = (u32_at(body, 0), u64::from(u32_at(body, 4)));
                let (kind, mode) = (FileType::from_raw_mode(mode), Mode::from_raw_mode(mode & 0o7777));
                self.make(asked, &name(body, 16)?, kind, |at, name| {
                    rustix::fs::mknodat(at, name, kind, mode, device)
                })
            }
            op::MKDIR => {
                let mode = Mode::from_raw_mode(u32_at(body, 0) & 0o7777);
                self.make(asked, &name(body, 8)?, FileType::Directory, |at, name| {
                    rustix::fs::mkdirat(at, name, mode)
                })
            }
            op::UNLINK => self.remove(node, &name(body, 0)?, AtFlags::empty()),
            op::RMDIR => self.remove(node, &name(body, 0)?, AtFlags::REMOVEDIR),
            op::RENAME => self.rename(node, body, 8, 0),
            op::RENAME2 => self.rename(node, body, 16, u32_at(body, 8)),
            op::LINK => self.link(node, u64_at(body, 0), &name(body, 8)?),
            op::OPEN => {
                let flags = OFlags::from_bits_retain(u32_at(body, 0)) & OFlags::ACCMODE;
                let file = self.open_file(node, flags)?;
                Ok(self.handle(file, node))
            }
            op::CREATE => self.create(asked),
            op::READ => self.read(body),
            op::WRITE => self.write(body),
            op::STATFS => Ok(self.statistics()),
            op::RELEASE => {
                self.release(u64_at(body, 0));
                Ok(Out::default())
            }
            op::FSYNC | op::FSYNCDIR => self.settle(asked),
            op::SETXATTR | op::GETXATTR | op::LISTXATTR | op::REMOVEXATTR => self.extended(asked),
            op::OPENDIR => {
                let number = self.number();
                self.listed.insert(number, Listed::default());
                Ok(Out::default().u64(number).u64(0))
            }
            op::READDIR => self.list(node, body),
            op::RELEASEDIR => {
                self.listed.remove(&u64_at(body, 0));
                Ok(Out::default())
            }
            op::FALLOCATE => self.allocate(body),
            op::LSEEK => self.seek(body),
            op::DESTROY => Ok(Out::default()),
            op::IOCTL => Err(Errno::NOTTY),
            _ => Err(Errno::NOSYS),
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn handle(&mut self, file: OwnedFd, node: u64) -> Out {
        const KEEP_CACHE: u32 = 2;
        let number = self.number();
        self.open.insert(number, Open { file, node, end: 0, run: 0 });
        Out::default().u64(number).u32(KEEP_CACHE).u32(0)
    }

    fn file(&self, number: u64) -> Result<&OwnedFd, Errno> {
        self.open.get(&number).map(|open| &open.file).ok_or(Errno::BADF)
    }

    /// By what is open, where that is said.
    fn stat(&self, node: u64, body: &[u8]) -> Result<Stat, Errno> {
        const BY_HANDLE: u32 = 1;
        match self.open.get(&u64_at(body, 8)).filter(|_| u32_at(body, 0) & BY_HANDLE != 0) {
            Some(open) => rustix::fs::fstat(&open.file),
            None => rustix::fs::fstat(self.nodes.open(node)?),
        }
    }

    fn look_up(&mut self, folder: u64, name: &CStr) -> Result<Out, Errno> {
        let place = self.nodes.open(folder)?;
        match rustix::fs::statat(place, name, AtFlags::SYMLINK_NOFOLLOW) {
            // That there is none may be believed as well.
            Err(Errno::NOENT) => Ok(Out::default().zeros(16).u64(FOR_EVER).zeros(104)),
            stat => {
                let stat = stat?;
                Ok(entry(self.nodes.tell(&stat, folder, name), &stat))
            }
        }
    }

    /// Something new, which belongs to who asks.
    fn make(
        &mut self,
        asked: &Request<'_>,
        name: &CStr,
        kind: FileType,
        make: impl FnOnce(&OwnedFd, &CStr) -> Result<(), Errno>,
    ) -> Result<Out, Errno> {
        let place = self.nodes.open(asked.node)?;
        self.meter.may_have_file(kind)?;
        make(&place, name)?;
        let stat = self.given(&place, name, asked.owner)?;
        Ok(entry(self.nodes.tell(&stat, asked.node, name), &stat))
    }

    /// What has just been made, given to its owner, and counted.
    fn given(&mut self, place: &OwnedFd, name: &CStr, owner: (u32, u32)) -> Result<Stat, Errno> {
        let look = || rustix::fs::statat(place, name, AtFlags::SYMLINK_NOFOLLOW);
        let mut stat = look()?;
        // A folder may have said of which group it is.
        let inherits = rustix::fs::fstat(place)?.st_mode & libc::S_ISGID != 0;
        let group = if inherits { stat.st_gid } else { owner.1 };
        if (stat.st_uid, stat.st_gid) != (owner.0, group) {
            let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(group));
            let given = rustix::fs::chownat(place, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
            if let Err(why) = given {
                let how = if is_folder(&stat) { AtFlags::REMOVEDIR } else { AtFlags::empty() };
                rustix::fs::unlinkat(place, name, how)?;
                return Err(why);
            }
            stat = look()?;
        }
        self.meter.came(&stat);
        Ok(stat)
    }

    fn create(&mut self, asked: &Request<'_>) -> Result<Out, Errno> {
        let (body, folder) = (asked.body, asked.node);
        let name = name(body, 16)?;
        let place = self.nodes.open(folder)?;
        self.meter.may_have_file(FileType::RegularFile)?;
        let mode = Mode::from_raw_mode(u32_at(body, 4) & 0o7777);
        let flags = match self.seals.is_on() {
            true => OFlags::RDWR,
            false => OFlags::from_bits_retain(u32_at(body, 0)) & OFlags::ACCMODE,
        };
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&place, &name, flags, mode)?;
        let sealed = self.seals.mark(&file)?;
        let stat = self.given(&place, &name, asked.owner)?;
        let node = self.nodes.tell(&stat, folder, &name);
        self.seals.know(node, sealed);
        Ok(entry(node, &stat).bytes(&self.handle(file, node).0))
    }

    fn remove(&mut self, folder: u64, name: &CStr, how: AtFlags) -> Result<Out, Errno> {
        let place = self.nodes.open(folder)?;
        let losing = self.nodes.losing(&place, name)?;
        rustix::fs::unlinkat(&place, name, how)?;
        if let Some(gone) = self.nodes.lost(losing, folder, name) {
            self.meter.went(&gone);
        }
        Ok(Out::default())
    }

    fn rename(&mut self, from: u64, body: &[u8], at: usize, flags: u32) -> Result<Out, Errno> {
        let to = u64_at(body, 0);
        let [old, new] = names(body, at)?;
        let (old, new) = (check(old)?, check(new)?);
        let (from_place, to_place) = (self.nodes.open(from)?, self.nodes.open(to)?);
        let flags = RenameFlags::from_bits_retain(flags);
        let moved = self.about_to_move(&from_place, &old)?;
        if flags.contains(RenameFlags::EXCHANGE) {
            self.about_to_move(&to_place, &new)?;
        }
        let losing = match self.nodes.losing(&to_place, &new) {
            Err(Errno::NOENT) => None,
            losing => Some(losing?),
        };
        if flags.contains(RenameFlags::WHITEOUT) {
            self.meter.may_have_file(FileType::CharacterDevice)?;
        }
        rustix::fs::renameat_with(&from_place, &old, &to_place, &new, flags)?;
        let (before, after) = ((from, old.as_c_str()), (to, new.as_c_str()));
        match losing {
            // Two names of one file stay.
            Some(same) if file(&same.stat) == file(&moved) => return Ok(Out::default()),
            Some(other) if flags.contains(RenameFlags::EXCHANGE) => {
                self.nodes.moved(&other.stat, after, before);
            }
            Some(losing) => {
                if let Some(gone) = self.nodes.lost(losing, to, &new) {
                    self.meter.went(&gone);
                }
            }
            None => {}
        }
        self.nodes.moved(&moved, before, after);
        if flags.contains(RenameFlags::WHITEOUT) {
            self.meter.came(&rustix::fs::statat(&from_place, &old, AtFlags::SYMLINK_NOFOLLOW)?);
        }
        Ok(Out::default())
    }

    /// What is moved is the machine's own.
    fn about_to_move(&mut self, folder: &OwnedFd, name: &CStr) -> Result<Stat, Errno> {
        let look = || rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = look()?;
        let Some(node) = self.nodes.number(&stat).filter(|_| self.seals.is_on()) else { return Ok(stat) };
        self.make_own(node)?;
        look()
    }

    fn link(&mut self, folder: u64, file: u64, name: &CStr) -> Result<Out, Errno> {
        let place = self.nodes.open(folder)?;
        self.make_own(file)?;
        let held = self.nodes.open(file)?;
        rustix::fs::linkat(CWD, itself(&held), &place, name, AtFlags::SYMLINK_FOLLOW)?;
        let stat = rustix::fs::statat(&place, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(entry(self.nodes.tell(&stat, folder, name), &stat))
    }

    fn set_attributes(&mut self, node: u64, body: &[u8]) -> Result<Out, Errno> {
        const MODE: u32 = 1;
        const UID: u32 = 1 << 1;
        const GID: u32 = 1 << 2;
        const SIZE: u32 = 1 << 3;
        const TIMES: [(u32, u32, usize, usize); 2] = [(1 << 4, 1 << 7, 32, 56), (1 << 5, 1 << 8, 40, 60)];
        let asks = |what: u32| u32_at(body, 0) & what != 0;
        self.make_own(node)?;
        let place = self.nodes.open(node)?;
        if asks(UID) || asks(GID) {
            let uid = asks(UID).then(|| Uid::from_raw(u32_at(body, 76)));
            let gid = asks(GID).then(|| Gid::from_raw(u32_at(body, 80)));
            rustix::fs::chownat(&place, c"", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        // After it was given away, which takes some of them.
        if asks(MODE) {
            let mode = Mode::from_raw_mode(u32_at(body, 68) & 0o7777);
            rustix::fs::chmodat(CWD, itself(&place), mode, AtFlags::empty())?;
        }
        if asks(SIZE) {
            let before = rustix::fs::fstat(&place)?;
            self.set_size(node, &place, u64_at(body, 16))?;
            self.meter.changed(&before, &rustix::fs::fstat(&place)?);
        }
        let time = |(set, now, at, part): (u32, u32, usize, usize)| match (asks(now), asks(set)) {
            (true, _) => Timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW },
            (_, true) => {
                Timespec { tv_sec: u64_at(body, at).cast_signed(), tv_nsec: u32_at(body, part).into() }
            }
            _ => Timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT },
        };
        if TIMES.iter().any(|(set, now, ..)| asks(*set) || asks(*now)) {
            let [last_access, last_modification] = TIMES.map(time);
            let times = Timestamps { last_access, last_modification };
            rustix::fs::utimensat(&place, c"", &times, AtFlags::EMPTY_PATH)?;
        }
        Ok(told(&rustix::fs::fstat(&place)?))
    }

    fn read(&self, body: &[u8]) -> Result<Out, Errno> {
        let (number, mut at) = (u64_at(body, 0), u64_at(body, 8));
        let Open { file, node, .. } = self.open.get(&number).ok_or(Errno::BADF)?;
        let mut out = vec![0; (u32_at(body, 16) as usize).min(WRITE_MAX)];
        let mut length = 0;
        if let Some(sealed) = self.seals.of(*node) {
            length = sealed.read(file, at, &mut out)?;
            out.truncate(length);
            return Ok(Out(out));
        }
        while length < out.len() {
            match rustix::io::pread(file, &mut out[length..], at)? {
                0 => break,
                more => (length, at) = (length + more, at + more as u64),
            }
        }
        out.truncate(length);
        Ok(Out(out))
    }

    fn write(&mut self, body: &[u8]) -> Result<Out, Errno> {
        let (at, length) = (u64_at(body, 8), u32_at(body, 16) as usize);
        let bytes = body.get(40..40 + length).ok_or(Errno::INVAL)?;
        let Open { file, node, .. } = self.open.get(&u64_at(body, 0)).ok_or(Errno::BADF)?;
        let before = rustix::fs::fstat(file)?;
        let fits = |meter: &mut Meter, most: usize| meter.may_fill(file, &before, at, most as u64);
        let fitting = match fits(&mut self.meter, length) {
            // As much of it as there is room for: up to the end of a block.
            Err(Errno::NOSPC) => {
                let first = usize::try_from(BLOCK - at % BLOCK).unwrap_or(PAGE);
                let ends = (0..).map(|more| first + more * PAGE).take_while(|end| *end < length);
                let most = ends.take_while(|end| fits(&mut self.meter, *end).is_ok()).last();
                most.ok_or(Errno::NOSPC)?
            }
            other => other.map(|()| length)?,
        };
        let done = match self.seals.of(*node) {
            Some(sealed) => sealed.write(file, at, &bytes[..fitting]).map(|()| fitting)?,
            None => rustix::io::pwrite(file, &bytes[..fitting], at)?,
        };
        self.meter.changed(&before, &rustix::fs::fstat(file)?);
        Ok(Out::default().u32(u32::try_from(done).unwrap_or(0)).u32(0))
    }

    fn statistics(&mut self) -> Out {
        let all = self.meter.size();
        let left = all.saturating_sub(self.meter.bytes) / BLOCK;
        let (files, names) = (self.meter.files_max(), 255);
        let sizes = Out::default().u64(all / BLOCK).u64(left).u64(left);
        let counts = sizes.u64(files).u64(files.saturating_sub(self.meter.files));
        counts.u32(PAGE as u32).u32(names).u32(PAGE as u32).zeros(28)
    }

    fn settle(&self, asked: &Request<'_>) -> Result<Out, Errno> {
        const DATA_ONLY: u32 = 1;
        let data_only = u32_at(asked.body, 8) & DATA_ONLY != 0;
        if asked.operation == op::FSYNCDIR {
            let folder = reopen(&self.nodes.open(asked.node)?, OFlags::RDONLY | OFlags::DIRECTORY)?;
            rustix::fs::fsync(folder)?;
            return Ok(Out::default());
        }
        let file = self.file(u64_at(asked.body, 0))?;
        if data_only {
            rustix::fs::fdatasync(file)?;
        } else {
            rustix::fs::fsync(file)?;
        }
        Ok(Out::default())
    }

    fn extended(&mut self, asked: &Request<'_>) -> Result<Out, Errno> {
        let body = asked.body;
        if matches!(asked.operation, op::SETXATTR | op::REMOVEXATTR) {
            self.make_own(asked.node)?;
        }
        let place = self.nodes.open(asked.node)?;
        let (path, room) = (itself(&place), u32_at(body, 0));
        // Links have none that a user could set.
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&place)?.st_mode);
        let is_link = kind == FileType::Symlink;
        match asked.operation {
            op::LISTXATTR if is_link => extended(room, |_| Ok(0)),
            op::LISTXATTR if self.seals.is_on() => {
                let mut all = vec![0; 64 << 10];
                let length = rustix::fs::listxattr(&path, &mut all)?;
                let names = without_mark(&all[..length]);
                extended(room, |value| match value.len() {
                    0 => Ok(names.len()),
                    _ => {
                        let place = value.get_mut(..names.len()).ok_or(Errno::RANGE)?;
                        place.copy_from_slice(&names);
                        Ok(names.len())
                    }
                })
            }
            op::LISTXATTR => extended(room, |value| rustix::fs::listxattr(&path, value)),
            op::GETXATTR => {
                let [name] = names(body, 8)?;
                match is_link || is_list_of_rights(&name) || self.is_own(&name) {
                    true => Err(Errno::NODATA),
                    false => extended(room, |value| rustix::fs::getxattr(&path, &name, value)),
                }
            }
            op::SETXATTR => {
                let [name] = names(body, 8)?;
                let at = 8 + name.as_bytes_with_nul().len();
                let value = body.get(at..at + room as usize).ok_or(Errno::INVAL)?;
                if is_list_of_rights(&name) {
                    return Err(Errno::OPNOTSUPP);
                }
                if is_link || self.is_own(&name) {
                    return Err(Errno::PERM);
                }
                let flags = XattrFlags::from_bits_retain(u32_at(body, 4));
                rustix::fs::setxattr(&path, &name, value, flags)?;
                Ok(Out::default())
            }
            _ => {
                let [name] = names(body, 0)?;
                match is_link || is_list_of_rights(&name) || self.is_own(&name) {
                    true => Err(Errno::NODATA),
                    false => rustix::fs::removexattr(&path, &name).map(|()| Out::default()),
                }
            }
        }
    }

    /// Whether an attribute says that the file is sealed.
    fn is_own(&self, name: &CStr) -> bool {
        self.seals.is_on() && is_mark(name)
    }

    fn list(&mut self, node: u64, body: &[u8]) -> Result<Out, Errno> {
        let (number, at, most) = (u64_at(body, 0), u64_at(body, 8), u32_at(body, 16) as usize);
        if at == 0 {
            let folder = reopen(&self.nodes.open(node)?, OFlags::RDONLY | OFlags::DIRECTORY)?;
            let mut entries = Vec::new();
            for entry in Dir::read_from(folder)? {
                let entry = entry?;
                if node == ROOT && entry.file_name() == COPIES {
                    continue;
                }
                entries.push((entry.ino(), entry.file_type(), entry.file_name().to_owned()));
            }
            self.listed.insert(number, Listed(entries));
        }
        let listed = self.listed.get(&number).ok_or(Errno::BADF)?;
        let mut out = Out::default();
        let from = usize::try_from(at).map_err(|_| Errno::INVAL)?;
        for (place, (file, kind, name)) in listed.0.iter().enumerate().skip(from) {
            let bytes = name.to_bytes();
            let length = (24 + bytes.len()).next_multiple_of(8);
            if out.0.len() + length > most {
                break;
            }
            let count = u32::try_from(bytes.len()).map_err(|_| Errno::NAMETOOLONG)?;
            let head = out.u64(*file).u64(place as u64 + 1).u32(count).u32(kind.as_raw_mode() >> 12);
            out = head.bytes(bytes).zeros(length - 24 - bytes.len());
        }
        Ok(out)
    }

    fn allocate(&mut self, body: &[u8]) -> Result<Out, Errno> {
        let (at, length, mode) = (u64_at(body, 8), u64_at(body, 16), u32_at(body, 24));
        let mode = FallocateFlags::from_bits_retain(mode);
        let Open { file, node, .. } = self.open.get(&u64_at(body, 0)).ok_or(Errno::BADF)?;
        let before = rustix::fs::fstat(file)?;
        let end = at.checked_add(length).ok_or(Errno::FBIG)?;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let is_within = end <= unsigned(before.st_size);
        match mode {
            FallocateFlags::ZERO_RANGE => self.meter.may_fill(file, &before, at, length)?,
            _ if mode.is_empty() => self.meter.may_fill(file, &before, at, length)?,
            // What is set aside behind the end would not be counted.
            FallocateFlags::KEEP_SIZE if is_within => self.meter.may_fill(file, &before, at, length)?,
            _ if mode == hole => {}
            _ => return Err(Errno::OPNOTSUPP),
        }
        match self.seals.of(*node) {
            Some(sealed) => sealed.allocate(file, mode, at, length)?,
            None => rustix::fs::fallocate(file, mode, at, length)?,
        }
        self.meter.changed(&before, &rustix::fs::fstat(file)?);
        Ok(Out::default())
    }

    fn seek(&self, body: &[u8]) -> Result<Out, Errno> {
        let (file, at) = (self.file(u64_at(body, 0))?.as_fd(), u64_at(body, 8));
        let to = match u32_at(body, 16).cast_signed() {
            libc::SEEK_DATA => SeekFrom::Data(at),
            libc::SEEK_HOLE => SeekFrom::Hole(at),
            _ => return Err(Errno::INVAL),
        };
        Ok(Out::default().u64(rustix::fs::seek(file, to)?))
    }
}
