//! Reads the archives that layers of images are, entry by entry, and writes them ([`write`]). Pure: it asks nothing but what
//! it reads from.
//!
//! Names and links of any length (GNU's and pax headers), sizes beyond eight gigabytes. Nothing that the archive says of
//! itself is trusted: sizes of headers are limited, and checksums are held against them.
//!
//! Not here: sparse files and archives in several volumes, which are refused; extended attributes, which are passed over.
//!
//! Specifications: POSIX's pax and ustar formats; the manual of GNU tar, "Basic Tar Format".

pub(crate) mod write;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

pub(crate) const BLOCK: usize = 512;
/// Of a pax header or a long name: no path is as long.
const EXTENDED_MAX: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    File,
    /// Another name of a file that came before.
    Hard,
    Symbolic,
    Folder,
    /// Devices and pipes.
    Special,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) link: PathBuf,
    /// The numbers of its user and group; 0 where they are none.
    pub(crate) owner: (u32, u32),
    /// In seconds since 1970; 0 where it is not said.
    pub(crate) modified: u64,
}

/// An archive. What it reads as is the content of the entry that it gave last.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    from: R,
    /// Of the current entry: bytes, and zeros behind them.
    left: u64,
    padding: u64,
}

/// What pax headers and long names say of the entry after them.
#[derive(Default)]
struct Said {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// A layer that is no archive, in words.
pub(crate) fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// The parts of a name within an image.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for one that leads out of it.
pub(crate) fn parts(path: &Path) -> io::Result<Vec<&OsStr>> {
    let mut all = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => all.push(name),
            Component::CurDir | Component::RootDir => {}
            _ => return Err(bad("a name leads out of the image")),
        }
    }
    Ok(all)
}

/// A field's text, up to its first zero.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number: octal digits, or binary where the first bit says so.
fn number(field: &[u8]) -> io::Result<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let bytes = field.iter().enumerate().map(|(at, byte)| if at == 0 { byte & 0x7f } else { *byte });
        return bytes.into_iter().try_fold(0_u64, |sum, byte| {
            let shifted = sum.checked_mul(256).ok_or_else(|| bad("a size is too large"))?;
            Ok(shifted + u64::from(byte))
        });
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'7' => sum
            .checked_mul(8)
            .map(|sum| sum + u64::from(byte - b'0'))
            .ok_or_else(|| bad("a size is too large")),
        _ => Err(bad("a number is none")),
    })
}

fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// Whether a header's sum is what it says; in some archives it was made of signed bytes.
fn is_sound(header: &[u8; BLOCK]) -> bool {
    let Ok(said) = number(&header[148..156]) else { return false };
    let spaced = |at: usize, byte: u8| if (148..156).contains(&at) { b' ' } else { byte };
    let plain: u64 = header.iter().enumerate().map(|(at, byte)| u64::from(spaced(at, *byte))).sum();
    let signed: i64 =
        header.iter().enumerate().map(|(at, byte)| i64::from(spaced(at, *byte).cast_signed())).sum();
    said == plain || i64::try_from(said) == Ok(signed)
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(from: R) -> Reader<R> {
        Reader { from, left: 0, padding: 0 }
    }

    pub(crate) fn into_inner(self) -> R {
        self.from
    }

    /// The next entry, whatever is left of the last one.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for what is no archive; those of what it reads from.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut said = Said::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = number(&header[124..136])?;
            match header[156] {
                b'L' => said.path = Some(text(&self.extended(size)?).to_vec()),
                b'K' => said.link = Some(text(&self.extended(size)?).to_vec()),
                b'x' => pax(&self.extended(size)?, &mut said)?,
                // Of all that follow: of this nothing is of interest here.
                b'g' => drop(self.extended(size)?),
                b'S' | b'M' => return Err(bad("it has sparse or split files")),
                kind => return self.entry(&header, kind, size, said).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &[u8; BLOCK], kind: u8, size: u64, said: Said) -> io::Result<Entry> {
        let name = said.path.unwrap_or_else(|| {
            let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
            match header[257..262] == *b"ustar" && header[262] == 0 && !prefix.is_empty() {
                true => [prefix, name].join(&b'/'),
                false => name.to_vec(),
            }
        });
        let kind = match kind {
            0 | b'0' | b'7' if name.ends_with(b"/") => Kind::Folder,
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::Hard,
            b'2' => Kind::Symbolic,
            b'5' => Kind::Folder,
            b'3' | b'4' | b'6' => Kind::Special,
            _ => return Err(bad("an entry is of an unknown kind")),
        };
        let size = if kind == Kind::File { said.size.unwrap_or(size) } else { 0 };
        self.begin(size);
        let link = said.link.unwrap_or_else(|| text(&header[157..257]).to_vec());
        let mode = u32::try_from(number(&header[100..108])? & 0o7777).unwrap_or(0);
        // What of these makes no sense is of no account: whoever asks for more has made the archive.
        let id = |field: &[u8]| number(field).ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        let owner = (id(&header[108..116]), id(&header[116..124]));
        let modified = number(&header[136..148]).unwrap_or(0);
        Ok(Entry { path: path(name), kind, mode, size, link: path(link), owner, modified })
    }

    fn begin(&mut self, size: u64) {
        let block = BLOCK as u64;
        (self.left, self.padding) = (size, (block - size % block) % block);
    }

    /// A header; `None` at the end, which are zeros, or nothing any more.
    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut header = [0; BLOCK];
        let mut read = 0;
        while read < BLOCK {
            match self.from.read(&mut header[read..])? {
                0 if read == 0 => return Ok(None),
                0 => return Err(bad("it is cut off")),
                count => read += count,
            }
        }
        if header == [0; BLOCK] {
            return Ok(None);
        }
        if is_sound(&header) { Ok(Some(header)) } else { Err(bad("a header's checksum is wrong")) }
    }

    /// What stands for the next entry instead of being one.
    fn extended(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > EXTENDED_MAX {
            return Err(bad("a header is too large"));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        match io::copy(&mut self.from.by_ref().take(rest), &mut io::sink())? {
            read if read == rest => Ok(()),
            _ => Err(bad("it is cut off")),
        }
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.from.read(&mut buffer[..most])? {
            0 => Err(bad("it is cut off")),
            read => {
                self.left -= read as u64;
                Ok(read)
            }
        }
    }
}

