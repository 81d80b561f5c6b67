//! Networks made real: what the records say, a data plane does.
//!
//! A VPC has a router as soon as something is plugged into it (a NAT gateway, an endpoint, a machine), and none before:
//! who only describes networks runs none. The data plane is started with the first of them.

use super::flows::Counted;
use super::model::{
    ADDRESSES, EGRESS_GATEWAYS, ENDPOINTS, FLOW_LOGS, GROUPS, INTERFACES, INTERNET_GATEWAYS, NATS,
    NETWORK_ACLS, PEERINGS, PREFIX_LISTS, ROUTE_TABLES, SUBNETS, VPCS,
};
use super::resolver::{Home, Resolvers};
use super::topology::{self, Place};
use super::way;
use super::why::Plane;
use base::Timestamp;
use ec2::attachment::ATTACHMENTS;
use ec2::bandwidth::BANDWIDTHS;
use ec2::front::{Door, Front, Gate};
use ec2::plane::DataPlane;
use ec2::zone::ZONES;
use host::HostError;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use net::Topology;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Direction, Key, StoreError};

/// Keeps the data plane at what the records say.
#[derive(Debug)]
pub struct KeepNetworks {
    plane: Arc<DataPlane>,
    resolvers: Resolvers,
    front: Front,
}

impl KeepNetworks {
    pub fn new(plane: Arc<DataPlane>, door: Arc<Door>) -> KeepNetworks {
        KeepNetworks { plane, resolvers: Resolvers::default(), front: Front::new(door) }
    }

    fn converge(&self, cloud: &Arc<Cloud>, wanted: &[Wanted]) -> Result<(), HostError> {
        let driver = match self.plane.running() {
            Some(driver) => driver,
            None if wanted.is_empty() => return Ok(()),
            None => self.plane.driver()?,
        };
        self.front.serve(&driver)?;
        let there = driver.inventory()?;
        let vpcs: BTreeSet<&String> = wanted.iter().map(|wanted| &wanted.home.vpc).collect();
        self.resolvers.retain(&vpcs);
        // Before what is watched changes.
        let counted = cloud.memory::<Counted>();
        counted.cover(cloud, Some(&driver));
        for gone in there.vpcs.iter().filter(|id| !vpcs.contains(id)) {
            counted.read(&driver, gone, cloud.clock().now());
            driver.remove_vpc(gone)?;
        }
        let mut gates = Vec::new();
        for Wanted { home, topology, gates: own } in wanted {
            driver.apply(topology, &home.vpc)?;
            let blocks = topology.vpcs.get(&home.vpc).map(|vpc| vpc.cidrs.as_slice());
            self.resolvers.serve(cloud, &driver, home, blocks.unwrap_or_default())?;
            gates.extend(own.iter().cloned());
        }
        self.front.open(&driver, gates)?;
        // After the links: a machine that nothing is plugged into any more is one that is gone.
        let plugged = wanted.iter().filter_map(own).flat_map(|vpc| vpc.interfaces.values());
        let machines: BTreeSet<&String> =
            plugged.filter_map(|i| i.attachment.as_ref()).map(|attachment| &attachment.machine).collect();
        there.machines.iter().filter(|id| !machines.contains(id)).try_for_each(|id| driver.remove_machine(id))
    }
}

/// A VPC, the topology of it and its peers, and its ways into the cloud.
struct Wanted {
    home: Home,
    topology: Topology,
    gates: Vec<Gate>,
}

fn own(Wanted { home, topology, .. }: &Wanted) -> Option<&net::topology::Vpc> {
    topology.vpcs.get(&home.vpc)
}

/// The VPCs that something is plugged into.
fn wanted(from: &dyn store::Read) -> Result<Vec<Wanted>, StoreError> {
    let mut wanted = Vec::new();
    for pair in VPCS.scan(from, &Key::empty(), Direction::Forward) {
        let (key, vpc) = pair?;
        let Some((account, region)) = key.reader().regional() else { continue };
        let topology = topology::topology(from, Place { account, region, vpc: &vpc.id })?;
        let in_use = |vpc: &net::topology::Vpc| vpc.interfaces.values().any(|i| i.attachment.is_some());
        let mut this = Wanted { home: Home { account, region, vpc: vpc.id }, topology, gates: Vec::new() };
        if let Some(plan) = own(&this).filter(|vpc| in_use(vpc)) {
            this.gates = way::gates(from, &this.home, plan)?;
            wanted.push(this);
        }
    }
    Ok(wanted)
}

impl Reconciler for KeepNetworks {
    fn name(&self) -> &'static str {
        "networks"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![
            ADDRESSES.stored_key(&all),
            ATTACHMENTS.stored_key(&all),
            BANDWIDTHS.stored_key(&all),
            EGRESS_GATEWAYS.stored_key(&all),
            ENDPOINTS.stored_key(&all),
            FLOW_LOGS.stored_key(&all),
            GROUPS.stored_key(&all),
            INTERFACES.stored_key(&all),
            INTERNET_GATEWAYS.stored_key(&all),
            NATS.stored_key(&all),
            NETWORK_ACLS.stored_key(&all),
            PEERINGS.stored_key(&all),
            PREFIX_LISTS.stored_key(&all),
            ROUTE_TABLES.stored_key(&all),
            SUBNETS.stored_key(&all),
            VPCS.stored_key(&all),
            ZONES.stored_key(&all),
        ]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        cloud.memory::<Plane>().0.get_or_init(|| Arc::clone(&self.plane));
        let wanted = wanted(&cloud.store().begin()).map_err(|error| error.to_string())?;
        match self.converge(cloud, &wanted) {
            Ok(()) => Ok(None),
            Err(HostError::Unable(what)) => {
                if self.plane.first_refusal() {
                    kernel::log::error("networks are not real on this machine", &[("problem", &what)]);
                }
                Ok(None)
            }
            Err(HostError::Ended) => {
                // Everything in it is gone; the next run makes it again in a new one.
                self.plane.ended();
                cloud.memory::<Counted>().lost();
                Err(HostError::Ended.to_string())
            }
            Err(error) => {
                cloud.memory::<Counted>().lost();
                Err(error.to_string())
            }
        }
    }
}
