//! Root file systems of machines.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Something of this machine that a machine sees too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// A file or folder here.
    pub from: PathBuf,
    /// Where it is there; it must be in the image.
    pub to: PathBuf,
    pub read_only: bool,
}

/// By which name one logs in, as with AWS's own images. It is root under another name: where only one id of this machine
/// is ours, there is no other, and nothing could make it root.
pub const USER: &str = "ec2-user";
/// The names that a machine knows by itself.
pub const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
/// Who answers for all others.
pub const RESOLVER: &str = "nameserver 169.254.169.253\n";
/// The same for a machine with an address of IPv6 alone.
pub const RESOLVER_V6: &str = "nameserver fd00:ec2::253\n";

/// A root file system that needs no download: the programs of the machine that Virga runs on, read-only, around an
/// `/etc`, `/root`, `/var` of its own. Nothing else of that machine is in it.
///
/// # Errors
/// What the folder's file system says; [`io::ErrorKind::Unsupported`] where `/bin` is not a part of `/usr`.
pub fn of_this_machine(folder: &Path) -> io::Result<Vec<Bind>> {
    for (name, mode) in [
        ("dev", 0o755),
        ("etc", 0o755),
        ("home", 0o755),
        ("media", 0o755),
        ("mnt", 0o755),
        ("opt", 0o755),
        ("proc", 0o755),
        ("root", 0o700),
        ("run", 0o755),
        ("srv", 0o755),
        ("sys", 0o755),
        ("tmp", 0o1777),
        ("usr", 0o755),
        ("var", 0o755),
        ("var/tmp", 0o1777),
        ("var/log", 0o755),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        let Ok(target) = fs::read_link(Path::new("/").join(name)) else {
            if name == "lib64" {
                continue;
            }
            return Err(io::Error::new(io::ErrorKind::Unsupported, format!("/{name} is not in /usr here")));
        };
        let link = folder.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(target, link)?;
        }
    }
    let shell = if Path::new("/usr/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let home = ["/home", USER].join("/");
    let users = format!(
        "root:x:0:0:root:/root:{shell}\n{USER}:x:0:0:{USER}:{home}:{shell}\n\
         nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
    );
    let files = [
        ("etc/passwd", users.as_str()),
        ("etc/shells", "/bin/sh\n/bin/bash\n"),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
        ("etc/hosts", HOSTS),
        ("etc/resolv.conf", RESOLVER),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    // What programs need to find each other and their libraries.
    for name in ["etc/ld.so.cache", "etc/ld.so.conf"] {
        let _ = fs::copy(Path::new("/").join(name), folder.join(name));
    }
    let alternatives = folder.join("etc/alternatives");
    fs::create_dir_all(&alternatives)?;
    for entry in fs::read_dir("/etc/alternatives").into_iter().flatten().flatten() {
        if let Ok(target) = fs::read_link(entry.path()) {
            let _ = symlink(target, alternatives.join(entry.file_name()));
        }
    }
    Ok(vec![Bind { from: "/usr".into(), to: "usr".into(), read_only: true }])
}

/// Waits until all that was written to the file system of a folder is on the disk.
///
/// # Errors
/// What the file system says.
pub fn settle(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(folder)?)?)
}

/// Removes a machine's folder, whatever modes it has given its files; the overlay's own folder has none at all.
///
/// # Errors
/// What the file system says.
pub fn remove(folder: &Path) -> io::Result<()> {
    open_up(folder)?;
    fs::remove_dir_all(folder)
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Not through links: they lead elsewhere.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
