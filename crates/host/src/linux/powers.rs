//! What root of a machine may not do where it is the host's own root, as it is when Virga runs as root: then neither the
//! ids of a user namespace nor the owners of files keep it from the machine underneath.
//!
//! It keeps what a server's root needs for its own files, ids and network, and loses what reaches beyond: above all the
//! right to mount, so that what is read-only for it stays read-only. A user namespace that it makes gets that right
//! back, but there the kernel locks what was mounted before.

use super::boot::bind;
use rustix::mount::{MountFlags, mount_bind, mount_remount};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use std::io;
use std::path::Path;

/// What is kept.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SYS_NICE)
    .union(CapabilitySet::AUDIT_WRITE);

/// The files by which the kernel is spoken to, other than those of a network.
const SWITCHES: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// Whether root here is root of the machine underneath.
pub(super) fn are_the_hosts() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| line.split_whitespace().take(2).eq(["0", "0"]))
}

/// Makes the switches in a machine's `/proc` read-only, but for those of its own network.
pub(super) fn guard(proc: &Path) -> io::Result<()> {
    for name in SWITCHES {
        let path = proc.join(name);
        if path.exists() {
            bind(&path, &path, true)?;
        }
    }
    let network = proc.join("sys/net");
    if network.exists() {
        mount_bind(&network, &network)?;
        let flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount_remount(&network, flags, "")?;
    }
    Ok(())
}

/// Lets nothing that this thread runs from now on have any of them.
pub(super) fn shed_all() -> io::Result<()> {
    without(|_| true)
}

/// Gives all other powers up, for this process and whatever it runs.
pub(super) fn shed() -> io::Result<()> {
    without(|own| !KEPT.contains(own))
}

fn without(gone: impl Fn(CapabilitySet) -> bool) -> io::Result<()> {
    for capability in CapabilitySet::all().iter().filter(|own| gone(*own)) {
        match remove_capability_from_bounding_set(capability) {
            // An older kernel does not know it, so nobody has it.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(())
}
