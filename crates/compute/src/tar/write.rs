//! Writes archives: the header of an entry, and one before it for what does not fit into that.

use super::{BLOCK, Entry, Kind};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

const LONG_MAX: u64 = 0o77_777_777_777;
const NAME_MAX: usize = 100;

/// The header of an entry; its content, of as many bytes as it says, and zeros up to a whole block come next.
///
/// # Errors
/// Those of whoever takes the archive.
pub(crate) fn head(out: &mut dyn Write, entry: &Entry) -> io::Result<()> {
    let (name, link) = (entry.path.as_os_str().as_bytes(), entry.link.as_os_str().as_bytes());
    let mut more = Vec::new();
    for (key, value) in [("path", name), ("linkpath", link)] {
        if value.len() > NAME_MAX {
            more.extend(record(key, value));
        }
    }
    if entry.size > LONG_MAX {
        more.extend(record("size", entry.size.to_string().as_bytes()));
    }
    if !more.is_empty() {
        let header = header(b"pax", b'x', entry, more.len() as u64, b"");
        more.resize(more.len().next_multiple_of(BLOCK), 0);
        out.write_all(&header)?;
        out.write_all(&more)?;
    }
    let kind = match entry.kind {
        Kind::File => b'0',
        Kind::Hard => b'1',
        Kind::Symbolic => b'2',
        Kind::Folder => b'5',
        Kind::Special => b'6',
    };
    out.write_all(&header(name, kind, entry, entry.size.min(LONG_MAX), link))
}

/// What an archive ends with.
///
/// # Errors
/// As of [`head`].
pub(crate) fn end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// A record of a pax header: its own length, which counts itself, comes first.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

fn header(name: &[u8], kind: u8, entry: &Entry, size: u64, link: &[u8]) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut field = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    field(0, &name[..name.len().min(NAME_MAX)]);
    field(100, format!("{:07o}", entry.mode & 0o7777).as_bytes());
    for (at, id) in [(108, entry.owner.0), (116, entry.owner.1)] {
        field(at, format!("{:07o}", id.min(0o7_777_777)).as_bytes());
    }
    field(124, format!("{size:011o}").as_bytes());
    field(136, format!("{:011o}", entry.modified.min(LONG_MAX)).as_bytes());
    field(148, &[b' '; 8]);
    field(156, &[kind]);
    field(157, &link[..link.len().min(NAME_MAX)]);
    field(257, b"ustar\x0000");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}
