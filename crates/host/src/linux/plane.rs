//! What is in the host process's namespaces, and how it becomes what programs say.

use super::counters::Asked;
use super::frame::{Order, Put, Take};
use super::interruptions::may_interrupt;
use super::links::{device, internet_end};
use super::netlink::Messages;
use super::netlink::connections::ask_connections;
use super::netlink::filter::transactions;
use super::netlink::route::{End, LOOPBACK, Leads};
use super::{Line, Posted};
use crate::{Count, HostError, Inventory, Place};
use net::program::{Delta, Far, Filter, FilterDelta, Hop, Link, TABLE_MAIN, Via, measure, nat_filter};
use net::tracking::Openness;
use net::{Cidr, Program, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The next hop on links between routers: whoever is at the other end.
pub(super) const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 0, 1));
/// The same by IPv6; on machines' links it is the router's own.
pub(super) const ROUTER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
pub(super) const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// Messages of one kind go together up to this size.
const CHUNK: usize = 60_000;

/// The idle times of connections are AWS's where Linux has others.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html>
const ROUTER_SETTINGS: Settings = &[
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/conf/default/proxy_arp", "1"),
    ("ipv4/conf/default/accept_local", "1"),
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("netfilter/nf_conntrack_udp_timeout_stream", "180"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/accept_dad", "0"),
];

pub(super) const MACHINE_SETTINGS: Settings = &[
    ("ipv4/ip_forward", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("ipv4/ping_group_range", "0 0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
];

/// A NAT gateway's. It forgets what is idle for 350 seconds, and does not take up what it has not seen begin.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>
pub(super) const NAT_SETTINGS: Settings = &[
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("netfilter/nf_conntrack_tcp_timeout_established", "350"),
    ("netfilter/nf_conntrack_tcp_loose", "0"),
];

/// A namespace.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) key: u32,
    /// Its descriptor's number in the host process.
    pub(super) descriptor: u32,
    next_index: u32,
    /// Links by name.
    pub(super) links: BTreeMap<String, u32>,
}

impl Space {
    pub(super) fn index(&mut self, name: &str) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        self.links.insert(name.to_owned(), index);
        index
    }
}

/// A VPC's router and what has been made of it.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) space: Space,
    pub(super) applied: Program,
    pub(super) has_table: bool,
    /// Of the sets in which flows are counted.
    pub(super) generation: u32,
    /// What interfaces let pass from and to everybody, as of the last apply.
    open: Openness,
    /// What rules that are gone have seen.
    pub(super) past: BTreeMap<String, Count>,
}

impl Router {
    /// A link that is gone, from its other end, and so are the routes by it; what is applied next makes it again.
    fn forget(&mut self, name: &str) {
        self.space.links.remove(name);
        self.applied.links.remove(name);
        let through = |hop: &Hop| matches!(hop, Hop::Link { name: by, .. } if by == name);
        self.applied.routes.retain(|_, hop| !through(hop));
    }
}

/// Whether a machine sends what others send as its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Translates {
    No,
    Gateway,
    Relay,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) space: Space,
    /// Which table its addresses ask. They outlive the link that they are for.
    pub(super) rules: BTreeMap<IpAddr, u32>,
    pub(super) kind: Translates,
    /// What it translates by.
    pub(super) filter: Filter,
    /// It has no place in any network.
    pub(super) is_lone: bool,
    /// Its guest alone speaks for it.
    pub(super) is_silent: bool,
}

#[derive(Debug)]
pub(super) struct Plane {
    pub(super) line: Arc<Line>,
    pub(super) ipv6: bool,
    pub(super) internet: Space,
    /// Hosts on the internet.
    hosts: BTreeSet<IpAddr>,
    pub(super) routers: BTreeMap<String, Router>,
    pub(super) machines: BTreeMap<String, Machine>,
    /// By which relay a lone machine sends, and which of those behind it that is.
    pub(super) tethers: BTreeMap<String, (String, u32)>,
    /// What the apply that is going on has sent; the kernel does it in turn while the next is being written.
    under_way: Vec<Posted>,
}

impl Plane {
    pub(super) fn new(line: Arc<Line>, ipv6: bool) -> Result<Plane, HostError> {
        let internet = new_space(&line, ROUTER_SETTINGS)?;
        Ok(Plane {
            line,
            ipv6,
            internet,
            hosts: BTreeSet::new(),
            routers: BTreeMap::new(),
            machines: BTreeMap::new(),
            tethers: BTreeMap::new(),
            under_way: Vec::new(),
        })
    }

