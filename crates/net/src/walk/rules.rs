//! What single rules say about a packet.

use super::{Packet, Transport};
use crate::topology::{AclEntry, NetworkAcl, Peer, SecurityGroup, SecurityGroupRule, Topology, Traffic, Vpc};

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
    let is_about = |rule: &SecurityGroupRule| traffic_matches(rule.traffic, packet);
    let by_block =
        topology.blocks(rules).into_iter().find(|(cidr, rule)| cidr.contains(peer) && is_about(rule));
    let is_member = |rule: &SecurityGroupRule| match &rule.peer {
        Peer::Group(group) => topology.members(vpc, group).contains(&peer),
        Peer::Cidr(_) | Peer::PrefixList(_) => false,
    };
    by_block.map(|(_, rule)| rule).or_else(|| rules.iter().find(|rule| is_about(rule) && is_member(rule)))
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
