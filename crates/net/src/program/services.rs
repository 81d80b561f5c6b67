//! The addresses that every VPC has: resolver, metadata, time. Neither groups nor ACLs see what goes to them.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html>

use crate::cidr;
use crate::topology::{Ports, Traffic, Vpc};
use crate::walk::{Packet, traffic_matches};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Something that listens in every VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub address: IpAddr,
    pub traffic: Traffic,
}

impl Service {
    pub fn serves(&self, packet: &Packet) -> bool {
        packet.destination == self.address && traffic_matches(self.traffic, packet)
    }
}

/// Instance metadata (IMDS).
pub const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// The resolver, beside base plus two.
pub const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253));
/// The Time Sync Service.
pub const TIME: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 123));
pub const METADATA_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254));
pub const RESOLVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253));
pub const TIME_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123));

/// The services of a VPC: the same everywhere, but for the resolver at the primary block's base plus two.
pub fn of(vpc: &Vpc) -> Vec<Service> {
    let primary = vpc.cidrs.iter().find(|cidr| cidr.is_v4()).map(|cidr| cidr::resolver(*cidr));
    let resolvers = [RESOLVER, RESOLVER_V6].into_iter().chain(primary);
    let dns = [Traffic::Udp(Ports::one(53)), Traffic::Tcp(Ports::one(53))];
    let mut services: Vec<Service> =
        resolvers.flat_map(|address| dns.map(|traffic| Service { address, traffic })).collect();
    let http = Traffic::Tcp(Ports::one(80));
    let ntp = Traffic::Udp(Ports::one(123));
    services.extend([METADATA, METADATA_V6].map(|address| Service { address, traffic: http }));
    services.extend([TIME, TIME_V6].map(|address| Service { address, traffic: ntp }));
    services
}