    /// Makes a small network and takes it away again: whether the kernel has what it takes.
    pub(super) fn probe(&mut self) -> Result<(), HostError> {
        let machine = new_space(&self.line, MACHINE_SETTINGS)?;
        let mut pair = Messages::default();
        let near = End { name: "probe", index: 100, mac: ROUTER_MAC, group: 1 };
        let far = End { name: "eth0", index: 100, mac: [2, 0, 0, 0, 0, 2], group: 0 };
        pair.pair(&near, &far, machine.descriptor);
        pair.delete_link(100);
        let unable = |what: &str| {
            let what = what.to_owned();
            move |why: HostError| {
                HostError::Unable(format!("the kernel has no {what} ({why}): load its module"))
            }
        };
        self.line.netlink(self.internet.key, false, pair).map_err(unable("veth links"))?;
        let filter = nat_filter(&"nat-probe".to_owned(), "eth0", &[]);
        for part in transactions(&FilterDelta::from_nothing(&filter), true) {
            self.line.netlink(machine.key, true, part).map_err(unable("netfilter tables (nf_tables)"))?;
        }
        for part in transactions(&FilterDelta::from_nothing(&net::program::ranges()), false) {
            self.line
                .netlink(machine.key, true, part)
                .map_err(unable("netfilter sets of ranges (5.7 has them)"))?;
        }
        self.line
            .netlink(machine.key, true, ask_connections())
            .map_err(unable("list of connections (nf_conntrack_netlink)"))?;
        for part in transactions(&FilterDelta::from_nothing(&measure()), false) {
            self.line.netlink(machine.key, true, part).map_err(unable("netfilter limits (nft_limit)"))?;
        }
        drop_space(&self.line, &machine)
    }

    pub(super) fn inventory(&self) -> Inventory {
        Inventory {
            vpcs: self.routers.keys().cloned().collect(),
            machines: self.machines.iter().filter(|(_, m)| !m.is_lone).map(|(id, _)| id.clone()).collect(),
        }
    }

    /// The namespace of a place; a host on the internet comes into being.
    pub(super) fn place(&mut self, place: &Place) -> Result<u32, HostError> {
        match place {
            Place::Internet(address) => {
                if !address.is_unspecified() && !self.hosts.contains(address) {
                    let mut out = Messages::default();
                    out.address(LOOPBACK, *address, if address.is_ipv4() { 32 } else { 128 }, true);
                    self.line.netlink(self.internet.key, false, out)?;
                    self.hosts.insert(*address);
                }
                Ok(self.internet.key)
            }
            Place::Router(vpc) => {
                let router = self.routers.get(vpc).ok_or_else(|| HostError::NotThere(vpc.clone()))?;
                Ok(router.space.key)
            }
            Place::Machine(machine) => {
                let there = self.machines.get(machine).ok_or_else(|| HostError::NotThere(machine.clone()))?;
                Ok(there.space.key)
            }
        }
    }

    pub(super) fn apply(&mut self, topology: &Topology, vpc: &str) -> Result<(), HostError> {
        let mut program = Program::compile(topology, vpc);
        self.need_router(vpc)?;
        let router = self.router(vpc)?;
        program.count_in(router.generation);
        let open = topology.vpcs.get(vpc).map(|vpc| Openness::of(topology, vpc)).unwrap_or_default();
        let before = std::mem::replace(&mut router.open, open);
        let done = match self.converge(program) {
            Ok(true) => self.interrupt(topology, vpc, &before),
            done => done.map(drop),
        };
        if done.is_err() {
            // What is still under way comes before what takes it all away.
            let _ = self.settle();
            self.remove_vpc(vpc)?;
        }
        done
    }

    /// Sends messages as a part of the apply that is going on.
    pub(super) fn send(&mut self, space: u32, filter: bool, messages: Messages) -> Result<(), HostError> {
        if !messages.is_empty() {
            self.under_way.push(self.line.post_netlink(space, filter, messages)?);
        }
        Ok(())
    }

