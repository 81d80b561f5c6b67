//! An archive of a root becomes a layer: a folder that overlays of machines stand on.
//!
//! Whoever may register an image may have written the archive, so nothing that it says is trusted: names lead through
//! folders of the layer alone, never through links, and nothing is written outside.
//!
//! Specifications: as of [`super::pack`].

use super::pack::{ALL_GONE, BYTES_MAX, GONE, OPAQUE};
use crate::tar::{Entry, Kind, Reader, bad, parts};
use host::seal::Key;
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Names alone would still fill a disk.
const ENTRIES_MAX: usize = 4_000_000;

struct Layer<'a> {
    folder: &'a Path,
    key: Option<&'a Key>,
    /// Folders get their modes at the end: until then they are written to.
    folders: Vec<(PathBuf, Entry)>,
}

/// Unpacks an archive into a new folder, sealed where there is a key.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for what is no such archive; what the disk says.
pub(crate) fn lay(folder: &Path, key: Option<&Key>, archive: impl Read) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut layer = Layer { folder, key, folders: Vec::new() };
    let mut archive = Reader::new(archive);
    let (mut left, mut entries) = (BYTES_MAX, 0);
    while let Some(entry) = archive.next()? {
        entries += 1;
        left = left.checked_sub(entry.size).ok_or_else(|| bad("it is too large"))?;
        if entries > ENTRIES_MAX {
            return Err(bad("it has too many files"));
        }
        layer.take(entry, &mut archive)?;
    }
    layer.finish()
}

