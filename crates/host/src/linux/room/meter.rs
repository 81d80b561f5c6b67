//! How much of its room a machine's files take: as a file system of that size would count them.
//!
//! A file takes the blocks that it has on the disk, up to its end; a folder takes one. There is room for as many files as
//! `mke2fs` makes there be: one for each 16 KiB.

use crate::room;
use rustix::fs::{FileType, SeekFrom, Stat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub(super) const BLOCK: u64 = 4096;
const BYTES_PER_FILE: u64 = 16 << 10;

/// What is taken, and of how much.
#[derive(Debug)]
pub(super) struct Meter {
    disk: PathBuf,
    /// As it was last read.
    size: u64,
    pub(super) bytes: u64,
    pub(super) files: u64,
}

/// What a file takes.
pub(super) fn of(stat: &Stat) -> u64 {
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    counted(FileType::from_raw_mode(stat.st_mode), unsigned(stat.st_blocks), unsigned(stat.st_size))
}

fn counted(kind: FileType, sectors: u64, size: u64) -> u64 {
    match kind {
        FileType::Directory => BLOCK,
        // What a file system has set aside behind the end is none of the machine's.
        FileType::RegularFile => sectors.saturating_mul(512).min(size.next_multiple_of(BLOCK)),
        _ => 0,
    }
}

impl Meter {
    /// Counts what is in a folder: the root of the machine whose disk this is.
    pub(super) fn new(disk: &Path, root: &Path) -> io::Result<Meter> {
        let size = room::get(disk)?.ok_or(io::ErrorKind::NotFound)?;
        let mut meter = Meter { disk: disk.to_owned(), size, bytes: 0, files: 0 };
        let (mut left, mut several) = (vec![root.to_owned()], HashSet::new());
        while let Some(path) = left.pop() {
            let known = fs::symlink_metadata(&path)?;
            if known.nlink() > 1 && !known.is_dir() && !several.insert((known.dev(), known.ino())) {
                continue;
            }
            meter.files += 1;
            meter.bytes += counted(FileType::from_raw_mode(known.mode()), known.blocks(), known.size());
            if known.is_dir() {
                for entry in fs::read_dir(&path)? {
                    left.push(entry?.path());
                }
            }
        }
        Ok(meter)
    }

    /// How much there is, by what is said now; what cannot be read has not changed.
    pub(super) fn size(&mut self) -> u64 {
        if let Ok(Some(size)) = room::get(&self.disk) {
            self.size = size;
        }
        self.size
    }

    pub(super) fn files_max(&self) -> u64 {
        self.size / BYTES_PER_FILE
    }

    /// Whether so many more bytes have room.
    pub(super) fn has_room(&mut self, bytes: u64) -> bool {
        let after = self.bytes.saturating_add(bytes);
        after <= self.size || after <= self.size()
    }

    /// A new file.
    ///
    /// # Errors
    /// `ENOSPC`
    pub(super) fn may_have_file(&mut self, kind: FileType) -> Result<(), Errno> {
        let bytes = if kind == FileType::Directory { BLOCK } else { 0 };
        let fits = self.has_room(bytes)
            && (self.files < self.files_max() || self.files < self.size() / BYTES_PER_FILE);
        if fits { Ok(()) } else { Err(Errno::NOSPC) }
    }

    pub(super) fn came(&mut self, stat: &Stat) {
        self.files += 1;
        self.bytes += of(stat);
    }

    pub(super) fn went(&mut self, stat: &Stat) {
        self.files = self.files.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(of(stat));
    }

    /// A file takes another amount than before.
    pub(super) fn changed(&mut self, before: &Stat, after: &Stat) {
        self.bytes = self.bytes.saturating_sub(of(before)).saturating_add(of(after));
    }

    /// Whether a range of a file can have bytes of its own.
    ///
    /// # Errors
    /// `ENOSPC`; what the file system says.
    pub(super) fn may_fill(
        &mut self,
        file: impl AsFd,
        stat: &Stat,
        at: u64,
        length: u64,
    ) -> Result<(), Errno> {
        let end = at.checked_add(length).ok_or(Errno::FBIG)?.next_multiple_of(BLOCK);
        let start = at - at % BLOCK;
        if self.has_room(end - start) {
            return Ok(());
        }
        // What is there already is written over.
        let size = u64::try_from(stat.st_size).unwrap_or(0).next_multiple_of(BLOCK);
        let full = of(stat) == size;
        let there = if full { end.min(size).saturating_sub(start) } else { data(file, start, end)? };
        if self.has_room((end - start).saturating_sub(there)) { Ok(()) } else { Err(Errno::NOSPC) }
    }
}

/// How much of a range is there, in whole blocks.
fn data(file: impl AsFd, start: u64, end: u64) -> Result<u64, Errno> {
    let (mut at, mut there) = (start, 0);
    while at < end {
        let from = match rustix::fs::seek(&file, SeekFrom::Data(at)) {
            Ok(from) if from < end => from,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(why) => return Err(why),
        };
        at = rustix::fs::seek(&file, SeekFrom::Hole(from))?.next_multiple_of(BLOCK).min(end);
        there += at.saturating_sub(from - from % BLOCK);
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    #[test]
    fn room_is_taken_by_what_is_written_and_no_more() {
        let disk = std::env::temp_dir().join(format!("virga-meter-{}", std::process::id()));
        fs::create_dir_all(disk.join("upper/folder")).unwrap();
        fs::write(disk.join("upper/one"), vec![1; 5000]).unwrap();
        fs::hard_link(disk.join("upper/one"), disk.join("upper/two")).unwrap();
        std::os::unix::fs::symlink("one", disk.join("upper/link")).unwrap();
        room::set(&disk, 5 * BLOCK).unwrap();
        let mut meter = Meter::new(&disk, &disk.join("upper")).unwrap();
        assert_eq!((meter.bytes, meter.files), (4 * BLOCK, 4));
        assert!(meter.has_room(BLOCK) && !meter.has_room(BLOCK + 1));
        // Only one file for each 16 KiB.
        assert_eq!(meter.may_have_file(FileType::RegularFile), Err(Errno::NOSPC));
        let file = File::options().read(true).write(true).open(disk.join("upper/one")).unwrap();
        let may = |meter: &mut Meter, at, length| {
            meter.may_fill(&file, &rustix::fs::fstat(&file).unwrap(), at, length)
        };
        assert_eq!(may(&mut meter, 0, 2 * BLOCK), Ok(()));
        assert_eq!(may(&mut meter, 0, 3 * BLOCK), Ok(()));
        assert_eq!(may(&mut meter, 0, 4 * BLOCK), Err(Errno::NOSPC));
        assert_eq!(may(&mut meter, u64::MAX, 2), Err(Errno::FBIG));
        // A hole is nothing, until it is filled.
        let before = rustix::fs::fstat(&file).unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(b"x", (1 << 20) - 1).unwrap();
        meter.changed(&before, &rustix::fs::fstat(&file).unwrap());
        assert_eq!(meter.bytes, 5 * BLOCK);
        assert_eq!(may(&mut meter, 1 << 19, 1), Err(Errno::NOSPC));
        assert_eq!(may(&mut meter, (1 << 20) - BLOCK, BLOCK), Ok(()));
        // It grows while it is served.
        room::resize(&disk, 1 << 20).unwrap();
        assert_eq!(may(&mut meter, 1 << 19, 1), Ok(()));
        assert_eq!(meter.may_have_file(FileType::Directory), Ok(()));
        crate::image::remove(&disk).unwrap();
    }
}
