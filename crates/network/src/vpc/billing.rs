//! What networks are paid for: the hours of NAT gateways, interface endpoints and public addresses, counted by the second, and
//! the bytes that go through NAT gateways.
//!
//! AWS: <https://aws.amazon.com/vpc/pricing/>
//!
//! Not here: that the last hour of a gateway and an endpoint is paid whole, bytes that go through endpoints, to the internet
//! and between zones, and analyses of reachability.

use super::model::{ADDRESSES, ENDPOINTS, EndpointKind, NATS, NatState};
use base::{AccountId, Region, Timestamp};
use ec2::kind::{ELASTIC_IP, NAT_GATEWAY, NETWORK_INTERFACE, VPC_ENDPOINT};
use ec2::{public, register};
use kernel::Cloud;
use kernel::meter::{Gauge, Kind, Line, each};
use std::sync::Arc;
use store::{Direction, Key};

static NAT_HOURS: Kind = Kind::hours("AmazonEC2", "NatGateway-Hours", "Hrs").at(45_000, 1);
/// Counted in bytes.
static NAT_BYTES: Kind =
    Kind { per: 1 << 30, ..Kind::new("AmazonEC2", "NatGateway-Bytes", "GB").at(45_000, 1) };
static ENDPOINT_HOURS: Kind = Kind::hours("AmazonVPC", "VpcEndpoint-Hours", "Hrs").at(10_000, 1);
static IN_USE: Kind = Kind::hours("AmazonVPC", "PublicIPv4:InUseAddress", "Hrs").at(5_000, 1);
static IDLE: Kind = Kind::hours("AmazonVPC", "PublicIPv4:IdleAddress", "Hrs").at(5_000, 1);

/// Counts what went through a NAT gateway, each way.
pub(super) fn through_nat(
    cloud: &Cloud,
    home: (AccountId, Region),
    gateway: &str,
    now: Timestamp,
    bytes: u64,
) {
    let (account, region) = home;
    let resource = register::arn(account, region, NAT_GATEWAY.noun, gateway);
    let line = Line { account, region, kind: &NAT_BYTES, operation: "NatGateway", resource: &resource };
    cloud.meter().add(now, &line, bytes);
}

/// NAT gateways, interface endpoints and public addresses.
#[derive(Debug)]
pub struct Standing;

type Tell<'a> = &'a mut dyn FnMut(&Line<'_>, u64);

fn nats(cloud: &Cloud, tell: Tell<'_>) -> Result<(), String> {
    each(cloud, &NATS, |(account, region), nat| {
        if nat.state == NatState::Available {
            let resource = register::arn(account, region, NAT_GATEWAY.noun, &nat.id);
            tell(
                &Line { account, region, kind: &NAT_HOURS, operation: "NatGateway", resource: &resource },
                1,
            );
        }
        Ok(())
    })
}

/// AWS: an hour for each availability zone that an interface endpoint is in.
fn endpoints(cloud: &Cloud, tell: Tell<'_>) -> Result<(), String> {
    each(cloud, &ENDPOINTS, |(account, region), endpoint| {
        if endpoint.kind == EndpointKind::Interface && endpoint.available {
            let resource = register::arn(account, region, VPC_ENDPOINT.noun, &endpoint.id);
            let (kind, operation) = (&ENDPOINT_HOURS, "VpcEndpoint");
            let zones = endpoint.subnets.len() as u64;
            tell(&Line { account, region, kind, operation, resource: &resource }, zones);
        }
        Ok(())
    })
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html>: each costs the same, whether it is in use
/// or not.
fn addresses(cloud: &Cloud, tell: Tell<'_>) -> Result<(), String> {
    let snapshot = cloud.store().snapshot();
    for pair in public::PUBLIC.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let public::Holder { account, region, id } = pair.map_err(|error| error.to_string())?.1;
        let allocation = ADDRESSES.get(&snapshot, &register::key(account, region, &id));
        let allocation = allocation.map_err(|error| error.to_string())?;
        let (noun, is_idle) = match allocation {
            Some(address) => (ELASTIC_IP.noun, address.association.is_none()),
            None => (NETWORK_INTERFACE.noun, false),
        };
        let (kind, operation) =
            if is_idle { (&IDLE, "AllocateAddressVPC") } else { (&IN_USE, "AssociateAddressVPC") };
        let resource = register::arn(account, region, noun, &id);
        tell(&Line { account, region, kind, operation, resource: &resource }, 1);
    }
    Ok(())
}

impl Gauge for Standing {
    fn name(&self) -> &'static str {
        "networks"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        let addresses = [ADDRESSES.stored_key(&all), public::PUBLIC.stored_key(&all)];
        [vec![NATS.stored_key(&all), ENDPOINTS.stored_key(&all)], addresses.to_vec()].concat()
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: Tell<'_>) -> Result<(), String> {
        nats(cloud, tell)?;
        endpoints(cloud, tell)?;
        addresses(cloud, tell)
    }
}
