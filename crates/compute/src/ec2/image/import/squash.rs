//! Layers become one archive, without being unpacked: the uppermost is written first, and of those below it what it has
//! neither replaced nor taken away. Pure: it asks nothing but what it reads from.
//!
//! Specification: <https://github.com/opencontainers/image-spec/blob/main/layer.md>

use crate::ec2::image::pack::{ALL_GONE, BYTES_MAX, GONE};
use crate::tar::{BLOCK, Entry, Kind, Reader, bad, parts, write};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Opens a layer by its number, the lowest being 0: once to look, and once to take.
type Open<'a> = &'a mut dyn FnMut(usize) -> io::Result<Box<dyn Read>>;

/// Names alone would still fill the memory.
const ENTRIES_MAX: usize = 4_000_000;
/// Without it nothing can be booted.
const SHELL: [&str; 2] = ["bin/sh", "usr/bin/sh"];

/// What layers above have made of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    Folder,
    /// A folder of which nothing below is seen.
    Closed,
    /// What is no folder, or nothing any more.
    Taken,
}

struct Squash<'a> {
    out: &'a mut dyn Write,
    above: HashMap<PathBuf, Above>,
    /// Folders that were not written yet, but something in them.
    implied: HashSet<PathBuf>,
    left: u64,
    entries: usize,
    shell: bool,
}

/// A name within the root.
fn plain(path: &Path) -> io::Result<PathBuf> {
    Ok(parts(path)?.into_iter().collect())
}

/// The folders that a name is in, with the root, which has none.
fn parents(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1)
}

/// Writes an archive of the root that layers make, marked as one that hides all that lies below.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for what is no layer or no root; those of whoever takes the archive.
pub(super) fn squash(layers: usize, open: Open<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut all = Squash {
        out,
        above: HashMap::new(),
        implied: HashSet::new(),
        left: BYTES_MAX,
        entries: 0,
        shell: false,
    };
    write::head(
        all.out,
        &Entry {
            path: ALL_GONE.into(),
            kind: Kind::File,
            mode: 0,
            size: 0,
            link: PathBuf::new(),
            owner: (0, 0),
            modified: 0,
        },
    )?;
    for layer in (0..layers).rev() {
        let linked = linked(&mut Reader::new(open(layer)?))?;
        all.layer(&mut Reader::new(open(layer)?), &linked)?;
    }
    if !all.shell {
        return Err(bad("it has no /bin/sh, without which no machine boots"));
    }
    write::end(all.out)
}

/// What a layer gives further names, and those.
fn linked(layer: &mut Reader<impl Read>) -> io::Result<HashMap<PathBuf, Vec<PathBuf>>> {
    let mut all: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
    while let Some(entry) = layer.next()? {
        if entry.kind == Kind::Hard {
            all.entry(plain(&entry.link)?).or_default().push(plain(&entry.path)?);
        }
    }
    Ok(all)
}

