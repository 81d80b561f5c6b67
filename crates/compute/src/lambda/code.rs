//! A function's code: a zip that is checked before it is kept, and unpacked for its sandbox.
//!
//! It lies among the cloud's contents, encrypted. Paths that lead out of the archive, links that do, and archives that
//! grow beyond Lambda's limits are refused, whatever the archive says about itself.

use super::errors::{LambdaError, invalid};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blob::cipher::Root;
use blob::{ContentId, refs};
use kernel::{Cloud, Cx};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use store::Tx;
use zip::ZipArchive;

/// AWS: the quotas of the developer guide.
pub(crate) const ZIPPED_MAX: usize = 50 << 20;
pub(crate) const UNZIPPED_MAX: u64 = 262_144_000;
pub(crate) const STORAGE_MAX: u64 = 75 << 30;
/// An archive of nothing but names would still fill a disk with folders.
const ENTRIES_MAX: usize = 100_000;

/// Code that is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Code {
    pub(crate) content: ContentId,
    pub(crate) size: u64,
    pub(crate) hash: String,
}

fn bad_zip() -> LambdaError {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

fn too_large() -> LambdaError {
    invalid(format!("Unzipped size must be smaller than {UNZIPPED_MAX} bytes"))
}

/// The hash that AWS shows.
pub(crate) fn hash(zip: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, zip))
}

/// Reads an archive through, as unpacking will; gives its size, unzipped.
///
/// # Errors
/// `InvalidParameterValueException`, `RequestEntityTooLargeException`
pub(crate) fn check(zip: &[u8]) -> Result<u64, LambdaError> {
    if zip.is_empty() {
        return Err(invalid("Uploaded file must be a non-empty zip"));
    }
    walk(zip, |_, _, _| Ok(()))
}

/// What stands where in an archive: whether it is a folder.
#[derive(Default)]
struct Places(HashMap<PathBuf, bool>);

impl Places {
    /// Takes a place. Nothing can stand where something else does, or within what is no folder.
    fn take(&mut self, path: &Path, is_folder: bool) -> Result<(), LambdaError> {
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            if !*self.0.entry(above.to_owned()).or_insert(true) {
                return Err(bad_zip());
            }
        }
        match self.0.insert(path.to_owned(), is_folder) {
            Some(was_folder) if !(was_folder && is_folder) => Err(bad_zip()),
            _ => Ok(()),
        }
    }
}

/// What an archive holds at a place.
enum Entry {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

/// Goes through an archive, each entry with its path and its mode; gives how many bytes there were.
fn walk(zip: &[u8], mut each: impl FnMut(&Path, Entry, u32) -> io::Result<()>) -> Result<u64, LambdaError> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| bad_zip())?;
    if archive.len() > ENTRIES_MAX {
        return Err(too_large());
    }
    let mut left = UNZIPPED_MAX;
    let mut places = Places::default();
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(|_| bad_zip())?;
        let path = file.enclosed_name().ok_or_else(bad_zip)?;
        let mode = file.unix_mode();
        let (is_folder, is_link) = (file.is_dir(), file.is_symlink());
        places.take(&path, is_folder)?;
        let mut bytes = Vec::new();
        // One more than allowed: what the archive says of sizes is not to be trusted.
        file.take(left + 1).read_to_end(&mut bytes).map_err(|_| bad_zip())?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
        let entry = if is_folder {
            Entry::Folder
        } else if is_link {
            let target = PathBuf::from(String::from_utf8(bytes).map_err(|_| bad_zip())?);
            if leads_out(&path, &target) {
                return Err(bad_zip());
            }
            Entry::Link(target)
        } else {
            Entry::File(bytes)
        };
        each(&path, entry, mode.unwrap_or(0o644)).map_err(|why| {
            kernel::log::error("code could not be unpacked", &[("problem", &why.to_string())]);
            LambdaError::Service("The code could not be unpacked.".into())
        })?;
    }
    Ok(UNZIPPED_MAX - left)
}

/// Whether a link at a place in the archive leads out of it.
fn leads_out(at: &Path, target: &Path) -> bool {
    let mut depth = at.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

/// Unpacks an archive into a folder, readable by all: the folder itself is not.
///
/// # Errors
/// As [`check`].
pub(crate) fn unpack(zip: &[u8], folder: &Path) -> Result<(), LambdaError> {
    walk(zip, |path, entry, mode| {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
            // A link of the archive could stand where a folder is expected: nothing is written through it.
            if !parent.canonicalize()?.starts_with(folder.canonicalize()?) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        }
        match entry {
            Entry::Folder => fs::create_dir_all(&path),
            Entry::Link(target) => std::os::unix::fs::symlink(target, &path),
            Entry::File(bytes) => {
                let mut file = fs::File::options().write(true).create_new(true).open(&path)?;
                io::Write::write_all(&mut file, &bytes)?;
                let runs = if mode & 0o111 == 0 { 0o444 } else { 0o555 };
                file.set_permissions(fs::Permissions::from_mode(runs))
            }
        }
    })
    .map(drop)
}

