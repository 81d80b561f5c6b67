//! Disks of a guest, in the host process: files that their owner serves, as those of containers are ([`super::super::disk`]),
//! but in a folder that only the keeper's mount namespace has them in. The keeper plugs them into QEMU, as NVMe disks.
//!
//! A second file beside each says that QEMU holds it still: the keeper takes that away.

use super::super::disk;
use super::super::frame::{Order, Put, send};
use crate::guest::DISKS;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// In the folder of a machine.
const FOLDER: &str = "disks";
/// The one that the machine boots from by itself.
pub(super) const ROOT: &str = "root";

/// The disks of a guest, by the names that they were asked for.
#[derive(Debug)]
pub(super) struct Disks {
    folder: PathBuf,
    /// Which of them is to be the root.
    root: Option<String>,
    names: BTreeMap<String, String>,
}

/// Where the root of a machine is that boots from a disk.
pub(super) fn root(disk: &Path) -> PathBuf {
    disk.join(FOLDER).join(ROOT)
}

/// Says that QEMU has a disk.
pub(super) fn held(path: &Path) -> PathBuf {
    path.with_extension("held")
}

impl Disks {
    /// Of a machine that is being booted: there are none yet.
    pub(super) fn new(disk: &Path, root: Option<String>) -> io::Result<Disks> {
        let folder = disk.join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => fs::create_dir(&folder)?,
        }
        Ok(Disks { folder, root, names: BTreeMap::new() })
    }

    /// Where the next disk is, as which it is to be plugged in.
    pub(super) fn next(&mut self, device: &str) -> io::Result<(String, PathBuf)> {
        if self.names.contains_key(device) {
            // Nobody serves it any more, or this were not asked: the machine is ending.
            return Err(Errno::HOSTUNREACH.into());
        }
        if self.root.as_deref() == Some(device) {
            return Ok((ROOT.to_owned(), self.folder.join(ROOT)));
        }
        let taken = |name: &String| self.names.values().any(|other| other == name);
        let name = (1..=DISKS).map(|number| format!("disk{number}")).find(|name| !taken(name));
        let name = name.ok_or(Errno::NFILE)?;
        let path = self.folder.join(&name);
        Ok((name, path))
    }

    /// It is there, and the keeper is told.
    pub(super) fn plug(&mut self, keeper: &UnixStream, name: String, device: &str) -> io::Result<()> {
        let path = self.folder.join(&name);
        File::create(held(&path))?;
        let path = path.to_str().ok_or(Errno::INVAL)?;
        let body = Put::default().bytes(name.as_bytes()).bytes(path.as_bytes()).bytes(device.as_bytes());
        send(keeper, 0, Order::Plug as u32, &body.0, &[])?;
        self.names.insert(device.to_owned(), name);
        Ok(())
    }

    /// Takes one away when QEMU has let go of it, and asks for that before: busy. `within` does something where the keeper
    /// has its files.
    pub(super) fn unplug(
        &mut self,
        keeper: &UnixStream,
        device: &str,
        force: bool,
        within: impl FnOnce(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(name) = self.names.get(device) else { return Ok(()) };
        let path = self.folder.join(name);
        let is_held = held(&path).exists();
        if is_held {
            let body = Put::default().bytes(name.as_bytes());
            send(keeper, 0, Order::Unplug as u32, &body.0, &[])?;
        }
        if is_held && !force {
            return Err(Errno::BUSY.into());
        }
        within(&mut || disk::release(&path, force))?;
        self.names.remove(device);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_disk_has_its_place_until_it_is_let_go() {
        let base = std::env::temp_dir().join(format!("virga-disks-{}", std::process::id()));
        fs::create_dir_all(base.join(FOLDER)).unwrap();
        fs::write(base.join(FOLDER).join("disk9"), "of a life before").unwrap();
        let mut disks = Disks::new(&base, Some("/dev/xvda".into())).unwrap();
        let (keeper, _heard) = UnixStream::pair().unwrap();
        for (device, expected) in [("/dev/sdf", "disk1"), ("/dev/sdg", "disk2")] {
            let (name, path) = disks.next(device).unwrap();
            assert_eq!((name.as_str(), path), (expected, base.join(FOLDER).join(expected)));
            disks.plug(&keeper, name, device).unwrap();
        }
        assert_eq!(disks.next("/dev/xvda").unwrap(), (ROOT.to_owned(), root(&base)));
        assert_eq!(disks.next("/dev/sdf").unwrap_err().kind(), io::ErrorKind::HostUnreachable);
        let busy = disks.unplug(&keeper, "/dev/sdf", false, |_| panic!("it is held"));
        assert_eq!(busy.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        fs::remove_file(held(&base.join(FOLDER).join("disk1"))).unwrap();
        let mut released = false;
        let release = |_: &mut dyn FnMut() -> io::Result<()>| {
            released = true;
            Ok(())
        };
        disks.unplug(&keeper, "/dev/sdf", false, release).unwrap();
        assert!(released);
        assert_eq!(disks.next("/dev/sdh").unwrap().0, "disk1");
        // One that is not there is no error.
        disks.unplug(&keeper, "/dev/sdz", false, |_| panic!("there is none")).unwrap();
        fs::remove_dir_all(&base).unwrap();
    }
}