/// What there is under a name, which may be a link that leads nowhere.
fn there(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(known) => Ok(Some(known)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

impl Layer<'_> {
    /// A place within the layer whose folders are there, as folders.
    fn place(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let names = parts(path)?;
        let Some((name, above)) = names.split_last() else { return Ok(None) };
        let mut at = self.folder.to_owned();
        for name in above {
            at.push(name);
            match there(&at)? {
                Some(known) if known.is_dir() => {}
                Some(_) => return Err(bad("a file or a link is where a folder is expected")),
                None => fs::create_dir(&at)?,
            }
        }
        Ok(Some(at.join(name)))
    }

    fn take(&mut self, entry: Entry, content: &mut impl Read) -> io::Result<()> {
        let Some(at) = self.place(&entry.path)? else { return Ok(()) };
        let name = at.file_name().unwrap_or_default().as_bytes();
        if name == ALL_GONE.as_bytes() {
            let folder = at.parent().unwrap_or(self.folder);
            return Ok(rustix::fs::setxattr(folder, OPAQUE, b"y", XattrFlags::empty())?);
        }
        if let Some(gone) = name.strip_prefix(GONE.as_bytes()) {
            if gone.starts_with(GONE.as_bytes()) || matches!(gone, b"" | b"." | b"..") {
                return Err(bad("a name of what is gone is none"));
            }
            let gone = at.with_file_name(OsStr::from_bytes(gone));
            return match there(&gone)? {
                // What the same layer brings is there.
                Some(_) => Ok(()),
                None => Ok(rustix::fs::mknodat(CWD, &gone, FileType::CharacterDevice, Mode::empty(), 0)?),
            };
        }
        if let Some(known) = there(&at)? {
            match known.is_dir() {
                true if entry.kind == Kind::Folder => {}
                true => return Err(bad("a folder is where something else is expected")),
                false => fs::remove_file(&at)?,
            }
        }
        match entry.kind {
            Kind::Folder => {
                if there(&at)?.is_none() {
                    fs::create_dir(&at)?;
                }
                fs::set_permissions(&at, Permissions::from_mode(0o700))?;
                self.folders.push((at, entry));
                return Ok(());
            }
            Kind::File => {
                let mut file = File::options().read(true).write(true).create_new(true).open(&at)?;
                match self.key {
                    Some(key) => key.fill(&file, content)?,
                    None => io::copy(content, &mut file)?,
                };
            }
            Kind::Symbolic => symlink(&entry.link, &at)?,
            Kind::Hard => {
                let from = self.place(&entry.link)?.ok_or_else(|| bad("a link leads nowhere"))?;
                if !there(&from)?.is_some_and(|known| known.is_file()) {
                    return Err(bad("a link leads nowhere"));
                }
                return fs::hard_link(from, &at);
            }
            // Pipes; devices there are none of, as in a machine.
            Kind::Special => rustix::fs::mknodat(CWD, &at, FileType::Fifo, Mode::RUSR, 0)?,
        }
        dress(&at, &entry)
    }

    fn finish(mut self) -> io::Result<()> {
        // What is within before what it is in, for then that may be closed; and what was said last holds.
        self.folders.sort_by_key(|(at, _)| at.components().count());
        for (at, entry) in self.folders.iter().rev() {
            dress(at, entry)?;
        }
        fs::set_permissions(self.folder, Permissions::from_mode(0o755))
    }
}

/// Gives what was unpacked its owner, mode and time.
fn dress(at: &Path, entry: &Entry) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(entry.owner.0), Gid::from_raw(entry.owner.1));
    // Who has but one id gives everything that one, and machines had no other.
    let _ = rustix::fs::chownat(CWD, at, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW);
    if entry.kind != Kind::Symbolic {
        fs::set_permissions(at, Permissions::from_mode(entry.mode & 0o7777))?;
    }
    let at_second = Timespec { tv_sec: i64::try_from(entry.modified).unwrap_or(0), tv_nsec: 0 };
    let times = Timestamps { last_access: at_second, last_modification: at_second };
    Ok(rustix::fs::utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::super::pack::pack;
    use super::*;
    use crate::tar::tests::entry;

    /// A folder that goes when its test is over.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let folder = std::env::temp_dir().join(format!("virga-layer-{name}-{}", std::process::id()));
            let _ = host::image::remove(&folder);
            fs::create_dir_all(&folder).unwrap();
            Place(folder)
        }

        fn write(&self, name: &str, text: &str) {
            let at = self.0.join(name);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, text).unwrap();
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = host::image::remove(&self.0);
        }
    }

    fn gone(at: &Path) {
        rustix::fs::mknodat(CWD, at, FileType::CharacterDevice, Mode::empty(), 0).unwrap();
    }

    fn is_gone(at: &Path) -> bool {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let known = fs::symlink_metadata(at).unwrap();
        known.file_type().is_char_device() && known.rdev() == 0
    }

    #[test]
    fn two_layers_become_one() {
        let place = Place::new("two");
        let long = format!("upper/a/{}", "n".repeat(200));
        for (name, text) in [
            ("lower/a/below", "below"),
            ("lower/a/both", "old"),
            ("lower/a/taken", "x"),
            ("lower/hidden/old", "x"),
            ("lower/was/folder", "x"),
            ("upper/a/both", "new"),
            (&long, "far"),
            ("upper/hidden/new", "new"),
            ("upper/was", "a file"),
            ("upper/var/lib/virga/booted", ""),
            ("upper/etc/dropbear/dropbear_ed25519_host_key", "key"),
            ("upper/etc/dropbear/other", "kept"),
        ] {
            place.write(name, text);
        }
        let (upper, lower, out) = (place.0.join("upper"), place.0.join("lower"), place.0.join("out"));
        gone(&upper.join("a/taken"));
        gone(&upper.join("of-the-image"));
        rustix::fs::setxattr(upper.join("hidden"), OPAQUE, b"y", XattrFlags::empty()).unwrap();
        symlink("/etc/passwd", upper.join("link")).unwrap();
        fs::hard_link(upper.join("a/both"), upper.join("a/same")).unwrap();
        fs::set_permissions(upper.join("a/both"), Permissions::from_mode(0o4751)).unwrap();
        place.write("upper/shut/in", "in");
        fs::set_permissions(upper.join("shut/in"), Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(upper.join("shut"), Permissions::from_mode(0o500)).unwrap();
        let mut archive = Vec::new();
        pack(&[upper.clone(), lower, place.0.join("none")], None, &mut archive).unwrap();
        lay(&out, None, &archive[..]).unwrap();
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(
            (read("a/below"), read("a/both"), read("was")),
            ("below".into(), "new".into(), "a file".into())
        );
        assert_eq!(
            (read(&long["upper/".len()..]), read("etc/dropbear/other")),
            ("far".into(), "kept".into())
        );
        assert!(is_gone(&out.join("a/taken")) && is_gone(&out.join("of-the-image")));
        assert!(!out.join("hidden/old").exists() && out.join("hidden/new").exists());
        let mut opaque = [0_u8; 2];
        assert_eq!(rustix::fs::getxattr(out.join("hidden"), OPAQUE, &mut opaque[..]), Ok(1));
        assert_eq!(fs::read_link(out.join("link")).unwrap(), Path::new("/etc/passwd"));
        let known = |name: &str| fs::symlink_metadata(out.join(name)).unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!(known("a/both").ino(), known("a/same").ino());
        assert_eq!(known("a/both").mode() & 0o7777, 0o4751);
        assert_eq!((known("shut").mode() & 0o777, known("shut/in").mode() & 0o777), (0o500, 0));
        assert_eq!(fs::symlink_metadata(upper.join("shut/in")).unwrap().mode() & 0o777, 0);
        assert!(!out.join("var/lib/virga").exists());
        assert!(!out.join("etc/dropbear/dropbear_ed25519_host_key").exists());
    }

    #[test]
    fn nothing_is_written_outside() {
        for (name, parts) in [
            ("up", vec![entry(b"../x", b'0', 0o644, "", b"x")]),
            ("through", vec![entry(b"l", b'2', 0o777, "/tmp", b""), entry(b"l/x", b'0', 0o644, "", b"x")]),
            ("file", vec![entry(b"f", b'0', 0o644, "", b""), entry(b"f/x", b'0', 0o644, "", b"x")]),
            ("hard", vec![entry(b"h", b'1', 0o644, "../../etc/passwd", b"")]),
            ("far", vec![entry(b"l", b'2', 0o777, "/etc/passwd", b""), entry(b"h", b'1', 0o644, "l", b"")]),
            ("mark", vec![entry(b".wh...", b'0', 0o644, "", b"")]),
            ("over", vec![entry(b"d", b'5', 0o755, "", b""), entry(b"d", b'0', 0o644, "", b"x")]),
        ] {
            let place = Place::new(name);
            let why = lay(&place.0.join("in/out"), None, &parts.concat()[..]).unwrap_err();
            assert_eq!(why.kind(), io::ErrorKind::InvalidData, "{name}: {why}");
            let outside: Vec<_> =
                fs::read_dir(&place.0).unwrap().map(|one| one.unwrap().file_name()).collect();
            assert_eq!(outside, ["in"], "{name}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let place = Place::new("large");
        place.write("hole", "");
        File::options().write(true).open(place.0.join("hole")).unwrap().set_len(BYTES_MAX + 1).unwrap();
        let why = pack(std::slice::from_ref(&place.0), None, &mut io::sink()).unwrap_err();
        assert_eq!(why.to_string(), "its files are larger than 64 GiB");
    }

    #[test]
    fn what_is_no_folder_holds_nothing() {
        let mut archive = Vec::new();
        pack(&[PathBuf::from("/nowhere/at/all")], None, &mut archive).unwrap();
        assert!(archive.iter().all(|byte| *byte == 0));
        let place = Place::new("empty");
        lay(&place.0.join("out"), None, &archive[..]).unwrap();
        assert_eq!(fs::read_dir(place.0.join("out")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_sealed_is_packed_as_it_reads_and_laid_as_noise() {
        let (place, key) = (Place::new("sealed"), Key::new([4; 32], 1));
        let word = "a word that is looked for";
        place.write("upper/plain", word);
        place.write("upper/.virga-sealing/1", word);
        fs::create_dir_all(place.0.join("upper/a")).unwrap();
        host::seal::write(Some(&key), &place.0.join("upper/a/sealed"), word.as_bytes()).unwrap();
        fs::hard_link(place.0.join("upper/a/sealed"), place.0.join("upper/same")).unwrap();
        let mut archive = Vec::new();
        pack(&[place.0.join("upper")], Some(&key), &mut archive).unwrap();
        lay(&place.0.join("open"), None, &archive[..]).unwrap();
        let (out, other) = (place.0.join("out"), Key::new([5; 32], 1));
        lay(&out, Some(&other), &archive[..]).unwrap();
        for name in ["plain", "a/sealed", "same"] {
            assert_eq!(fs::read_to_string(place.0.join("open").join(name)).unwrap(), word, "{name}");
            let (raw, mut text) = (fs::read(out.join(name)).unwrap(), String::new());
            assert!(raw.len() == word.len() && raw != word.as_bytes(), "{name}");
            let file = File::open(out.join(name)).unwrap();
            host::seal::reader(Some(&other), file).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, word, "{name}");
        }
        assert!(!place.0.join("open/.virga-sealing").exists());
    }
}
