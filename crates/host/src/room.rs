//! How much room a machine has for its files: the size of its root, said in a file beside what it has written.
//!
//! Who serves the machine's files reads it whenever room is short or asked for, so that a root that grows has grown at once,
//! and it is known again after a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// In the folder of a machine's disk.
const NAME: &str = "size";

/// In the folder of a machine's disk: how fast its files may be read and written ([`crate::pace::Rate::say`]).
pub fn rate(disk: &Path) -> PathBuf {
    disk.join("rate")
}

/// Says it, for a folder that is to be, or is, the disk of a machine.
///
/// # Errors
/// What the file system says.
pub fn set(disk: &Path, bytes: u64) -> io::Result<()> {
    if get(disk)? == Some(bytes) {
        return Ok(());
    }
    // Nobody reads half of it.
    let next = disk.join(format!("{NAME}.next"));
    fs::write(&next, bytes.to_string())?;
    fs::rename(next, disk.join(NAME))
}

/// What was said; nothing where a machine may fill what there is.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::InvalidData`].
pub fn get(disk: &Path) -> io::Result<Option<u64>> {
    match fs::read_to_string(disk.join(NAME)) {
        Ok(text) => text.parse().map(Some).map_err(|_| io::ErrorKind::InvalidData.into()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Says that it is another now, where it was said at all.
///
/// # Errors
/// As [`get`] and [`set`].
pub fn resize(disk: &Path, bytes: u64) -> io::Result<()> {
    if get(disk)?.is_some() { set(disk, bytes) } else { Ok(()) }
}

/// A machine may fill what there is.
///
/// # Errors
/// What the file system says.
pub fn unset(disk: &Path) -> io::Result<()> {
    match fs::remove_file(disk.join(NAME)) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_was_said_last() {
        let folder = std::env::temp_dir().join(format!("virga-room-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        resize(&folder, 1).unwrap();
        assert_eq!(get(&folder).unwrap(), None);
        set(&folder, 8 << 30).unwrap();
        assert_eq!(get(&folder).unwrap(), Some(8 << 30));
        resize(&folder, 16 << 30).unwrap();
        assert_eq!(get(&folder).unwrap(), Some(16 << 30));
        unset(&folder).unwrap();
        unset(&folder).unwrap();
        assert_eq!(get(&folder).unwrap(), None);
        fs::write(folder.join(NAME), "much").unwrap();
        assert_eq!(get(&folder).unwrap_err().kind(), io::ErrorKind::InvalidData);
        fs::remove_dir_all(folder).unwrap();
    }
}
