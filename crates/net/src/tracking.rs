//! Which connections security groups track, and what becomes of the others when rules change.
//!
//! A connection that begins is asked for its rules, and what follows passes because it was (it is tracked). Not so where
//! an interface lets in, or out, from and to everybody, and all answers to everybody as well: there each packet passes by
//! the rules alone, and when one of them goes, so does the connection, at once. What goes by NAT gateways, egress-only
//! gateways, interface endpoints and functions' interfaces is tracked whatever rules say; so is all but TCP and UDP.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html>
//!
//! The data plane tracks all connections, and marks those that are interrupted ([`Openness::marks`]).
//!
//! Not here: gateway endpoints, whose connections are the router's own and are always tracked.

use crate::cidr::Cidr;
use crate::topology::{NetworkInterface, Peer, Ports, SecurityGroupRule, Target, Topology, Traffic, Vpc};
use crate::walk::{Packet, Transport, group_allows, traffic_matches};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What interfaces let pass from and to everybody, by their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openness(BTreeMap<IpAddr, Open>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    ingress: Vec<Traffic>,
    egress: Vec<Traffic>,
}

/// The bit of a connection that is set when packets of one direction (its own, or that of its answers) do not pass one
/// side (that of who sends such a packet, or of who receives it).
pub const fn mark(answers: bool, by_sender: bool) -> u32 {
    1 << (answers as u32 * 2 + by_sender as u32)
}

/// Whether it has been told if a side tracks a connection, and that it does not: two bits each, of the destination and of the
/// source.
const JUDGED: u32 = 1 << 4;
const UNTRACKED: u32 = 1 << 6;

impl Open {
    fn is_open(&self, egress: bool, packet: &Packet) -> bool {
        let open = if egress { &self.egress } else { &self.ingress };
        open.iter().any(|traffic| traffic_matches(*traffic, packet))
    }

    fn answers_all(&self, egress: bool, transport: Transport) -> bool {
        let all = match transport {
            Transport::Tcp { .. } => Traffic::Tcp(Ports::ALL),
            Transport::Udp { .. } => Traffic::Udp(Ports::ALL),
            Transport::Icmp { .. } | Transport::Protocol(_) => return false,
        };
        let open = if egress { &self.egress } else { &self.ingress };
        open.iter().any(|traffic| *traffic == Traffic::All || *traffic == all)
    }
}

impl Openness {
    pub fn of(topology: &Topology, vpc: &Vpc) -> Openness {
        let everybody = |address: IpAddr| if address.is_ipv4() { Cidr::ALL_V4 } else { Cidr::ALL_V6 };
        let is_of = |rule: &SecurityGroupRule, everybody: Cidr| match &rule.peer {
            Peer::Cidr(cidr) => *cidr == everybody,
            Peer::PrefixList(list) => topology.prefix_list(list).contains(&everybody),
            Peer::Group(_) => false,
        };
        let mut out = BTreeMap::new();
        for interface in vpc.interfaces.values() {
            for address in interface.addresses.iter().map(|address| address.private) {
                let everybody = everybody(address);
                let open = |rules: &[SecurityGroupRule]| {
                    rules.iter().filter(|r| is_of(r, everybody)).map(|r| r.traffic).collect::<Vec<_>>()
                };
                let mut all = Open::default();
                for group in vpc.groups_of(interface) {
                    all.ingress.append(&mut open(&group.ingress));
                    all.egress.append(&mut open(&group.egress));
                }
                out.insert(address, all);
            }
        }
        Openness(out)
    }

    /// What a connection is to be marked with, by its first packet and its marks, now that the topology is this and no
    /// longer that of which `self` is. Whether it is tracked is a matter of the rules by which it began.
    pub fn marks(&self, topology: &Topology, vpc: &Vpc, first: &Packet, marks: u32) -> u32 {
        let mut out = 0;
        for of_source in [true, false] {
            let address = if of_source { first.source } else { first.destination };
            let Some(interface) = vpc.interface_at(address) else { continue };
            let [judged, untracked] = [JUDGED, UNTRACKED].map(|bit| bit << u32::from(of_source));
            let is_untracked = if marks & judged == 0 {
                self.is_untracked(address, of_source, first) && !always_tracked(topology, vpc, first)
            } else {
                marks & untracked != 0
            };
            out |= judged;
            if !is_untracked {
                continue;
            }
            out |= untracked;
            if !allows(topology, vpc, interface, of_source, first) {
                out |= mark(false, of_source);
            }
            if !allows(topology, vpc, interface, !of_source, &first.answer()) {
                out |= mark(true, !of_source);
            }
        }
        out
    }

    fn is_untracked(&self, address: IpAddr, of_source: bool, first: &Packet) -> bool {
        self.0.get(&address).is_some_and(|open| {
            open.is_open(of_source, first) && open.answers_all(!of_source, first.transport)
        })
    }
}