    /// Waits for all that was sent; the first refusal is what went wrong.
    pub(super) fn settle(&mut self) -> Result<(), HostError> {
        let mut first = Ok(());
        for posted in self.under_way.drain(..) {
            let done = posted.wait().map(|_| ());
            first = first.and(done);
        }
        first
    }

    pub(super) fn need_router(&mut self, vpc: &str) -> Result<(), HostError> {
        if !self.routers.contains_key(vpc) {
            let space = new_space(&self.line, ROUTER_SETTINGS)?;
            let applied = Program { vpc: vpc.to_owned(), ..Program::default() };
            let router = Router {
                space,
                applied,
                has_table: false,
                open: Openness::default(),
                generation: 0,
                past: BTreeMap::new(),
            };
            self.routers.insert(vpc.to_owned(), router);
        }
        Ok(())
    }

    /// What is applied.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.routers.values().map(|router| &router.applied)
    }

    /// Makes a VPC what a program says; whether that may be the end of connections.
    pub(super) fn converge(&mut self, program: Program) -> Result<bool, HostError> {
        let vpc = program.vpc.clone();
        let delta = match self.routers.get(&vpc) {
            Some(router) => program.since(&router.applied),
            None => return Err(HostError::NotThere(vpc)),
        };
        if delta.is_empty() {
            return Ok(false);
        }
        self.remove_links(&vpc, &delta.links_removed)?;
        self.filter(&vpc, &delta.filter)?;
        self.addresses_and_tables(&vpc, &delta)?;
        self.add_links(&vpc, &delta, &program)?;
        self.routes(&vpc, &delta)?;
        self.public(&vpc, &delta)?;
        self.settle()?;
        self.await_links(&vpc, &delta)?;
        let rewired: BTreeSet<String> = match self.routers.get_mut(&vpc) {
            Some(router) => {
                let before = std::mem::replace(&mut router.applied, program);
                let gone = delta.links_removed.iter().filter_map(|name| before.links.get(name));
                gone.chain(delta.links_added.values()).filter_map(machine_of).collect()
            }
            None => BTreeSet::new(),
        };
        rewired.iter().try_for_each(|machine| self.rewire(machine))?;
        Ok(may_interrupt(&delta.filter))
    }

    pub(super) fn router(&mut self, vpc: &str) -> Result<&mut Router, HostError> {
        self.routers.get_mut(vpc).ok_or_else(|| HostError::NotThere(vpc.to_owned()))
    }

    /// Takes links away, and the other ends' records; a peer's routes go with them.
    fn remove_links(&mut self, vpc: &str, names: &BTreeSet<String>) -> Result<(), HostError> {
        let router = self.router(vpc)?;
        let indexes: Vec<u32> = names.iter().filter_map(|name| router.space.links.remove(name)).collect();
        let links: Vec<(String, Link)> = names
            .iter()
            .filter_map(|name| Some((name.clone(), router.applied.links.get(name)?.clone())))
            .collect();
        let key = router.space.key;
        let mut out = Messages::default();
        out.delete_links(&indexes);
        self.send(key, false, out)?;
        links.iter().for_each(|(name, link)| self.forget_far_end(vpc, name, link));
        Ok(())
    }

    fn forget_far_end(&mut self, vpc: &str, name: &str, link: &Link) {
        match &link.to {
            Far::Machine(plug) => {
                if let Some(machine) = self.machines.get_mut(&plug.attachment.machine) {
                    machine.space.links.remove(&device(plug));
                }
            }
            Far::Internet => {
                self.internet.links.remove(&internet_end(vpc, name));
            }
            Far::Peer { vpc: peer, .. } => {
                if let Some(peer) = self.routers.get_mut(peer) {
                    peer.forget(name);
                }
            }
        }
    }

    /// One transaction, or a few when it is large. What rules that go have seen is kept.
    fn filter(&mut self, vpc: &str, delta: &FilterDelta) -> Result<(), HostError> {
        if delta.is_empty() {
            return Ok(());
        }
        let line = Arc::clone(&self.line);
        let router = self.router(vpc)?;
        let key = router.space.key;
        let mut asked = Asked::default();
        for chain in delta.chains_changed.keys().chain(&delta.chains_removed) {
            asked.chain(&line, key, Some(chain))?;
        }
        let sets = &router.applied.filter.allowed;
        for (name, set) in delta.allowed_removed.iter().filter_map(|name| sets.get_key_value(name)) {
            asked.set(&line, key, name, set)?;
        }
        let first = !std::mem::replace(&mut router.has_table, true);
        transactions(delta, first).into_iter().try_for_each(|part| self.send(key, true, part))?;
        asked.read(&mut self.router(vpc)?.past)
    }

    fn addresses_and_tables(&mut self, vpc: &str, delta: &Delta) -> Result<(), HostError> {
        let ipv6 = self.ipv6;
        let families: &[bool] = if ipv6 { &[true, false] } else { &[true] };
        let mut out = Messages::default();
        for (addresses, there) in [(&delta.addresses_removed, false), (&delta.addresses_added, true)] {
            for address in addresses.iter().filter(|a| a.is_ipv4() || ipv6) {
                out.address(LOOPBACK, *address, if address.is_ipv4() { 32 } else { 128 }, there);
            }
        }
        for (tables, there) in [(&delta.tables_removed, false), (&delta.tables_added, true)] {
            for table in tables {
                families.iter().for_each(|v4| out.mark_rule(*v4, *table, there));
            }
        }
        let key = self.router(vpc)?.space.key;
        self.send(key, false, out)
    }

    fn routes(&mut self, vpc: &str, delta: &Delta) -> Result<(), HostError> {
        let ipv6 = self.ipv6;
        let has = |cidr: &Cidr| cidr.is_v4() || ipv6;
        let router = self.router(vpc)?;
        let key = router.space.key;
        let (mut out, mut done) = (Messages::default(), Vec::new());
        for (table, to) in delta.routes_removed.iter().filter(|(_, to)| has(to)) {
            out.delete_route(*table, *to);
        }
        for ((table, to), hop) in delta.routes_set.iter().filter(|((_, to), _)| has(to)) {
            let leads = match hop {
                Hop::Throw => Leads::Throw,
                Hop::Nowhere => Leads::Out(LOOPBACK, None),
                Hop::Own => Leads::Local,
                Hop::Link { name, via } => {
                    let Some(index) = router.space.links.get(name) else {
                        return Err(HostError::NotThere(name.clone()));
                    };
                    let via = match via {
                        Via::Destination => None,
                        Via::Machine(address) => Some(*address),
                        Via::Router => Some(if to.is_v4() { ROUTER } else { ROUTER_V6 }),
                    };
                    // A machine has the router's address of its own family only.
                    Leads::Out(*index, via.filter(|via| via.is_ipv4() == to.is_v4()))
                }
            };
            out.route(*table, *to, leads);
            if out.bytes.len() > CHUNK {
                done.push(std::mem::take(&mut out));
            }
        }
        done.push(out);
        done.into_iter().try_for_each(|part| self.send(key, false, part))
    }

    /// What the internet's router sends where.
    fn public(&mut self, vpc: &str, delta: &Delta) -> Result<(), HostError> {
        let mut out = Messages::default();
        // A link that is gone has taken its routes along.
        let uplink = self.internet.links.get(&internet_end(vpc, net::program::LINK_INTERNET)).copied();
        let renewed = delta.links_added.contains_key(net::program::LINK_INTERNET);
        let lost = delta.links_removed.contains(net::program::LINK_INTERNET);
        for address in delta.public_removed.iter().filter(|a| a.is_ipv4() || self.ipv6) {
            if !lost {
                out.delete_route(TABLE_MAIN, Cidr::host(*address));
            }
        }
        if let Some(index) = uplink {
            let kept = self.routers.get(vpc).map(|r| r.applied.public.clone()).unwrap_or_default();
            let again = kept.difference(&delta.public_removed).filter(|_| renewed);
            for address in delta.public_added.iter().chain(again).filter(|a| a.is_ipv4() || self.ipv6) {
                let via = if address.is_ipv4() { ROUTER } else { ROUTER_V6 };
                out.route(TABLE_MAIN, Cidr::host(*address), Leads::Out(index, Some(via)));
            }
        }
        self.send(self.internet.key, false, out)
    }

    pub(super) fn remove_vpc(&mut self, vpc: &str) -> Result<(), HostError> {
        let Some(router) = self.routers.remove(vpc) else { return Ok(()) };
        // Links go with their namespace, but later: the kernel takes its time. Deleted by hand they are gone at once.
        let deleted = self.delete_links(&router.space);
        for (name, link) in &router.applied.links {
            self.forget_far_end(vpc, name, link);
        }
        for name in router.space.links.keys() {
            self.internet.links.remove(&internet_end(vpc, name));
            for peer in self.routers.values_mut().filter(|_| name.starts_with('p')) {
                peer.forget(name);
            }
        }
        drop_space(&self.line, &router.space)?;
        match deleted {
            Err(HostError::Ended) => Err(HostError::Ended),
            _ => Ok(()),
        }
    }

    fn delete_links(&self, space: &Space) -> Result<(), HostError> {
        let mut out = Messages::default();
        out.delete_links(&space.links.values().copied().collect::<Vec<u32>>());
        self.line.netlink(space.key, false, out).map(|_| ())
    }

    pub(super) fn lone_machine(&mut self, machine: &str) -> Result<(), HostError> {
        if self.machines.contains_key(machine) {
            return Err(HostError::refused(format!("make {machine}"), std::io::ErrorKind::AlreadyExists));
        }
        let space = new_space(&self.line, MACHINE_SETTINGS)?;
        self.machines.insert(
            machine.to_owned(),
            Machine {
                space,
                rules: BTreeMap::new(),
                kind: Translates::No,
                filter: Filter::default(),
                is_lone: true,
                is_silent: false,
            },
        );
        Ok(())
    }

    pub(super) fn remove_machine(&mut self, machine: &str) -> Result<(), HostError> {
        let Some(gone) = self.machines.remove(machine) else { return Ok(()) };
        self.untether(machine);
        // A socket that somebody still has keeps the namespace alive, but not its links.
        let deleted = self.delete_links(&gone.space);
        let plugged =
            |link: &Link| matches!(&link.to, Far::Machine(plug) if plug.attachment.machine == machine);
        for router in self.routers.values_mut() {
            let links: Vec<String> = router
                .applied
                .links
                .iter()
                .filter(|(_, l)| plugged(l))
                .map(|(name, _)| name.clone())
                .collect();
            links.iter().for_each(|name| router.forget(name));
        }
        drop_space(&self.line, &gone.space)?;
        deleted.map(|_| ())
    }
}

