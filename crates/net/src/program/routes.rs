//! Route tables: one per subnet, one for each kind of edge, and the last one that knows every interface.

use super::{
    GROUP_EGRESS_ONLY, GROUP_INTERNET, GROUP_PEERING, Hop, LINK_EGRESS_ONLY, LINK_INTERNET, Plan, Program,
    TABLE_MAIN, Via, names,
};
use crate::cidr::Cidr;
use crate::topology::{NetworkInterface, Target};

impl Plan<'_> {
    pub(super) fn routes(&self, program: &mut Program) {
        for (interface, _, name) in &self.plugged {
            if !self.topology.is_up(self.vpc, interface) {
                continue;
            }
            for address in &interface.addresses {
                let hop = Hop::Link { name: name.clone(), via: Via::Destination };
                program.routes.insert((TABLE_MAIN, Cidr::host(address.private)), hop);
            }
        }
        // Addresses that nobody has lead nowhere, as in AWS: no answer, not even an error.
        for cidr in &self.vpc.cidrs {
            program.routes.insert((TABLE_MAIN, *cidr), Hop::Nowhere);
        }
        for subnet in self.vpc.subnets.values() {
            self.table(program, self.group(&subnet.id), Some(self.vpc.route_table_of(subnet)));
        }
        if self.has_internet() {
            let edge = self.vpc.internet_gateway.as_ref().and_then(|g| g.route_table.as_deref());
            self.table(program, GROUP_INTERNET, edge);
        }
        if self.has_egress_only() {
            self.table(program, GROUP_EGRESS_ONLY, None);
        }
        if self.peerings().next().is_some() {
            self.table(program, GROUP_PEERING, None);
        }
    }

    /// A route table; without one only what is local.
    fn table(&self, program: &mut Program, number: u32, table: Option<&str>) {
        for everything in [Cidr::ALL_V4, Cidr::ALL_V6] {
            program.routes.insert((number, everything), Hop::Nowhere);
        }
        match table {
            Some(table) => {
                for (prefix, target) in self.topology.routes(self.vpc, table).iter() {
                    program.routes.insert((number, prefix), self.hop(target));
                }
            }
            None => {
                for prefix in &self.vpc.cidrs {
                    program.routes.insert((number, *prefix), Hop::Throw);
                }
            }
        }
    }

    fn hop(&self, target: &Target) -> Hop {
        let router = |name: &str| Hop::Link { name: name.to_owned(), via: Via::Router };
        let found = match target {
            Target::Local => Some(Hop::Throw),
            Target::Blackhole => None,
            Target::InternetGateway(id) => {
                let there = self.vpc.internet_gateway.as_ref().is_some_and(|gateway| gateway.id == *id);
                there.then(|| router(LINK_INTERNET))
            }
            Target::EgressOnlyInternetGateway(id) => {
                self.vpc.egress_only_internet_gateways.contains(id).then(|| router(LINK_EGRESS_ONLY))
            }
            Target::Peering(id) => {
                self.peerings().find(|(_, peering, _)| *peering == id).map(|(name, ..)| router(&name))
            }
            Target::GatewayEndpoint(id) => self.vpc.gateway_endpoints.contains_key(id).then_some(Hop::Own),
            Target::NatGateway(id) => {
                let nat = self.vpc.nat_gateways.get(id);
                nat.and_then(|nat| self.machine(self.vpc.interfaces.get(&nat.interface)?))
            }
            Target::NetworkInterface(id) => self.vpc.interfaces.get(id).and_then(|i| self.machine(i)),
        };
        found.unwrap_or(Hop::Nowhere)
    }

    fn machine(&self, interface: &NetworkInterface) -> Option<Hop> {
        let up = self.topology.is_up(self.vpc, interface);
        let name = names::link('e', &interface.id);
        let address = interface.primary()?;
        up.then_some(Hop::Link { name, via: Via::Machine(address) })
    }
}
