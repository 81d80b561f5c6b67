//! One router, one gateway at a time: how a packet goes on.

use super::packet::{Packet, Transport};
use super::rules::{acl_decides, group_allows};
use super::{Code, Component, End, Flow, Hop, Obstacle, Origin, Path, Rule, Walk};
use crate::cidr;
use crate::program::services;
use crate::topology::{Id, NatGateway, NetworkInterface, Peering, Target, Topology, Vpc};
use std::net::IpAddr;

/// Through how many routers and gateways a packet may come, before it is taken for one that goes in a circle.
const STEPS_MAX: usize = 32;

/// A connection that a router or NAT gateway remembers.
struct Tracked {
    device: Id,
    /// The first packet as it came, and the answer to it as it left.
    original: Packet,
    reply: Packet,
}

pub(super) struct Walker<'t> {
    topology: &'t Topology,
    tracked: Vec<Tracked>,
    path: Path,
}

/// Where a packet is about to be.
enum At<'t> {
    Router { vpc: &'t Vpc, ingress: Ingress<'t> },
    Nat { vpc: &'t Vpc, gateway: &'t NatGateway, interface: &'t NetworkInterface },
    Internet,
}

#[derive(Clone, Copy)]
enum Ingress<'t> {
    Interface(&'t NetworkInterface),
    InternetGateway,
    Peering(&'t Peering),
}

/// What a router knows of the packet's connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// An answer; as it leaves, its source is what the first packet was sent to.
    Answer {
        source: IpAddr,
    },
    Invalid,
}

/// The way out of a router.
struct Egress<'t> {
    subnet: Option<&'t str>,
    next: Next<'t>,
}