fn root(cloud: &Cloud) -> Root {
    Root::new(&cloud.sealer().key_for("lambda code"))
}

/// Keeps an archive that was checked: its bytes are on the disk when this returns, and are claimed by the transaction.
///
/// # Errors
/// `ServiceException` for what the disk says.
pub(crate) fn keep(cx: &mut Cx<'_>, zip: &[u8]) -> Result<Code, LambdaError> {
    let contents = cx.cloud().contents();
    let id = contents.new_id(cx.rng());
    let written = kernel::slow(|| {
        let mut writer = contents.write(id, &root(cx.cloud()))?;
        writer.write(zip)?;
        writer.finish()
    });
    let finished = written.map_err(|why| {
        kernel::log::error("code could not be written", &[("problem", &why.to_string())]);
        LambdaError::Service("The code could not be written.".into())
    })?;
    let size = finished.size;
    refs::claim(cx.tx, id, size);
    // A transaction that never happens leaves nothing: then it is dropped.
    cx.tx.on_end(move |commit| {
        if commit.is_some() {
            finished.keep();
        }
    });
    Ok(Code { content: id, size, hash: hash(zip) })
}

/// One reference less.
///
/// # Errors
/// The store's.
pub(crate) fn release(tx: &mut Tx, cloud: &Cloud, content: ContentId) -> Result<(), LambdaError> {
    Ok(refs::release(tx, content, cloud.contents().wall_now())?)
}

/// Reads an archive back. Blocks.
///
/// # Errors
/// What the disk says.
pub(crate) fn read(cloud: &Cloud, content: ContentId, size: u64) -> io::Result<Vec<u8>> {
    let _pin = cloud.contents().pin(content);
    let reader = cloud.contents().read(content, &root(cloud), size)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    while (bytes.len() as u64) < size {
        bytes.extend_from_slice(&reader.piece(bytes.len() as u64, size)?);
    }
    Ok(bytes)
}

/// The size of a version's code, unzipped. Blocks.
///
/// # Errors
/// `ServiceException` for what the disk says.
pub(crate) fn unzipped(cloud: &Cloud, version: &super::model::Version) -> Result<u64, LambdaError> {
    let zip = read(cloud, version.code, version.code_size)
        .map_err(|_| LambdaError::Service("The code cannot be read.".into()))?;
    check(&zip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            out.start_file(*name, SimpleFileOptions::default()).unwrap();
            out.write_all(bytes).unwrap();
        }
        out.finish().unwrap().into_inner()
    }

    #[test]
    fn archives_that_are_none_or_lead_out() {
        assert_eq!(check(b""), Err(invalid("Uploaded file must be a non-empty zip")));
        assert_eq!(check(b"no zip"), Err(bad_zip()));
        assert_eq!(check(&zipped(&[("a/b.py", b"x")])), Ok(1));
        assert_eq!(check(&zipped(&[("../b.py", b"x")])), Err(bad_zip()));
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        out.add_symlink("link", "../../etc", SimpleFileOptions::default()).unwrap();
        assert_eq!(check(&out.finish().unwrap().into_inner()), Err(bad_zip()));
        assert!(
            leads_out(Path::new("a/b"), Path::new("../../c"))
                && !leads_out(Path::new("a/b"), Path::new("../c"))
        );
        assert!(leads_out(Path::new("a"), Path::new("/etc")));
    }

    #[test]
    fn nothing_stands_where_something_else_does() {
        for twice in [["a", "./a"], ["a", "a/b"], ["a/b", "./a"]] {
            assert_eq!(check(&zipped(&[(twice[0], b"x"), (twice[1], b"y")])), Err(bad_zip()), "{twice:?}");
        }
        assert_eq!(check(&zipped(&[("a/b", b"x"), ("a/c", b"y")])), Ok(2));
    }

    #[test]
    fn a_bomb_is_not_let_grow() {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["a", "b"] {
            out.start_file(name, options).unwrap();
            let nothing = vec![0; 1 << 20];
            (0..140).for_each(|_| out.write_all(&nothing).unwrap());
        }
        let bomb = out.finish().unwrap().into_inner();
        assert!(bomb.len() < 1 << 20);
        assert_eq!(check(&bomb), Err(too_large()));
    }

    #[test]
    fn it_is_unpacked_as_it_was() {
        let folder = std::env::temp_dir().join(format!("virga-code-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        unpack(&zipped(&[("a/b.py", b"x"), ("c", b"y")]), &folder).unwrap();
        assert_eq!(fs::read(folder.join("a/b.py")).unwrap(), b"x");
        assert_eq!(fs::metadata(folder.join("c")).unwrap().permissions().mode() & 0o777, 0o444);
        fs::remove_dir_all(&folder).unwrap();
    }
}
