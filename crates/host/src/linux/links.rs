//! Links: between machines and routers, routers and the internet, routers and each other.

use super::netlink::Messages;
use super::netlink::filter::transactions;
use super::netlink::route::{End, Leads, ask_links, working_links};
use super::plane::{
    MACHINE_SETTINGS, Machine, NAT_SETTINGS, Plane, ROUTER, ROUTER_MAC, ROUTER_V6, Translates, new_spaces,
};
use crate::HostError;
use net::program::{Delta, Far, Filter, FilterDelta, Link, Plug, TABLE_MAIN, nat_filter, relay_filter};
use net::{Cidr, Program};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Messages of one kind go together up to this size.
const CHUNK: usize = 60_000;
/// Where the addresses of lone machines behind relays begin, and how many each relay has. None of them is any that AWS
/// gives a meaning.
const TETHERS: Ipv4Addr = Ipv4Addr::new(169, 254, 64, 0);
const TETHERS_MAX: u32 = 1 << 14;
/// A lone machine's name for its link to a relay.
const TETHER: &str = "eth0";
/// How often, and how long each time, new links are waited for.
const AWAIT_MAX: u32 = 1000;
const AWAIT_STEP: Duration = Duration::from_millis(1);

impl Plane {
    /// Makes new links with their far ends, and switches others.
    pub(super) fn add_links(&mut self, vpc: &str, delta: &Delta, program: &Program) -> Result<(), HostError> {
        self.need_machines(delta, program)?;
        let mut out = Messages::default();
        for (name, link) in &delta.links_added {
            match &link.to {
                Far::Machine(plug) => self.plug(vpc, name, link, plug, &mut out)?,
                Far::Internet => self.uplink(vpc, name, link, &mut out)?,
                Far::Peer { vpc: peer, .. } => {
                    let peer = peer.clone();
                    self.need_router(&peer)?;
                    self.peer(vpc, &peer, name, link, &mut out)?;
                }
            }
            if out.bytes.len() > CHUNK {
                self.near(vpc, &mut out)?;
            }
        }
        for (name, up) in &delta.links_switched {
            let ipv6 = self.ipv6;
            let Some(index) = self.router(vpc)?.space.links.get(name).copied() else { continue };
            out.set_up(index, *up);
            // A link that goes down forgets its neighbours.
            if let (true, Some(Link { to: Far::Machine(plug), .. })) = (*up, program.links.get(name)) {
                neighbours(&mut out, plug, index, ipv6);
            }
        }
        self.near(vpc, &mut out)?;
        // Only what is at both ends can be set up at the far ones.
        self.far_ends(delta, program)
    }

    fn near(&mut self, vpc: &str, out: &mut Messages) -> Result<(), HostError> {
        let key = self.router(vpc)?.space.key;
        self.send(key, false, std::mem::take(out))
    }

    /// A link to a machine, from the router's side.
    fn plug(
        &mut self,
        vpc: &str,
        name: &str,
        link: &Link,
        plug: &Plug,
        out: &mut Messages,
    ) -> Result<(), HostError> {
        let ipv6 = self.ipv6 && plug.addresses.iter().any(|(a, _)| a.is_ipv6());
        let machine = plug.attachment.machine.as_str();
        let machine =
            self.machines.get_mut(machine).ok_or_else(|| HostError::NotThere(machine.to_owned()))?;
        let device = device(plug);
        let far = End { name: &device, index: machine.space.index(&device), mac: plug.mac, group: 0 };
        let namespace = machine.space.descriptor;
        let index = self.router(vpc)?.space.index(name);
        let near = End { name, index, mac: ROUTER_MAC, group: link.group };
        out.pair(&near, &far, namespace);
        out.answer_at_once(index);
        if link.up {
            out.set_up(index, true);
            neighbours(out, plug, index, ipv6);
        }
        if ipv6 {
            out.address(index, ROUTER_V6, 64, true);
        }
        Ok(())
    }

    /// A link to the internet's router.
    fn uplink(&mut self, vpc: &str, name: &str, link: &Link, out: &mut Messages) -> Result<(), HostError> {
        let far_name = internet_end(vpc, name);
        let far_index = self.internet.index(&far_name);
        let namespace = self.internet.descriptor;
        let index = self.router(vpc)?.space.index(name);
        let near = End { name, index, mac: [2, 0, 0, 0, 0, 2], group: link.group };
        let far = End { name: &far_name, index: far_index, mac: [2, 0, 0, 0, 0, 3], group: 0 };
        out.pair(&near, &far, namespace);
        self.trunk(out, index, far.mac);
        self.near(vpc, out)?;
        let mut out = Messages::default();
        self.trunk(&mut out, far_index, near.mac);
        self.send(self.internet.key, false, out)
    }

