//! Layers become a root: archives unpacked over each other into one folder.
//!
//! Nothing is written outside of it, whatever the archives say: names with `..` are refused, and links are followed as a
//! program whose root that folder is would follow them. Nobody else writes there meanwhile.
//!
//! Owners are not kept, which a program of few rights could not give; nor are devices, which functions could not use.
//!
//! Specification: <https://github.com/opencontainers/image-spec/blob/main/layer.md>

use crate::lambda::sandbox::HOSTS;
use crate::tar::{Entry, Kind, Reader, bad, parts};
use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// AWS: the quotas of the developer guide: of all layers, uncompressed.
pub(crate) const UNPACKED_MAX: u64 = 10 << 30;
/// Names alone would still fill a disk.
const ENTRIES_MAX: usize = 1_000_000;
/// As many links lead to a place at most, as for the kernel.
const LINKS_MAX: usize = 40;
/// What marks that something of the layers below is gone.
const GONE: &[u8] = b".wh.";
/// And what marks that all of them is, in a folder.
const ALL_GONE: &[u8] = b".wh..wh..opq";

/// What a function's sandbox lays over an image: folders of its own.
const FOLDERS: [&str; 4] = ["dev", "proc", "sys", "tmp"];
/// Who knows names, and whom functions in customers' networks trust.
pub(crate) const RESOLVER: &str = "etc/resolv.conf";
pub(crate) const TRUSTED: &str = "etc/virga-ca-cert.pem";

/// A root that is being made.
#[derive(Debug)]
pub(crate) struct Root<'a> {
    folder: &'a Path,
    left: u64,
    entries: usize,
    /// Modes of folders, which they get at the end: until then they are written to.
    modes: Vec<(PathBuf, u32)>,
    /// What this layer has brought.
    own: HashSet<PathBuf>,
}

