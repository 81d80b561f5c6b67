//! Folders of this machine as sandboxes see them: by their last name alone. What the kernel tells of a mount is the whole path
//! of what was bound; of an overlay it tells what that was made of, in the words of whoever made it. So each folder is the
//! one layer of an overlay that is made beside it, and is no overlay only where its path is the same on every machine.
//!
//! An overlay remembers what its layers had, so a folder that changes is bound as it is. Where the kernel lets nobody but the
//! machine's own root make overlays, all are.

use super::steps::{Steps, Word, path};
use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// An overlay has two layers at least: this is an empty one, where nothing else is needed before the root is another.
const EMPTY: &str = "/proc";
/// Programs of the machine, which lie where they lie everywhere.
const KNOWN: &str = "/usr";
const GUARDED: libc::c_ulong = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV;

/// Whether the kernel makes such an overlay of a folder.
pub(super) fn works(root: &Path) -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| name(root).is_some() && tried(root).unwrap_or(false))
}

/// Tries it in a mount namespace of a process that never becomes a program.
fn tried(root: &Path) -> io::Result<bool> {
    let mut steps = Steps::default();
    steps.private()?;
    begin(&mut steps)?;
    folder(&mut steps, root, root)?;
    let mut command = Command::new(EMPTY);
    // SAFETY: the host process has one thread, so a child of it may do whatever a process may.
    unsafe {
        command.pre_exec(move || {
            unshare_unsafe(UnshareFlags::NEWNS)?;
            steps.take()?;
            Err(Errno::CANCELED.into())
        });
    }
    Ok(command.spawn().is_err_and(|why| why.raw_os_error() == Some(Errno::CANCELED.raw_os_error())))
}

/// Before the first one.
pub(super) fn begin(steps: &mut Steps) -> io::Result<()> {
    steps.mount("tmpfs", Path::new(EMPTY), GUARDED, "mode=755")
}

/// A folder's last name, if an overlay's options may have it as it is.
fn name(folder: &Path) -> Option<&str> {
    let name = folder.file_name()?.to_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-@".contains(c);
    name.chars().all(plain).then_some(name)
}

/// Lets a folder be seen elsewhere.
pub(super) fn folder(steps: &mut Steps, from: &Path, to: &Path) -> io::Result<()> {
    let (Some(above), Some(name)) = (from.parent(), name(from)) else {
        return steps.bind(from, to, true);
    };
    steps.change_folder(above)?;
    steps.mount("overlay", to, GUARDED, &format!("userxattr,lowerdir={name}:{EMPTY}"))
}

/// Lets a folder or a file be seen elsewhere. `aside`: a folder over which nothing is mounted yet.
pub(super) fn bind(steps: &mut Steps, from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    let above = from.parent().filter(|above| name(above).is_some());
    match above {
        _ if from.starts_with(KNOWN) => steps.bind(from, to, true),
        _ if from.is_dir() => folder(steps, from, to),
        Some(above) => {
            folder(steps, above, aside)?;
            let inner = aside.join(from.file_name().unwrap_or_default());
            let none = || Word::Number(0);
            let words = vec![path(&inner)?, path(to)?, none(), Word::Number(libc::MS_BIND), none()];
            steps.call(libc::SYS_mount, words);
            steps.remount(to, GUARDED)?;
            steps.unmount(aside, libc::MNT_DETACH)
        }
        None => steps.bind(from, to, true),
    }
}

#[cfg(test)]
mod tests {
    use super::name;
    use std::path::Path;

    #[test]
    fn names_that_options_would_read_otherwise() {
        assert_eq!(name(Path::new("/a/b+c.d-1")), Some("b+c.d-1"));
        for odd in ["/a/b:c", "/a/b,c", "/a/b\\c", "/a/b c", "/"] {
            assert_eq!(name(Path::new(odd)), None);
        }
    }
}
