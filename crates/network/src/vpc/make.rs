//! Making VPCs and subnets with everything that comes with them; handlers and the default VPC share this.

use super::find;
use super::model::{
    AclAssociation, AclEntry, CidrBlock, DHCP_OPTIONS, GROUPS, Group, Ipv6Block, NETWORK_ACLS, NetworkAcl,
    Peer, ROUTE_TABLES, Reference, RouteTable, Rule, SEEDED, SUBNETS, Subnet, VPCS, Vpc,
};
use base::tag::Tags;
use ec2::kind::{NETWORK_ACL, ROUTE_TABLE, SECURITY_GROUP, SECURITY_GROUP_RULE, SUBNET, VPC};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use net::Cidr;
use std::net::{IpAddr, Ipv6Addr};
use store::{Key, Table};

/// How machines are called that are not called by their address.
pub(crate) const BY_ID: &str = "resource-name";
pub(crate) const DEFAULT_GROUP: &str = "default";

store::record! {
    /// The VPC that has a block of the cloud's IPv6 addresses.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Holder6 {
        1 => pub vpc: String,
    }
}

/// By the number of the /56 within 2001:db8::/32, which RFC 3849 keeps for documentation.
const BLOCKS6: Table<Holder6> = Table::new(0x2113, "vpc/ipv6-blocks");
const POOL6: u128 = 0x2001_0db8 << 96;
const VPC_BITS6: u8 = 56;

#[derive(Debug)]
pub(crate) struct NewVpc {
    pub(crate) cidr: String,
    pub(crate) tenancy: String,
    pub(crate) is_default: bool,
    pub(crate) ipv6: bool,
}

#[derive(Debug)]
pub(crate) struct NewSubnet {
    /// Without one it is of IPv6 alone.
    pub(crate) cidr: Option<String>,
    pub(crate) ipv6: Option<String>,
    pub(crate) zone: String,
    pub(crate) is_default: bool,
}

/// `vpc-cidr-assoc-…` and its like.
pub(crate) fn id(cx: &Cx<'_>, prefix: &str) -> String {
    base::id::ec2_resource_id(cx.rng(), prefix)
}

pub(crate) fn arn(cx: &Cx<'_>, noun: &str, id: &str) -> String {
    register::arn(cx.account, cx.region, noun, id)
}

/// `ec2:Vpc`, which most that is in a VPC has.
pub(crate) fn in_vpc(cx: &Cx<'_>, vpc: &str) -> (&'static str, String) {
    ("ec2:Vpc", arn(cx, VPC.noun, vpc))
}

/// Takes a free /56 for a VPC.
pub(crate) fn block6(cx: &mut Cx<'_>, vpc: &str) -> Result<Ipv6Block, Ec2Error> {
    for _ in 0..64 {
        let number = cx.rng().below(1 << 24) as u32;
        let key = Key::global().u32(number);
        if !BLOCKS6.contains(cx.tx, &key)? {
            BLOCKS6.put(cx.tx, &key, &Holder6 { vpc: vpc.to_owned() });
            let address = Ipv6Addr::from(POOL6 | u128::from(number) << (128 - VPC_BITS6));
            let cidr = Cidr::new(IpAddr::V6(address), VPC_BITS6).ok_or(Plain::InternalError)?;
            return Ok(Ipv6Block { id: id(cx, "vpc-cidr-assoc"), cidr: cidr.to_string() });
        }
    }
    Err(Plain::InsufficientAddressCapacity.into())
}

/// Gives a VPC's IPv6 block back.
pub(crate) fn release6(cx: &mut Cx<'_>, block: &Ipv6Block) {
    if let Ok(cidr) = block.cidr.parse::<Cidr>()
        && let IpAddr::V6(base) = cidr.base()
    {
        let number = (u128::from(base) >> (128 - VPC_BITS6)) as u32 & 0xFF_FFFF;
        BLOCKS6.delete(cx.tx, &Key::global().u32(number));
    }
}

pub(crate) fn vpc(cx: &mut Cx<'_>, new: NewVpc, tags: &Tags) -> Result<Vpc, Ec2Error> {
    let id_ = VPC.id(cx.rng());
    let regional = Key::regional(cx.account, cx.region);
    let options = SEEDED.get(cx.tx, &regional)?.map(|seeded| seeded.dhcp_options).unwrap_or_default();
    let there = DHCP_OPTIONS.contains(cx.tx, &register::key(cx.account, cx.region, &options))?;
    let ipv6 = if new.ipv6 { vec![block6(cx, &id_)?] } else { Vec::new() };
    let vpc = Vpc {
        id: id_.clone(),
        cidrs: vec![CidrBlock { id: id(cx, "vpc-cidr-assoc"), cidr: new.cidr }],
        dhcp_options: if there { options } else { String::new() },
        tenancy: new.tenancy.clone(),
        is_default: new.is_default,
        dns_support: true,
        dns_hostnames: new.is_default,
        created: cx.now,
        ipv6,
    };
    VPCS.put(cx.tx, &register::key(cx.account, cx.region, &id_), &vpc);
    register::enter(cx, &VPC, &id_, tags, &[("ec2:Tenancy", new.tenancy)]);
    let table = RouteTable {
        id: ROUTE_TABLE.id(cx.rng()),
        vpc: id_.clone(),
        main: Some(id(cx, "rtbassoc")),
        ..RouteTable::default()
    };
    ROUTE_TABLES.put(cx.tx, &register::key(cx.account, cx.region, &table.id), &table);
    let place = [in_vpc(cx, &id_)];
    register::enter(cx, &ROUTE_TABLE, &table.id, &Tags::new(), &place);
    let acl = NetworkAcl {
        id: NETWORK_ACL.id(cx.rng()),
        vpc: id_.clone(),
        is_default: true,
        entries: NetworkAcl::allow_all(!vpc.ipv6.is_empty()),
        associations: Vec::new(),
    };
    NETWORK_ACLS.put(cx.tx, &register::key(cx.account, cx.region, &acl.id), &acl);
    register::enter(cx, &NETWORK_ACL, &acl.id, &Tags::new(), &place);
    default_group(cx, &vpc);
    Ok(vpc)
}