/// The machine at the other end of a link.
fn machine_of(link: &Link) -> Option<String> {
    match &link.to {
        Far::Machine(plug) => Some(plug.attachment.machine.clone()),
        _ => None,
    }
}

fn new_space(line: &Line, settings: Settings) -> Result<Space, HostError> {
    let mut spaces = new_spaces(line, std::iter::once(settings))?;
    spaces.pop().ok_or(HostError::Ended)
}

/// What is written below `/proc/sys/net`.
type Settings = &'static [(&'static str, &'static str)];

/// Makes namespaces; all are ordered before the first is waited for.
pub(super) fn new_spaces(line: &Line, all: impl Iterator<Item = Settings>) -> Result<Vec<Space>, HostError> {
    let mut up = Messages::default();
    up.set_up(LOOPBACK, true);
    let mut posted = Vec::new();
    for settings in all {
        let mut put = Put::default().u32(u32::try_from(settings.len()).unwrap_or(0));
        for (path, value) in settings {
            put = put.bytes(path.as_bytes()).bytes(value.as_bytes());
        }
        posted.push(line.post(Order::NewSpace, &put.bytes(&up.bytes).0, &[])?);
    }
    let made = posted.iter().map(|receiver| {
        let (body, _) =
            super::answer(receiver)?.map_err(|why| HostError::refused("make a network namespace", why))?;
        let mut take = Take(&body);
        let ended = |_| HostError::Ended;
        let (key, descriptor) = (take.u32().map_err(ended)?, take.u32().map_err(ended)?);
        Ok(Space { key, descriptor, next_index: 10, links: BTreeMap::new() })
    });
    let made: Vec<Result<Space, HostError>> = made.collect();
    if made.iter().any(Result::is_err) {
        // All or none: nobody would know of the others.
        for space in made.iter().flatten() {
            drop_space(line, space)?;
        }
    }
    made.into_iter().collect()
}

fn drop_space(line: &Line, space: &Space) -> Result<(), HostError> {
    let dropped = line.call(Order::DropSpace, &Put::default().u32(space.key).0, &[])?;
    dropped.map(|_| ()).map_err(|why| HostError::refused("remove a network namespace", why))
}
