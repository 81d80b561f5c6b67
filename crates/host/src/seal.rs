//! Files whose contents are encrypted where they lie: as long as what they hold, and read and written anywhere.
//!
//! ```text
//! user.virga.sealed   the file's number: it is sealed, under keys of its own (HMAC-SHA256 of the number under the given key)
//! contents            sectors of 4,096 bytes, each AES-256-XTS by its place; what fills no unit of 16 bytes at the end of a
//!                     sector is masked, by AES of its place
//! ```
//!
//! A sector of zeros is a hole, and reads as zeros; so holes cost nothing, and nobody need fill what was never written. One
//! shorter than a unit could be zeros by chance, so it is none: who makes a file longer writes it.
//!
//! Sectors are written whole, as far as the file goes, so that who is killed leaves the old one or the new one. When a file is
//! cut within a unit, that unit's bytes are masked first: who is killed between the two leaves noise in fewer than 16 bytes.
//!
//! Not here: proof that nobody has changed them (XTS has none, as with disks: what is changed becomes noise); names, sizes, times,
//! what links lead to and extended attributes, which lie as they are.
//!
//! Specification: IEEE 1619.

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use rustix::fs::{FallocateFlags, XattrFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// What says that a file is sealed, and which number it has.
pub const MARK: &CStr = c"user.virga.sealed";
/// At the top of a root whose files are sealed: where copies of files are made that are to be sealed. None of its machine's.
pub const COPIES: &CStr = c".virga-sealing";
/// What is written at once.
pub(crate) const SECTOR: u64 = 4096;
const UNIT: usize = 16;
const NUMBER: usize = 16;
/// Sectors that are copied at a time.
const COPIED: usize = 64 << 10;

/// Under which files are sealed.
pub struct Key {
    bytes: [u8; 32],
    /// Files that are made with it have numbers that nobody else's have, by this.
    salt: u64,
    made: AtomicU64,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// `salt` is random, and of this key alone.
    pub fn new(bytes: [u8; 32], salt: u64) -> Key {
        Key { bytes, salt, made: AtomicU64::new(0) }
    }

    pub(crate) fn parts(&self) -> (&[u8; 32], u64) {
        (&self.bytes, self.salt)
    }

    fn keys(&self, number: &[u8; NUMBER]) -> Sealed {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &self.bytes);
        let of = |what: &[u8]| {
            let mut context = hmac::Context::with_key(&root);
            context.update(what);
            context.update(number);
            let key = context.sign();
            UnboundCipherKey::new(&AES_256, key.as_ref()).expect("any 32 bytes are an AES-256 key")
        };
        let (data, places) = (b"virga sealed file, data 1", b"virga sealed file, places 1");
        Sealed {
            seals: EncryptingKey::ecb(of(data)).expect("AES encrypts"),
            opens: DecryptingKey::ecb(of(data)).expect("AES decrypts"),
            places: EncryptingKey::ecb(of(places)).expect("AES encrypts"),
        }
    }

    /// What opens a file; nothing where it is not sealed.
    ///
    /// # Errors
    /// What the file system says; `EIO` for a number that is none.
    pub fn of(&self, file: impl AsFd) -> Result<Option<Sealed>, Errno> {
        let mut number = [0; NUMBER];
        match rustix::fs::fgetxattr(file, MARK, &mut number) {
            Ok(NUMBER) => Ok(Some(self.keys(&number))),
            Ok(_) | Err(Errno::RANGE) => Err(Errno::IO),
            Err(Errno::NODATA) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Makes an empty file one that is sealed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn mark(&self, file: impl AsFd) -> Result<Sealed, Errno> {
        let mut number = [0; NUMBER];
        number[..8].copy_from_slice(&self.salt.to_le_bytes());
        number[8..].copy_from_slice(&self.made.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        rustix::fs::fsetxattr(file, MARK, &number, XattrFlags::empty())?;
        Ok(self.keys(&number))
    }

    /// Fills a new file with so many bytes at most.
    ///
    /// # Errors
    /// What the file system says, or who gives them.
    pub fn fill(&self, file: &File, from: &mut dyn Read) -> io::Result<u64> {
        let (sealed, mut at) = (self.mark(file)?, 0);
        let mut buffer = vec![0; COPIED];
        loop {
            let mut length = 0;
            while length < buffer.len() {
                match from.read(&mut buffer[length..])? {
                    0 => break,
                    more => length += more,
                }
            }
            sealed.put(file, at, &buffer[..length])?;
            at += length as u64;
            if length < buffer.len() {
                return Ok(at);
            }
        }
    }
}

/// What a sealed file holds, from its beginning.
struct Reader {
    file: File,
    sealed: Sealed,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.sealed.read(&self.file, self.at, out)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// Seals and opens the contents of one file.
pub struct Sealed {
    seals: EncryptingKey,
    opens: DecryptingKey,
    places: EncryptingKey,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

fn is_zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Whether a sector that lies so was never written.
fn is_hole(sector: &[u8]) -> bool {
    sector.len() >= UNIT && is_zeros(sector)
}

fn start_of(at: u64) -> u64 {
    at - at % SECTOR
}

/// The next of a sector's tweaks: times x.
fn next(tweak: u128) -> u128 {
    const REST: u128 = 0x87;
    (tweak << 1) ^ if tweak >> 127 == 1 { REST } else { 0 }
}

fn mix(bytes: &mut [u8], other: &[u8]) {
    for (byte, other) in bytes.iter_mut().zip(other) {
        *byte ^= other;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Seals,
    Opens,
}

impl Sealed {
    fn hide(&self, places: &mut [u8]) {
        self.places.encrypt(places).expect("whole units");
    }

    /// Sectors from one on: all whole, but for the last.
    fn turn(&self, first: u64, text: &mut [u8], way: Way) {
        let sectors = text.chunks(SECTOR as usize).len() as u64;
        let mut starts: Vec<u8> =
            (first..first + sectors).flat_map(|sector| u128::from(sector).to_le_bytes()).collect();
        self.hide(&mut starts);
        let whole = text.len() - text.len() % UNIT;
        let mut tweaks = Vec::with_capacity(whole);
        for start in starts.chunks_exact(UNIT) {
            let mut tweak = u128::from_le_bytes(start.try_into().expect("a unit"));
            let units = (whole - tweaks.len()).min(SECTOR as usize) / UNIT;
            for _ in 0..units {
                tweaks.extend_from_slice(&tweak.to_le_bytes());
                tweak = next(tweak);
            }
        }
        let (units, rest) = text.split_at_mut(whole);
        mix(units, &tweaks);
        match way {
            Way::Seals => drop(self.seals.encrypt(units).expect("whole units")),
            Way::Opens => drop(self.opens.decrypt(units, DecryptionContext::None).expect("whole units")),
        }
        mix(units, &tweaks);
        if !rest.is_empty() {
            // No sector has such a number; and no other unit of this one such a place.
            let unit = (whole % SECTOR as usize / UNIT) as u128;
            let mut mask = (1 << 127 | unit << 64 | u128::from(first + sectors - 1)).to_le_bytes();
            self.hide(&mut mask);
            mix(rest, &mask);
        }
    }

    /// Opens sectors that lie so.
    fn open(&self, first: u64, text: &mut [u8]) {
        let sector = SECTOR as usize;
        let holes: Vec<usize> = (0..text.len())
            .step_by(sector)
            .filter(|at| is_hole(&text[*at..(at + sector).min(text.len())]))
            .collect();
        if holes.len() == text.chunks(sector).len() {
            return;
        }
        self.turn(first, text, Way::Opens);
        for at in holes {
            let end = (at + sector).min(text.len());
            text[at..end].fill(0);
        }
    }

    /// Whole sectors as they lie, as far as the file goes.
    fn lying(file: impl AsFd, start: u64, length: u64) -> Result<Vec<u8>, Errno> {
        let mut text = vec![0; usize::try_from(length).map_err(|_| Errno::FBIG)?];
        let mut filled = 0;
        while filled < text.len() {
            match rustix::io::pread(&file, &mut text[filled..], start + filled as u64)? {
                0 => break,
                more => filled += more,
            }
        }
        text.truncate(filled);
        Ok(text)
    }

    /// What whole sectors hold, as far as the file goes.
    fn sectors(&self, file: impl AsFd, start: u64, end: u64) -> Result<Vec<u8>, Errno> {
        let mut text = Sealed::lying(file, start, end.next_multiple_of(SECTOR) - start)?;
        self.open(start / SECTOR, &mut text);
        Ok(text)
    }

    /// How much was read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(&self, file: impl AsFd, at: u64, out: &mut [u8]) -> Result<usize, Errno> {
        let (start, end) = (start_of(at), at.checked_add(out.len() as u64).ok_or(Errno::FBIG)?);
        let text = self.sectors(file, start, end)?;
        let from = (at - start) as usize;
        let found = text.get(from..).unwrap_or_default();
        let length = found.len().min(out.len());
        out[..length].copy_from_slice(&found[..length]);
        Ok(length)
    }

    /// Seals what begins with a sector, and writes it.
    fn lay(&self, file: impl AsFd, start: u64, mut text: Vec<u8>) -> Result<(), Errno> {
        self.turn(start / SECTOR, &mut text, Way::Seals);
        let mut done = 0;
        while done < text.len() {
            match rustix::io::pwrite(&file, &text[done..], start + done as u64)? {
                0 => return Err(Errno::IO),
                more => done += more,
            }
        }
        Ok(())
    }

    /// # Errors
    /// What the file system says.
    pub fn write(&self, file: impl AsFd, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut size = size(&file)?;
        if at > size {
            self.lengthen(&file, size, at)?;
            size = at;
        }
        let end = at.checked_add(bytes.len() as u64).ok_or(Errno::FBIG)?;
        let (start, last) = (start_of(at), start_of(end));
        let mut text = Vec::with_capacity(bytes.len() + 2 * SECTOR as usize);
        if at > start {
            text = self.sectors(&file, start, at)?;
            text.resize((at - start) as usize, 0);
        }
        text.extend_from_slice(bytes);
        if end > last && size > end {
            let kept = self.sectors(&file, last, end)?;
            text.extend_from_slice(&kept[(end - last) as usize..]);
        }
        self.lay(file, start, text)
    }

    /// As [`Sealed::write`], but zeros at the end of a file become a hole.
    fn put(&self, file: impl AsFd, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        if !bytes.is_empty() && is_zeros(bytes) && at.is_multiple_of(SECTOR) {
            return self.lengthen(file, at, at + bytes.len() as u64);
        }
        self.write(file, at, bytes)
    }

    /// Makes a file as long as that.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_size(&self, file: impl AsFd, to: u64) -> Result<(), Errno> {
        let size = size(&file)?;
        if to > size { self.lengthen(file, size, to) } else { self.cut(file, to) }
    }

    fn lengthen(&self, file: impl AsFd, from: u64, to: u64) -> Result<(), Errno> {
        let start = start_of(from);
        let mut there = from;
        if from > start {
            // Whether a sector's last bytes fill a unit, they lie otherwise.
            let mut text = self.sectors(&file, start, from)?;
            there = to.min(start + SECTOR);
            text.resize((there - start) as usize, 0);
            self.lay(&file, start, text)?;
        }
        if there == to {
            return Ok(());
        }
        let last = start_of(to);
        match (to - last) as usize {
            rest @ 1..UNIT => self.lay(file, last, vec![0; rest]),
            _ => rustix::fs::ftruncate(file, to),
        }
    }

    fn cut(&self, file: impl AsFd, to: u64) -> Result<(), Errno> {
        let (start, rest) = (start_of(to), (to % UNIT as u64) as usize);
        if rest > 0 {
            let mut text = Sealed::lying(&file, start, SECTOR)?;
            let was_hole = is_hole(&text);
            self.open(start / SECTOR, &mut text);
            text.truncate((to - start) as usize);
            if !was_hole || text.len() < UNIT {
                self.turn(start / SECTOR, &mut text, Way::Seals);
                let from = text.len() - rest;
                rustix::io::pwrite(&file, &text[from..], to - rest as u64)?;
            }
        }
        rustix::fs::ftruncate(file, to)
    }

    /// Does with a range what a program asks a file system to do with it, of what it may ask here: has room set aside for it,
    /// or makes zeros of it.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn allocate(
        &self,
        file: impl AsFd,
        mode: FallocateFlags,
        at: u64,
        length: u64,
    ) -> Result<(), Errno> {
        let (size, end) = (size(&file)?, at.checked_add(length).ok_or(Errno::FBIG)?);
        let punches = mode.contains(FallocateFlags::PUNCH_HOLE);
        if end > size && !mode.contains(FallocateFlags::KEEP_SIZE) {
            self.lengthen(&file, size, end)?;
        }
        if punches || mode.contains(FallocateFlags::ZERO_RANGE) {
            self.clear(&file, at, length)?;
        }
        // What is set aside lies as zeros: a hole, for all that it takes room.
        if punches { Ok(()) } else { rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, at, length) }
    }

    /// Makes zeros of a range within a file, which take no room where that can be.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn clear(&self, file: impl AsFd, at: u64, length: u64) -> Result<(), Errno> {
        let end = at.saturating_add(length).min(size(&file)?);
        let (first, last) = (at.next_multiple_of(SECTOR), start_of(end));
        let edges = match first < last {
            true => {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(&file, hole, first, last - first)?;
                [(at, first), (last, end)]
            }
            false => [(at, end), (end, end)],
        };
        for (from, to) in edges.into_iter().filter(|(from, to)| from < to) {
            self.write(&file, from, &vec![0; (to - from) as usize])?;
        }
        Ok(())
    }
}

fn size(file: impl AsFd) -> Result<u64, Errno> {
    Ok(rustix::fs::fstat(file)?.st_size.unsigned_abs())
}

/// Writes a file as a key has it, or as it is where there is none.
///
/// # Errors
/// What the file system says.
pub fn write(key: Option<&Key>, path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let Some(key) = key else { return std::fs::write(path, bytes) };
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    key.fill(&file, &mut &*bytes).map(drop)
}

/// Reads a file that may be sealed, from its beginning; as it lies where there is no key.
///
/// # Errors
/// As [`Key::of`].
pub fn reader(key: Option<&Key>, file: File) -> io::Result<Box<dyn Read>> {
    Ok(match key.map_or(Ok(None), |key| key.of(&file))? {
        Some(sealed) => Box::new(Reader { file, sealed, at: 0 }),
        None => Box::new(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{FileExt, MetadataExt};
    use std::path::PathBuf;

    /// Numbers that look like chance, from a seed.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % most
        }
    }

    /// A file that goes when its test is over.
    struct Place(PathBuf, File);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("virga-seal-{name}-{}", std::process::id()));
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(true).open(&path).unwrap();
            Place(path, file)
        }

        fn raw(&self) -> Vec<u8> {
            fs::read(&self.0).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn held(sealed: &Sealed, file: &File) -> Vec<u8> {
        let mut out = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap() + 1];
        let length = sealed.read(file, 0, &mut out).unwrap();
        out.truncate(length);
        out
    }

    #[test]
    fn sectors_lie_as_the_standard_has_it() {
        let key = |hex: &str| {
            let bytes: Vec<u8> =
                (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
            UnboundCipherKey::new(&AES_256, &bytes).unwrap()
        };
        // Vector 10 of IEEE 1619: its beginning.
        let data = || key("2718281828459045235360287471352662497757247093699959574966967627");
        let places = key("3141592653589793238462643383279502884197169399375105820974944592");
        let sealed = Sealed {
            seals: EncryptingKey::ecb(data()).unwrap(),
            opens: DecryptingKey::ecb(data()).unwrap(),
            places: EncryptingKey::ecb(places).unwrap(),
        };
        let plain: Vec<u8> = (0..=255).collect();
        let mut text = plain.clone();
        sealed.turn(0xff, &mut text, Way::Seals);
        let hex: String = text[..48].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b5d31e276f8fe4a8d66b317f9ac683f44"
        );
        sealed.turn(0xff, &mut text, Way::Opens);
        assert_eq!(text, plain);
    }

    #[test]
    fn whatever_is_done_to_a_file_it_holds_what_it_would_hold() {
        let place = Place::new("model");
        let key = Key::new([7; 32], 1);
        let sealed = key.mark(&place.1).unwrap();
        let (mut model, mut dice): (Vec<u8>, _) = (Vec::new(), Dice(1));
        for round in 0..1_500 {
            let at = dice.below(5) * SECTOR / 2 + dice.below(40);
            let length = [dice.below(40), dice.below(3 * SECTOR)][(round % 2) as usize];
            let (from, to) = (at as usize, (at + length) as usize);
            match dice.below(5) {
                0 => {
                    sealed.set_size(&place.1, at).unwrap();
                    model.resize(from, 0);
                }
                1 => {
                    sealed.clear(&place.1, at, length).unwrap();
                    let end = to.min(model.len());
                    model[from.min(end)..end].fill(0);
                }
                _ => {
                    let bytes = vec![1 + dice.below(255) as u8; to - from];
                    sealed.write(&place.1, at, &bytes).unwrap();
                    if !bytes.is_empty() {
                        model.resize(model.len().max(to), 0);
                        model[from..to].copy_from_slice(&bytes);
                    }
                }
            }
            assert!(held(&sealed, &place.1) == model, "round {round}");
            // Also by who opens it anew, anywhere.
            let again = key.of(&place.1).unwrap().unwrap();
            let mut part = vec![0; 100];
            let length = again.read(&place.1, at, &mut part).unwrap();
            let expected = model.get(from..).unwrap_or_default();
            assert_eq!(part[..length], expected[..expected.len().min(100)], "round {round}");
        }
    }

    #[test]
    fn nothing_of_it_lies_readable_and_holes_stay_holes() {
        let word = b"a word that is looked for";
        let (one, other) = (Place::new("one"), Place::new("other"));
        let key = Key::new([1; 32], 5);
        let mut text = word.repeat(1_000);
        text.extend(vec![0; 1 << 20]);
        text.extend(b"end");
        assert_eq!(key.fill(&one.1, &mut &text[..]).unwrap(), text.len() as u64);
        key.fill(&other.1, &mut &text[..]).unwrap();
        let (raw, again) = (one.raw(), other.raw());
        assert_eq!(raw.len(), text.len());
        assert!(!raw.windows(word.len()).any(|part| part == word) && !raw.ends_with(b"end"));
        // Each file has keys of its own.
        assert_ne!(raw[..64], again[..64]);
        assert!(one.1.metadata().unwrap().blocks() * 512 < 1 << 20);
        let mut read = Vec::new();
        reader(Some(&key), File::open(&one.0).unwrap()).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == text);
        // Under another key it is noise, and what is not sealed is as it is.
        let noise = Key::new([2; 32], 5).of(&one.1).unwrap().unwrap();
        assert_ne!(held(&noise, &one.1)[..word.len()], word[..]);
        let plain = Place::new("plain");
        plain.1.write_all_at(word, 0).unwrap();
        assert!(key.of(&plain.1).unwrap().is_none());
        let mut read = Vec::new();
        reader(Some(&key), File::open(&plain.0).unwrap()).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, word);
    }
}
