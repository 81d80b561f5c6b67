//! The ways from a VPC into the cloud through its endpoints: where they stand open, what they are called, and by which
//! endpoint, under which policy, somebody comes.

use super::model::{
    ENDPOINTS, Endpoint, EndpointKind, INTERFACES, ROUTE_TABLES, RouteTable, SUBNETS, Target, VPCS,
    private_name,
};
use super::resolver::Home;
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
    let prefix = Key::regional(home.account, home.region);
    let all = ENDPOINTS.scan(from, &prefix, Direction::Forward);
    let all = all.map(|pair| pair.map(|(_, endpoint)| endpoint)).collect::<Result<Vec<Endpoint>, _>>()?;
    Ok(all.into_iter().filter(|endpoint| endpoint.vpc == home.vpc).collect())
}

/// Who comes by a gate from this address comes through this endpoint now; `None` where it is gone.
///
/// # Errors
/// When the store cannot be read.
pub fn of(cloud: &Cloud, gate: &Gate, from: IpAddr) -> Result<Option<Way>, StoreError> {
    let tx = cloud.store().begin();
    let found = match &gate.through {
        Through::Interface { endpoint, .. } => Some(endpoint.clone()),
        Through::Router(address) => by_route(&tx, gate, *address, from)?,
    };
    let Some(id) = found else { return Ok(None) };
    let key = register::key(gate.account, gate.region, &id);
    let Some(endpoint) = ENDPOINTS.get(&tx, &key)? else { return Ok(None) };
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
    let prefix = Key::regional(gate.account, gate.region);
    let mut subnet = None;
    for pair in SUBNETS.scan(from, &prefix, Direction::Forward) {
        let (_, found) = pair?;
        if found.vpc == gate.vpc && found.block().is_some_and(|block| block.contains(source)) {
            subnet = Some(found.id);
            break;
        }
    }
    let Some(subnet) = subnet else { return Ok(None) };
    let mut main = None;
    let mut own: Option<RouteTable> = None;
    for pair in ROUTE_TABLES.scan(from, &prefix, Direction::Forward) {
        let (_, table) = pair?;
        if table.vpc != gate.vpc {
            continue;
        }
        if table.associations.iter().any(|association| association.with == subnet) {
            own = Some(table);
        } else if table.main.is_some() {
            main = Some(table);
        }
    }
    for route in own.or(main).map(|table| table.routes).unwrap_or_default() {
        if let Target::Endpoint(id) = route.target
            && let Some(endpoint) = ENDPOINTS.get(from, &register::key(gate.account, gate.region, &id))?
            && endpoint.prefix(gate.region) == service
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// What the names of endpoints lead to, as a VPC's resolver knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<(String, Vec<Ipv4Addr>)>);

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<&[Ipv4Addr]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, addresses)| &addresses[..])
    }

    /// Of the services that endpoints of a VPC have taken over, and, where one is asked for, of the endpoints themselves:
    /// everybody may know those.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn known(from: &dyn Read, home: &Home, asked: &str) -> Result<Names, StoreError> {
        let mut names = Names::default();
        let record = VPCS.get(from, &register::key(home.account, home.region, &home.vpc))?;
        if record.is_some_and(|vpc| vpc.dns_support && vpc.dns_hostnames) {
            for endpoint in of_vpc(from, home)?.iter().filter(|endpoint| endpoint.private_dns) {
                let name = private_name(endpoint.prefix(home.region), home.region);
                let found = addresses(from, home.account, home.region, endpoint)?;
                let found = found.into_iter().map(|(_, address)| address).collect();
                names.0.extend(name.map(|name| (name, found)));
            }
        }
        if asked.ends_with(".vpce.amazonaws.com") {
            for pair in ENDPOINTS.scan(from, &Key::empty(), Direction::Forward) {
                let (key, endpoint) = pair?;
                let Some((account, region)) = key.reader().regional() else { continue };
                if endpoint.kind == EndpointKind::Interface && asked.starts_with(&endpoint.id) {
                    let found = addresses(from, account, region, &endpoint)?;
                    for (zone, address) in &found {
                        names.0.push((endpoint.zonal_name(region, zone), vec![*address]));
                    }
                    let all = found.into_iter().map(|(_, address)| address).collect();
                    names.0.push((endpoint.regional_name(region), all));
                }
            }
        }
        Ok(names)
    }
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
