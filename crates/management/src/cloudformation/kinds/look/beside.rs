//! What networks have beside their parts: NAT gateways, ACLs, peerings, prefix lists, DHCP options, interfaces.

use super::network::{described, tagged};
use super::{Look, Seen, gone, list, named, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, text_at, texts_at};
use crate::cloudformation::kinds::vpc::EC2;
use crate::cloudformation::template::alike;
use wire::Value;

pub(in crate::cloudformation::kinds) static NAT: Look = Look {
    sees: &["AllocationId", "ConnectivityType", "SubnetId", "Tags"],
    blind: &[],
    whole: &[],
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
        Ok(seen(tagged(&told), named(&told, &names), vec![("NatGatewayId", on.physical())]))
    },
    identifier: Some("NatGatewayId"),
};

pub(in crate::cloudformation::kinds) static ACL: Look = Look {
    sees: &["Tags", "VpcId"],
    blind: &[],
    whole: &[],
    read: |on| {
        let told = described(on, "DescribeNetworkAcls", "NetworkAcls", "NetworkAclId")?;
        Ok(seen(tagged(&told), named(&told, &[("VpcId", "VpcId")]), vec![("Id", on.physical())]))
    },
    identifier: Some("Id"),
};

pub(in crate::cloudformation::kinds) static PEERING: Look = Look {
    sees: &["PeerOwnerId", "PeerVpcId", "Tags", "VpcId"],
    blind: &[],
    whole: &[],
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
    identifier: Some("Id"),
};

pub(in crate::cloudformation::kinds) static PREFIX_LIST: Look = Look {
    sees: &["AddressFamily", "Entries", "MaxEntries", "PrefixListName", "Tags"],
    blind: &[],
    whole: &[],
    read: prefix_list,
    identifier: Some("PrefixListId"),
};

pub(in crate::cloudformation::kinds) static OPTIONS: Look = Look {
    sees: &["DomainName", "DomainNameServers", "NetbiosNameServers", "NetbiosNodeType", "NtpServers", "Tags"],
    blind: &[],
    whole: &[],
    read: options,
    identifier: Some("DhcpOptionsId"),
};

pub(in crate::cloudformation::kinds) static INTERFACE: Look = Look {
    sees: &["Description", "GroupSet", "PrivateIpAddress", "SourceDestCheck", "SubnetId", "Tags"],
    blind: &[],
    whole: &[],
    read: interface,
    identifier: Some("Id"),
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
