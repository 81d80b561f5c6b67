//! What an account has in a region without having made it: DHCP options and the default VPC with a subnet in each
//! zone, a route to the internet, a security group and a network ACL.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>

use super::make::{self, NewSubnet, NewVpc};
use super::model::ROUTE_TABLES;
use super::model::{
    DHCP_OPTIONS, DhcpOptions, INTERNET_GATEWAYS, InternetGateway, Route, SEEDED, SUBNETS, Seeded, Target,
    Vpc,
};
use base::Region;
use base::tag::Tags;
use ec2::Ec2Error;
use ec2::kind::{DHCP_OPTIONS as DHCP_KIND, INTERNET_GATEWAY};
use ec2::register;
use kernel::Cx;
use store::Key;

/// The default VPC's block, and the size of its subnets.
const BLOCK: &str = "172.31.0.0/16";
const SUBNET_BITS: u8 = 20;

/// Makes them at the account's first call in the region.
///
/// # Errors
/// When the store cannot be read.
pub fn ensure(cx: &mut Cx<'_>) -> Result<(), Ec2Error> {
    let key = Key::regional(cx.account, cx.region);
    if SEEDED.contains(cx.tx, &key)? {
        return Ok(());
    }
    let id = DHCP_KIND.id(cx.rng());
    let servers = ("domain-name-servers".to_owned(), vec!["AmazonProvidedDNS".to_owned()]);
    let domain = ("domain-name".to_owned(), vec![domain(cx.region)]);
    let options = DhcpOptions { id: id.clone(), options: vec![domain, servers] };
    DHCP_OPTIONS.put(cx.tx, &register::key(cx.account, cx.region, &id), &options);
    register::enter(cx, &DHCP_KIND, &id, &Tags::new(), &[]);
    SEEDED.put(cx.tx, &key, &Seeded { at: cx.now, dhcp_options: id });
    vpc(cx)?;
    Ok(())
}

/// `ec2.internal`, or with the region elsewhere than in us-east-1.
pub(crate) fn domain(region: Region) -> String {
    match region.name() {
        "us-east-1" => "ec2.internal".to_owned(),
        name => format!("{name}.compute.internal"),
    }
}

/// Makes a default VPC with all that belongs to it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn vpc(cx: &mut Cx<'_>) -> Result<Vpc, Ec2Error> {
    let new = NewVpc { cidr: BLOCK.to_owned(), tenancy: "default".to_owned(), is_default: true, ipv6: false };
    let vpc = make::vpc(cx, new, &Tags::new())?;
    for zone in cx.region.zones() {
        subnet(cx, &vpc, &zone)?;
    }
    let gateway = InternetGateway { id: INTERNET_GATEWAY.id(cx.rng()), vpc: Some(vpc.id.clone()) };
    INTERNET_GATEWAYS.put(cx.tx, &register::key(cx.account, cx.region, &gateway.id), &gateway);
    register::enter(cx, &INTERNET_GATEWAY, &gateway.id, &Tags::new(), &[]);
    let mut main = super::find::main_table(cx, &vpc.id)?;
    main.routes.push(Route { destination: "0.0.0.0/0".into(), target: Target::InternetGateway(gateway.id) });
    ROUTE_TABLES.put(cx.tx, &register::key(cx.account, cx.region, &main.id), &main);
    Ok(vpc)
}

/// Makes the default subnet of a zone in the first free /20 of the default VPC.
///
/// # Errors
/// `InvalidSubnet.Conflict` where there is no room.
pub(crate) fn subnet(cx: &mut Cx<'_>, vpc: &Vpc, zone: &str) -> Result<super::model::Subnet, Ec2Error> {
    let mut taken = Vec::new();
    for subnet in ec2::describe::all(cx, &SUBNETS)?.into_iter().filter(|subnet| subnet.vpc == vpc.id) {
        taken.extend(subnet.block());
    }
    let mut all = vpc.blocks().into_iter().flat_map(|block| block.split(SUBNET_BITS));
    let free = all.find(|block| !taken.iter().any(|other| other.overlaps(*block)));
    let cidr = free.map(|block| block.to_string());
    let cidr = cidr.ok_or_else(|| ec2::Plain::InvalidSubnetConflict(vpc.cidr().to_owned()))?;
    let new = NewSubnet { cidr: Some(cidr), ipv6: None, zone: zone.to_owned(), is_default: true };
    make::subnet(cx, vpc, new, &Tags::new())
}
