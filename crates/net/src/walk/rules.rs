//! What single rules say about a packet.

use super::{Packet, Transport};
use crate::topology::{AclEntry, NetworkAcl, Peer, SecurityGroup, SecurityGroupRule, Topology, Traffic, Vpc};
use std::net::IpAddr;

/// Whether a packet is of the traffic that a rule is about.
pub fn traffic_matches(traffic: Traffic, packet: &Packet) -> bool {
    let any = |wanted: Option<u8>, got: u8| wanted.is_none_or(|wanted| wanted == got);
    let v4 = packet.destination.is_ipv4();
    match (traffic, packet.transport) {
        (Traffic::All, _) => true,
        (Traffic::Tcp(ports), Transport::Tcp { destination_port, .. })
        | (Traffic::Udp(ports), Transport::Udp { destination_port, .. }) => ports.contains(destination_port),
        (Traffic::Icmp { kind, code }, Transport::Icmp { kind: k, code: c }) => {
            v4 && any(kind, k) && any(code, c)
        }
        (Traffic::Icmpv6 { kind, code }, Transport::Icmp { kind: k, code: c }) => {
            !v4 && any(kind, k) && any(code, c)
        }
        (Traffic::Protocol(wanted), transport) => wanted == number(transport, v4),
        _ => false,
    }
}

/// The rule of a group, as it applies in this VPC, that lets the packet pass.
pub fn group_allows<'a>(
    topology: &Topology,
    vpc: &Vpc,
    group: &'a SecurityGroup,
    egress: bool,
    packet: &Packet,
) -> Option<&'a SecurityGroupRule> {
    let (rules, peer) =
        if egress { (&group.egress, packet.destination) } else { (&group.ingress, packet.source) };
    rules
        .iter()
        .find(|rule| traffic_matches(rule.traffic, packet) && is_peer(topology, vpc, &rule.peer, peer))
}

fn is_peer(topology: &Topology, vpc: &Vpc, peer: &Peer, address: IpAddr) -> bool {
    match peer {
        Peer::Cidr(cidr) => cidr.contains(address),
        Peer::Group(group) => topology.members(vpc, group).contains(&address),
        Peer::PrefixList(list) => topology.prefix_list(list).iter().any(|cidr| cidr.contains(address)),
    }
}

/// The first entry that is about the packet; none: the last one, `*`, denies.
pub fn acl_decides(acl: &NetworkAcl, egress: bool, packet: &Packet) -> Option<AclEntry> {
    let peer = if egress { packet.destination } else { packet.source };
    acl.entries(egress)
        .into_iter()
        .find(|entry| entry.cidr.contains(peer) && traffic_matches(entry.traffic, packet))
}

/// The protocol's IANA number.
fn number(transport: Transport, v4: bool) -> u8 {
    match transport {
        Transport::Tcp { .. } => 6,
        Transport::Udp { .. } => 17,
        Transport::Icmp { .. } => {
            if v4 {
                1
            } else {
                58
            }
        }
        Transport::Protocol(number) => number,
    }
}
