//! A packet's way through a topology, hop by hop, with the rule that decided at each, and its answer's way back.
//!
//! [`walk`] follows the first packet of a flow as a data plane would treat it: out of its interface, through security
//! groups (stateful) and network ACLs (stateless), by the route table, through gateways with their translations, into
//! other VPCs, to where it ends. What stands in its way is collected, and the walk goes on as if it did not, so that
//! all obstacles are known at once. If there are none, the answer is walked back the same way; connections that the
//! first packet opened are remembered as every router and NAT gateway would.
//!
//! This is the model behind Reachability Analyzer and `virga why`; its explanation codes are AWS's.
//! <https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html>
//!
//! Not there: what a machine does with a packet that is not for itself. A walk that comes to an interface as the next
//! hop of a route ends there ([`End::NextHop`]).

mod packet;
mod rules;
mod step;
#[cfg(test)]
mod tests;
mod text;

pub use packet::{Packet, Transport};
pub use rules::{acl_decides, group_allows, traffic_matches};

use crate::cidr::Cidr;
use crate::topology::{Id, Target, Topology};
use std::fmt;
use std::net::IpAddr;

/// A conversation to be had: its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    pub from: Origin,
    pub to: IpAddr,
    pub transport: Transport,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A network interface; from its primary address of the destination's family unless told otherwise.
    Interface { id: Id, source: Option<IpAddr> },
    /// A host on the internet.
    Internet(IpAddr),
}

/// What [`walk`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    pub forward: Path,
    /// The answer's way; none when the flow does not arrive, or ends where nobody can say what is answered.
    pub back: Option<Path>,
}

impl Walk {
    /// Whether the flow arrives and its answer comes back. A flow that ends at a next hop has arrived there.
    pub fn works(&self) -> bool {
        self.forward.works() && self.back.as_ref().is_none_or(Path::works)
    }

    /// What stands in the way, in the order of the way.
    pub fn obstacles(&self) -> impl Iterator<Item = &Obstacle> {
        self.forward.obstacles.iter().chain(self.back.iter().flat_map(|path| &path.obstacles))
    }
}

/// One direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    pub hops: Vec<Hop>,
    pub obstacles: Vec<Obstacle>,
    /// Where the packet would end if nothing stood in its way; none when it gets nowhere.
    pub end: Option<End>,
}

impl Path {
    pub fn works(&self) -> bool {
        self.obstacles.is_empty() && self.end.is_some()
    }
}

/// A thing that the packet passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The VPC that it was in; none on the internet.
    pub vpc: Option<Id>,
    pub component: Component,
    /// The rule that let it pass, where there are rules.
    pub rule: Option<Rule>,
    /// As it left.
    pub packet: Packet,
}

/// A thing that stopped the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    pub code: Code,
    pub vpc: Option<Id>,
    pub component: Component,
    /// What denied, where it was a rule or the want of one.
    pub rule: Option<Rule>,
    /// As it came.
    pub packet: Packet,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    NetworkInterface(Id),
    SecurityGroup(Id),
    NetworkAcl(Id),
    RouteTable(Id),
    InternetGateway(Id),
    EgressOnlyInternetGateway(Id),
    NatGateway(Id),
    Peering(Id),
    GatewayEndpoint(Id),
    /// The VPC's router itself, by the VPC's id.
    Router(Id),
    Internet,
}

impl Component {
    /// Its id; `internet` for the internet.
    pub fn id(&self) -> &str {
        match self {
            Component::NetworkInterface(id)
            | Component::SecurityGroup(id)
            | Component::NetworkAcl(id)
            | Component::RouteTable(id)
            | Component::InternetGateway(id)
            | Component::EgressOnlyInternetGateway(id)
            | Component::NatGateway(id)
            | Component::Peering(id)
            | Component::GatewayEndpoint(id)
            | Component::Router(id) => id,
            Component::Internet => "internet",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `sgr-…`
    SecurityGroup {
        id: Id,
        egress: bool,
    },
    /// The packet belongs to a connection that a security group's rules once allowed.
    Tracked,
    /// None of the rules of the interface's groups is about the packet.
    NoGroupRule {
        egress: bool,
    },
    /// What an interface sends must come from one of its own addresses.
    SourceCheck,
    /// What an interface is given must be for one of its own addresses.
    DestinationCheck,
    /// No number: the last one, `*`, that denies.
    Acl {
        number: Option<u16>,
        egress: bool,
        allow: bool,
    },
    Route {
        destination: Cidr,
        target: Target,
    },
}

/// Where a packet ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Interface(Id),
    /// An interface that is not the destination but the target of a route: what its machine does is not known here.
    NextHop(Id),
    Internet,
    /// One of the addresses that each VPC has: resolver, metadata, time.
    Router(Id),
    GatewayEndpoint(Id),
}

/// Reachability Analyzer's explanation codes, those of them that a walk can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The zone of the interface is out.
    BadState,
    /// The interface is attached to nothing.
    BadStateAttachment,
    BadStateRoute,
    /// The address is none of the interface's own.
    SourceDestCheck,
    GroupRulesMismatch,
    GroupHasNoRules,
    AclRestriction,
    NoRoute,
    NoPossibleDestination,
    NoSourceOrDestination,
    GatewayNeedsPublicAddress,
    GatewayKnowsNoSuchAddress,
    GatewayRefusesPrivateDestination,
    GatewayRefusesSharedDestination,
    GatewayRefusesPrivateSource,
    GatewayRefusesSharedSource,
    PeeringNeedsAddressOfPeer,
    NatNeedsSourceInVpc,
    ProtocolRestriction,
    EndpointProtocolRestriction,
    NoPath,
}

