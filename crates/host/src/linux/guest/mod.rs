//! Virtual machines in the data plane: a machine whose first process keeps QEMU ([`keeper`]).
//!
//! ```text
//! VPC's router ── link ── eth0 of the machine's namespace ── relay ── the guest's own eth0
//! machine's layers, laid together in its mount namespace ── virtiofsd ── the guest's own root
//! ```
//!
//! So all that decides about a machine's packets, and all that is done with its files, is the same as for a container.
//! The namespace itself must not answer in the guest's stead: what comes up to its own programs is dropped.

mod cards;
mod disks;
pub(super) mod keeper;
mod kept;
mod monitor;
mod orders;
mod relay;
pub(super) mod runs;

pub(super) use orders::{GUEST, Guest};

use kept::Kept;

use super::Line;
use super::boot::Machine;
use super::frame::{Order, Put, Take};
use super::netlink::filter::transactions;
use super::plane::{Plane, ROUTER_V6};
use super::process::{spawned, with_doors};
use crate::guest::{Card, Ground, Hardware, Root, Told, has_kvm};
use crate::{HostError, Process};
use net::program::{Far, FilterDelta, Plug, guest_filter};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, MutexGuard};

/// In the folder of a machine: the first files of its guest.
const ARCHIVE: &str = "archive";

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

    /// Tells a guest that runs which interfaces it has now.
    pub(super) fn rewire(&self, id: &str) -> Result<(), HostError> {
        let Some(machine) = self.machines.get(id).filter(|machine| machine.is_silent) else { return Ok(()) };
        let body = kept::cards(Put::default().u32(machine.space.key), &self.cards(id)).0;
        match self.line.call(Order::Cards, &body, &[])? {
            // It is off, and boots with what there is then.
            Err(why) if why.kind() == io::ErrorKind::HostUnreachable => Ok(()),
            done => {
                let refused = |why| HostError::refused(format!("change the interfaces of {id}"), why);
                done.map(|_| ()).map_err(refused)
            }
        }
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
    guest: crate::Guest,
    (machine, console): (Machine, OwnedFd),
    doors: &[File],
) -> Result<Box<dyn Process>, HostError> {
    let ground = Ground::find().map_err(HostError::Unable)?;
    // It may be tried first, which takes its time: nobody else waits for that.
    let kvm = has_kvm(&ground);
    let refused = |why| HostError::refused(format!("boot {id} as a virtual machine"), why);
    let cards = plane().cards(id);
    let own = guest.root.unwrap_or_default();
    let root = match own.as_str() {
        "" => files(&ground, &machine, &cards).map_err(refused)?,
        _ => Root::Disk(disks::root(&machine.disk)),
    };
    let hardware = Hardware {
        id: id.to_owned(),
        product: guest.product,
        root,
        kvm,
        cpus: guest.share.millicpus.div_ceil(1000).max(1),
        memory_mib: guest.share.memory_bytes >> 20,
        cards,
        sockets: guest.interfaces.saturating_sub(1),
    };
    let known = hardware.cards.clone();
    let kept = Kept { qemu: ground.qemu, hardware };
    let space = plane().silence(id)?;
    let body = kept.write(machine.write(Put::default().u32(space)).bytes(own.as_bytes())).0;
    let null = File::open("/dev/null").map_err(refused)?;
    let streams = with_doors([null.as_fd(), console.as_fd(), console.as_fd()], doors);
    let (body, _) = line.call(Order::Guest, &body, &streams)?.map_err(refused)?;
    let process = spawned(line, Take(&body).u32().map_err(|_| HostError::Ended)?);
    let plane = plane();
    if plane.cards(id) != known {
        // What came or went meanwhile.
        plane.rewire(id)?;
    }
    Ok(process)
}

/// The layers, under a kernel of ours.
fn files(ground: &Ground, machine: &Machine, cards: &[Card]) -> io::Result<Root> {
    let told = Told { name: &machine.hostname, init: &machine.init, env: &machine.env, cards };
    let archive = machine.disk.join(ARCHIVE);
    fs::write(&archive, ground.archive(&told)?)?;
    let (server, kernel) = (ground.files.clone(), ground.kernel.clone());
    Ok(Root::Files { server, files: machine.disk.join("root"), kernel, archive })
}
