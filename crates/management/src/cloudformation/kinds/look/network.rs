//! VPCs, subnets, internet gateways and route tables.

use super::{Look, PLAIN, Seen, gone, list, named, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::vpc::{EC2, acl_association, vpc_ready};
use wire::Value;

pub(in crate::cloudformation::kinds) static VPC: Look = Look {
    sees: &["CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "InstanceTenancy", "Tags"],
    read: vpc,
    identifiers: &["VpcId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static SUBNET: Look = Look {
    sees: &[
        "AssignIpv6AddressOnCreation",
        "AvailabilityZone",
        "AvailabilityZoneId",
        "CidrBlock",
        "MapPublicIpOnLaunch",
        "Tags",
        "VpcId",
    ],
    read: subnet,
    identifiers: &["SubnetId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static GATEWAY: Look = Look {
    sees: &["Tags"],
    read: |on| {
        let told = described(on, "DescribeInternetGateways", "InternetGateways", "InternetGatewayId")?;
        Ok(Seen::of(tagged(&told), vec![("InternetGatewayId", on.physical())]))
    },
    identifiers: &["InternetGatewayId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static TABLE: Look = Look {
    sees: &["Tags", "VpcId"],
    read: |on| {
        let told = described(on, "DescribeRouteTables", "RouteTables", "RouteTableId")?;
        let mut all = tagged(&told);
        all.extend(named(&told, &[("VpcId", "VpcId")]));
        Ok(Seen::of(all, vec![("RouteTableId", on.physical())]))
    },
    identifiers: &["RouteTableId"],
    ..PLAIN
};

/// The one that is described by its id: `id` names it, `noun` the list of them.
pub(super) fn described(on: &mut On<'_, '_>, operation: &str, noun: &str, id: &str) -> Done<Value> {
    let ids = Value::List(vec![on.physical()]);
    let answer = on.ask(EC2, operation, Value::map([(format!("{id}s").as_str(), ids)]))?;
    match own(&answer, &format!("{noun}.0")) {
        Value::Null => Err(gone(on.physical)),
        told => Ok(told),
    }
}

pub(super) fn tagged(told: &Value) -> Vec<(String, Value)> {
    vec![("Tags".to_owned(), tags(&own(told, "Tags")))]
}

fn vpc(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = described(on, "DescribeVpcs", "Vpcs", "VpcId")?;
    let mut all = tagged(&told);
    all.extend(named(&told, &[("CidrBlock", "CidrBlock"), ("InstanceTenancy", "InstanceTenancy")]));
    for (property, asked) in
        [("EnableDnsHostnames", "enableDnsHostnames"), ("EnableDnsSupport", "enableDnsSupport")]
    {
        let input = map([("VpcId", on.physical()), ("Attribute", Value::str(asked))]);
        let answer = on.ask(EC2, "DescribeVpcAttribute", input)?;
        all.push((property.to_owned(), own(&answer, &format!("{property}.Value"))));
    }
    let mut attributes = vec![("VpcId", on.physical()), ("CidrBlock", own(&told, "CidrBlock"))];
    attributes.extend(vpc_ready(on)?.unwrap_or_default());
    Ok(Seen::of(all, attributes))
}

fn subnet(on: &mut On<'_, '_>) -> Done<Seen> {
    const ATTRIBUTES: [&str; 5] =
        ["SubnetId", "VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"];
    let told = described(on, "DescribeSubnets", "Subnets", "SubnetId")?;
    let mut all = tagged(&told);
    all.extend(named(
        &told,
        &[
            ("AssignIpv6AddressOnCreation", "AssignIpv6AddressOnCreation"),
            ("AvailabilityZone", "AvailabilityZone"),
            ("AvailabilityZoneId", "AvailabilityZoneId"),
            ("CidrBlock", "CidrBlock"),
            ("MapPublicIpOnLaunch", "MapPublicIpOnLaunch"),
            ("VpcId", "VpcId"),
        ],
    ));
    let mut attributes = ATTRIBUTES.map(|name| (name, own(&told, name))).to_vec();
    attributes.push(("NetworkAclAssociationId", acl_association(on)?));
    let blocks = list(&told, "Ipv6CidrBlockAssociationSet");
    let blocks = blocks.iter().map(|one| Value::Str(text_at(one, "Ipv6CidrBlock"))).collect();
    attributes.push(("Ipv6CidrBlocks", Value::List(blocks)));
    Ok(Seen::of(all, attributes))
}
