//! Amazon VPC: networks, subnets, routes, gateways, addresses, interfaces and what filters between them; as part of
//! EC2's API.
//!
//! Handlers write what is wanted. What takes time (a NAT gateway, an endpoint) is made real by the reconcilers of
//! [`work`], and [`topology`] compiles all of it to what the data plane and the reachability analyzer go by.
//!
//! Every account has in each region a default VPC from the first call on ([`defaults`]).
//!
//! In a real VPC, [`resolver`] answers for the names of its machines and [`time`] tells them the cloud's time, endpoints
//! lead into the cloud ([`way`]), [`why`] tells what happens to a packet, and [`flows`] what has happened to all of them.
//!
//! Not here: instances and what attaches interfaces to them (their room has those operations and writes
//! [`ec2::attachment`]), transit and virtual private gateways, IPAM, outposts, wavelength and local zones, prefixes
//! delegated to interfaces, traffic mirroring.

mod access;
mod analyze;
pub mod billing;
pub mod defaults;
mod find;
pub mod flows;
mod make;
pub mod meter;
pub mod model;
pub mod ops;
pub mod plane;
mod resolver;
pub mod served;
mod time;
pub mod topology;
pub mod way;
pub mod why;
pub mod work;

/// The operation tables, for the wiring.
pub const TABLES: &[&[kernel::Op]] = &[
    ops::zone::OPS,
    ops::vpc::OPS,
    ops::classic_link::OPS,
    ops::vpc_cidr::OPS,
    ops::subnet::OPS,
    ops::route_table::OPS,
    ops::route::OPS,
    ops::internet_gateway::OPS,
    ops::nat::OPS,
    ops::nat_address::OPS,
    ops::address::OPS,
    ops::interface::OPS,
    ops::interface_address::OPS,
    ops::group::OPS,
    ops::rule::OPS,
    ops::rule_list::OPS,
    ops::acl::OPS,
    ops::dhcp::OPS,
    ops::peering::OPS,
    ops::prefix_list::OPS,
    ops::endpoint::OPS,
    ops::flow_log::OPS,
    ops::insights::OPS,
];
