//! [`MemFile`]: bytes in a file of their own that lies in memory only. Who reads them sees the file's own memory; who sends
//! them can have the kernel do so, from the file.
//!
//! Such a file is written once and never again: what the kernel has taken for a connection are its pages, and not copies
//! of them, which the other side may read long after the bytes were let go of.

use bytes::Bytes;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::ptr::null_mut;
use std::sync::Arc;

/// The file, and the memory that shows it.
#[derive(Debug)]
pub(crate) struct MemFile {
    file: Arc<OwnedFd>,
    start: *mut c_void,
    length: usize,
}

// SAFETY: the mapping is only read, and lives as long as this.
unsafe impl Send for MemFile {}
// SAFETY: as above.
unsafe impl Sync for MemFile {}

/// Bytes as a part of a file.
#[derive(Clone, Debug)]
pub struct Place {
    pub file: Arc<OwnedFd>,
    pub offset: u64,
}

impl MemFile {
    /// A file of these bytes, of which there is at least one.
    ///
    /// # Errors
    /// The system's, where it gives no such file.
    pub(crate) fn of(bytes: &[u8]) -> io::Result<MemFile> {
        let mut file = File::from(memfd_create("virga-content", MemfdFlags::CLOEXEC)?);
        file.write_all(bytes)?;
        let (file, length) = (OwnedFd::from(file), bytes.len());
        // SAFETY: a new mapping, of a file that nobody else has and that keeps its length.
        let start = unsafe { mmap(null_mut(), length, ProtFlags::READ, MapFlags::SHARED, &file, 0) }?;
        Ok(MemFile { file: Arc::new(file), start, length })
    }

    /// All of it.
    pub(crate) fn bytes(self: &Arc<MemFile>) -> Bytes {
        Bytes::from_owner(Shown(Arc::clone(self)))
    }

    /// Where some bytes lie in it, if they do.
    pub(crate) fn place(&self, bytes: &[u8]) -> Option<Place> {
        let offset = (bytes.as_ptr() as usize).checked_sub(self.start as usize)?;
        (offset + bytes.len() <= self.length)
            .then(|| Place { file: Arc::clone(&self.file), offset: offset as u64 })
    }

    /// Where its memory begins.
    pub(crate) fn address(&self) -> usize {
        self.start as usize
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        // SAFETY: what was mapped, whole; whoever sees it holds this.
        let _ = unsafe { munmap(self.start, self.length) };
    }
}

struct Shown(Arc<MemFile>);

impl AsRef<[u8]> for Shown {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the whole mapping, which lives as long as this; nobody writes to the file any more.
        unsafe { std::slice::from_raw_parts(self.0.start.cast::<u8>(), self.0.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::MemFile;
    use std::sync::Arc;

    #[test]
    fn bytes_are_found_in_their_file() {
        let all: Vec<u8> = (0..10_000).map(|n| (n % 251) as u8).collect();
        let file = Arc::new(MemFile::of(&all).unwrap());
        let bytes = file.bytes();
        assert_eq!(bytes[..], all);
        let place = file.place(&bytes[5000..5004]).unwrap();
        let mut read = [0; 4];
        assert_eq!(rustix::io::pread(&*place.file, &mut read, place.offset), Ok(4));
        assert_eq!((place.offset, &read[..]), (5000, &all[5000..5004]));
        assert!(file.place(&all).is_none());
        // Who sees them keeps them.
        drop(file);
        assert_eq!(bytes[9999], all[9999]);
    }
}
