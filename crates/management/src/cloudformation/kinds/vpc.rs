//! Networks: VPCs, subnets, gateways, route tables, routes.

use super::interface::filtered;
use super::look::list;
use super::on::{KEYS, On, Tagger, at, map, text_at};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

pub(super) const EC2: &str = "ec2";
pub(super) const TAGGER: Tagger = Tagger {
    service: EC2,
    tag: "CreateTags",
    untag: "DeleteTags",
    id: "Resources",
    tags: "Tags",
    keys: "Tags",
    form: KEYS,
};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::EC2::VPC",
        changes: &["EnableDnsHostnames", "EnableDnsSupport", "Tags"],
        fixed: &["CidrBlock", "InstanceTenancy"],
        attributes: &[
            "VpcId",
            "CidrBlock",
            "CidrBlockAssociations",
            "DefaultNetworkAcl",
            "DefaultSecurityGroup",
            "Ipv6CidrBlocks",
        ],
        create: create_vpc,
        update: |on| {
            vpc_settings(on, on.physical())?;
            retagged(on)
        },
        delete: |on| on.end(EC2, "DeleteVpc", map([("VpcId", on.physical())])),
        ready: vpc_ready,
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::network::VPC),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::Subnet",
        changes: &["AssignIpv6AddressOnCreation", "Ipv6CidrBlock", "MapPublicIpOnLaunch", "Tags"],
        fixed: &["VpcId", "CidrBlock", "Ipv6Native", "AvailabilityZone", "AvailabilityZoneId"],
        attributes: &[
            "SubnetId",
            "VpcId",
            "CidrBlock",
            "AvailabilityZone",
            "AvailabilityZoneId",
            "Ipv6CidrBlocks",
            "NetworkAclAssociationId",
        ],
        varies: &["Ipv6CidrBlocks"],
        create: create_subnet,
        update: |on| {
            other_block(on)?;
            given_on_launch(on, on.physical())?;
            retagged(on)
        },
        delete: |on| on.end(EC2, "DeleteSubnet", map([("SubnetId", on.physical())])),
        ready: subnet_ready,
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::network::SUBNET),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::InternetGateway",
        changes: &["Tags"],
        attributes: &["InternetGatewayId"],
        create: |on| {
            simple(on, "CreateInternetGateway", "internet-gateway", "InternetGateway.InternetGatewayId", &[])
        },
        update: retagged,
        delete: |on| on.end(EC2, "DeleteInternetGateway", map([("InternetGatewayId", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::network::GATEWAY),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::VPCGatewayAttachment",
        changes: &["InternetGatewayId"],
        fixed: &["VpcId"],
        attributes: &["AttachmentType"],
        create: |on| {
            attach_gateway(on)?;
            let vpc = on.text("VpcId").unwrap_or_default();
            Ok(on.made(format!("IGW|{vpc}"), vec![("AttachmentType", Value::str("IGW"))]))
        },
        update: |on| {
            detach_gateway(on)?;
            attach_gateway(on)?;
            Ok(on.same())
        },
        delete: detach_gateway,
        look: Some(&look::join::GATEWAY),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::RouteTable",
        changes: &["Tags"],
        fixed: &["VpcId"],
        attributes: &["RouteTableId"],
        create: |on| simple(on, "CreateRouteTable", "route-table", "RouteTable.RouteTableId", &["VpcId"]),
        update: retagged,
        delete: |on| on.end(EC2, "DeleteRouteTable", map([("RouteTableId", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::network::TABLE),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::Route",
        changes: TARGETS,
        fixed: DESTINATIONS,
        attributes: &["CidrBlock"],
        create: |on| {
            on.call(EC2, "CreateRoute", route(on))?;
            let destination = DESTINATIONS[1..].iter().find_map(|name| on.text(name)).unwrap_or_default();
            let table = on.text("RouteTableId").unwrap_or_default();
            Ok(on.made(format!("{table}|{destination}"), vec![("CidrBlock", Value::Str(destination))]))
        },
        update: |on| {
            on.call(EC2, "ReplaceRoute", route(on))?;
            Ok(on.same())
        },
        delete: |on| {
            let own = DESTINATIONS.iter().map(|name| ((*name).to_owned(), on.was(name)));
            let there = own.filter(|(_, value)| !matches!(value, Value::Null));
            on.end(EC2, "DeleteRoute", Value::Map(there.collect()))
        },
        look: Some(&look::join::ROUTE),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SubnetRouteTableAssociation",
        changes: &["RouteTableId"],
        fixed: &["SubnetId"],
        attributes: &["Id"],
        create: |on| {
            let input = map([("SubnetId", on.prop("SubnetId")), ("RouteTableId", on.prop("RouteTableId"))]);
            associated(on, "AssociateRouteTable", input, "AssociationId")
        },
        update: |on| {
            let input = map([("AssociationId", on.physical()), ("RouteTableId", on.prop("RouteTableId"))]);
            associated(on, "ReplaceRouteTableAssociation", input, "NewAssociationId")
        },
        delete: |on| on.end(EC2, "DisassociateRouteTable", map([("AssociationId", on.physical())])),
        look: Some(&look::join::TABLE_OF_SUBNET),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::GatewayRouteTableAssociation",
        changes: &["RouteTableId"],
        fixed: &["GatewayId"],
        attributes: &["AssociationId"],
        create: |on| {
            let input = map([("GatewayId", on.prop("GatewayId")), ("RouteTableId", on.prop("RouteTableId"))]);
            led_in(on, "AssociateRouteTable", input, "AssociationId")
        },
        update: |on| {
            let own = Value::Str(on.attribute("AssociationId"));
            let input = map([("AssociationId", own), ("RouteTableId", on.prop("RouteTableId"))]);
            led_in(on, "ReplaceRouteTableAssociation", input, "NewAssociationId")
        },
        delete: |on| {
            let own = Value::Str(on.attribute("AssociationId"));
            on.end(EC2, "DisassociateRouteTable", map([("AssociationId", own)]))
        },
        look: Some(&look::join::TABLE_OF_GATEWAY),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::NatGateway",
        changes: &["Tags"],
        fixed: &["AllocationId", "SubnetId", "ConnectivityType", "PrivateIpAddress"],
        attributes: &["EniId", "NatGatewayId"],
        create: |on| {
            let own = ["AllocationId", "SubnetId", "ConnectivityType", "PrivateIpAddress"];
            simple(on, "CreateNatGateway", "natgateway", "NatGateway.NatGatewayId", &own)
        },
        update: retagged,
        delete: |on| on.end(EC2, "DeleteNatGateway", map([("NatGatewayId", on.physical())])),
        ready: |on| match nat_state(on)? {
            (state, why) if state == "failed" => Err(Refusal::of(format!(
                "NatGateway {} is in state failed and hence failed to stabilize. Detailed failure message: {why}",
                on.physical
            ))),
            (state, _) if state != "available" => Ok(None),
            _ => {
                let ids = Value::List(vec![on.physical()]);
                let told = on.call(EC2, "DescribeNatGateways", map([("NatGatewayIds", ids)]))?;
                let card = text_at(&told, "NatGateways.0.NatGatewayAddresses.0.NetworkInterfaceId");
                Ok(Some(vec![("EniId", Value::Str(card))]))
            }
        },
        gone: |on| match nat_state(on) {
            Err(refusal) if refusal.gone => Ok(true),
            other => Ok(matches!(other?.0.as_str(), "deleted" | "")),
        },
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::beside::NAT),
        ..BASE
    },
];

/// A gateway's table of routes; the association is known by the gateway.
fn led_in(on: &mut On<'_, '_>, operation: &str, input: Value, id: &str) -> Done<Made> {
    let made = text_at(&on.call(EC2, operation, input)?, id);
    Ok(on.made(on.text("GatewayId").unwrap_or_default(), vec![("AssociationId", Value::Str(made))]))
}

const DESTINATIONS: &[&str] =
    &["RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];
const TARGETS: &[&str] = &[
    "GatewayId",
    "NatGatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "VpcEndpointId",
    "EgressOnlyInternetGatewayId",
];

/// Of what has nothing but tags to change.
pub(super) fn retagged(on: &mut On<'_, '_>) -> Done<Made> {
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

/// Makes what is known by one id, which is its attribute, too.
fn simple(on: &mut On<'_, '_>, operation: &str, noun: &str, id: &'static str, own: &[&str]) -> Done<Made> {
    let mut input: Vec<(String, Value)> =
        own.iter().map(|name| ((*name).to_owned(), on.prop(name))).collect();
    input.push(("TagSpecifications".into(), on.tag_specification(noun)));
    input.retain(|(_, value)| !matches!(value, Value::Null));
    let answer = on.call(EC2, operation, Value::Map(input))?;
    let physical = text_at(&answer, id);
    let attribute = id.rsplit('.').next().unwrap_or(id);
    Ok(on.made(physical.clone(), vec![(attribute, Value::Str(physical))]))
}

fn attach_gateway(on: &mut On<'_, '_>) -> Done<()> {
    let input = attachment(on.prop("InternetGatewayId"), on.prop("VpcId"));
    on.call(EC2, "AttachInternetGateway", input).map(drop)
}

fn detach_gateway(on: &mut On<'_, '_>) -> Done<()> {
    on.end(EC2, "DetachInternetGateway", attachment(on.was("InternetGatewayId"), on.was("VpcId")))
}

fn attachment(gateway: Value, vpc: Value) -> Value {
    map([("InternetGatewayId", gateway), ("VpcId", vpc)])
}

fn route(on: &On<'_, '_>) -> Value {
    let own = DESTINATIONS.iter().chain(TARGETS).map(|name| ((*name).to_owned(), on.prop(name)));
    Value::Map(own.filter(|(_, value)| !matches!(value, Value::Null)).collect())
}

/// Makes what is known by one id, which templates ask for as `Id`.
pub(super) fn associated(on: &mut On<'_, '_>, operation: &str, input: Value, member: &str) -> Done<Made> {
    let id = text_at(&on.call(EC2, operation, input)?, member);
    Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
}

fn nat_state(on: &mut On<'_, '_>) -> Done<(String, String)> {
    let answer =
        on.call(EC2, "DescribeNatGateways", map([("NatGatewayIds", Value::List(vec![on.physical()]))]))?;
    Ok((text_at(&answer, "NatGateways.0.State"), text_at(&answer, "NatGateways.0.FailureMessage")))
}

fn create_vpc(on: &mut On<'_, '_>) -> Done<Made> {
    let input = map([
        ("CidrBlock", on.prop("CidrBlock")),
        ("InstanceTenancy", on.prop("InstanceTenancy")),
        ("TagSpecifications", on.tag_specification("vpc")),
    ]);
    let answer = on.call(EC2, "CreateVpc", input)?;
    let id = text_at(&answer, "Vpc.VpcId");
    vpc_settings(on, Value::str(&id))?;
    let cidr = Value::Str(text_at(&answer, "Vpc.CidrBlock"));
    Ok(on.made(id.clone(), vec![("VpcId", Value::Str(id)), ("CidrBlock", cidr)]))
}

fn vpc_settings(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    for (name, default) in [("EnableDnsSupport", true), ("EnableDnsHostnames", false)] {
        if on.changed(name) {
            let wanted = if on.prop(name) == Value::Null { default } else { on.flag(name) };
            let input = map([("VpcId", id.clone()), (name, map([("Value", Value::Bool(wanted))]))]);
            on.call(EC2, "ModifyVpcAttribute", input)?;
        }
    }
    Ok(())
}

pub(super) fn vpc_ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let id = on.physical();
    let answer = on.call(EC2, "DescribeVpcs", map([("VpcIds", Value::List(vec![id.clone()]))]))?;
    if text_at(&answer, "Vpcs.0.State") != "available" {
        return Ok(None);
    }
    let of_groups = filtered([("vpc-id", id.clone()), ("group-name", Value::str("default"))]);
    let groups = on.call(EC2, "DescribeSecurityGroups", of_groups)?;
    let of_acls = filtered([("vpc-id", id), ("default", Value::str("true"))]);
    let acls = on.call(EC2, "DescribeNetworkAcls", of_acls)?;
    let of = |list: &str, member: &str| {
        let found = match at(&answer, &format!("Vpcs.0.{list}")) {
            Some(Value::List(all)) => all.iter().map(|one| Value::Str(text_at(one, member))).collect(),
            _ => Vec::new(),
        };
        Value::List(found)
    };
    Ok(Some(vec![
        ("CidrBlockAssociations", of("CidrBlockAssociationSet", "AssociationId")),
        ("Ipv6CidrBlocks", of("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock")),
        ("DefaultSecurityGroup", Value::Str(text_at(&groups, "SecurityGroups.0.GroupId"))),
        ("DefaultNetworkAcl", Value::Str(text_at(&acls, "NetworkAcls.0.NetworkAclId"))),
    ]))
}

pub(super) fn subnet_ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let told = on.call(EC2, "DescribeSubnets", map([("SubnetIds", Value::List(vec![on.physical()]))]))?;
    if text_at(&told, "Subnets.0.State") != "available" {
        return Ok(None);
    }
    let all = list(&told, "Subnets.0.Ipv6CidrBlockAssociationSet");
    let stays = |one: &&Value| text_at(one, "Ipv6CidrBlockState.State") == "associated";
    let blocks = all.iter().filter(stays).map(|one| Value::Str(text_at(one, "Ipv6CidrBlock"))).collect();
    let acl = acl_association(on)?;
    Ok(Some(vec![("NetworkAclAssociationId", acl), ("Ipv6CidrBlocks", Value::List(blocks))]))
}

fn create_subnet(on: &mut On<'_, '_>) -> Done<Made> {
    let input = map([
        ("VpcId", on.prop("VpcId")),
        ("CidrBlock", on.prop("CidrBlock")),
        ("Ipv6CidrBlock", on.prop("Ipv6CidrBlock")),
        ("Ipv6Native", on.prop("Ipv6Native")),
        ("AvailabilityZone", on.prop("AvailabilityZone")),
        ("AvailabilityZoneId", on.prop("AvailabilityZoneId")),
        ("TagSpecifications", on.tag_specification("subnet")),
    ]);
    let answer = on.call(EC2, "CreateSubnet", input)?;
    let told = |member: &'static str| {
        (member, at(&answer, &format!("Subnet.{member}")).cloned().unwrap_or(Value::Null))
    };
    let attributes =
        ["SubnetId", "VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"].map(told).to_vec();
    let id = text_at(&answer, "Subnet.SubnetId");
    given_on_launch(on, Value::str(&id))?;
    Ok(on.made(id, attributes))
}

/// By which a subnet has its ACL.
pub(super) fn acl_association(on: &mut On<'_, '_>) -> Done<Value> {
    let asked = filtered([("association.subnet-id", on.physical())]);
    let answer = on.call(EC2, "DescribeNetworkAcls", asked)?;
    let all = match at(&answer, "NetworkAcls.0.Associations") {
        Some(Value::List(all)) => all.as_slice(),
        _ => &[],
    };
    let own = all.iter().find(|one| text_at(one, "SubnetId") == on.physical);
    Ok(own.map_or(Value::Null, |own| Value::Str(text_at(own, "NetworkAclAssociationId"))))
}

/// Which addresses an interface has without asking.
fn given_on_launch(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    for name in ["MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"] {
        if on.changed(name) {
            let wanted = map([("Value", Value::Bool(on.flag(name)))]);
            on.call(EC2, "ModifySubnetAttribute", map([("SubnetId", id.clone()), (name, wanted)]))?;
        }
    }
    Ok(())
}

/// Another block of IPv6, its first, or none.
fn other_block(on: &mut On<'_, '_>) -> Done<()> {
    if !on.changed("Ipv6CidrBlock") {
        return Ok(());
    }
    if let Value::Str(was) = on.was("Ipv6CidrBlock") {
        let told = on.call(EC2, "DescribeSubnets", map([("SubnetIds", Value::List(vec![on.physical()]))]))?;
        let all = list(&told, "Subnets.0.Ipv6CidrBlockAssociationSet");
        for one in all.iter().filter(|one| text_at(one, "Ipv6CidrBlock") == was) {
            let id = Value::Str(text_at(one, "AssociationId"));
            on.end(EC2, "DisassociateSubnetCidrBlock", map([("AssociationId", id)]))?;
        }
    }
    if on.prop("Ipv6CidrBlock") != Value::Null {
        let input = map([("SubnetId", on.physical()), ("Ipv6CidrBlock", on.prop("Ipv6CidrBlock"))]);
        on.call(EC2, "AssociateSubnetCidrBlock", input)?;
    }
    Ok(())
}