    /// A link to another VPC's router; made by whoever comes first.
    fn peer(
        &mut self,
        vpc: &str,
        peer: &str,
        name: &str,
        link: &Link,
        out: &mut Messages,
    ) -> Result<(), HostError> {
        if self.router(vpc)?.space.links.contains_key(name) {
            return Ok(());
        }
        let other = self.router(peer)?;
        let (far_index, namespace, far_key) =
            (other.space.index(name), other.space.descriptor, other.space.key);
        let index = self.router(vpc)?.space.index(name);
        let near = End { name, index, mac: [2, 0, 0, 0, 0, 4], group: link.group };
        let far = End { name, index: far_index, mac: [2, 0, 0, 0, 0, 5], group: link.group };
        out.pair(&near, &far, namespace);
        self.trunk(out, index, far.mac);
        self.near(vpc, out)?;
        let mut out = Messages::default();
        self.trunk(&mut out, far_index, near.mac);
        self.send(far_key, false, out)
    }

    /// One end of a link between routers.
    fn trunk(&self, out: &mut Messages, index: u32, other: [u8; 6]) {
        out.set_up(index, true);
        out.neighbour(index, ROUTER, other);
        if self.ipv6 {
            out.neighbour(index, ROUTER_V6, other);
        }
    }

    /// Makes the machines that new links lead to, all at once.
    fn need_machines(&mut self, delta: &Delta, program: &Program) -> Result<(), HostError> {
        let mut new = BTreeMap::new();
        for link in delta.links_added.values() {
            if let Far::Machine(plug) = &link.to
                && !self.machines.contains_key(&plug.attachment.machine)
            {
                let id = plug.attachment.machine.clone();
                let kind = if program.nat_gateways.contains(&id) {
                    Translates::Gateway
                } else if program.relays.contains(&id) {
                    Translates::Relay
                } else {
                    Translates::No
                };
                new.insert(id, kind);
            }
        }
        let plain = |kind: &Translates| *kind == Translates::No;
        let settings = new.values().map(|kind| if plain(kind) { MACHINE_SETTINGS } else { NAT_SETTINGS });
        let spaces = new_spaces(&self.line, settings)?;
        for ((id, kind), space) in new.into_iter().zip(spaces) {
            self.machines.insert(
                id,
                Machine {
                    space,
                    rules: BTreeMap::new(),
                    kind,
                    filter: Filter::default(),
                    is_lone: false,
                    is_silent: false,
                },
            );
        }
        Ok(())
    }

    /// Machines' ends of new links.
    fn far_ends(&mut self, delta: &Delta, program: &Program) -> Result<(), HostError> {
        for link in delta.links_added.values() {
            let Far::Machine(plug) = &link.to else { continue };
            let id = &plug.attachment.machine;
            let Some(machine) = self.machines.get_mut(id) else { continue };
            let device = device(plug);
            let index = machine.space.links.get(&device).copied().unwrap_or_default();
            let mut out = Messages::default();
            out.set_up(index, true);
            for (address, length) in plug.addresses.iter().filter(|(a, _)| a.is_ipv4() || self.ipv6) {
                out.address(index, *address, *length, true);
            }
            if let Some(gateway) = plug.gateway {
                out.neighbour(index, gateway, ROUTER_MAC);
            }
            default_routes(&mut out, plug, index, self.ipv6, &mut machine.rules);
            let (key, kind) = (machine.space.key, machine.kind);
            self.send(key, false, out)?;
            // Of one that has an only interface the rules are made with it, and follow its addresses.
            let filter = match kind {
                Translates::Gateway if program.nat_gateways.contains(id) => {
                    nat_filter(id, &device, &v4(plug))
                }
                Translates::Relay if program.relays.contains(id) => relay_filter(&device),
                _ => continue,
            };
            let Some(machine) = self.machines.get_mut(id) else { continue };
            let delta = FilterDelta::between(&machine.filter, &filter);
            let first = machine.filter == Filter::default();
            machine.filter = filter;
            if !delta.is_empty() {
                for part in transactions(&delta, first) {
                    self.send(key, true, part)?;
                }
            }
        }
        Ok(())
    }

    /// Links a lone machine to a relay.
    pub(super) fn tether(&mut self, machine: &str, relay: &str) -> Result<(), HostError> {
        let missing = |id: &str| HostError::NotThere(id.to_owned());
        if self.tethers.contains_key(machine) {
            return Err(HostError::refused(format!("link {machine}"), std::io::ErrorKind::AlreadyExists));
        }
        let lone = self.machines.get_mut(machine).ok_or_else(|| missing(machine))?;
        let (far_key, namespace) = (lone.space.key, lone.space.descriptor);
        let far_index = lone.space.index(TETHER);
        let taken: BTreeSet<u32> =
            self.tethers.values().filter(|(by, _)| by == relay).map(|(_, number)| *number).collect();
        let number = (1..TETHERS_MAX).find(|number| !taken.contains(number));
        let number = number.ok_or_else(|| {
            HostError::refused(format!("link {machine} to {relay}"), std::io::ErrorKind::QuotaExceeded)
        })?;
        let by = self.machines.get_mut(relay).filter(|by| by.kind == Translates::Relay);
        let by = by.ok_or_else(|| missing(relay))?;
        let (name, near_key) = (format!("t{number}"), by.space.key);
        let index = by.space.index(&name);
        self.tethers.insert(machine.to_owned(), (relay.to_owned(), number));
        let address = IpAddr::V4(Ipv4Addr::from(u32::from(TETHERS) + number));
        let near = End { name: &name, index, mac: ROUTER_MAC, group: 0 };
        let far = End { name: TETHER, index: far_index, mac: [2, 0, 0, 0, 0, 6], group: 0 };
        let mut out = Messages::default();
        out.pair(&near, &far, namespace);
        out.set_up(index, true);
        out.neighbour(index, address, far.mac);
        out.route(TABLE_MAIN, Cidr::host(address), Leads::Out(index, None));
        self.line.netlink(near_key, false, out)?;
        let mut out = Messages::default();
        out.set_up(far_index, true);
        out.address(far_index, address, 32, true);
        out.neighbour(far_index, ROUTER, ROUTER_MAC);
        out.route(TABLE_MAIN, Cidr::ALL_V4, Leads::Out(far_index, Some(ROUTER)));
        self.line.netlink(far_key, false, out).map(drop)
    }

