//! Disks of machines: files that somebody else serves.

use crate::lab::Lab;
use crate::machines::{Folder, boot, run};
use host::disk::{Disk, Switch, serve};
use host::{Driver, HostError};
use net::sample;
use std::io;
use std::sync::{Arc, Mutex};

/// Bytes in memory, and how many of them are safe.
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) flushed: Vec<u8>,
}

impl Disk for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(&self.bytes[at as usize..][..out.len()]);
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.bytes[at as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn discard(&mut self, at: u64, length: u64) -> io::Result<()> {
        self.bytes[at as usize..][..length as usize].fill(0);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed.clone_from(&self.bytes);
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        self.flushed != self.bytes
    }
}

#[test]
fn a_disk_is_plugged_in_and_pulled_out() {
    let base = Folder::new("disks");
    let lab = Lab::new(sample::two_tier());
    if lab.plane.disks().is_err() {
        return;
    }
    let off = lab.plane.plug("db", "/dev/sdf").unwrap_err();
    assert!(matches!(off, HostError::Refused { why, .. } if why.kind() == io::ErrorKind::HostUnreachable));
    let _init = boot(&lab, &base);
    let channel = lab.plane.plug("db", "/dev/sdf").unwrap().unwrap();
    let disk = Arc::new(Mutex::new(Memory { bytes: vec![0; 1 << 20], flushed: Vec::new() }));
    let same = Arc::clone(&disk);
    let server = std::thread::spawn(move || serve(&channel, &same, &Switch::default()));
    let does = |script: &str| {
        let (code, said) = run(&lab, script);
        assert_eq!(code, 0, "{script}: {said}");
        said
    };
    assert_eq!(does("stat -L -c '%s %F %U' /dev/sdf /dev/nvme1n1 | uniq"), "1048576 regular file root\n");
    // What is written through the open of a shell is cut nowhere, and safe when it is closed.
    does("printf hello > /dev/xvdf");
    assert_eq!(&disk.lock().unwrap().flushed[..6], b"hello\0");
    assert_eq!(does("head -c 5 /dev/sdf; stat -L -c ' %s' /dev/sdf"), "hello 1048576\n");
    assert_eq!(run(&lab, "dd if=/dev/zero of=/dev/sdf bs=1M seek=1 count=1 2>/dev/null").0, 1);
    assert!(lab.plane.plug("db", "/dev/sdf").is_err(), "the name is taken");
    // Nobody pulls it out while it is open.
    does("(exec 3</dev/sdf; sleep 100) >/dev/null 2>&1 & sleep 0.2");
    let busy = lab.plane.unplug("db", "/dev/sdf", false).unwrap_err();
    assert!(matches!(busy, HostError::Refused { why, .. } if why.kind() == io::ErrorKind::ResourceBusy));
    does("kill $(pidof sleep); sleep 0.2");
    lab.plane.unplug("db", "/dev/sdf", false).unwrap();
    server.join().unwrap().unwrap();
    assert_eq!(does("ls /dev | grep -c -e sdf -e xvdf -e nvme || true"), "0\n");
    lab.plane.unplug("db", "/dev/sdf", false).unwrap();
}
