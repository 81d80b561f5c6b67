//! Code that is a folder of this machine, for development: what is changed there runs from the next event on.
//!
//! It is asked for as LocalStack does: as an object of the bucket `hot-reload` whose key is the folder's path. Only folders
//! below the one that the cloud was started with may be (`virga up --hot-reload FOLDER`): whoever may make functions
//! would else read all of the machine. Without it, that bucket is like any other.
//!
//! Not here: layers and images.

use super::environments::Environments;
use super::errors::{LambdaError, invalid};
use super::model::{Function, Version};
use super::workshop::Workshop;
use bytes::Bytes;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

pub(crate) const BUCKET: &str = "hot-reload";
/// Its archive: one that ends before anything was in it.
pub(crate) const NOTHING: Bytes = Bytes::from_static(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
/// More files are not looked at.
const FILES_MAX: usize = 20_000;

/// The folder by its real name, if folders may be code.
///
/// # Errors
/// `InvalidParameterValueException` for what is none, or lies elsewhere.
pub(crate) fn found(workshop: &Workshop, path: &str) -> Result<Option<String>, LambdaError> {
    let Some(allowed) = workshop.ground().and_then(|ground| ground.hot.as_ref()) else { return Ok(None) };
    let real = kernel::slow(|| fs::canonicalize(path)).ok();
    let real = real.filter(|real| real.is_dir() && real.starts_with(allowed));
    match real.as_deref().and_then(Path::to_str) {
        Some(real) => Ok(Some(real.to_owned())),
        None => Err(invalid(format!("{path} is no folder below {}.", allowed.display()))),
    }
}

/// Makes another version of it each time that something in its folder has changed.
pub(crate) fn refresh(workshop: &Workshop, function: &Function, version: &mut Version) {
    let Some(folder) = &version.folder else { return };
    let edition = kernel::slow(|| edition(Path::new(folder)));
    version.revision = format!("{}-{edition:x}", version.revision);
    let environments: &Environments = &workshop.environments;
    let runs = super::invocation::Runs { function: function.clone(), version: version.clone() };
    environments.outdate(&format!("{} {} ", function.id, version.number), &runs.key());
}

/// Distinguishes what is in a folder from what was: by names, sizes and times.
fn edition(folder: &Path) -> u64 {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            // Of editors and version control.
            if entry.file_name().as_encoded_bytes().starts_with(b".") || all.len() >= FILES_MAX {
                continue;
            }
            let Ok(known) = entry.metadata() else { continue };
            if known.is_dir() {
                folders.push(entry.path());
            }
            all.push((entry.path(), known.len(), known.modified().ok()));
        }
    }
    all.sort_unstable();
    let mut hasher = DefaultHasher::new();
    all.hash(&mut hasher);
    hasher.finish()
}

/// The folder below which folders may be code, by its real name.
///
/// # Errors
/// What is wrong with it.
pub fn allowed(folder: &Path) -> Result<PathBuf, String> {
    let real = fs::canonicalize(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    if real.is_dir() { Ok(real) } else { Err(format!("{} is no folder", folder.display())) }
}

#[cfg(test)]
mod tests {
    use super::{allowed, edition};
    use std::fs;

    #[test]
    fn what_changes_is_another_edition() {
        let folder = std::env::temp_dir().join(format!("virga-hot-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("lib")).unwrap();
        fs::write(folder.join("lib/a.py"), "1").unwrap();
        let first = edition(&folder);
        assert_eq!(edition(&folder), first);
        fs::write(folder.join(".swp"), "1").unwrap();
        assert_eq!(edition(&folder), first, "what is hidden is no code");
        fs::write(folder.join("lib/a.py"), "12").unwrap();
        let second = edition(&folder);
        assert_ne!(second, first);
        fs::remove_file(folder.join("lib/a.py")).unwrap();
        assert_ne!(edition(&folder), second);
        assert!(allowed(&folder.join("lib")).is_ok() && allowed(&folder.join("no")).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
