//! Where what an interface has sent went on, and whose addresses are the cloud's: what a record tells beside what was counted.
//!
//! Routes are asked as they are when a window closes.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>, `traffic-path` and `pkt-src-aws-service`.

use super::format::{Place, Tuple};
use crate::vpc::model::PEERINGS;
use crate::vpc::topology::{self, topology};
use net::Topology;
use net::topology::Target;
use std::collections::BTreeSet;
use std::net::IpAddr;
use store::{Direction, Key, Read, StoreError};

/// The field that needs it.
pub(crate) const FIELD: &str = "${traffic-path}";

/// What tells the ways out of a VPC's interfaces.
#[derive(Debug)]
pub(crate) struct Ways {
    plan: Topology,
    /// Peering connections between regions.
    far: BTreeSet<String>,
}

impl Ways {
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn of(from: &dyn Read, place: &Place) -> Result<Ways, StoreError> {
        let of_vpc = topology::Place { account: place.account, region: place.region, vpc: &place.vpc };
        let plan = topology(from, of_vpc)?;
        let mut far = BTreeSet::new();
        for pair in PEERINGS.scan(from, &Key::global(), Direction::Forward) {
            let (_, peering) = pair?;
            if peering.requester.region != peering.accepter.region {
                far.insert(peering.id);
            }
        }
        Ok(Ways { plan, far })
    }

    /// AWS's number for the way of a packet out of an interface; none for what did not leave, and for ways that have none.
    pub(crate) fn number(&self, place: &Place, tuple: &Tuple) -> Option<u8> {
        if !(tuple.egress && tuple.accepted) {
            return None;
        }
        let (vpc, interface) = self.plan.interface(&place.interface)?;
        let subnet = vpc.subnets.get(&interface.subnet)?;
        let routes = self.plan.routes(vpc, vpc.route_table_of(subnet));
        let (_, target) = routes.longest(tuple.destination)?;
        // Instances of the newer hypervisor tell gateways apart.
        let of_nitro = |number| if place.is_nitro { number } else { 2 };
        match target {
            Target::Local | Target::NatGateway(_) | Target::NetworkInterface(_) => Some(1),
            Target::InternetGateway(_) | Target::EgressOnlyInternetGateway(_) => Some(of_nitro(8)),
            Target::GatewayEndpoint(_) => Some(of_nitro(7)),
            Target::Peering(id) => Some(if self.far.contains(id) { 5 } else { 4 }),
            Target::Blackhole => None,
        }
    }
}

/// Which of AWS's ranges of addresses one is in.
pub(crate) fn service(address: IpAddr) -> Option<&'static str> {
    let IpAddr::V4(address) = address else { return None };
    match ec2::front::service_at(address) {
        Some("s3") => Some("S3"),
        Some("dynamodb") => Some("DYNAMODB"),
        _ if ec2::front::is_cloud(address) => Some("AMAZON"),
        _ => ec2::public::is_ours(address).then_some("EC2"),
    }
}

#[cfg(test)]
mod tests {
    use super::service;

    #[test]
    fn addresses_of_the_cloud_are_named_by_their_service() {
        for (address, expected) in [
            ("198.51.100.1", Some("S3")),
            ("198.51.100.129", Some("DYNAMODB")),
            ("203.0.113.1", Some("AMAZON")),
            ("198.18.0.9", Some("EC2")),
            ("192.0.2.80", None),
            ("10.0.0.1", None),
            ("2001:db8::1", None),
        ] {
            assert_eq!(service(address.parse().unwrap()), expected, "{address}");
        }
    }
}
