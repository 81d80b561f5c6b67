//! What joins the parts of networks: routes, associations, attachments, further ranges, addresses in use, rules of groups.

use super::network::described;
use super::{Look, PLAIN, Seen, gone, list, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::vpc::EC2;
use wire::Value;

pub(in crate::cloudformation::kinds) static ROUTE: Look = Look {
    sees: &[
        "DestinationCidrBlock",
        "DestinationIpv6CidrBlock",
        "DestinationPrefixListId",
        "EgressOnlyInternetGatewayId",
        "GatewayId",
        "InstanceId",
        "NatGatewayId",
        "NetworkInterfaceId",
        "RouteTableId",
        "VpcEndpointId",
        "VpcPeeringConnectionId",
    ],
    read: route,
    identifiers: &["RouteTableId", "CidrBlock"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static GATEWAY: Look = Look {
    sees: &["InternetGatewayId", "VpcId"],
    read: |on| {
        let vpc = on.identity("VpcId");
        if on.identity("AttachmentType") != INTERNET {
            return Err(gone(on.physical));
        }
        let filter = ("attachment.vpc-id", Value::str(&vpc));
        let told = on.found("DescribeInternetGateways", "InternetGateways", filter)?;
        let all = GATEWAY.rows(on, &told, &[("VpcId", "Attachments.0.VpcId")]);
        Ok(Seen::of(all, vec![("AttachmentType", Value::str(INTERNET))]))
    },
    identifiers: &["AttachmentType", "VpcId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static TABLE_OF_SUBNET: Look = Look {
    sees: &["RouteTableId", "SubnetId"],
    read: |on| {
        let filter = ("association.route-table-association-id", on.physical());
        let told = on.found("DescribeRouteTables", "RouteTables", filter)?;
        let id = ("RouteTableAssociationId", on.physical.to_owned());
        let told = one(on, &told, "Associations", id)?;
        Ok(Seen::of(TABLE_OF_SUBNET.rows(on, &told, &[]), vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static TABLE_OF_GATEWAY: Look = Look {
    sees: &["GatewayId", "RouteTableId"],
    read: |on| {
        let filter = ("association.gateway-id", on.physical());
        let told = on.found("DescribeRouteTables", "RouteTables", filter)?;
        let told = one(on, &told, "Associations", ("GatewayId", on.physical.to_owned()))?;
        let id = own(&told, "RouteTableAssociationId");
        Ok(Seen::of(TABLE_OF_GATEWAY.rows(on, &told, &[]), vec![("AssociationId", id)]))
    },
    identifiers: &["GatewayId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ACL_OF_SUBNET: Look = Look {
    sees: &["NetworkAclId", "SubnetId"],
    read: |on| {
        let filter = ("association.association-id", on.physical());
        let told = on.found("DescribeNetworkAcls", "NetworkAcls", filter)?;
        let id = ("NetworkAclAssociationId", on.physical.to_owned());
        let told = one(on, &told, "Associations", id)?;
        Ok(Seen::of(ACL_OF_SUBNET.rows(on, &told, &[]), vec![("AssociationId", on.physical())]))
    },
    identifiers: &["AssociationId"],
    ..PLAIN
};

/// A network that has other options has not these.
pub(in crate::cloudformation::kinds) static OPTIONS_OF_VPC: Look = Look {
    sees: &["DhcpOptionsId", "VpcId"],
    read: |on| {
        let told = by_id(on, ("DescribeVpcs", "Vpcs", "VpcIds"), "VpcId")?;
        match text_at(&told, "DhcpOptionsId") == on.identity("DhcpOptionsId") {
            true => Ok(Seen::of(OPTIONS_OF_VPC.rows(on, &told, &[]), Vec::new())),
            false => Err(gone(on.physical)),
        }
    },
    identifiers: &["DhcpOptionsId", "VpcId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static RANGE_OF_VPC: Look = Look {
    sees: &["AmazonProvidedIpv6CidrBlock", "CidrBlock", "VpcId"],
    read: |on| {
        let told = by_id(on, ("DescribeVpcs", "Vpcs", "VpcIds"), "VpcId")?;
        let id = || ("AssociationId", on.physical.to_owned());
        let six = one(on, &told, "Ipv6CidrBlockAssociationSet", id());
        let is_six = six.is_ok();
        let range = six.or_else(|_| one(on, &told, "CidrBlockAssociationSet", id()))?;
        let all = vec![
            ("AmazonProvidedIpv6CidrBlock".to_owned(), Value::Bool(is_six)),
            ("CidrBlock".to_owned(), own(&range, "CidrBlock")),
            ("VpcId".to_owned(), own(&told, "VpcId")),
        ];
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["Id", "VpcId"],
    called: |values| values[0].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static RANGE_OF_SUBNET: Look = Look {
    sees: &["Ipv6CidrBlock", "SubnetId"],
    read: |on| {
        let filter = ("ipv6-cidr-block-association.association-id", on.physical());
        let told = on.found("DescribeSubnets", "Subnets", filter)?;
        let id = ("AssociationId", on.physical.to_owned());
        let range = one(on, &told, "Ipv6CidrBlockAssociationSet", id)?;
        let all = vec![
            ("Ipv6CidrBlock".to_owned(), own(&range, "Ipv6CidrBlock")),
            ("SubnetId".to_owned(), own(&told, "SubnetId")),
        ];
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ADDRESS: Look = Look {
    sees: &["Domain", "InstanceId", "Tags"],
    read: |on| {
        let told = on.found("DescribeAddresses", "Addresses", ("public-ip", on.physical()))?;
        let attributes = ["AllocationId", "PublicIp"].map(|name| (name, own(&told, name)));
        Ok(Seen::of(ADDRESS.rows(on, &told, &[]), attributes.to_vec()))
    },
    identifiers: &["PublicIp", "AllocationId"],
    called: |values| values[0].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ADDRESS_IN_USE: Look = Look {
    sees: &["AllocationId", "EIP", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"],
    read: |on| {
        let told = on.found("DescribeAddresses", "Addresses", ("association-id", on.physical()))?;
        Ok(Seen::of(ADDRESS_IN_USE.rows(on, &told, &[("EIP", "PublicIp")]), vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static INTERFACE_IN_USE: Look = Look {
    sees: &["DeleteOnTermination", "DeviceIndex", "InstanceId", "NetworkInterfaceId"],
    read: |on| {
        let filter = ("attachment.attachment-id", on.physical());
        let told = on.found("DescribeNetworkInterfaces", "NetworkInterfaces", filter)?;
        let within = [
            ("DeleteOnTermination", "Attachment.DeleteOnTermination"),
            ("DeviceIndex", "Attachment.DeviceIndex"),
            ("InstanceId", "Attachment.InstanceId"),
        ];
        let all = INTERFACE_IN_USE.rows(on, &told, &within);
        Ok(Seen::of(all, vec![("AttachmentId", on.physical())]))
    },
    identifiers: &["AttachmentId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static RULE_IN: Look = Look {
    sees: &[
        "CidrIp",
        "CidrIpv6",
        "Description",
        "FromPort",
        "GroupId",
        "IpProtocol",
        "SourcePrefixListId",
        "SourceSecurityGroupId",
        "SourceSecurityGroupOwnerId",
        "ToPort",
    ],
    read: |on| rule(on, &RULE_IN, false),
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static RULE_OUT: Look = Look {
    sees: &[
        "CidrIp",
        "CidrIpv6",
        "Description",
        "DestinationPrefixListId",
        "DestinationSecurityGroupId",
        "FromPort",
        "GroupId",
        "IpProtocol",
        "ToPort",
    ],
    read: |on| rule(on, &RULE_OUT, true),
    identifiers: &["Id"],
    ..PLAIN
};

const INTERNET: &str = "IGW";

/// What is described by an id that is not the physical one.
fn by_id(on: &mut On<'_, '_>, (operation, noun, ids): (&str, &str, &str), name: &str) -> Done<Value> {
    let id = Value::Str(on.identity(name));
    let told = on.ask(EC2, operation, map([(ids, Value::List(vec![id]))]))?;
    match own(&told, &format!("{noun}.0")) {
        Value::Null => Err(gone(on.physical)),
        found => Ok(found),
    }
}

/// The item of a list that goes by an id.
fn one(on: &On<'_, '_>, told: &Value, path: &str, (member, id): (&str, String)) -> Done<Value> {
    let found = list(told, path).into_iter().find(|item| text_at(item, member) == id);
    found.ok_or_else(|| gone(on.physical))
}

fn route(on: &mut On<'_, '_>) -> Done<Seen> {
    const DESTINATIONS: [&str; 3] =
        ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];
    let (table, to) = (on.identity("RouteTableId"), on.identity("CidrBlock"));
    let ids = Value::List(vec![Value::str(&table)]);
    let told = on.ask(EC2, "DescribeRouteTables", map([("RouteTableIds", ids)]))?;
    let leads = |route: &Value| DESTINATIONS.iter().any(|name| text_at(route, name) == to);
    let found = list(&told, "RouteTables.0.Routes").into_iter().find(leads);
    let found = found.ok_or_else(|| gone(on.physical))?;
    let mut all = ROUTE.rows(on, &found, &[]);
    all.retain(|(name, _)| name != "RouteTableId");
    all.push(("RouteTableId".into(), Value::Str(table)));
    Ok(Seen::of(all, vec![("CidrBlock", Value::Str(to))]))
}

fn rule(on: &mut On<'_, '_>, look: &Look, leaves: bool) -> Done<Seen> {
    let told = described(on, "DescribeSecurityGroupRules", "SecurityGroupRules", "SecurityGroupRuleId")?;
    if own(&told, "IsEgress") != Value::Bool(leaves) {
        return Err(gone(on.physical));
    }
    let elsewhere = [
        ("CidrIp", "CidrIpv4"),
        ("SourcePrefixListId", "PrefixListId"),
        ("DestinationPrefixListId", "PrefixListId"),
        ("SourceSecurityGroupId", "ReferencedGroupInfo.GroupId"),
        ("DestinationSecurityGroupId", "ReferencedGroupInfo.GroupId"),
        ("SourceSecurityGroupOwnerId", "ReferencedGroupInfo.UserId"),
    ];
    Ok(Seen::of(look.rows(on, &told, &elsewhere), vec![("Id", on.physical())]))
}
