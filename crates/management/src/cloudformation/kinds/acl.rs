//! Network ACLs, their entries, and the subnets that they watch.

use super::interface::filtered;
use super::on::{On, at, map, text_at};
use super::vpc::{EC2, TAGGER, associated, retagged};
use super::{BASE, Done, Kind, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::EC2::NetworkAcl",
        changes: &["Tags"],
        fixed: &["VpcId"],
        attributes: &["Id"],
        create: |on| {
            let tags = on.tag_specification("network-acl");
            let input = map([("VpcId", on.prop("VpcId")), ("TagSpecifications", tags)]);
            associated(on, "CreateNetworkAcl", input, "NetworkAcl.NetworkAclId")
        },
        update: retagged,
        delete: |on| on.end(EC2, "DeleteNetworkAcl", map([("NetworkAclId", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::beside::ACL),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::NetworkAclEntry",
        changes: &["CidrBlock", "Icmp", "Ipv6CidrBlock", "PortRange", "Protocol", "RuleAction"],
        fixed: &["Egress", "NetworkAclId", "RuleNumber"],
        attributes: &["Id"],
        create: |on| {
            on.call(EC2, "CreateNetworkAclEntry", entry(on))?;
            let id = on.generated(128);
            Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
        },
        update: |on| {
            on.call(EC2, "ReplaceNetworkAclEntry", entry(on))?;
            Ok(on.same())
        },
        delete: |on| {
            let input = map([
                ("NetworkAclId", on.was("NetworkAclId")),
                ("RuleNumber", on.was("RuleNumber")),
                ("Egress", egress(on.was("Egress"))),
            ]);
            on.end(EC2, "DeleteNetworkAclEntry", input)
        },
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SubnetNetworkAclAssociation",
        fixed: &["NetworkAclId", "SubnetId"],
        attributes: &["AssociationId"],
        create: |on| {
            let subnet = on.prop("SubnetId");
            let (association, _) = watched(on, subnet)?.unwrap_or_default();
            let input =
                map([("AssociationId", Value::Str(association)), ("NetworkAclId", on.prop("NetworkAclId"))]);
            let id = text_at(&on.call(EC2, "ReplaceNetworkAclAssociation", input)?, "NewAssociationId");
            Ok(on.made(id.clone(), vec![("AssociationId", Value::Str(id))]))
        },
        delete: back_to_default,
        look: Some(&look::join::ACL_OF_SUBNET),
        ..BASE
    },
];

/// The template may leave out which way an entry looks; the operation may not.
fn egress(given: Value) -> Value {
    if given == Value::Null { Value::Bool(false) } else { given }
}

fn entry(on: &On<'_, '_>) -> Value {
    map([
        ("NetworkAclId", on.prop("NetworkAclId")),
        ("RuleNumber", on.prop("RuleNumber")),
        ("Protocol", on.prop("Protocol")),
        ("RuleAction", on.prop("RuleAction")),
        ("Egress", egress(on.prop("Egress"))),
        ("CidrBlock", on.prop("CidrBlock")),
        ("Ipv6CidrBlock", on.prop("Ipv6CidrBlock")),
        ("IcmpTypeCode", on.prop("Icmp")),
        ("PortRange", on.prop("PortRange")),
    ])
}

/// By which association an ACL watches the subnet, and the VPC of both; `None` where there is no such subnet.
fn watched(on: &mut On<'_, '_>, subnet: Value) -> Done<Option<(String, String)>> {
    let name = subnet.as_str().unwrap_or_default().to_owned();
    let seen = on.call(EC2, "DescribeNetworkAcls", filtered([("association.subnet-id", subnet)]))?;
    let Some(acl) = at(&seen, "NetworkAcls.0") else { return Ok(None) };
    let Some(Value::List(all)) = at(acl, "Associations") else { return Ok(None) };
    let mine = all.iter().find(|one| text_at(one, "SubnetId") == name);
    Ok(mine.map(|one| (text_at(one, "NetworkAclAssociationId"), text_at(acl, "VpcId"))))
}

/// What no ACL of the template watches is watched by the VPC's own; what has been replaced since is somebody else's.
fn back_to_default(on: &mut On<'_, '_>) -> Done<()> {
    let subnet = on.was("SubnetId");
    let vpc = match watched(on, subnet)? {
        Some((association, vpc)) if association == on.physical => vpc,
        _ => return Ok(()),
    };
    let filters = filtered([("vpc-id", Value::Str(vpc)), ("default", Value::str("true"))]);
    let acl = text_at(&on.call(EC2, "DescribeNetworkAcls", filters)?, "NetworkAcls.0.NetworkAclId");
    let input = map([("AssociationId", on.physical()), ("NetworkAclId", Value::Str(acl))]);
    on.end(EC2, "ReplaceNetworkAclAssociation", input)
}
