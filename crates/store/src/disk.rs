//! The few things that the embedded engine asks of the file system itself.

use crate::error::EngineError;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// Free and total bytes, for an unprivileged process, on the disk that holds `dir`.
pub(crate) fn room(dir: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

/// Makes names in `dir` survive a loss of power.
pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes the name of `dir` itself survive a loss of power.
pub(crate) fn sync_parent(dir: &Path) -> io::Result<()> {
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    }
}

pub(crate) fn remove_folder(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Locks the file until it is dropped; never waits.
pub(crate) fn lock(path: &Path) -> Result<File, EngineError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EngineError::Locked),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Writes a file so that it is there as a whole or not at all.
pub(crate) fn write_file(dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let part = dir.join(format!("{name}.new"));
    let mut file = File::create(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, dir.join(name))?;
    sync_folder(dir)
}

/// How often a copy is begun anew when the tree was rearranged under it.
const COPY_TRIES: u32 = 20;
/// Folders within folders; the tree has three.
const COPY_DEPTH: u32 = 8;

/// Every file below `dir`, by its path within, with its length.
fn listing(dir: &Path) -> io::Result<BTreeMap<PathBuf, u64>> {
    fn walk(dir: &Path, within: &Path, depth: u32, out: &mut BTreeMap<PathBuf, u64>) -> io::Result<()> {
        if depth == COPY_DEPTH {
            return Err(io::Error::other("the data folder is nested too deep"));
        }
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let within = within.join(entry.file_name());
            let kind = entry.metadata()?;
            if kind.is_dir() {
                walk(&entry.path(), &within, depth + 1, out)?;
            } else {
                out.insert(within, kind.len());
            }
        }
        Ok(())
    }
    let mut out = BTreeMap::new();
    walk(dir, Path::new(""), 0, &mut out)?;
    Ok(out)
}

/// Whether a tree's folder holds anything beyond what its creation leaves: a journal that is written to, or tables
/// other than those of the tree's own settings.
pub(crate) fn holds_rows(dir: &Path) -> io::Result<bool> {
    if !dir.try_exists()? {
        return Ok(false);
    }
    for file in listing(dir)?.keys() {
        let is_table = file.components().any(|part| part.as_os_str() == "tables");
        if is_table && !file.starts_with("keyspaces/0") {
            return Ok(true);
        }
        if file.extension().is_some_and(|extension| extension == "jnl") && !is_blank(&dir.join(file))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file holds nothing but zero bytes.
fn is_blank(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    // A journal that nothing was written to is one hole of 64 MiB: the file system knows that without reading it.
    if let Err(rustix::io::Errno::NXIO) = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0)) {
        return Ok(true);
    }
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(true),
            n if chunk[..n].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Copies a tree that nobody writes to, but that may still be sorting and merging in the background: files of
/// sorted rows never change and are linked where the file system can; the others are copied. When the set of files
/// changed meanwhile, it begins anew.
pub(crate) fn copy_steady(from: &Path, to: &Path) -> Result<(), EngineError> {
    for _ in 0..COPY_TRIES {
        remove_folder(to)?;
        let before = listing(from)?;
        let copied = before.keys().try_for_each(|file| copy_one(&from.join(file), &to.join(file)));
        match copied {
            Ok(()) if listing(from)? == before => return Ok(sync_all(to)?),
            Ok(()) => {}
            // A table that was merged away under our eyes.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    remove_folder(to)?;
    Err(EngineError::Io("the data folder was being rearranged all the time; try again".to_owned()))
}

fn copy_one(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let is_table = from.parent().and_then(Path::file_name).is_some_and(|folder| folder == "tables");
    if is_table && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    if from.file_name() == Some(&OsString::from("lock")) {
        return File::create(to).map(drop);
    }
    copy_sparse(from, to)
}

/// Copies a file without its holes: the journal is laid out in advance and mostly empty.
fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let (mut source, mut target) = (File::open(from)?, File::create(to)?);
    let length = source.metadata()?.len();
    let mut at = 0;
    while at < length {
        let data = match rustix::fs::seek(&source, rustix::fs::SeekFrom::Data(at)) {
            Ok(data) => data,
            // No data behind `at`.
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let hole = rustix::fs::seek(&source, rustix::fs::SeekFrom::Hole(data))?;
        source.seek(io::SeekFrom::Start(data))?;
        target.seek(io::SeekFrom::Start(data))?;
        io::copy(&mut (&source).take(hole - data), &mut target)?;
        at = hole;
    }
    target.set_len(length)
}

fn sync_all(dir: &Path) -> io::Result<()> {
    for file in listing(dir)?.keys() {
        File::open(dir.join(file))?.sync_all()?;
        if let Some(folder) = dir.join(file).parent() {
            sync_folder(folder)?;
        }
    }
    sync_folder(dir)
}
