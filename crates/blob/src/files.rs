//! [`Files`]: a file for each content, below one folder.
//!
//! ```text
//! DIR/00 ... DIR/ff     by the last byte of the id, which is chance; made when it is first needed
//! DIR/3f/<id>           32 hexadecimal digits
//! ```
//!
//! A file is written under its final name, which nobody knows before it is complete; then the file and its folder are
//! flushed. A file that a crash left behind is found by [`Blobs::list`].

use crate::ContentId;
use crate::blobs::{Blobs, Sink, Source};
use rustix::fs::{StatVfs, statvfs};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Contents as files of one folder.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    /// Whether each shard's folder is known to be on the disk. An empty cloud starts without making 256 of them.
    kept: Mutex<[bool; 256]>,
}

impl Files {
    /// The contents below `dir`, which is made if need be, for its owner's eyes only.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(dir: &Path) -> io::Result<Files> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Files { dir: dir.to_owned(), kept: Mutex::new([false; 256]) })
    }

    /// The folder of `id`, on the disk: whoever comes while it is being made waits until it is flushed.
    fn keep_folder(&self, id: ContentId) -> io::Result<PathBuf> {
        let folder = self.folder(id);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut kept[usize::from(shard(id))];
        if !*kept {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            File::open(&self.dir)?.sync_all()?;
            *kept = true;
        }
        Ok(folder)
    }

    fn folder(&self, id: ContentId) -> PathBuf {
        self.dir.join(format!("{:02x}", shard(id)))
    }

    fn path(&self, id: ContentId) -> PathBuf {
        self.folder(id).join(id.to_string())
    }
}

fn shard(id: ContentId) -> u8 {
    id.as_bytes()[15]
}

impl Blobs for Files {
    fn create(&self, id: ContentId) -> io::Result<Box<dyn Sink>> {
        let folder = self.keep_folder(id)?;
        let path = folder.join(id.to_string());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Box::new(NewFile { file: Some(file), path, folder }))
    }

    fn open(&self, id: ContentId) -> io::Result<Arc<dyn Source>> {
        Ok(Arc::new(OpenFile(File::open(self.path(id))?)))
    }

    fn delete(&self, id: ContentId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self, each: &mut dyn FnMut(ContentId)) -> io::Result<()> {
        for shard in fs::read_dir(&self.dir)? {
            for entry in fs::read_dir(shard?.path())? {
                let name = entry?.file_name();
                if let Some(id) = name.to_str().and_then(ContentId::parse) {
                    each(id);
                }
            }
        }
        Ok(())
    }

    fn room(&self) -> Option<u64> {
        let StatVfs { f_bavail, f_frsize, .. } = statvfs(&self.dir).ok()?;
        Some(f_bavail.saturating_mul(f_frsize))
    }
}

#[derive(Debug)]
struct NewFile {
    /// None once it is sealed.
    file: Option<File>,
    path: PathBuf,
    folder: PathBuf,
}

impl Sink for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_mut().ok_or(ErrorKind::NotFound)?.write_all(bytes)
    }

    fn seal(mut self: Box<Self>) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(ErrorKind::NotFound)?;
        file.sync_data()?;
        File::open(&self.folder)?.sync_all()?;
        self.file = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What cannot be removed now is found when the cloud starts next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[derive(Debug)]
struct OpenFile(File);

impl Source for OpenFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }
}