enum Next<'t> {
    Interface(&'t NetworkInterface),
    InternetGateway(&'t str),
    EgressOnly(&'t str),
    Peering(&'t Peering, &'t Vpc),
    Endpoint(&'t str),
}

impl<'t> Walker<'t> {
    pub(super) fn new(topology: &'t Topology) -> Self {
        Walker { topology, tracked: Vec::new(), path: Path::default() }
    }

    pub(super) fn run(mut self, flow: &Flow) -> Walk {
        let Some((at, packet)) = self.origin(flow) else {
            return Walk { forward: self.path, back: None };
        };
        let last = self.follow(at, packet, false);
        let forward = std::mem::take(&mut self.path);
        let (true, Some(last)) = (forward.works(), last) else { return Walk { forward, back: None } };
        let answer = last.answer();
        let at = match &forward.end {
            Some(End::Interface(id)) => {
                self.topology.interface(id).map(|(vpc, i)| At::Router { vpc, ingress: Ingress::Interface(i) })
            }
            Some(End::Internet) => Some(At::Internet),
            _ => None,
        };
        if let Some(at) = at {
            let last = self.follow(at, answer, true);
            self.expect_at(flow, last.unwrap_or(answer));
        } else if let Some(End::GatewayEndpoint(_) | End::Router(_)) = &forward.end {
            self.answer_of_service(&forward, answer);
        } else {
            return Walk { forward, back: None };
        }
        Walk { forward, back: Some(self.path) }
    }

    fn origin(&mut self, flow: &Flow) -> Option<(At<'t>, Packet)> {
        let packet = |source| Packet { source, destination: flow.to, transport: flow.transport };
        match &flow.from {
            Origin::Internet(source) => {
                self.pass(None, Component::Internet, None, packet(*source));
                Some((At::Internet, packet(*source)))
            }
            Origin::Interface { id, source } => {
                let nowhere = packet(flow.to);
                let Some((vpc, interface)) = self.topology.interface(id) else {
                    self.stop(
                        Code::NoSourceOrDestination,
                        None,
                        Component::NetworkInterface(id.clone()),
                        None,
                        nowhere,
                    );
                    return None;
                };
                let own = interface.addresses.iter().map(|a| a.private);
                let Some(source) = source.or_else(|| own.clone().find(|a| a.is_ipv4() == flow.to.is_ipv4()))
                else {
                    self.stop(
                        Code::NoPath,
                        Some(&vpc.id),
                        Component::NetworkInterface(id.clone()),
                        None,
                        nowhere,
                    );
                    return None;
                };
                self.check_up(vpc, interface, packet(source));
                Some((At::Router { vpc, ingress: Ingress::Interface(interface) }, packet(source)))
            }
        }
    }

    /// An answer that comes to somebody else is none.
    fn expect_at(&mut self, flow: &Flow, packet: Packet) {
        let right = match (&self.path.end, &flow.from) {
            (Some(End::Interface(at)), Origin::Interface { id, .. }) => at == id,
            (Some(End::Internet), Origin::Internet(source)) => packet.destination == *source,
            // What a machine on the way does is not known.
            (Some(End::NextHop(_)), _) => true,
            _ => false,
        };
        if !right && self.path.obstacles.is_empty() {
            self.stop(Code::NoPath, None, Component::Internet, None, packet);
        }
    }

    /// Goes on until the packet ends somewhere; returns it as it is there.
    fn follow(&mut self, mut at: At<'t>, mut packet: Packet, answer: bool) -> Option<Packet> {
        for _ in 0..STEPS_MAX {
            let next = match at {
                At::Router { vpc, ingress } => self.router(vpc, ingress, &mut packet, answer),
                At::Nat { vpc, gateway, interface } => self.nat(vpc, gateway, interface, &mut packet, answer),
                At::Internet => self.internet(packet),
            };
            match next {
                Some(next) => at = next,
                None => return self.path.end.is_some().then_some(packet),
            }
        }
        self.stop(Code::NoPath, None, Component::Internet, None, packet);
        self.path.end = None;
        None
    }

    fn internet(&mut self, packet: Packet) -> Option<At<'t>> {
        match self.topology.public(packet.destination) {
            Some((vpc, _, _)) => Some(At::Router { vpc, ingress: Ingress::InternetGateway }),
            None if self.topology.is_assigned(packet.destination) => {
                // Somebody's, but not behind a gateway.
                self.stop(Code::NoPossibleDestination, None, Component::Internet, None, packet);
                None
            }
            None => {
                self.pass(None, Component::Internet, None, packet);
                self.path.end = Some(End::Internet);
                None
            }
        }
    }

    fn router(
        &mut self,
        vpc: &'t Vpc,
        ingress: Ingress<'t>,
        packet: &mut Packet,
        answer: bool,
    ) -> Option<At<'t>> {
        let came = *packet;
        self.enter(vpc, ingress, packet);
        let state = self.recall(&vpc.id, packet, answer);
        if let Ingress::InternetGateway = ingress {
            let answers = matches!(state, State::Answer { .. });
            if vpc.internet_gateway.is_none() && !answers {
                self.stop(Code::NoPath, Some(&vpc.id), internet_gateway(vpc), None, *packet);
            } else if state == State::New {
                self.translate_in(vpc, packet);
            }
        }
        let from = if let Ingress::Interface(i) = ingress { Some(i) } else { None };
        // The addresses that every VPC has are beside groups and ACLs.
        if from.is_some() && services::of(vpc).iter().any(|service| service.serves(packet)) {
            self.pass(Some(&vpc.id), Component::Router(vpc.id.clone()), None, *packet);
            self.path.end = Some(End::Router(vpc.id.clone()));
            return None;
        }
        if let Some(interface) = from {
            self.groups(vpc, interface, true, state, *packet);
        }
        let egress = self.route(vpc, ingress, *packet)?;
        self.acls(vpc, from.map(|i| i.subnet.as_str()), egress.subnet, *packet);
        let next = self.leave(vpc, &egress.next, packet, state);
        self.track(&vpc.id, came, *packet, state);
        next
    }

    /// What is asked of a packet before anything else.
    fn enter(&mut self, vpc: &'t Vpc, ingress: Ingress<'t>, packet: &mut Packet) {
        let source = packet.source;
        match ingress {
            Ingress::Interface(interface) => {
                let component = Component::NetworkInterface(interface.id.clone());
                if vpc.is_checked(interface) && !interface.has(source) {
                    self.stop(
                        Code::SourceDestCheck,
                        Some(&vpc.id),
                        component,
                        Some(Rule::SourceCheck),
                        *packet,
                    );
                } else {
                    self.pass(Some(&vpc.id), component, None, *packet);
                }
            }
            Ingress::InternetGateway => {
                let component = internet_gateway(vpc);
                if cidr::PRIVATE.iter().any(|private| private.contains(source)) {
                    self.stop(Code::GatewayRefusesPrivateSource, Some(&vpc.id), component, None, *packet);
                } else if cidr::SHARED.contains(source) {
                    self.stop(Code::GatewayRefusesSharedSource, Some(&vpc.id), component, None, *packet);
                } else {
                    self.pass(Some(&vpc.id), component, None, *packet);
                }
            }
            Ingress::Peering(peering) => {
                let peer = peering.other(&vpc.id).and_then(|id| self.topology.vpcs.get(id));
                let component = Component::Peering(peering.id.clone());
                if peer.is_some_and(|peer| peer.contains(source)) {
                    self.pass(Some(&vpc.id), component, None, *packet);
                } else {
                    self.stop(Code::PeeringNeedsAddressOfPeer, Some(&vpc.id), component, None, *packet);
                }
            }
        }
    }

    /// Whether the packet answers one that came through here; if so, its destination becomes what that one came from.
    fn recall(&self, device: &str, packet: &mut Packet, answer: bool) -> State {
        let known = self.tracked.iter().find(|t| t.device == device && t.reply == *packet);
        match known {
            Some(tracked) => {
                let original = tracked.original.answer();
                packet.destination = original.destination;
                packet.transport = original.transport;
                State::Answer { source: original.source }
            }
            None if answer => State::Invalid,
            None => State::New,
        }
    }

    fn track(&mut self, device: &str, came: Packet, left: Packet, state: State) {
        if state == State::New {
            self.tracked.push(Tracked { device: device.to_owned(), original: came, reply: left.answer() });
        }
    }

    /// From a public address to the private one behind it.
    fn translate_in(&mut self, vpc: &'t Vpc, packet: &mut Packet) {
        let public = packet.destination;
        let addresses = vpc.interfaces.values().flat_map(|i| &i.addresses);
        let own =
            addresses.clone().find(|a| a.public == Some(public) || (public.is_ipv6() && a.private == public));
        match own {
            Some(address) => packet.destination = address.private,
            None => {
                let gateway = internet_gateway(vpc);
                self.stop(Code::GatewayKnowsNoSuchAddress, Some(&vpc.id), gateway, None, *packet);
            }
        }
    }

    fn groups(
        &mut self,
        vpc: &Vpc,
        interface: &NetworkInterface,
        egress: bool,
        state: State,
        packet: Packet,
    ) {
        // A NAT gateway has no security groups.
        if vpc.nat_gateway_at(&interface.id).is_some() {
            return;
        }
        if let State::Answer { .. } = state {
            let group = interface.groups.first().cloned().unwrap_or_default();
            self.pass(Some(&vpc.id), Component::SecurityGroup(group), Some(Rule::Tracked), packet);
            return;
        }
        let groups = || vpc.groups_of(interface);
        let allows = |group| Some((group, group_allows(self.topology, vpc, group, egress, &packet)?));
        let found = groups().find_map(allows).map(|(group, rule)| (group.id.clone(), rule.id.clone()));
        match found {
            Some((group, rule)) if state == State::New => {
                let rule = Rule::SecurityGroup { id: rule, egress };
                self.pass(Some(&vpc.id), Component::SecurityGroup(group), Some(rule), packet);
            }
            _ => {
                let empty = groups().all(|g| if egress { g.egress.is_empty() } else { g.ingress.is_empty() });
                let code = if empty { Code::GroupHasNoRules } else { Code::GroupRulesMismatch };
                let component = Component::NetworkInterface(interface.id.clone());
                self.stop(code, Some(&vpc.id), component, Some(Rule::NoGroupRule { egress }), packet);
            }
        }
    }

    /// Out of one subnet and into another; within a subnet nobody asks.
    fn acls(&mut self, vpc: &Vpc, from: Option<&str>, to: Option<&str>, packet: Packet) {
        if from == to {
            return;
        }
        for (subnet, egress) in [(from, true), (to, false)] {
            let Some(subnet) = subnet.and_then(|id| vpc.subnets.get(id)) else { continue };
            let decided = vpc.acls.get(&subnet.acl).and_then(|acl| acl_decides(acl, egress, &packet));
            let allow = decided.is_some_and(|entry| entry.allow);
            let rule = Rule::Acl { number: decided.map(|entry| entry.number), egress, allow };
            let component = Component::NetworkAcl(subnet.acl.clone());
            if allow {
                self.pass(Some(&vpc.id), component, Some(rule), packet);
            } else {
                self.stop(Code::AclRestriction, Some(&vpc.id), component, Some(rule), packet);
            }
        }
    }

    /// Which way a packet leaves the router; none when there is no way.
    fn route(&mut self, vpc: &'t Vpc, ingress: Ingress<'t>, packet: Packet) -> Option<Egress<'t>> {
        let destination = packet.destination;
        if services::of(vpc).iter().any(|service| service.address == destination) {
            let router = Component::Router(vpc.id.clone());
            self.stop(Code::NoPossibleDestination, Some(&vpc.id), router, None, packet);
            return None;
        }
        let table = match ingress {
            Ingress::Interface(i) => vpc.subnets.get(&i.subnet).map(|subnet| vpc.route_table_of(subnet)),
            Ingress::InternetGateway => vpc.internet_gateway.as_ref().and_then(|g| g.route_table.as_deref()),
            Ingress::Peering(_) => None,
        };
        let found = match table {
            Some(table) => self.topology.routes(vpc, table).longest(destination).map(|(c, t)| (c, t.clone())),
            None => vpc.cidrs.iter().find(|c| c.contains(destination)).map(|c| (*c, Target::Local)),
        };
        let component = match table {
            Some(table) => Component::RouteTable(table.to_owned()),
            None => Component::Router(vpc.id.clone()),
        };
        let Some((cidr, target)) = found else {
            let code = if let Ingress::Peering(_) = ingress {
                Code::PeeringNeedsAddressOfPeer
            } else {
                Code::NoRoute
            };
            self.stop(code, Some(&vpc.id), component, None, packet);
            return None;
        };
        let rule = Some(Rule::Route { destination: cidr, target: target.clone() });
        match self.resolve(vpc, &target, destination) {
            Ok(egress) => {
                self.pass(Some(&vpc.id), component, rule, packet);
                Some(egress)
            }
            Err(code) => {
                self.stop(code, Some(&vpc.id), component, rule, packet);
                None
            }
        }
    }

    fn resolve(&self, vpc: &'t Vpc, target: &Target, destination: IpAddr) -> Result<Egress<'t>, Code> {
        let to_interface = |interface: &'t NetworkInterface| Egress {
            subnet: Some(&interface.subnet),
            next: Next::Interface(interface),
        };
        let outside = |next| Egress { subnet: None, next };
        match target {
            Target::Local => {
                vpc.interface_at(destination).map(to_interface).ok_or(Code::NoPossibleDestination)
            }
            Target::NetworkInterface(id) => {
                vpc.interfaces.get(id).map(to_interface).ok_or(Code::BadStateRoute)
            }
            Target::NatGateway(id) => {
                let nat = vpc.nat_gateways.get(id).and_then(|nat| vpc.interfaces.get(&nat.interface));
                nat.map(to_interface).ok_or(Code::BadStateRoute)
            }
            Target::InternetGateway(id) => match &vpc.internet_gateway {
                Some(gateway) if gateway.id == *id => Ok(outside(Next::InternetGateway(&gateway.id))),
                _ => Err(Code::BadStateRoute),
            },
            Target::EgressOnlyInternetGateway(id) => {
                let gateway = vpc.egress_only_internet_gateways.get(id).ok_or(Code::BadStateRoute)?;
                Ok(outside(Next::EgressOnly(gateway)))
            }
            Target::Peering(id) => {
                let peering = self.topology.peerings.get(id).ok_or(Code::BadStateRoute)?;
                let peer = peering.other(&vpc.id).and_then(|peer| self.topology.vpcs.get(peer));
                Ok(outside(Next::Peering(peering, peer.ok_or(Code::BadStateRoute)?)))
            }
            Target::GatewayEndpoint(id) => {
                let endpoint = vpc.gateway_endpoints.get(id).ok_or(Code::BadStateRoute)?;
                Ok(outside(Next::Endpoint(&endpoint.id)))
            }
            Target::Blackhole => Err(Code::BadStateRoute),
        }
    }

    fn leave(&mut self, vpc: &'t Vpc, next: &Next<'t>, packet: &mut Packet, state: State) -> Option<At<'t>> {
        match *next {
            Next::Interface(interface) => {
                if let State::Answer { source } = state {
                    packet.source = source;
                }
                self.deliver(vpc, interface, *packet, state)
            }
            Next::Peering(peering, peer) => {
                if let State::Answer { source } = state {
                    packet.source = source;
                }
                self.pass(Some(&vpc.id), Component::Peering(peering.id.clone()), None, *packet);
                Some(At::Router { vpc: peer, ingress: Ingress::Peering(peering) })
            }
            Next::InternetGateway(id) => {
                self.translate_out(vpc, &Component::InternetGateway(id.to_owned()), packet, state);
                Some(At::Internet)
            }
            Next::EgressOnly(id) => {
                let component = Component::EgressOnlyInternetGateway(id.to_owned());
                match state {
                    // It lets nothing in, so it answers for nothing that came in.
                    State::Answer { .. } | State::Invalid => {
                        self.stop(Code::NoPath, Some(&vpc.id), component, None, *packet);
                    }
                    State::New if packet.source.is_ipv4() => {
                        self.stop(Code::ProtocolRestriction, Some(&vpc.id), component, None, *packet);
                    }
                    State::New => self.pass(Some(&vpc.id), component, None, *packet),
                }
                Some(At::Internet)
            }
            Next::Endpoint(id) => {
                let component = Component::GatewayEndpoint(id.to_owned());
                let echo = Transport::echo(packet.source);
                if matches!(packet.transport, Transport::Tcp { .. }) || packet.transport == echo {
                    self.pass(Some(&vpc.id), component, None, *packet);
                } else {
                    self.stop(Code::EndpointProtocolRestriction, Some(&vpc.id), component, None, *packet);
                }
                self.path.end = Some(End::GatewayEndpoint(id.to_owned()));
                None
            }
        }
    }

    fn deliver(
        &mut self,
        vpc: &'t Vpc,
        interface: &'t NetworkInterface,
        packet: Packet,
        state: State,
    ) -> Option<At<'t>> {
        self.check_up(vpc, interface, packet);
        let component = Component::NetworkInterface(interface.id.clone());
        if let Some(gateway) = vpc.nat_gateway_at(&interface.id) {
            self.pass(Some(&vpc.id), component, None, packet);
            return Some(At::Nat { vpc, gateway, interface });
        }
        self.groups(vpc, interface, false, state, packet);
        let own = interface.has(packet.destination);
        if vpc.is_checked(interface) && !own {
            self.stop(Code::SourceDestCheck, Some(&vpc.id), component, Some(Rule::DestinationCheck), packet);
        } else {
            self.pass(Some(&vpc.id), component, None, packet);
        }
        let id = interface.id.clone();
        self.path.end = Some(if own { End::Interface(id) } else { End::NextHop(id) });
        None
    }

    /// From a private address to the public one that stands for it.
    fn translate_out(&mut self, vpc: &Vpc, gateway: &Component, packet: &mut Packet, state: State) {
        let to = packet.destination;
        if to.is_ipv4() && cidr::PRIVATE.iter().any(|private| private.contains(to)) {
            self.stop(Code::GatewayRefusesPrivateDestination, Some(&vpc.id), gateway.clone(), None, *packet);
        } else if cidr::SHARED.contains(to) {
            self.stop(Code::GatewayRefusesSharedDestination, Some(&vpc.id), gateway.clone(), None, *packet);
        }
        let own = vpc
            .interface_at(packet.source)
            .and_then(|i| i.addresses.iter().find(|a| a.private == packet.source));
        let public =
            if packet.source.is_ipv6() { own.map(|a| a.private) } else { own.and_then(|a| a.public) };
        let Some(public) = public else {
            self.stop(Code::GatewayNeedsPublicAddress, Some(&vpc.id), gateway.clone(), None, *packet);
            return;
        };
        packet.source = if let State::Answer { source } = state { source } else { public };
        self.pass(Some(&vpc.id), gateway.clone(), None, *packet);
    }

    fn nat(
        &mut self,
        vpc: &'t Vpc,
        gateway: &'t NatGateway,
        interface: &'t NetworkInterface,
        packet: &mut Packet,
        answer: bool,
    ) -> Option<At<'t>> {
        let component = Component::NatGateway(gateway.id.clone());
        let back = At::Router { vpc, ingress: Ingress::Interface(interface) };
        if let State::Answer { source } = self.recall(&gateway.id, packet, false) {
            packet.source = source;
            self.pass(Some(&vpc.id), component, Some(Rule::Tracked), *packet);
            return Some(back);
        }
        let own = interface.primary();
        // It passes on what comes from inside; it is no destination, and answers to nobody are not its business.
        if answer || interface.has(packet.destination) || own.is_none() {
            self.stop(Code::NoPossibleDestination, Some(&vpc.id), component, None, *packet);
            return None;
        }
        if !vpc.contains(packet.source) {
            self.stop(Code::NatNeedsSourceInVpc, Some(&vpc.id), component, None, *packet);
            return None;
        }
        let came = *packet;
        packet.source = own.unwrap_or(packet.source);
        packet.transport = packet.transport.with_ephemeral_port();
        self.track(&gateway.id, came, *packet, State::New);
        self.pass(Some(&vpc.id), component, None, *packet);
        Some(back)
    }

    /// What a VPC's own services and gateway endpoints answer: the ACL of the asker's subnet sees the latter.
    fn answer_of_service(&mut self, forward: &Path, answer: Packet) {
        let asker =
            forward.hops.first().map(|hop| hop.component.id()).and_then(|id| self.topology.interface(id));
        let Some((vpc, interface)) = asker else { return };
        if let Some(End::GatewayEndpoint(id)) = &forward.end {
            self.pass(Some(&vpc.id), Component::GatewayEndpoint(id.clone()), None, answer);
            self.acls(vpc, None, Some(&interface.subnet), answer);
        } else {
            self.pass(Some(&vpc.id), Component::Router(vpc.id.clone()), None, answer);
        }
        self.pass(Some(&vpc.id), Component::NetworkInterface(interface.id.clone()), None, answer);
        self.path.end = Some(End::Interface(interface.id.clone()));
    }

    fn check_up(&mut self, vpc: &Vpc, interface: &NetworkInterface, packet: Packet) {
        if !self.topology.is_up(vpc, interface) {
            let code = if interface.attachment.is_none() { Code::BadStateAttachment } else { Code::BadState };
            self.stop(code, Some(&vpc.id), Component::NetworkInterface(interface.id.clone()), None, packet);
        }
    }

    fn pass(&mut self, vpc: Option<&str>, component: Component, rule: Option<Rule>, packet: Packet) {
        self.path.hops.push(Hop { vpc: vpc.map(str::to_owned), component, rule, packet });
    }

    fn stop(
        &mut self,
        code: Code,
        vpc: Option<&str>,
        component: Component,
        rule: Option<Rule>,
        packet: Packet,
    ) {
        self.path.obstacles.push(Obstacle { code, vpc: vpc.map(str::to_owned), component, rule, packet });
    }
}

/// Where packets of the internet come in; by an egress-only gateway only answers do.
fn internet_gateway(vpc: &Vpc) -> Component {
    match (&vpc.internet_gateway, vpc.egress_only_internet_gateways.first()) {
        (Some(gateway), _) => Component::InternetGateway(gateway.id.clone()),
        (None, Some(gateway)) => Component::EgressOnlyInternetGateway(gateway.clone()),
        (None, None) => Component::Router(vpc.id.clone()),
    }
}