/// The group that lets its members in, and everybody out.
fn default_group(cx: &mut Cx<'_>, vpc: &Vpc) {
    let group = SECURITY_GROUP.id(cx.rng());
    let itself =
        Peer::Group(Reference { group: group.clone(), account: cx.account, vpc: None, peering: None });
    let mut rules = vec![all(cx, false, itself)];
    rules.extend(open_egress(cx, vpc));
    let group = Group {
        id: group,
        name: DEFAULT_GROUP.into(),
        description: "default VPC security group".into(),
        vpc: vpc.id.clone(),
        rules,
    };
    save_group(cx, &group, &Tags::new());
}

fn all(cx: &Cx<'_>, egress: bool, peer: Peer) -> Rule {
    Rule { id: SECURITY_GROUP_RULE.id(cx.rng()), egress, protocol: "-1".into(), peer, ..Rule::default() }
}

/// The rules that a new group has: everything may leave.
pub(crate) fn open_egress(cx: &Cx<'_>, vpc: &Vpc) -> Vec<Rule> {
    let mut rules = vec![all(cx, true, Peer::Ipv4("0.0.0.0/0".into()))];
    if !vpc.ipv6.is_empty() {
        rules.push(all(cx, true, Peer::Ipv6("::/0".into())));
    }
    rules
}

/// AWS: with a block of IPv6 the default ACL lets all of it pass, and groups let it out, where their rules are those that they
/// began with: <https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html>
pub(crate) fn open_to_ipv6(cx: &mut Cx<'_>, vpc: &Vpc) -> Result<(), Ec2Error> {
    let mut acl = find::default_acl(cx, &vpc.id)?;
    for egress in [false, true] {
        let side = |entries: Vec<AclEntry>| -> Vec<AclEntry> {
            entries.into_iter().filter(|entry| entry.egress == egress).collect()
        };
        let was = side(acl.entries.clone());
        if was == side(NetworkAcl::allow_all(false)) {
            let new = side(NetworkAcl::allow_all(true)).into_iter().filter(|entry| !was.contains(entry));
            acl.entries.extend(new);
        }
    }
    NETWORK_ACLS.put(cx.tx, &register::key(cx.account, cx.region, &acl.id), &acl);
    for mut group in find::groups_of(cx, &vpc.id)? {
        let out: Vec<&Rule> = group.rules.iter().filter(|rule| rule.egress).collect();
        let [only] = out[..] else { continue };
        let everything = Peer::Ipv4("0.0.0.0/0".into());
        let as_it_began = Rule {
            id: only.id.clone(),
            egress: true,
            protocol: "-1".into(),
            peer: everything,
            ..Rule::default()
        };
        if *only != as_it_began {
            continue;
        }
        let rule = all(cx, true, Peer::Ipv6("::/0".into()));
        register::enter(cx, &SECURITY_GROUP_RULE, &rule.id, &Tags::new(), &[]);
        group.rules.push(rule);
        GROUPS.put(cx.tx, &register::key(cx.account, cx.region, &group.id), &group);
    }
    Ok(())
}

/// Stores a new group and registers it with its rules.
pub(crate) fn save_group(cx: &mut Cx<'_>, group: &Group, tags: &Tags) {
    GROUPS.put(cx.tx, &register::key(cx.account, cx.region, &group.id), group);
    let place = [in_vpc(cx, &group.vpc)];
    register::enter(cx, &SECURITY_GROUP, &group.id, tags, &place);
    for rule in &group.rules {
        register::enter(cx, &SECURITY_GROUP_RULE, &rule.id, &Tags::new(), &[]);
    }
}

pub(crate) fn subnet(cx: &mut Cx<'_>, vpc: &Vpc, new: NewSubnet, tags: &Tags) -> Result<Subnet, Ec2Error> {
    let ipv6 = new.ipv6.map(|cidr| Ipv6Block { id: id(cx, "subnet-cidr-assoc"), cidr });
    let is_native = new.cidr.is_none();
    let subnet = Subnet {
        id: SUBNET.id(cx.rng()),
        vpc: vpc.id.clone(),
        zone: new.zone.clone(),
        cidr: new.cidr.unwrap_or_default(),
        ipv6: ipv6.into_iter().collect(),
        default_for_zone: new.is_default,
        map_public: new.is_default,
        // AWS: machines there have an address of IPv6, and are called by their ids, as there is nothing else.
        assign_ipv6: is_native,
        hostname_type: if is_native { BY_ID.into() } else { String::new() },
        ..Subnet::default()
    };
    SUBNETS.put(cx.tx, &register::key(cx.account, cx.region, &subnet.id), &subnet);
    let zone_id = cx.region.zone_id(&new.zone).unwrap_or_default();
    let place =
        [in_vpc(cx, &vpc.id), ("ec2:AvailabilityZone", new.zone), ("ec2:AvailabilityZoneId", zone_id)];
    register::enter(cx, &SUBNET, &subnet.id, tags, &place);
    let mut acl = find::default_acl(cx, &vpc.id)?;
    acl.associations.push(AclAssociation { id: id(cx, "aclassoc"), subnet: subnet.id.clone() });
    NETWORK_ACLS.put(cx.tx, &register::key(cx.account, cx.region, &acl.id), &acl);
    Ok(subnet)
}
