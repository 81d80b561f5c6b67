//! [`Witness`]: a note, kept apart from the rows, of the last commit that was on the disk.
//!
//! A journal that lost its end looks like one that was never longer. The note tells them apart: it is written after
//! each flush, without a flush of its own, so it may lag behind after a loss of power, and never runs ahead.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The number and, against half a note, its complement.
const NOTE: usize = 16;

#[derive(Debug)]
pub(crate) struct Witness {
    file: File,
    last: u64,
}

impl Witness {
    /// Opens or creates the note. One that is not there, or is half there, says nothing.
    pub(crate) fn open(path: &Path) -> io::Result<Witness> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut note = [0; NOTE];
        let last = match file.read_exact_at(&mut note, 0) {
            Ok(()) => decode(note).unwrap_or(0),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        Ok(Witness { file, last })
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn note(&mut self, last: u64) -> io::Result<()> {
        self.last = last;
        self.file.write_all_at(&encode(last), 0)
    }
}

fn encode(last: u64) -> [u8; NOTE] {
    let mut note = [0; NOTE];
    note[..8].copy_from_slice(&last.to_be_bytes());
    note[8..].copy_from_slice(&(!last).to_be_bytes());
    note
}

fn decode(note: [u8; NOTE]) -> Option<u64> {
    let (number, complement) = note.split_first_chunk::<8>()?;
    let last = u64::from_be_bytes(*number);
    (*complement == (!last).to_be_bytes()).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn half_a_note_says_nothing() {
        assert_eq!(decode(encode(77)), Some(77));
        let mut note = encode(77);
        note[7] = 78;
        assert_eq!(decode(note), None);
        assert_eq!(decode([0; 16]), None);
    }
}
