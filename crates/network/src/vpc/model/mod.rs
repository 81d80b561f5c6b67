//! Records of the network's nouns, one file each. All of a region's are under its account and region, then the id;
//! peering connections, which belong to two accounts, are global.

mod acl;
mod address;
mod dhcp;
mod endpoint;
mod flow_log;
mod gateway;
mod group;
mod insights;
mod interface;
mod nat;
mod peering;
mod prefix_list;
mod route;
mod subnet;
mod vpc;

pub use acl::{AclAssociation, AclEntry, NETWORK_ACLS, NetworkAcl, PortRange};
pub use address::{ADDRESSES, Address, AddressAssociation};
pub use dhcp::{DHCP_OPTIONS, DhcpOptions};
pub use endpoint::{ENDPOINTS, Endpoint, EndpointKind, S3, prefix_of, private_name, service_name};
pub use flow_log::{FLOW_LOGS, FlowLog, Line, RECORDS, Records, Traffic, records_key};
pub use gateway::{EGRESS_GATEWAYS, EgressGateway, INTERNET_GATEWAYS, InternetGateway};
pub use group::{GROUPS, Group, Peer, Reference, Rule};
pub use insights::{ANALYSES, AclRule, Analysis, Hop, HopRule, PATHS, Path, RouteRule};
pub use interface::{INTERFACES, Interface, InterfaceKind, PrivateAddress, USED, Used, used_key};
pub use nat::{NATS, Nat, NatAddress, NatState};
pub use peering::{PEERINGS, Peering, PeeringSide, PeeringState, peering_key};
pub use prefix_list::{PREFIX_LISTS, PrefixEntry, PrefixList, PrefixVersion, managed};
pub use route::{ROUTE_TABLES, Route, RouteTable, TableAssociation, Target};
pub use subnet::{Ipv6Block, SUBNETS, Subnet};
pub use vpc::{CidrBlock, SEEDED, Seeded, VPCS, Vpc};
