//! The ways from a VPC into the cloud through its endpoints: where they stand open, what they are called, and by which
//! endpoint, under which policy, somebody comes.

use super::model::{
    ENDPOINTS, Endpoint, EndpointKind, INTERFACES, ROUTE_TABLES, RouteTable, S3, SUBNETS, Subnet, Target,
    private_name,
};
use super::resolver::Home;
use super::topology::Place;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use base::{AccountId, Region};
use ec2::front::{Gate, Through, service_at};
use ec2::kind::VPC_ENDPOINT;
use ec2::register;
use kernel::{Cloud, Remembered, Way};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use store::{Direction, Key, Read, StoreError};

/// The endpoints' policies that are in use.
#[derive(Debug, Default)]
struct Compiled(Remembered<Arc<Policy>>);

/// Where a VPC's endpoints are to be open: gateways at its router, interfaces where they are plugged in.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn gates(
    from: &dyn Read,
    home: &Home,
    plan: &net::topology::Vpc,
) -> Result<Vec<Gate>, StoreError> {
    let Home { account, region, vpc } = home;
    let mut gates = Vec::new();
    if !plan.gateway_endpoints.is_empty() {
        gates.extend(Gate::of_router(*account, *region, vpc));
    }
    for endpoint in of_vpc(from, home)? {
        for interface in endpoint.interfaces {
            let plugged = plan.interfaces.get(&interface).filter(|there| there.attachment.is_some());
            if let Some(IpAddr::V4(address)) = plugged.and_then(net::topology::NetworkInterface::primary) {
                let through = Through::Interface { endpoint: endpoint.id.clone(), interface, address };
                gates.push(Gate { account: *account, region: *region, vpc: vpc.clone(), through });
            }
        }
    }
    Ok(gates)
}

fn of_vpc(from: &dyn Read, home: &Home) -> Result<Vec<Endpoint>, StoreError> {
    Ok(home.place().all(from, &ENDPOINTS)?.into_iter().filter(|endpoint| endpoint.vpc == home.vpc).collect())
}

/// Who comes by a gate from this address comes through this endpoint now; `None` where it is gone.
///
/// # Errors
/// When the store cannot be read.
pub fn of(cloud: &Cloud, gate: &Gate, from: IpAddr) -> Result<Option<Way>, StoreError> {
    let now = cloud.store().snapshot();
    let found = match &gate.through {
        Through::Interface { endpoint, .. } => Some(endpoint.clone()),
        Through::Router(address) => by_route(&now, gate, *address, from)?,
    };
    let Some(id) = found else { return Ok(None) };
    let key = register::key(gate.account, gate.region, &id);
    let Some(endpoint) = ENDPOINTS.get(&now, &key)? else { return Ok(None) };
    let prefix = endpoint.prefix(gate.region);
    let Some(model) = wire::catalog::services().iter().find(|model| model.endpoint_prefix == prefix) else {
        return Ok(None);
    };
    let read = || Policy::parse(&endpoint.policy, PolicyKind::Resource("")).map(Arc::new);
    // What is no policy has not been taken.
    let Ok(policy) = cloud.memory::<Compiled>().0.of(&endpoint.policy, read) else { return Ok(None) };
    let arn = register::arn(gate.account, gate.region, VPC_ENDPOINT.noun, &id);
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    Ok(Some(Way {
        endpoint: id,
        account: gate.account,
        vpc: gate.vpc.clone(),
        service: model.endpoint_prefix,
        region: gate.region,
        policy: (source, policy),
    }))
}

/// The gateway endpoint that the subnet's route table names for a service.
fn by_route(
    from: &dyn Read,
    gate: &Gate,
    address: Ipv4Addr,
    source: IpAddr,
) -> Result<Option<String>, StoreError> {
    let Some(service) = service_at(address) else { return Ok(None) };
    let place = Place { account: gate.account, region: gate.region, vpc: &gate.vpc };
    let around = |subnet: &Subnet| {
        subnet.vpc == gate.vpc && subnet.block().is_some_and(|block| block.contains(source))
    };
    let Some(subnet) = place.all(from, &SUBNETS)?.into_iter().find(around) else { return Ok(None) };
    let mut tables = place.all(from, &ROUTE_TABLES)?;
    tables.retain(|table| table.vpc == gate.vpc);
    let is_own = |table: &&RouteTable| table.associations.iter().any(|other| other.with == subnet.id);
    let table = tables.iter().find(is_own).or_else(|| tables.iter().find(|table| table.main.is_some()));
    for route in table.map(|table| &table.routes[..]).unwrap_or_default() {
        if let Target::Endpoint(id) = &route.target
            && let Some(endpoint) = ENDPOINTS.get(from, &register::key(gate.account, gate.region, id))?
            && endpoint.prefix(gate.region) == service
        {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

/// What the name of an endpoint leads to, as a VPC's resolver knows it: of the services that endpoints of the VPC have taken
/// over, where it has such names, and of the endpoints themselves, which everybody may know.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn named(
    from: &dyn Read,
    home: &Home,
    has_names: bool,
    asked: &str,
) -> Result<Option<Vec<Ipv4Addr>>, StoreError> {
    let is_asked = |endpoint: &Endpoint| {
        let name = private_name(endpoint.prefix(home.region), home.region);
        endpoint.private_dns && name.is_some_and(|name| name == asked)
    };
    if has_names && let Some(endpoint) = of_vpc(from, home)?.iter().find(|endpoint| is_asked(endpoint)) {
        let found = addresses(from, home.account, home.region, endpoint)?;
        return Ok(Some(found.into_iter().map(|(_, address)| address).collect()));
    }
    if !asked.ends_with(".vpce.amazonaws.com") {
        return Ok(None);
    }
    for pair in ENDPOINTS.scan(from, &Key::empty(), Direction::Forward) {
        let (key, endpoint) = pair?;
        let Some((account, region)) = key.reader().regional() else { continue };
        // Below S3's there are names for buckets.
        let below = asked.find(".vpce-").filter(|_| endpoint.prefix(region) == S3);
        let asked = below.map_or(asked, |at| &asked[at + 1..]);
        if endpoint.kind != EndpointKind::Interface || !asked.starts_with(&endpoint.id) {
            continue;
        }
        let mut found = addresses(from, account, region, &endpoint)?;
        if asked != endpoint.regional_name(region) {
            found.retain(|(zone, _)| endpoint.zonal_name(region, zone) == asked);
            if found.is_empty() {
                continue;
            }
        }
        return Ok(Some(found.into_iter().map(|(_, address)| address).collect()));
    }
    Ok(None)
}

/// The addresses of an endpoint that can be used, by zone.
fn addresses(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    endpoint: &Endpoint,
) -> Result<Vec<(String, Ipv4Addr)>, StoreError> {
    let mut found = Vec::new();
    let down = ec2::zone::down(from)?;
    for id in endpoint.interfaces.iter().filter(|_| endpoint.available) {
        if let Some(interface) = INTERFACES.get(from, &register::key(account, region, id))?
            && !down.contains(&interface.zone)
            && let Ok(address) = interface.primary().parse()
        {
            found.push((interface.zone, address));
        }
    }
    Ok(found)
}