impl Squash<'_> {
    /// Whether what a lower layer has under a name is not seen.
    fn hides(&self, path: &Path, kind: Kind) -> bool {
        self.above.contains_key(path)
            || kind != Kind::Folder && self.implied.contains(path)
            || parents(path).any(|parent| self.above.get(parent).is_some_and(|it| *it != Above::Folder))
    }

    fn layer(
        &mut self,
        layer: &mut Reader<impl Read>,
        linked: &HashMap<PathBuf, Vec<PathBuf>>,
    ) -> io::Result<()> {
        // What a layer says is about those below it, not about itself.
        let mut own: HashMap<PathBuf, Above> = HashMap::new();
        let mut implied = HashSet::new();
        // Under which names contents were written whose own is hidden.
        let mut renamed: HashMap<PathBuf, PathBuf> = HashMap::new();
        while let Some(entry) = layer.next()? {
            self.entries += 1;
            self.left = self.left.checked_sub(entry.size).ok_or_else(|| bad("it is too large"))?;
            if self.entries > ENTRIES_MAX {
                return Err(bad("it has too many files"));
            }
            let path = plain(&entry.path)?;
            let Some(name) = path.file_name() else { continue };
            if name == ALL_GONE {
                own.insert(path.with_file_name(""), Above::Closed);
                continue;
            }
            if let Some(gone) = name.as_bytes().strip_prefix(GONE.as_bytes()) {
                // What the same layer brings under the name is there.
                own.entry(path.with_file_name(OsStr::from_bytes(gone))).or_insert(Above::Taken);
                continue;
            }
            let kind = if entry.kind == Kind::Folder { Above::Folder } else { Above::Taken };
            if own.get(&path) != Some(&Above::Closed) || kind == Above::Taken {
                own.insert(path.clone(), kind);
            }
            if let Some(entry) = self.seen(entry, path, linked, &mut renamed)? {
                implied.extend(parents(&entry.path).map(Path::to_owned));
                self.shell |= SHELL.iter().any(|shell| entry.path == Path::new(shell));
                write::head(self.out, &entry)?;
                io::copy(layer, self.out)?;
                let padding = entry.size.next_multiple_of(BLOCK as u64) - entry.size;
                io::copy(&mut io::repeat(0).take(padding), self.out)?;
            }
        }
        self.above.extend(own);
        self.implied.extend(implied);
        Ok(())
    }

    /// An entry as it is written, if something of it is seen.
    fn seen(
        &self,
        mut entry: Entry,
        path: PathBuf,
        linked: &HashMap<PathBuf, Vec<PathBuf>>,
        renamed: &mut HashMap<PathBuf, PathBuf>,
    ) -> io::Result<Option<Entry>> {
        let hidden = self.hides(&path, entry.kind);
        if entry.kind == Kind::Hard {
            entry.link = plain(&entry.link)?;
            match renamed.get(&entry.link) {
                Some(written) if *written == path => return Ok(None),
                Some(written) => written.clone_into(&mut entry.link),
                None => {}
            }
        } else if hidden && entry.kind == Kind::File {
            // Its content is seen by another of its names, if not by this one.
            let others = linked.get(&path).map(Vec::as_slice).unwrap_or_default();
            let Some(other) = others.iter().find(|other| !self.hides(other, Kind::File)) else {
                return Ok(None);
            };
            renamed.insert(path, other.clone());
            other.clone_into(&mut entry.path);
            return Ok(Some(entry));
        }
        entry.path = path;
        Ok(Some(entry).filter(|_| !hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::tests::entry;

    type Shown = Vec<(String, Kind, String, String)>;

    /// What an archive of layers, the lowest first, holds behind its mark.
    fn squashed(layers: &[Vec<Vec<u8>>]) -> io::Result<Shown> {
        let layers: Vec<Vec<u8>> = layers.iter().map(|parts| parts.concat()).collect();
        let mut out = Vec::new();
        let mut open = |at: usize| Ok(Box::new(io::Cursor::new(layers[at].clone())) as Box<dyn Read>);
        squash(layers.len(), &mut open, &mut out)?;
        let mut reader = Reader::new(&out[..]);
        let mut all = Vec::new();
        while let Some(entry) = reader.next()? {
            let mut content = String::new();
            reader.read_to_string(&mut content)?;
            let text = |path: &Path| path.to_str().unwrap().to_owned();
            all.push((text(&entry.path), entry.kind, text(&entry.link), content));
        }
        assert_eq!(all.remove(0), (ALL_GONE.to_owned(), Kind::File, String::new(), String::new()));
        Ok(all)
    }

    fn file(name: &str, content: &str) -> Vec<u8> {
        entry(name.as_bytes(), b'0', 0o644, "", content.as_bytes())
    }

    fn folder(name: &str) -> Vec<u8> {
        entry(name.as_bytes(), b'5', 0o755, "", b"")
    }

    fn link(name: &str, kind: u8, to: &str) -> Vec<u8> {
        entry(name.as_bytes(), kind, 0o644, to, b"")
    }

    fn names(shown: &Shown) -> Vec<&str> {
        shown.iter().map(|(name, ..)| name.as_str()).collect()
    }

    #[test]
    fn the_uppermost_is_what_is_seen() {
        let lower = vec![
            folder("./bin/"),
            file("./bin/sh", "shell"),
            file("a", "old"),
            file("gone", "x"),
            folder("closed"),
            file("closed/old", "x"),
            file("was-file", "x"),
            folder("was-folder"),
            file("was-folder/x", "x"),
            folder("kept"),
            file("kept/old", "old"),
        ];
        let upper = vec![
            file("a", "new"),
            file(".wh.gone", ""),
            folder("closed"),
            file("closed/new", "new"),
            file("closed/.wh..wh..opq", ""),
            file("was-file/x", "now a folder"),
            file("was-folder", "now a file"),
            file("kept/new", "new"),
        ];
        let shown = squashed(&[lower, upper]).unwrap();
        assert_eq!(
            names(&shown),
            [
                "a",
                "closed",
                "closed/new",
                "was-file/x",
                "was-folder",
                "kept/new",
                "bin",
                "bin/sh",
                "kept",
                "kept/old"
            ]
        );
        assert_eq!(shown[0].3, "new");
    }

    #[test]
    fn what_a_layer_takes_away_it_may_bring_itself() {
        let lower = vec![file("bin/sh", ""), file("etc/a", "lower"), file("etc/b", "lower")];
        let upper = vec![file("etc/a", "upper"), file("etc/.wh..wh..opq", ""), file("etc/.wh.a", "")];
        let shown = squashed(&[lower, upper]).unwrap();
        assert_eq!(names(&shown), ["etc/a", "bin/sh"]);
        assert_eq!(shown[0].3, "upper");
    }

    #[test]
    fn a_content_with_several_names_outlives_the_first_of_them() {
        let lower = vec![
            file("bin/sh", "shell"),
            file("bin/one", "content"),
            link("bin/two", b'1', "bin/one"),
            link("bin/three", b'1', "bin/one"),
            link("bin/four", b'1', "bin/sh"),
        ];
        let upper = vec![file("bin/one", "another"), file("bin/.wh.two", "")];
        let shown = squashed(&[lower, upper]).unwrap();
        assert_eq!(names(&shown), ["bin/one", "bin/sh", "bin/three", "bin/four"]);
        assert_eq!((shown[2].1, shown[2].3.as_str()), (Kind::File, "content"));
        assert_eq!((shown[3].1, shown[3].2.as_str()), (Kind::Hard, "bin/sh"));
    }

    #[test]
    fn what_is_no_root_is_refused() {
        for (layers, why) in [
            (vec![vec![file("a", "x")]], "it has no /bin/sh, without which no machine boots"),
            (vec![], "it has no /bin/sh, without which no machine boots"),
            (vec![vec![file("../a", "x")]], "a name leads out of the image"),
            (vec![vec![link("bin/sh", b'1', "../x")]], "a name leads out of the image"),
            (vec![vec![vec![7; 100]]], "it is cut off"),
        ] {
            let why_not = squashed(&layers).unwrap_err();
            assert_eq!((why_not.kind(), why_not.to_string().as_str()), (io::ErrorKind::InvalidData, why));
        }
        // It may be a link, as it is where `bin` is a part of `usr`.
        let linked = vec![link("bin", b'2', "usr/bin"), link("usr/bin/sh", b'2', "dash")];
        assert_eq!(names(&squashed(&[linked]).unwrap()), ["bin", "usr/bin/sh"]);
    }
}