fn allows(
    topology: &Topology,
    vpc: &Vpc,
    interface: &NetworkInterface,
    egress: bool,
    packet: &Packet,
) -> bool {
    vpc.groups_of(interface).any(|group| group_allows(topology, vpc, group, egress, packet).is_some())
}

fn always_tracked(topology: &Topology, vpc: &Vpc, first: &Packet) -> bool {
    let ends = [first.source, first.destination].map(|address| vpc.interface_at(address));
    // NAT gateways have no groups, and so no rules for everybody.
    let of_a_service = |interface: &NetworkInterface| {
        let machine = interface.attachment.as_ref().map(|attachment| &attachment.machine);
        // An interface endpoint is a machine of its interface's name.
        machine.is_some_and(|machine| vpc.relays.contains(machine) || *machine == interface.id)
    };
    let subnet = ends[0].and_then(|source| vpc.subnets.get(&source.subnet));
    let way = subnet.and_then(|subnet| {
        let routes = topology.routes(vpc, vpc.route_table_of(subnet));
        routes.longest(first.destination).map(|(_, target)| target.clone())
    });
    ends.into_iter().flatten().any(of_a_service)
        || matches!(way, Some(Target::NatGateway(_) | Target::EgressOnlyInternetGateway(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, anyone, cidr, ip, tcp};

    const INTERRUPTED: u32 = 15;
    type Rules<'a> = &'a [(Traffic, Peer)];

    /// What a connection from `web` to `db` is marked with when `sg-db` becomes this.
    fn marks(before: (Rules<'_>, Rules<'_>), after: (Rules<'_>, Rules<'_>)) -> u32 {
        let mut t = sample::two_tier();
        let change = |t: &mut Topology, to: (Rules<'_>, Rules<'_>)| {
            sample::group(t.vpcs.get_mut("vpc-1").unwrap(), "sg-db", to.0, Some(to.1));
        };
        change(&mut t, before);
        let openness = Openness::of(&t, &t.vpcs["vpc-1"]);
        change(&mut t, after);
        let first =
            Packet { source: ip("10.0.1.10"), destination: ip("10.0.2.10"), transport: Transport::tcp(5432) };
        openness.marks(&t, &t.vpcs["vpc-1"], &first, 0) & INTERRUPTED
    }

    #[test]
    fn only_what_passed_by_rules_for_everybody_is_interrupted() {
        let open = [(tcp(5432), anyone())];
        let all = [(Traffic::All, anyone())];
        let narrow = [(tcp(5432), Peer::Cidr(cidr("10.0.1.0/24")))];
        let elsewhere = [(tcp(5432), Peer::Cidr(cidr("10.0.9.0/24")))];
        let (own, answers) = (mark(false, false), mark(true, true));
        assert_eq!(marks((&open, &all), (&[], &all)), own);
        assert_eq!(marks((&open, &all), (&elsewhere, &all)), own);
        assert_eq!(marks((&open, &all), (&narrow, &all)), 0, "it is still allowed");
        assert_eq!(marks((&open, &all), (&open, &[])), answers);
        assert_eq!(marks((&open, &all), (&[], &[])), own | answers);
        // Tracked: one of both is not for everybody, or not all answers are.
        assert_eq!(marks((&narrow, &all), (&[], &all)), 0);
        assert_eq!(marks((&open, &narrow), (&[], &[])), 0);
        assert_eq!(marks((&open, &open), (&[], &[])), 0);
    }

    #[test]
    fn what_goes_by_a_nat_gateway_is_tracked_and_a_mark_goes_with_the_rule_that_comes_back() {
        let mut t = sample::two_tier();
        let all = [(Traffic::All, anyone())];
        let rules = |t: &mut Topology, egress: &[(Traffic, Peer)]| {
            sample::group(t.vpcs.get_mut("vpc-1").unwrap(), "sg-db", &all, Some(egress));
        };
        rules(&mut t, &all);
        let openness = Openness::of(&t, &t.vpcs["vpc-1"]);
        let to =
            |to: &str| Packet { source: ip("10.0.2.10"), destination: ip(to), transport: Transport::udp(53) };
        let marks = |t: &Topology, first: &str, had| openness.marks(t, &t.vpcs["vpc-1"], &to(first), had);
        rules(&mut t, &[]);
        assert_eq!(marks(&t, "192.0.2.80", 0) & INTERRUPTED, 0);
        let interrupted = marks(&t, "10.0.1.11", 0);
        assert_eq!(interrupted & INTERRUPTED, mark(false, true));
        rules(&mut t, &all);
        let again = marks(&t, "10.0.1.11", interrupted);
        assert_eq!((again & INTERRUPTED, again & !INTERRUPTED), (0, interrupted & !INTERRUPTED));
    }
}