fn there(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(known) => Ok(Some(known)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match there(path)? {
        Some(known) if known.is_dir() => fs::remove_dir_all(path),
        Some(_) => fs::remove_file(path),
        None => Ok(()),
    }
}

/// Where a name leads within a root, links and all; `None` where there is nothing. `missing` makes folders that are not
/// there.
fn follow(
    root: &Path,
    names: Vec<OsString>,
    mut missing: impl FnMut(&Path) -> io::Result<bool>,
) -> io::Result<Option<PathBuf>> {
    let mut at = root.to_owned();
    let mut names = VecDeque::from(names);
    let mut links = 0;
    while let Some(name) = names.pop_front() {
        if name == ".." {
            if at != root {
                at.pop();
            }
            continue;
        }
        let next = at.join(&name);
        match there(&next)? {
            Some(known) if known.is_symlink() => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(bad("links lead in circles"));
                }
                let target = fs::read_link(&next)?;
                if target.is_absolute() {
                    root.clone_into(&mut at);
                }
                let target = target.components().filter_map(|part| match part {
                    Component::Normal(name) => Some(name.to_owned()),
                    Component::ParentDir => Some("..".into()),
                    _ => None,
                });
                for part in target.collect::<Vec<_>>().into_iter().rev() {
                    names.push_front(part);
                }
            }
            Some(known) if !known.is_dir() && !names.is_empty() => return Ok(None),
            Some(_) => at = next,
            None if missing(&next)? => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// What a path leads to for a program whose root this folder is.
///
/// # Errors
/// What the disk says.
pub(crate) fn within(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    follow(root, names.collect(), |_| Ok(false))
}

/// Reads a layer without unpacking it.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for what is no layer.
pub(crate) fn check(layer: impl Read) -> io::Result<()> {
    let mut archive = Reader::new(layer);
    while let Some(entry) = archive.next()? {
        parts(&entry.path)?;
    }
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}

impl Root<'_> {
    pub(crate) fn new(folder: &Path) -> Root<'_> {
        Root { folder, left: UNPACKED_MAX, entries: 0, modes: Vec::new(), own: HashSet::new() }
    }

    /// Lays an archive over what is there.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for what is no layer; what the disk says.
    pub(crate) fn lay(&mut self, layer: impl Read) -> io::Result<()> {
        self.own.clear();
        let mut archive = Reader::new(layer);
        while let Some(entry) = archive.next()? {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(bad("it has too many files"));
            }
            self.left = self
                .left
                .checked_sub(entry.size)
                .ok_or_else(|| bad("it is larger than 10 GB uncompressed"))?;
            self.take(&entry, &mut archive)?;
        }
        // What follows the end is of the layer, too: its digest is of all of it.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
    }

    fn take(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        let names = parts(&entry.path)?;
        let Some((name, above)) = names.split_last() else { return Ok(()) };
        let above = self.parent(above)?;
        let text = name.as_bytes();
        if text == ALL_GONE {
            return self.clear(&above);
        }
        if let Some(gone) = text.strip_prefix(GONE) {
            // Others of this kind tell of things that are no files.
            if gone.starts_with(GONE) || gone.is_empty() || gone == b"." || gone == b".." {
                return Ok(());
            }
            let gone = above.join(OsStr::from_bytes(gone));
            return if self.own.contains(&gone) { Ok(()) } else { remove(&gone) };
        }
        let at = above.join(name);
        match entry.kind {
            Kind::Folder => self.folder(&at, entry.mode)?,
            Kind::File => {
                remove(&at)?;
                let mut file = File::options().write(true).create_new(true).open(&at)?;
                io::copy(content, &mut file)?;
                file.flush()?;
                file.set_permissions(Permissions::from_mode(entry.mode & 0o777))?;
            }
            Kind::Symbolic => {
                remove(&at)?;
                symlink(&entry.link, &at)?;
            }
            Kind::Hard => {
                let names = parts(&entry.link)?;
                let Some((name, above)) = names.split_last() else { return Err(bad("a link leads nowhere")) };
                let from = self.parent(above)?.join(name);
                if there(&from)?.is_none_or(|known| known.is_dir()) {
                    return Err(bad("a link leads nowhere"));
                }
                if from != at {
                    remove(&at)?;
                    fs::hard_link(from, &at)?;
                }
            }
            Kind::Special => return Ok(()),
        }
        self.own.insert(at);
        Ok(())
    }

    /// The folder that these names lead to; what is missing of it is made.
    fn parent(&mut self, names: &[&OsStr]) -> io::Result<PathBuf> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let (modes, own) = (&mut self.modes, &mut self.own);
        let found = follow(self.folder, names, |missing| {
            fs::create_dir(missing)?;
            modes.push((missing.to_owned(), 0o755));
            own.insert(missing.to_owned());
            Ok(true)
        })?;
        found.filter(|found| found.is_dir()).ok_or_else(|| bad("a file is where a folder is expected"))
    }

    fn folder(&mut self, at: &Path, mode: u32) -> io::Result<()> {
        if !there(at)?.is_some_and(|known| known.is_dir()) {
            remove(at)?;
            fs::create_dir(at)?;
        }
        fs::set_permissions(at, Permissions::from_mode(0o700))?;
        self.modes.push((at.to_owned(), mode & 0o1777));
        Ok(())
    }

    /// What the layers below have in a folder is gone.
    fn clear(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let at = entry?.path();
            if !self.own.contains(&at) {
                remove(&at)?;
            }
        }
        Ok(())
    }

    /// Makes room for what sandboxes bring along, and closes it.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        for name in FOLDERS.into_iter().chain(["etc"]) {
            // A link would lead out of the image where it is mounted on.
            let at = self.folder.join(name);
            if !there(&at)?.is_some_and(|known| known.is_dir()) {
                self.folder(&at, 0o755)?;
            }
        }
        for (name, text) in [(RESOLVER, ""), (TRUSTED, "")] {
            self.file(name, text)?;
        }
        if there(&self.folder.join("etc/hosts"))?.is_none() {
            self.file("etc/hosts", HOSTS)?;
        }
        self.modes.push((self.folder.to_owned(), 0o755));
        // What was said last holds, and what is within before what it is in: then that may be closed.
        self.modes.reverse();
        let mut known = HashSet::new();
        self.modes.retain(|(at, _)| known.insert(at.clone()));
        self.modes.sort_by_key(|(at, _)| std::cmp::Reverse(at.components().count()));
        for (at, mode) in self.modes {
            // Since then a link may have come where it was, or above it.
            let own = at.strip_prefix(self.folder).unwrap_or(&at);
            let found = within(self.folder, own)?.filter(|found| *found == at);
            if found.is_some_and(|found| found.is_dir()) {
                fs::set_permissions(&at, Permissions::from_mode(mode))?;
            }
        }
        Ok(())
    }

    fn file(&self, name: &str, text: &str) -> io::Result<()> {
        let at = self.folder.join(name);
        remove(&at)?;
        fs::write(&at, text)?;
        fs::set_permissions(&at, Permissions::from_mode(0o644))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::tests::entry;

    /// A folder that goes when its test is over.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let folder = std::env::temp_dir().join(format!("virga-root-{name}-{}", std::process::id()));
            let _ = host::image::remove(&folder);
            fs::create_dir_all(folder.join("root")).unwrap();
            Place(folder)
        }

        fn root(&self) -> PathBuf {
            self.0.join("root")
        }

        fn unpacked(&self, layers: &[Vec<Vec<u8>>]) -> io::Result<()> {
            let root = self.root();
            let mut made = Root::new(&root);
            for layer in layers {
                made.lay(&layer.concat()[..])?;
            }
            made.finish()
        }

        fn read(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.root().join(name)).ok()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = host::image::remove(&self.0);
        }
    }

    fn file(name: &str, text: &str) -> Vec<u8> {
        entry(name.as_bytes(), b'0', 0o644, "", text.as_bytes())
    }

    fn link(name: &str, to: &str) -> Vec<u8> {
        entry(name.as_bytes(), b'2', 0o777, to, b"")
    }

    #[test]
    fn layers_lie_over_each_other() {
        let place = Place::new("layers");
        let first = vec![
            entry(b"./", b'5', 0o755, "", b""),
            entry(b"usr/", b'5', 0o555, "", b""),
            entry(b"usr/bin/run", b'0', 0o4755, "", b"1"),
            link("bin", "usr/bin"),
            file("a/kept", "1"),
            file("a/gone", "1"),
            file("b/c/old", "1"),
            file("both", "1"),
            entry(b"same", b'1', 0o644, "both", b""),
        ];
        let second = vec![
            file("a/.wh.gone", ""),
            file("b/c/.wh..wh..opq", ""),
            file("b/c/new", "2"),
            file("bin/more", "2"),
            file("both", "2"),
        ];
        place.unpacked(&[first, second]).unwrap();
        for (name, text) in [
            ("usr/bin/run", Some("1")),
            ("usr/bin/more", Some("2")),
            ("a/kept", Some("1")),
            ("a/gone", None),
            ("b/c/old", None),
            ("b/c/new", Some("2")),
            ("both", Some("2")),
            ("same", Some("1")),
            ("etc/hosts", Some(HOSTS)),
            ("etc/resolv.conf", Some("")),
        ] {
            assert_eq!(place.read(name).as_deref(), text, "{name}");
        }
        let mode = |name: &str| fs::metadata(place.root().join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("usr"), mode("usr/bin/run"), mode("a")), (0o555, 0o755, 0o755));
        assert!(place.root().join("proc").is_dir());
    }

    #[test]
    fn nothing_leads_out() {
        let place = Place::new("out");
        fs::create_dir(place.0.join("outside")).unwrap();
        fs::write(place.0.join("outside/secret"), "x").unwrap();
        let outside = place.0.join("outside");
        let outside = outside.to_str().unwrap();
        for (layer, why) in [
            (vec![file("../outside/f", "x")], "a name leads out of the image"),
            (vec![entry(b"h", b'1', 0o644, "../outside/secret", b"")], "a name leads out of the image"),
            (vec![entry(b"h", b'1', 0o644, "missing", b"")], "a link leads nowhere"),
            (vec![link("a", "b"), link("b", "a"), file("a/f", "x")], "links lead in circles"),
            (vec![file("f", "x"), file("f/g", "x")], "a file is where a folder is expected"),
        ] {
            assert_eq!(place.unpacked(&[layer]).unwrap_err().to_string(), why);
        }
        // Links are of the image's own root, and what is mounted on is none.
        let absolute =
            vec![link("abs", outside), file("abs/f", "x"), link("up", "../../.."), file("up/g", "x")];
        place.unpacked(&[absolute]).unwrap();
        assert_eq!(place.read("g").as_deref(), Some("x"));
        assert!(place.root().join(outside.trim_start_matches('/')).join("f").exists());
        place
            .unpacked(&[vec![link("proc", outside), link("etc/resolv.conf", &format!("{outside}/secret"))]])
            .unwrap();
        assert!(!fs::symlink_metadata(place.root().join("proc")).unwrap().is_symlink());
        // Nor do folders that have become links since their modes were told.
        fs::create_dir(place.0.join("outside/inner")).unwrap();
        let told = vec![entry(b"moved/inner/", b'5', 0o777, "", b"")];
        place.unpacked(&[told, vec![link("moved", outside)]]).unwrap();
        let mode = fs::metadata(place.0.join("outside/inner")).unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0);
        fs::remove_dir(place.0.join("outside/inner")).unwrap();
        assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(place.0.join("outside/secret")).unwrap(), "x");
        assert_eq!(within(&place.root(), Path::new("/up/../g")).unwrap(), Some(place.root().join("g")));
        assert_eq!(within(&place.root(), Path::new("none")).unwrap(), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let place = Place::new("large");
        let mut header = entry(b"f", b'0', 0o644, "", b"");
        header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
        header[148..156].fill(b' ');
        let sum: u64 = header[..512].iter().map(|byte| u64::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let why = place.unpacked(&[vec![header]]).unwrap_err().to_string();
        assert_eq!(why, "it is larger than 10 GB uncompressed");
    }
}
