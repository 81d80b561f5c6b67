//! What networks have beside their parts: NAT gateways, ACLs, peerings, prefix lists, DHCP options, interfaces, endpoints,
//! flow logs, and what is found out of them.

use super::machine::put;
use super::network::{described, tagged};
use super::{Look, PLAIN, Seen, gone, list, named, own, parsed, tags};
use crate::cloudformation::kinds::on::{On, map, text_at, texts_at};
use crate::cloudformation::kinds::vpc::EC2;
use crate::cloudformation::kinds::{Done, endpoint, insights};
use crate::cloudformation::template::alike;
use wire::Value;

pub(in crate::cloudformation::kinds) static NAT: Look = Look {
    sees: &["AllocationId", "ConnectivityType", "SubnetId", "Tags"],
    read: |on| {
        let told = described(on, "DescribeNatGateways", "NatGateways", "NatGatewayId")?;
        if text_at(&told, "State") == "deleted" {
            return Err(gone(on.physical));
        }
        let names = [
            ("AllocationId", "NatGatewayAddresses.0.AllocationId"),
            ("ConnectivityType", "ConnectivityType"),
            ("SubnetId", "SubnetId"),
        ];
        Ok(seen(
            tagged(&told),
            named(&told, &names),
            vec![
                ("EniId", own(&told, "NatGatewayAddresses.0.NetworkInterfaceId")),
                ("NatGatewayId", on.physical()),
            ],
        ))
    },
    identifiers: &["NatGatewayId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ACL: Look = Look {
    sees: &["Tags", "VpcId"],
    read: |on| {
        let told = described(on, "DescribeNetworkAcls", "NetworkAcls", "NetworkAclId")?;
        Ok(seen(tagged(&told), named(&told, &[("VpcId", "VpcId")]), vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static PEERING: Look = Look {
    sees: &["PeerOwnerId", "PeerVpcId", "Tags", "VpcId"],
    read: |on| {
        let noun = "VpcPeeringConnections";
        let told = described(on, "DescribeVpcPeeringConnections", noun, "VpcPeeringConnectionId")?;
        if text_at(&told, "Status.Code") == "deleted" {
            return Err(gone(on.physical));
        }
        let names = [
            ("PeerOwnerId", "AccepterVpcInfo.OwnerId"),
            ("PeerVpcId", "AccepterVpcInfo.VpcId"),
            ("VpcId", "RequesterVpcInfo.VpcId"),
        ];
        Ok(seen(tagged(&told), named(&told, &names), vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static PREFIX_LIST: Look = Look {
    sees: &["AddressFamily", "Entries", "MaxEntries", "PrefixListName", "Tags"],
    read: prefix_list,
    identifiers: &["PrefixListId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static OPTIONS: Look = Look {
    sees: &["DomainName", "DomainNameServers", "NetbiosNameServers", "NetbiosNodeType", "NtpServers", "Tags"],
    read: options,
    identifiers: &["DhcpOptionsId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static INTERFACE: Look = Look {
    sees: &["Description", "GroupSet", "PrivateIpAddress", "SourceDestCheck", "SubnetId", "Tags"],
    read: interface,
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static EGRESS: Look = Look {
    sees: &["Tags", "VpcId"],
    read: |on| {
        let noun = "EgressOnlyInternetGateways";
        let told = described(on, "DescribeEgressOnlyInternetGateways", noun, "EgressOnlyInternetGatewayId")?;
        let all = EGRESS.rows(on, &told, &[("VpcId", "Attachments.0.VpcId")]);
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

/// Of what kind its source is, is not seen.
pub(in crate::cloudformation::kinds) static FLOW_LOG: Look = Look {
    sees: &[
        "DeliverCrossAccountRole",
        "DeliverLogsPermissionArn",
        "DestinationOptions",
        "LogDestination",
        "LogDestinationType",
        "LogFormat",
        "LogGroupName",
        "MaxAggregationInterval",
        "ResourceId",
        "Tags",
        "TrafficType",
    ],
    read: |on| {
        let told = described(on, "DescribeFlowLogs", "FlowLogs", "FlowLogId")?;
        Ok(Seen::of(FLOW_LOG.rows(on, &told, &[]), vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ENDPOINT: Look = Look {
    sees: &[
        "PolicyDocument",
        "PrivateDnsEnabled",
        "RouteTableIds",
        "SecurityGroupIds",
        "ServiceName",
        "SubnetIds",
        "Tags",
        "VpcEndpointType",
        "VpcId",
    ],
    whole: &["PolicyDocument"],
    read: |on| {
        let told = described(on, "DescribeVpcEndpoints", "VpcEndpoints", "VpcEndpointId")?;
        if matches!(text_at(&told, "State").to_lowercase().as_str(), "deleting" | "deleted") {
            return Err(gone(on.physical));
        }
        let mut all = ENDPOINT.rows(on, &told, &[]);
        put(&mut all, "PolicyDocument", parsed(&own(&told, "PolicyDocument")));
        let groups = texts_at(&own(&told, "Groups"), "GroupId").into_iter().map(Value::Str).collect();
        put(&mut all, "SecurityGroupIds", Value::List(groups));
        let mut attributes = endpoint::ready(on)?.unwrap_or_default();
        attributes.push(("Id", on.physical()));
        Ok(Seen::of(all, attributes))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static PATH: Look = Look {
    sees: &["Destination", "DestinationIp", "DestinationPort", "Protocol", "Source", "SourceIp", "Tags"],
    read: |on| {
        let told =
            described(on, "DescribeNetworkInsightsPaths", "NetworkInsightsPaths", "NetworkInsightsPathId")?;
        let mut all = PATH.rows(on, &told, &[]);
        // Both ends may be written as ARNs.
        for end in ["Source", "Destination"] {
            let arn = own(&told, &format!("{end}Arn"));
            put(&mut all, end, on.as_written(end, |wanted| *wanted == arn, own(&told, end)));
        }
        let attributes = insights::PATH.attributes.iter();
        Ok(Seen::of(all, attributes.map(|name| (*name, Value::Str(text_at(&told, name)))).collect()))
    },
    identifiers: &["NetworkInsightsPathId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ANALYSIS: Look = Look {
    sees: &["NetworkInsightsPathId", "Tags"],
    read: |on| {
        let told = own(
            &on.ask(
                EC2,
                "DescribeNetworkInsightsAnalyses",
                map([("NetworkInsightsAnalysisIds", Value::List(vec![on.physical()]))]),
            )?,
            "NetworkInsightsAnalyses.0",
        );
        let attributes = insights::ANALYSIS.attributes.iter();
        let attributes = attributes.map(|name| (*name, Value::Str(text_at(&told, name)))).collect();
        Ok(Seen::of(ANALYSIS.rows(on, &told, &[]), attributes))
    },
    identifiers: &["NetworkInsightsAnalysisId"],
    ..PLAIN
};

fn seen(
    mut all: Vec<(String, Value)>,
    more: Vec<(String, Value)>,
    attributes: Vec<(&'static str, Value)>,
) -> Seen {
    all.extend(more);
    Seen::of(all, attributes)
}

/// Whether two lists hold the same, in any order.
fn same(one: &[Value], other: &Value) -> bool {
    let Value::List(other) = other else { return one.is_empty() };
    let there = |value: &Value| one.iter().any(|own| alike(Some(own), Some(value)));
    one.len() == other.len() && other.iter().all(there)
}

fn prefix_list(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = described(on, "DescribeManagedPrefixLists", "PrefixLists", "PrefixListId")?;
    let input = vec![("PrefixListId", on.physical())];
    let entries =
        on.ask_all((EC2, "GetManagedPrefixListEntries"), input, "Entries", ("NextToken", "NextToken"))?;
    let names = ["AddressFamily", "MaxEntries", "PrefixListName"].map(|name| (name, name));
    let mut more = named(&told, &names);
    let written = on.as_written("Entries", |wanted| same(&entries, wanted), Value::List(entries.clone()));
    more.push(("Entries".into(), written));
    let attributes = vec![
        ("Arn", own(&told, "PrefixListArn")),
        ("OwnerId", own(&told, "OwnerId")),
        ("PrefixListId", on.physical()),
        ("Version", own(&told, "Version")),
    ];
    Ok(seen(tagged(&told), more, attributes))
}

fn options(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = described(on, "DescribeDhcpOptions", "DhcpOptions", "DhcpOptionsId")?;
    let all = list(&told, "DhcpConfigurations");
    let values = |name: &str| {
        let own = all.iter().find(|option| text_at(option, "Key") == name)?;
        Some(texts_at(&Value::List(list(own, "Values")), "Value"))
    };
    let one =
        |name: &str| values(name).and_then(|all| all.into_iter().next()).map_or(Value::Null, Value::Str);
    let many = |name: &str| {
        values(name).map_or(Value::Null, |all| Value::List(all.into_iter().map(Value::Str).collect()))
    };
    let more = vec![
        ("DomainName".to_owned(), one("domain-name")),
        ("DomainNameServers".to_owned(), many("domain-name-servers")),
        ("NetbiosNameServers".to_owned(), many("netbios-name-servers")),
        ("NetbiosNodeType".to_owned(), one("netbios-node-type")),
        ("NtpServers".to_owned(), many("ntp-servers")),
    ];
    Ok(seen(tagged(&told), more, vec![("DhcpOptionsId", on.physical())]))
}

fn interface(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = described(on, "DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceId")?;
    let names = ["Description", "PrivateIpAddress", "SourceDestCheck", "SubnetId"].map(|name| (name, name));
    let mut more = named(&told, &names);
    let groups = texts_at(&own(&told, "Groups"), "GroupId").into_iter().map(Value::Str).collect::<Vec<_>>();
    more.push((
        "GroupSet".into(),
        on.as_written("GroupSet", |w| same(&groups, w), Value::List(groups.clone())),
    ));
    let others = list(&told, "PrivateIpAddresses").into_iter();
    let others = others.filter(|one| own(one, "Primary") != Value::Bool(true));
    let others = others.map(|one| own(&one, "PrivateIpAddress")).collect();
    let attributes = vec![
        ("Id", on.physical()),
        ("PrimaryPrivateIpAddress", own(&told, "PrivateIpAddress")),
        ("SecondaryPrivateIpAddresses", Value::List(others)),
        ("VpcId", own(&told, "VpcId")),
    ];
    Ok(seen(vec![("Tags".to_owned(), tags(&own(&told, "TagSet")))], more, attributes))
}