    /// A machine is gone, and the links that its kind may have had to others.
    pub(super) fn untether(&mut self, machine: &str) {
        if let Some((relay, number)) = self.tethers.remove(machine)
            && let Some(relay) = self.machines.get_mut(&relay)
        {
            relay.space.links.remove(&format!("t{number}"));
        }
        self.tethers.retain(|_, (relay, _)| relay != machine);
    }

    /// Waits until new links carry packets: after both ends are up, the kernel takes a moment of its own to start them,
    /// and drops what is sent before.
    pub(super) fn await_links(&mut self, vpc: &str, delta: &Delta) -> Result<(), HostError> {
        let line = Arc::clone(&self.line);
        let space = &self.router(vpc)?.space;
        let switched = delta.links_switched.iter().filter(|(_, up)| **up).map(|(name, _)| name);
        let added = delta.links_added.iter().filter(|(_, link)| link.up).map(|(name, _)| name);
        let wanted: BTreeSet<u32> =
            added.chain(switched).filter_map(|name| space.links.get(name).copied()).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        for _ in 0..AWAIT_MAX {
            if wanted.is_subset(&working_links(&line.netlink(space.key, false, ask_links())?)) {
                return Ok(());
            }
            std::thread::sleep(AWAIT_STEP);
        }
        // Late, but not lost: what is sent meanwhile is sent again by those who care.
        Ok(())
    }
}

/// A machine's name for an interface.
pub(super) fn device(plug: &Plug) -> String {
    format!("eth{}", plug.attachment.device)
}

/// The internet router's name for a VPC's link.
pub(super) fn internet_end(vpc: &str, name: &str) -> String {
    let tail: String = vpc.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail = &tail[tail.len().saturating_sub(13)..];
    format!("{}{tail}", if name == net::program::LINK_INTERNET { 'v' } else { 'w' })
}

/// Who has which address is known; and a neighbour that need not be asked for needs no room in the kernel's table.
fn neighbours(out: &mut Messages, plug: &Plug, index: u32, ipv6: bool) {
    for (address, _) in plug.addresses.iter().filter(|(a, _)| a.is_ipv4() || ipv6) {
        out.neighbour(index, *address, plug.mac);
    }
}

/// The first interface has the default route. The others answer by where they were asked.
fn default_routes(
    out: &mut Messages,
    plug: &Plug,
    index: u32,
    ipv6: bool,
    rules: &mut BTreeMap<IpAddr, u32>,
) {
    let gateways = [(Cidr::ALL_V4, plug.gateway), (Cidr::ALL_V6, ipv6.then_some(ROUTER_V6))];
    for (everything, gateway) in gateways {
        let own = plug.addresses.iter().map(|(a, _)| *a).filter(|a| a.is_ipv4() == everything.is_v4());
        let own: Vec<IpAddr> = own.collect();
        let Some(gateway) = gateway.filter(|_| !own.is_empty()) else { continue };
        let is_first = plug.attachment.device == 0;
        let table = if is_first { TABLE_MAIN } else { 1000 + plug.attachment.device };
        out.route(table, everything, Leads::Out(index, Some(gateway)));
        // Rules of addresses that this interface has no more, and of those that another had before.
        let gone: Vec<(IpAddr, u32)> = rules
            .iter()
            .map(|(address, of)| (*address, *of))
            .filter(|(address, _)| address.is_ipv4() == everything.is_v4())
            .filter(|(address, of)| (*of == table) != own.contains(address))
            .collect();
        for (address, of) in gone {
            out.source_rule(address, of, false);
            rules.remove(&address);
        }
        for address in own.into_iter().filter(|_| !is_first) {
            if rules.insert(address, table).is_none() {
                out.source_rule(address, table, true);
            }
        }
    }
}

/// The IPv4 addresses of an interface, the primary one first.
fn v4(plug: &Plug) -> Vec<Ipv4Addr> {
    let v4 = |address: &(IpAddr, u8)| match address.0 {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    };
    plug.addresses.iter().filter_map(v4).collect()
}
