//! A root that is a disk: what a firmware finds a boot loader on, with whatever else is there.
//!
//! Told apart by the mark at the end of its first sector, which no archive has that says what it is. Its layer is a folder
//! as that of an archive is, with a mark of its own and the disk in it.

use rustix::fs::XattrFlags;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;
/// What says that a sector can be booted, and where.
const BOOTS: (usize, [u8; 2]) = (510, [0x55, 0xaa]);
/// What an archive says there.
const ARCHIVE: (usize, &[u8]) = (257, b"ustar");
const MARK: &str = "user.virga.disk";
const NAME: &str = "disk";
/// What is all zeros is not written.
const PIECE: usize = 1 << 16;

/// Whether a root that begins so is a disk.
pub(crate) fn begins(first: &[u8]) -> bool {
    let has = |(at, mark): (usize, &[u8])| first.get(at..at + mark.len()) == Some(mark);
    has((BOOTS.0, &BOOTS.1)) && !has(ARCHIVE)
}

/// The first sector of what is read, or all of it.
///
/// # Errors
/// Those of the reader.
pub(crate) fn first(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(SECTOR);
    from.take(SECTOR as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// Makes a layer of a disk.
///
/// # Errors
/// What the disk says that it is written to.
pub(crate) fn lay(folder: &Path, mut from: impl Read) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = File::options().write(true).create_new(true).open(folder.join(NAME))?;
    let mut piece = Vec::with_capacity(PIECE);
    let mut length = 0;
    loop {
        piece.clear();
        let count = from.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if count == 0 {
            break;
        }
        length += count as u64;
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all(&piece)?;
        } else {
            file.seek(SeekFrom::Start(length))?;
        }
    }
    file.set_len(length)?;
    Ok(rustix::fs::setxattr(folder, MARK, b"y", XattrFlags::empty())?)
}

/// The disk of a layer, if it is one.
pub(crate) fn of(layer: &Path) -> Option<PathBuf> {
    super::is_marked(|value| rustix::fs::getxattr(layer, MARK, value)).then(|| layer.join(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_told_apart_and_kept_as_it_is() {
        let mut disk = vec![0; 3 * PIECE + 7];
        disk[BOOTS.0..SECTOR].copy_from_slice(&BOOTS.1);
        disk[2 * PIECE + 1] = 1;
        let mut archive = disk.clone();
        archive[257..262].copy_from_slice(b"ustar");
        assert!(begins(&disk) && !begins(&archive) && !begins(&[0; SECTOR]) && !begins(b"short"));
        let folder = std::env::temp_dir().join(format!("virga-disk-layer-{}", std::process::id()));
        let mut from = &disk[..];
        let begun = first(&mut from).unwrap();
        assert_eq!(begun, disk[..SECTOR]);
        lay(&folder, begun.as_slice().chain(from)).unwrap();
        assert_eq!(fs::read(of(&folder).unwrap()).unwrap(), disk);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(of(&folder), None);
    }
}