impl Code {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadState => "BAD_STATE",
            Code::BadStateAttachment => "BAD_STATE_ATTACHMENT",
            Code::BadStateRoute => "BAD_STATE_ROUTE",
            Code::SourceDestCheck => "ENI_SOURCE_DEST_CHECK_RESTRICTION",
            Code::GroupRulesMismatch => "ENI_SG_RULES_MISMATCH",
            Code::GroupHasNoRules => "SG_HAS_NO_RULES",
            Code::AclRestriction => "SUBNET_ACL_RESTRICTION",
            Code::NoRoute => "NO_ROUTE_TO_DESTINATION",
            Code::NoPossibleDestination => "NO_POSSIBLE_DESTINATION",
            Code::NoSourceOrDestination => "NO_SOURCE_OR_DESTINATION",
            Code::GatewayNeedsPublicAddress => "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
            Code::GatewayKnowsNoSuchAddress => "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
            Code::GatewayRefusesPrivateDestination => "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
            Code::GatewayRefusesSharedDestination => "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS",
            Code::GatewayRefusesPrivateSource => "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS",
            Code::GatewayRefusesSharedSource => "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS",
            Code::PeeringNeedsAddressOfPeer => "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",
            Code::NatNeedsSourceInVpc => "NGW_REQUIRES_SOURCE_IN_VPC",
            Code::ProtocolRestriction => "PROTOCOL_RESTRICTION",
            Code::EndpointProtocolRestriction => "VPCE_GATEWAY_PROTOCOL_RESTRICTION",
            Code::NoPath => "NO_PATH",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Hop {
    /// The name of the rule in the VPC's [`Program`](crate::Program) that counts what passes here.
    pub fn counter(&self) -> Option<String> {
        counter(self.vpc.as_deref()?, &self.component, self.rule.as_ref()?)
    }
}

impl Obstacle {
    /// The name of the rule in the VPC's [`Program`](crate::Program) that counts what is dropped here.
    pub fn counter(&self) -> Option<String> {
        use crate::program::names;
        let vpc = self.vpc.as_deref()?;
        match (self.code, &self.component, &self.rule) {
            (Code::NoPossibleDestination, Component::RouteTable(_) | Component::Router(_), Some(_)) => {
                Some(names::no_such_address(vpc))
            }
            (Code::NoRoute | Code::BadStateRoute, ..) => Some(names::no_route(vpc)),
            (Code::PeeringNeedsAddressOfPeer, Component::Router(_), _) => Some(names::no_route(vpc)),
            (Code::PeeringNeedsAddressOfPeer, Component::Peering(id), _)
            | (Code::GatewayRefusesPrivateDestination, Component::InternetGateway(id), _)
            | (Code::GatewayRefusesSharedDestination, Component::InternetGateway(id), _)
            | (Code::GatewayRefusesPrivateSource, Component::InternetGateway(id), _)
            | (Code::GatewayRefusesSharedSource, Component::InternetGateway(id), _) => {
                Some(names::refused_address(id))
            }
            (Code::GatewayNeedsPublicAddress, Component::InternetGateway(id), _) => {
                Some(names::no_public_address(id))
            }
            (_, component, Some(rule)) => counter(vpc, component, rule),
            _ => None,
        }
    }
}

fn counter(vpc: &str, component: &Component, rule: &Rule) -> Option<String> {
    use crate::program::names;
    match (component, rule) {
        (_, Rule::SecurityGroup { id, .. }) => Some(id.clone()),
        (Component::NetworkInterface(id), Rule::NoGroupRule { egress }) => {
            Some(names::no_group_rule(id, *egress))
        }
        (_, Rule::SourceCheck) => Some(names::source_check(vpc)),
        (Component::NetworkInterface(id), Rule::DestinationCheck) => Some(names::destination_check(id)),
        (Component::NetworkAcl(acl), Rule::Acl { number, egress, .. }) => {
            Some(names::acl_entry(acl, *egress, *number))
        }
        _ => None,
    }
}

/// Follows a flow and its answer.
pub fn walk(topology: &Topology, flow: &Flow) -> Walk {
    step::Walker::new(topology).run(flow)
}
