//! Network ACLs and their entries.

use super::vpc::block;
use super::{item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::{self, in_vpc};
use crate::vpc::model::{AclAssociation, AclEntry, NETWORK_ACLS, NetworkAcl, PortRange};
use ec2::access::Access;
use ec2::describe::{self, Ask, all, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{NETWORK_ACL, SUBNET, VPC};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Empty};
use wire::{Fault, Struct};

kernel::ops! {
    pub(crate) static OPS:
        CreateNetworkAcl: create, "ec2:CreateNetworkAcl", |cx, r| on(cx, r)?.new(&NETWORK_ACL).one(&VPC, "VpcId").done();
        DeleteNetworkAcl: delete, "ec2:DeleteNetworkAcl", |cx, r| on(cx, r)?.one(&NETWORK_ACL, "NetworkAclId").done();
        DescribeNetworkAcls: describe, "ec2:DescribeNetworkAcls", list;
        CreateNetworkAclEntry: create_entry, "ec2:CreateNetworkAclEntry", |cx, r| on(cx, r)?.one(&NETWORK_ACL, "NetworkAclId").done();
        ReplaceNetworkAclEntry: replace_entry, "ec2:ReplaceNetworkAclEntry", |cx, r| on(cx, r)?.one(&NETWORK_ACL, "NetworkAclId").done();
        DeleteNetworkAclEntry: delete_entry, "ec2:DeleteNetworkAclEntry", |cx, r| on(cx, r)?.one(&NETWORK_ACL, "NetworkAclId").done();
        ReplaceNetworkAclAssociation: replace_association, "ec2:ReplaceNetworkAclAssociation", |cx, r| of_association(cx, r)?.one(&NETWORK_ACL, "NetworkAclId").done();
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const ACLS_MAX: usize = 200;
/// In each direction.
const ENTRIES_MAX: usize = 20;
const NUMBER_MAX: i64 = 32766;
/// The entries that end a list: of IPv4 and of IPv6.
const LAST: i64 = 32767;
const LAST6: i64 = 32768;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: Option<String> = "ClientToken",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct Made {
        acl: View = "NetworkAcl",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct View {
        associations: Vec<AssociationView> = "Associations",
        entries: Vec<EntryView> = "Entries",
        default: bool = "IsDefault",
        id: String = "NetworkAclId",
        tags: Vec<Tag> = "Tags",
        vpc: String = "VpcId",
        owner: String = "OwnerId",
    }

    #[derive(Debug)]
    struct AssociationView {
        id: String = "NetworkAclAssociationId",
        acl: String = "NetworkAclId",
        subnet: String = "SubnetId",
    }

    #[derive(Debug)]
    struct EntryView {
        cidr: Option<String> = "CidrBlock",
        egress: bool = "Egress",
        icmp: Option<IcmpView> = "IcmpTypeCode",
        cidr6: Option<String> = "Ipv6CidrBlock",
        ports: Option<PortsView> = "PortRange",
        protocol: String = "Protocol",
        action: String = "RuleAction",
        number: i64 = "RuleNumber",
    }

    #[derive(Clone, Copy, Debug)]
    struct IcmpView {
        code: Option<i64> = "Code",
        kind: Option<i64> = "Type",
    }

    #[derive(Clone, Copy, Debug)]
    struct PortsView {
        from: Option<i64> = "From",
        to: Option<i64> = "To",
    }

    #[derive(Debug)]
    struct OneAcl { id: String = "NetworkAclId" }

    #[derive(Debug)]
    struct Describe {
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        ids: Vec<String> = "NetworkAclIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Acls {
        acls: Vec<View> = "NetworkAcls",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Entry {
        acl: String = "NetworkAclId",
        number: i64 = "RuleNumber",
        protocol: String = "Protocol",
        action: String = "RuleAction",
        egress: bool = "Egress",
        cidr: Option<String> = "CidrBlock",
        cidr6: Option<String> = "Ipv6CidrBlock",
        icmp: Option<IcmpView> = "IcmpTypeCode",
        ports: Option<PortsView> = "PortRange",
    }

    #[derive(Debug)]
    struct DeleteEntry {
        acl: String = "NetworkAclId",
        number: i64 = "RuleNumber",
        egress: bool = "Egress",
    }

    #[derive(Debug)]
    struct ReplaceAssociation {
        id: String = "AssociationId",
        acl: String = "NetworkAclId",
    }

    #[derive(Debug)]
    struct Replaced { id: String = "NewAssociationId" }
}

item!(View, id);

/// The ACL and subnet of the association that a request names.
fn of_association<'a, 'c>(cx: &'a mut Cx<'c>, r: &'a Struct) -> Result<Access<'a, 'c>, Fault> {
    let access = on(cx, r)?;
    let id = r.str("AssociationId").unwrap_or_default();
    let found = all(access.cx, &NETWORK_ACLS)?;
    let subnet =
        found.iter().flat_map(|acl| &acl.associations).find(|a| a.id == id).map(|a| a.subnet.clone());
    Ok(match subnet {
        Some(subnet) => access.id(&SUBNET, &subnet),
        None => access,
    })
}

fn save(cx: &mut Cx<'_>, acl: &NetworkAcl) {
    NETWORK_ACLS.put(cx.tx, &register::key(cx.account, cx.region, &acl.id), acl);
}

fn entry_view(entry: &AclEntry) -> EntryView {
    let v6 = entry.cidr.contains(':');
    EntryView {
        cidr: (!v6).then(|| entry.cidr.clone()),
        egress: entry.egress,
        icmp: entry.icmp.as_ref().map(|i| IcmpView { kind: Some(i.from), code: Some(i.to) }),
        cidr6: v6.then(|| entry.cidr.clone()),
        ports: entry.ports.as_ref().map(|p| PortsView { from: Some(p.from), to: Some(p.to) }),
        protocol: entry.protocol.clone(),
        action: if entry.allow { "allow" } else { "deny" }.into(),
        number: entry.number,
    }
}

fn view(cx: &Cx<'_>, acl: &NetworkAcl) -> Result<View, Ec2Error> {
    let mut entries: Vec<EntryView> = acl.entries.iter().map(entry_view).collect();
    let mut last = |number, cidr: &str| {
        let end = |egress| AclEntry {
            number,
            egress,
            protocol: "-1".into(),
            cidr: cidr.into(),
            ..AclEntry::default()
        };
        entries.extend([entry_view(&end(true)), entry_view(&end(false))]);
    };
    last(LAST, "0.0.0.0/0");
    if !find::vpc(cx, &acl.vpc)?.ipv6.is_empty() {
        last(LAST6, "::/0");
    }
    entries.sort_by_key(|entry| (!entry.egress, entry.number));
    let association = |a: &AclAssociation| AssociationView {
        id: a.id.clone(),
        acl: acl.id.clone(),
        subnet: a.subnet.clone(),
    };
    Ok(View {
        associations: acl.associations.iter().map(association).collect(),
        entries,
        default: acl.is_default,
        id: acl.id.clone(),
        tags: tags::view(&register::tags(cx, &acl.id)?),
        vpc: acl.vpc.clone(),
        owner: cx.account.to_string(),
    })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &NETWORK_ACL, &[&NETWORK_ACL])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let acl = find::acl(cx, &id)?;
        return Ok(Made { acl: view(cx, &acl)?, token: req.token });
    }
    let vpc = find::vpc(cx, &req.vpc)?;
    if find::acls_of(cx, &vpc.id)?.len() >= ACLS_MAX {
        return Err(Limit::NetworkAcl.into());
    }
    let acl = NetworkAcl { id: NETWORK_ACL.id(cx.rng()), vpc: vpc.id, ..NetworkAcl::default() };
    save(cx, &acl);
    let place = [in_vpc(cx, &acl.vpc)];
    register::enter(cx, &NETWORK_ACL, &acl.id, &tags, &place);
    token::keep(cx, req.token.as_ref(), &req, &acl.id);
    Ok(Made { acl: view(cx, &acl)?, token: req.token })
}

fn delete(cx: &mut Cx<'_>, req: OneAcl) -> Result<Empty, Ec2Error> {
    let acl = find::acl(cx, &req.id)?;
    if acl.is_default {
        let what = format!(
            "The networkAcl '{}' is the default network ACL of its VPC and cannot be deleted.",
            acl.id
        );
        return Err(Plain::InvalidParameterValue(what).into());
    }
    if !acl.associations.is_empty() {
        let what = format!("The networkAcl '{}' has dependencies and cannot be deleted.", acl.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    NETWORK_ACLS.delete(cx.tx, &register::key(cx.account, cx.region, &acl.id));
    register::strike(cx.tx, cx.account, cx.region, &acl.id);
    Ok(Empty)
}

fn each(view: &View, read: fn(&EntryView) -> Vec<String>) -> Vec<String> {
    view.entries.iter().flat_map(read).collect()
}

fn number(number: Option<i64>) -> Vec<String> {
    number.iter().map(i64::to_string).collect()
}

static FILTERS: &Known<View> = &[
    ("association.association-id", |a| a.associations.iter().map(|a| a.id.clone()).collect()),
    ("association.network-acl-id", |a| a.associations.iter().map(|a| a.acl.clone()).collect()),
    ("association.subnet-id", |a| a.associations.iter().map(|a| a.subnet.clone()).collect()),
    ("default", |a| one(a.default)),
    ("entry.cidr", |a| each(a, |e| maybe(&e.cidr))),
    ("entry.icmp.code", |a| each(a, |e| number(e.icmp.and_then(|i| i.code)))),
    ("entry.icmp.type", |a| each(a, |e| number(e.icmp.and_then(|i| i.kind)))),
    ("entry.ipv6-cidr", |a| each(a, |e| maybe(&e.cidr6))),
    ("entry.port-range.from", |a| each(a, |e| number(e.ports.and_then(|p| p.from)))),
    ("entry.port-range.to", |a| each(a, |e| number(e.ports.and_then(|p| p.to)))),
    ("entry.protocol", |a| each(a, |e| one(&e.protocol))),
    ("entry.rule-action", |a| each(a, |e| one(&e.action))),
    ("entry.egress", |a| each(a, |e| one(e.egress))),
    ("entry.rule-number", |a| each(a, |e| one(e.number))),
    ("network-acl-id", |a| one(&a.id)),
    ("owner-id", |a| one(&a.owner)),
    ("vpc-id", |a| one(&a.vpc)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Acls, Ec2Error> {
    ids_or_pages(&req.ids, "networkAclIds", req.max)?;
    let found = describe::some_of_any(cx, &NETWORK_ACLS, &NETWORK_ACL, &req.ids)?;
    let items = found.iter().map(|acl| view(cx, acl)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (acls, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Acls { acls, next })
}

fn protocol(text: &str) -> Result<String, Ec2Error> {
    let number = match text.to_ascii_lowercase().as_str() {
        "all" | "-1" => "-1".to_owned(),
        "tcp" => "6".into(),
        "udp" => "17".into(),
        "icmp" => "1".into(),
        "icmpv6" => "58".into(),
        other if other.parse::<u8>().is_ok() => other.to_owned(),
        _ => return Err(Ec2Error::value(text, "protocol", "Unknown protocol.")),
    };
    Ok(number)
}

fn entry(req: &Entry) -> Result<AclEntry, Ec2Error> {
    if !(1..=NUMBER_MAX).contains(&req.number) {
        let why = "The rule number must be between 1 and 32766.";
        return Err(Ec2Error::value(req.number, "ruleNumber", why));
    }
    let cidr = match (&req.cidr, &req.cidr6) {
        (Some(_), Some(_)) => {
            let what = "CidrBlock and Ipv6CidrBlock cannot be used together.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        (Some(text), None) => block(text, "cidrBlock")?,
        (None, Some(text)) => block(text, "ipv6CidrBlock")?,
        (None, None) => return Err(Plain::MissingParameter("cidrBlock".into()).into()),
    };
    if cidr.is_v4() != req.cidr.is_some() {
        let text = req.cidr.as_ref().or(req.cidr6.as_ref()).cloned().unwrap_or_default();
        return Err(Ec2Error::value(text, "cidrBlock", "This is not a valid CIDR block."));
    }
    let protocol = protocol(&req.protocol)?;
    let mut out = AclEntry {
        number: req.number,
        egress: req.egress,
        allow: req.action.eq_ignore_ascii_case("allow"),
        cidr: cidr.to_string(),
        protocol,
        ..AclEntry::default()
    };
    match out.protocol.as_str() {
        "6" | "17" => {
            let ports = req.ports.and_then(|p| Some((p.from?, p.to?)));
            let (from, to) = ports.ok_or_else(|| Plain::MissingParameter("portRange".into()))?;
            if !(0..=65535).contains(&from) || !(0..=65535).contains(&to) || from > to {
                return Err(Ec2Error::value(format!("{from}-{to}"), "portRange", "Invalid port range."));
            }
            out.ports = Some(PortRange { from, to });
        }
        "1" | "58" => {
            let given = req.icmp.and_then(|i| Some((i.kind?, i.code?)));
            let (kind, code) = given.ok_or_else(|| Plain::MissingParameter("icmpTypeCode".into()))?;
            if !(-1..=255).contains(&kind) || !(-1..=255).contains(&code) {
                return Err(Ec2Error::value(
                    format!("{kind},{code}"),
                    "icmpTypeCode",
                    "Invalid type or code.",
                ));
            }
            out.icmp = Some(PortRange { from: kind, to: code });
        }
        _ => {}
    }
    Ok(out)
}

fn create_entry(cx: &mut Cx<'_>, req: Entry) -> Result<Empty, Ec2Error> {
    let entry = entry(&req)?;
    let mut acl = find::acl(cx, &req.acl)?;
    let side = acl.entries.iter().filter(|other| other.egress == entry.egress);
    if side.clone().any(|other| other.number == entry.number) {
        return Err(Plain::NetworkAclEntryExists(entry.number).into());
    }
    if side.count() >= ENTRIES_MAX {
        return Err(Limit::NetworkAclEntry.into());
    }
    acl.entries.push(entry);
    save(cx, &acl);
    Ok(Empty)
}

fn missing(direction: bool, number: i64) -> Ec2Error {
    let side = if direction { "egress" } else { "ingress" };
    let what = format!("The network acl entry identified by {side} rule number {number} does not exist.");
    Plain::InvalidNetworkAclEntry(what).into()
}

fn replace_entry(cx: &mut Cx<'_>, req: Entry) -> Result<Empty, Ec2Error> {
    let entry = entry(&req)?;
    let mut acl = find::acl(cx, &req.acl)?;
    let same = |other: &&mut AclEntry| other.egress == entry.egress && other.number == entry.number;
    let there = acl.entries.iter_mut().find(same).ok_or_else(|| missing(req.egress, req.number))?;
    *there = entry;
    save(cx, &acl);
    Ok(Empty)
}

fn delete_entry(cx: &mut Cx<'_>, req: DeleteEntry) -> Result<Empty, Ec2Error> {
    let mut acl = find::acl(cx, &req.acl)?;
    let same = |other: &AclEntry| other.egress == req.egress && other.number == req.number;
    let at = acl.entries.iter().position(same).ok_or_else(|| missing(req.egress, req.number))?;
    acl.entries.remove(at);
    save(cx, &acl);
    Ok(Empty)
}

fn replace_association(cx: &mut Cx<'_>, req: ReplaceAssociation) -> Result<Replaced, Ec2Error> {
    let has = |acl: &NetworkAcl| acl.associations.iter().any(|a| a.id == req.id);
    let from = all(cx, &NETWORK_ACLS)?.into_iter().find(has);
    let mut from = from.ok_or_else(|| Plain::InvalidAssociation(req.id.clone()))?;
    let to = find::acl(cx, &req.acl)?;
    if to.vpc != from.vpc {
        let what = format!("network acl {} and association {} belong to different networks", to.id, req.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let at = from.associations.iter().position(|a| a.id == req.id).ok_or(Plain::InternalError)?;
    let moved = from.associations.remove(at);
    save(cx, &from);
    let mut to = find::acl(cx, &req.acl)?;
    let id = make::id(cx, "aclassoc");
    to.associations.push(AclAssociation { id: id.clone(), subnet: moved.subnet });
    save(cx, &to);
    Ok(Replaced { id })
}
