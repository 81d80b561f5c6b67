//! Virtual machines in the data plane: a machine whose first process keeps QEMU ([`keeper`]).
//!
//! ```text
//! VPC's router ── link ── eth0 of the machine's namespace ── relay ── the guest's own eth0
//! machine's layers, laid together in its mount namespace ── virtiofsd ── the guest's own root
//! ```
//!
//! So all that decides about a machine's packets, and all that is done with its files, is the same as for a container.
//! The namespace itself must not answer in the guest's stead: what comes up to its own programs is dropped.

mod disks;
pub(super) mod keeper;
mod monitor;
mod orders;
mod relay;
pub(super) mod runs;

pub(super) use orders::{GUEST, Guest};

use super::Line;
use super::boot::{Machine, text};
use super::frame::{Order, Put, Take};
use super::netlink::filter::transactions;
use super::plane::{Plane, ROUTER_V6};
use super::process::{spawned, with_doors};
use crate::guest::{Card, Ground, Hardware, Told, has_kvm};
use crate::{HostError, Process, Share};
use net::program::{Far, FilterDelta, Plug, guest_filter};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};

/// In the folder of a machine: the first files of its guest.
const ARCHIVE: &str = "archive";

/// What a machine's keeper is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    qemu: PathBuf,
    files: PathBuf,
    /// What is the guest's root.
    root: PathBuf,
    hardware: Hardware,
    /// The names of the namespace's interfaces, as the hardware's cards are.
    links: Vec<OsString>,
}

impl Kept {
    fn write(&self, mut put: Put) -> Put {
        let hardware = &self.hardware;
        for path in [&self.qemu, &self.files, &self.root, &hardware.kernel, &hardware.archive] {
            put = put.bytes(path.as_os_str().as_bytes());
        }
        put = put.u8(u8::from(hardware.kvm)).u32(hardware.cpus).u64(hardware.memory_mib);
        put = put.u32(u32::try_from(self.links.len()).unwrap_or(u32::MAX));
        for (link, mac) in self.links.iter().zip(&hardware.cards) {
            put = put.bytes(link.as_bytes()).bytes(mac);
        }
        put
    }

    pub(super) fn read(take: &mut Take<'_>) -> io::Result<Kept> {
        let mut path = || Ok::<_, io::Error>(PathBuf::from(text(take)?));
        let (qemu, files, root, kernel, archive) = (path()?, path()?, path()?, path()?, path()?);
        let (kvm, cpus, memory_mib) = (take.u8()? != 0, take.u32()?, take.u64()?);
        let (mut links, mut cards) = (Vec::new(), Vec::new());
        for _ in 0..take.u32()? {
            links.push(text(take)?);
            cards.push(take.bytes()?.try_into().map_err(|_| io::ErrorKind::InvalidData)?);
        }
        let hardware = Hardware { kernel, archive, kvm, cpus, memory_mib, cards };
        Ok(Kept { qemu, files, root, hardware, links })
    }
}

/// A guest's interface, as a plug has it.
fn card(plug: &Plug, ipv6: bool) -> Card {
    let addresses: Vec<_> = plug.addresses.iter().copied().filter(|(a, _)| a.is_ipv4() || ipv6).collect();
    let v6 = addresses.iter().any(|(address, _)| address.is_ipv6()).then_some(ROUTER_V6);
    Card {
        device: plug.attachment.device,
        mac: plug.mac,
        addresses,
        gateways: plug.gateway.into_iter().chain(v6).collect(),
    }
}

impl Plane {
    /// The interfaces of a machine, in order.
    fn cards(&self, machine: &str) -> Vec<Card> {
        let links = self.programs().flat_map(|program| program.links.values());
        let plugs = links.filter_map(|link| match &link.to {
            Far::Machine(plug) if plug.attachment.machine == machine => Some(plug),
            _ => None,
        });
        let mut cards: Vec<Card> = plugs.map(|plug| card(plug, self.ipv6)).collect();
        cards.sort_by_key(|card| card.device);
        cards
    }

    /// Lets a machine's namespace say and hear nothing by itself; its number.
    fn silence(&mut self, id: &str) -> Result<u32, HostError> {
        let line = Arc::clone(&self.line);
        let machine = self.machines.get_mut(id).ok_or_else(|| HostError::NotThere(id.to_owned()))?;
        if !machine.is_silent {
            for part in transactions(&FilterDelta::from_nothing(&guest_filter()), true) {
                line.netlink(machine.space.key, true, part)?;
            }
            machine.is_silent = true;
        }
        Ok(machine.space.key)
    }
}

/// Boots a machine as a guest.
pub(super) fn boot<'a>(
    line: &Arc<Line>,
    plane: impl Fn() -> MutexGuard<'a, Plane>,
    id: &str,
    share: Share,
    (machine, console): (Machine, OwnedFd),
    doors: &[File],
) -> Result<Box<dyn Process>, HostError> {
    let ground = Ground::find().map_err(HostError::Unable)?;
    // It may be tried first, which takes its time: nobody else waits for that.
    let kvm = has_kvm(&ground);
    let refused = |why| HostError::refused(format!("boot {id} as a virtual machine"), why);
    let cards = plane().cards(id);
    let told = Told { name: &machine.hostname, init: &machine.init, env: &machine.env, cards: &cards };
    let archive = machine.disk.join(ARCHIVE);
    fs::write(&archive, ground.archive(&told).map_err(refused)?).map_err(refused)?;
    let kept = Kept {
        root: machine.disk.join("root"),
        hardware: Hardware {
            kvm,
            kernel: ground.kernel,
            archive,
            cpus: share.millicpus.div_ceil(1000).max(1),
            memory_mib: share.memory_bytes >> 20,
            cards: cards.iter().map(|card| card.mac).collect(),
        },
        links: cards.iter().map(|card| format!("eth{}", card.device).into()).collect(),
        qemu: ground.qemu,
        files: ground.files,
    };
    let space = plane().silence(id)?;
    let body = kept.write(machine.write(Put::default().u32(space))).0;
    let null = File::open("/dev/null").map_err(refused)?;
    let streams = with_doors([null.as_fd(), console.as_fd(), console.as_fd()], doors);
    let (body, _) = line.call(Order::Guest, &body, &streams)?.map_err(refused)?;
    Ok(spawned(line, Take(&body).u32().map_err(|_| HostError::Ended)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_told_what_was_written() {
        let kept = Kept {
            qemu: "/usr/bin/qemu".into(),
            files: "/usr/libexec/virtiofsd".into(),
            root: "/disk/root".into(),
            hardware: Hardware {
                kernel: "/boot/vmlinuz".into(),
                archive: "/disk/archive".into(),
                kvm: true,
                cpus: 2,
                memory_mib: 512,
                cards: vec![[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]],
            },
            links: vec!["eth0".into(), "eth1".into()],
        };
        let bytes = kept.write(Put::default()).0;
        assert_eq!(Kept::read(&mut Take(&bytes)).unwrap(), kept);
        assert!(Kept::read(&mut Take(&bytes[..bytes.len() - 1])).is_err());
    }
}
