//! Disks of machines, in the host process: a file in the machine's `/dev` that whoever holds its channel serves.
//!
//! A block device cannot be made without privileges, and a machine may not make one where Virga has them. What can be
//! made everywhere is a file that the kernel asks us about (FUSE): programs read and write it as they do a disk. The
//! kernel does not mount a file system from it.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;

const DEV: &str = "/dev";
const CHANNEL: &str = "/dev/fuse";

/// What a machine's disks would need and this machine does not give.
pub fn missing() -> Option<String> {
    let why = channel().err()?;
    Some(format!(
        "{CHANNEL} cannot be opened ({why}), and a machine's disks are files that are served by it: load the kernel's \
         module `fuse`, or let this user read and write it"
    ))
}

pub(super) fn channel() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(CHANNEL, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// The names in `/dev`. None of them is looked at: one may be a disk that nobody serves yet.
fn names() -> io::Result<Vec<String>> {
    fs::read_dir(DEV)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// The other name under which systems know a device: `sdf` is `xvdf`.
fn twin(name: &str) -> Option<String> {
    match name.strip_prefix("xvd") {
        Some(rest) => Some(format!("sd{rest}")),
        None => name.strip_prefix("sd").map(|rest| format!("xvd{rest}")),
    }
}

/// Makes a file that whoever holds the channel serves.
pub(super) fn serve_at(channel: &OwnedFd, path: &Path) -> io::Result<()> {
    File::create(path)?;
    let options = format!(
        "fd={},rootmode=100000,user_id=0,group_id=0,allow_other,default_permissions",
        channel.as_raw_fd()
    );
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let name = path.file_name().unwrap_or_default();
    if let Err(why) = mount(name, path, "fuse", flags, Some(CString::new(options)?.as_c_str())) {
        fs::remove_file(path)?;
        return Err(why.into());
    }
    Ok(())
}

/// Takes such a file away; by force also where it is open.
pub(super) fn release(path: &Path, force: bool) -> io::Result<()> {
    match unmount(path, if force { UnmountFlags::DETACH } else { UnmountFlags::empty() }) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => fs::remove_file(path),
        Err(why) => Err(why.into()),
    }
}

/// Where the machine's files are: a disk with the next name that NVMe gives, and the names that it was asked for.
pub(super) fn plug(channel: &OwnedFd, device: &str) -> io::Result<()> {
    let name = device.strip_prefix("/dev/").filter(|name| !name.is_empty() && !name.contains('/'));
    let name = name.ok_or(Errno::INVAL)?;
    let there = names()?;
    if there.iter().any(|other| other == name) {
        return Err(Errno::EXIST.into());
    }
    let own = (1_u32..).map(|n| format!("nvme{n}n1")).find(|own| !there.contains(own)).ok_or(Errno::NFILE)?;
    let path = Path::new(DEV).join(&own);
    serve_at(channel, &path)?;
    for name in [Some(name.to_owned()), twin(name)].into_iter().flatten() {
        // A twin may have a disk of its own.
        if !there.contains(&name) {
            symlink(&own, Path::new(DEV).join(name))?;
        }
    }
    Ok(())
}

/// Takes it away again; by force also where programs have it open.
pub(super) fn unplug(device: &str, force: bool) -> io::Result<()> {
    let own = match fs::read_link(device) {
        Ok(own) => own,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(why),
    };
    let path = Path::new(DEV).join(&own);
    match unmount(&path, if force { UnmountFlags::DETACH } else { UnmountFlags::empty() }) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
        Err(why) => return Err(why.into()),
    }
    for name in names()? {
        let link = Path::new(DEV).join(&name);
        if fs::read_link(&link).is_ok_and(|target| target == own) {
            fs::remove_file(link)?;
        }
    }
    fs::remove_file(path)
}