/// Records of a pax header: their length, a space, a key, `=`, a value, a new line.
fn pax(bytes: &[u8], said: &mut Said) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() && rest[0] != 0 {
        let broken = || bad("a pax header is broken");
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let digits = std::str::from_utf8(&rest[..space]).map_err(|_| broken())?;
        let length: usize = digits.parse().map_err(|_| broken())?;
        let record = rest.get(space + 1..length).ok_or_else(broken)?;
        let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => said.path = Some(value.to_vec()),
            b"linkpath" => said.link = Some(value.to_vec()),
            b"size" => {
                let digits = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                said.size = Some(digits.ok_or_else(broken)?);
            }
            key if key.starts_with(b"GNU.sparse.") => return Err(bad("it has sparse or split files")),
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An entry of an archive, with its content.
    pub(crate) fn entry(name: &[u8], kind: u8, mode: u32, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = [0; BLOCK];
        header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        let mut field =
            |at: usize, text: String| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        field(100, format!("{mode:07o}"));
        field(124, format!("{:011o}", content.len()));
        field(157, link.to_owned());
        field(257, "ustar".to_owned());
        field(148, " ".repeat(8));
        header[156] = kind;
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut out = header.to_vec();
        out.extend(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }

    fn read(archive: &[u8]) -> io::Result<Vec<(Entry, Vec<u8>)>> {
        let mut reader = Reader::new(archive);
        let mut all = Vec::new();
        while let Some(entry) = reader.next()? {
            let mut content = Vec::new();
            reader.read_to_end(&mut content)?;
            all.push((entry, content));
        }
        Ok(all)
    }

    #[test]
    fn entries_of_all_kinds() {
        let long = "d/".repeat(100) + "f";
        let record = |key: &str, value: &str| {
            let rest = format!(" {key}={value}\n");
            let length = (1..).find(|n: &usize| n.to_string().len() + rest.len() == *n).unwrap();
            format!("{length}{rest}")
        };
        let parts = [
            entry(b"d/", b'5', 0o755, "", b""),
            entry(b"d/f", b'0', 0o644, "", b"content"),
            entry(b"d/empty", 0, 0o600, "", b""),
            entry(b"d/s", b'2', 0o777, "../x", b""),
            entry(b"d/h", b'1', 0o644, "d/f", b""),
            entry(b"null", b'3', 0o666, "", b""),
            entry(b"././@LongLink", b'L', 0, "", format!("{long}\0").as_bytes()),
            entry(b"cut", b'0', 0o755, "", b"x"),
            entry(b"pax", b'x', 0, "", (record("path", "new") + &record("linkpath", "to")).as_bytes()),
            entry(b"old", b'2', 0o777, "from", b""),
            vec![0; 2 * BLOCK],
        ];
        let all = read(&parts.concat()).unwrap();
        let shown: Vec<_> = all
            .iter()
            .map(|(entry, content)| {
                (
                    entry.path.to_str().unwrap(),
                    entry.kind,
                    entry.mode,
                    entry.link.to_str().unwrap(),
                    content.len(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("d/", Kind::Folder, 0o755, "", 0),
                ("d/f", Kind::File, 0o644, "", 7),
                ("d/empty", Kind::File, 0o600, "", 0),
                ("d/s", Kind::Symbolic, 0o777, "../x", 0),
                ("d/h", Kind::Hard, 0o644, "d/f", 0),
                ("null", Kind::Special, 0o666, "", 0),
                (&*long, Kind::File, 0o755, "", 1),
                ("new", Kind::Symbolic, 0o777, "to", 0),
            ]
        );
        assert_eq!(read(&[]).unwrap(), []);
    }

    #[test]
    fn what_is_no_archive() {
        let file = entry(b"f", b'0', 0o644, "", b"content");
        let mut wrong = file.clone();
        wrong[0] = b'g';
        let huge = entry(b"x", b'x', 0, "", &vec![b' '; 2 << 20]);
        for (archive, why) in [
            (b"text".to_vec(), "it is cut off"),
            (wrong, "a header's checksum is wrong"),
            (file[..BLOCK + 3].to_vec(), "it is cut off"),
            (entry(b"f", b'S', 0o644, "", b""), "it has sparse or split files"),
            (entry(b"f", b'Z', 0o644, "", b""), "an entry is of an unknown kind"),
            (entry(b"p", b'x', 0, "", b"99 path=x\n"), "a pax header is broken"),
            (huge, "a header is too large"),
        ] {
            assert_eq!(read(&archive).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn whatever_it_says_it_is_read_or_refused() {
        let long = entry(b"././@LongLink", b'L', 0, "", b"long\0");
        let pax = entry(b"pax", b'x', 0, "", b"19 path=a/pax/path\n13 size=1234\n");
        let parts = [long, entry(b"f", b'0', 0o644, "", b"x"), pax, entry(b"g", b'5', 0o755, "", b"")];
        let (whole, rng) = (parts.concat(), base::Rng::seeded(7));
        for _ in 0..20_000 {
            let mut archive = whole.clone();
            for _ in 0..=rng.below(3) {
                let at = usize::try_from(rng.below(archive.len() as u64)).unwrap();
                archive[at] = rng.bytes::<1>()[0];
            }
            // Most changes would end at a checksum.
            for header in archive.chunks_exact_mut(BLOCK) {
                header[148..156].fill(b' ');
                let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
                header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            }
            let _ = read(&archive);
        }
        let mut endless = entry(b"f", b'0', 0o644, "", b"");
        endless[124..136].copy_from_slice(&[0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
        endless[148..156].fill(b' ');
        let sum: u64 = endless.iter().map(|byte| u64::from(*byte)).sum();
        endless[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert_eq!(read(&endless).unwrap_err().to_string(), "it is cut off");
    }

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(number(b"0000644\0").unwrap(), 0o644);
        assert_eq!(number(b" 644 \0\0\0").unwrap(), 0o644);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]).unwrap(), (2 << 32) + 1);
        assert!(number(b"9").is_err() && number(&[0xff; 12]).is_err());
    }
}
