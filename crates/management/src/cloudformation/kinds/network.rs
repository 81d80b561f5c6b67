//! What networks have beside their parts: peerings, prefix lists, DHCP options, further blocks of addresses.

use super::on::{On, at, bound, map, only, text_at, texts};
use super::vpc::{EC2, TAGGER, associated, retagged, subnet_ready, vpc_ready};
use super::{BASE, Done, Kind, Made, Refusal, look};
use crate::cloudformation::model::SERVICE;
use crate::cloudformation::template::text;
use kernel::{As, Cx, Whom};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[
    PEERING,
    PREFIX_LIST,
    Kind {
        name: "AWS::EC2::DHCPOptions",
        changes: &["Tags"],
        fixed: &["DomainName", "DomainNameServers", "NetbiosNameServers", "NetbiosNodeType", "NtpServers"],
        attributes: &["DhcpOptionsId"],
        create: create_options,
        update: retagged,
        delete: |on| on.end(EC2, "DeleteDhcpOptions", map([("DhcpOptionsId", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::beside::OPTIONS),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::VPCDHCPOptionsAssociation",
        fixed: &["DhcpOptionsId", "VpcId"],
        create: |on| {
            let input = map([("DhcpOptionsId", on.prop("DhcpOptionsId")), ("VpcId", on.prop("VpcId"))]);
            on.call(EC2, "AssociateDhcpOptions", input)?;
            let (options, vpc) = (on.text("DhcpOptionsId"), on.text("VpcId"));
            Ok(on.made(format!("{}|{}", options.unwrap_or_default(), vpc.unwrap_or_default()), Vec::new()))
        },
        delete: default_options,
        look: Some(&look::join::OPTIONS_OF_VPC),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::VPCCidrBlock",
        fixed: &["AmazonProvidedIpv6CidrBlock", "CidrBlock", "VpcId"],
        attributes: &["Id"],
        create: |on| {
            let own = ["AmazonProvidedIpv6CidrBlock", "CidrBlock", "VpcId"];
            let input = map(own.map(|name| (name, on.prop(name))));
            let is_six = on.flag("AmazonProvidedIpv6CidrBlock");
            let family = if is_six { "Ipv6CidrBlockAssociation" } else { "CidrBlockAssociation" };
            associated(on, "AssociateVpcCidrBlock", input, &format!("{family}.AssociationId"))
        },
        renews: true,
        ready: |on| {
            let vpc = on.text("VpcId").unwrap_or_default();
            on.renew("AWS::EC2::VPC", &vpc, vpc_ready)?;
            Ok(Some(Vec::new()))
        },
        delete: |on| on.end(EC2, "DisassociateVpcCidrBlock", map([("AssociationId", on.physical())])),
        look: Some(&look::join::RANGE_OF_VPC),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SubnetCidrBlock",
        fixed: &["Ipv6CidrBlock", "SubnetId"],
        attributes: &["Id"],
        create: |on| {
            let input = map([("Ipv6CidrBlock", on.prop("Ipv6CidrBlock")), ("SubnetId", on.prop("SubnetId"))]);
            associated(on, "AssociateSubnetCidrBlock", input, "Ipv6CidrBlockAssociation.AssociationId")
        },
        renews: true,
        ready: |on| {
            let subnet = on.text("SubnetId").unwrap_or_default();
            on.renew("AWS::EC2::Subnet", &subnet, subnet_ready)?;
            Ok(Some(Vec::new()))
        },
        delete: |on| on.end(EC2, "DisassociateSubnetCidrBlock", map([("AssociationId", on.physical())])),
        look: Some(&look::join::RANGE_OF_SUBNET),
        ..BASE
    },
];

/// The peer's network is of the same region. Another account's is accepted by a role there, which whoever the stack is made
/// for must be able to assume.
const PEERING: Kind = Kind {
    name: "AWS::EC2::VPCPeeringConnection",
    // Once it has accepted, another role has nothing to do.
    changes: &["PeerRoleArn", "Tags"],
    fixed: &["PeerOwnerId", "PeerVpcId", "VpcId"],
    attributes: &["Id"],
    create: |on| {
        let is_foreign = on.text("PeerOwnerId").is_some_and(|owner| owner != on.account());
        let role = on.text("PeerRoleArn").filter(|_| is_foreign);
        if is_foreign && role.is_none() {
            return Err(Refusal::of("PeerRoleArn is required to peer with a VPC of another account."));
        }
        let input = map([
            ("PeerOwnerId", on.prop("PeerOwnerId")),
            ("VpcId", on.prop("VpcId")),
            ("PeerVpcId", on.prop("PeerVpcId")),
            ("TagSpecifications", on.tag_specification("vpc-peering-connection")),
        ]);
        let path = "VpcPeeringConnection.VpcPeeringConnectionId";
        let made = associated(on, "CreateVpcPeeringConnection", input, path)?;
        let id = map([("VpcPeeringConnectionId", Value::str(&made.physical))]);
        match role {
            Some(role) => accepted_there(on, &role, id)?,
            None => drop(on.call(EC2, "AcceptVpcPeeringConnection", id)?),
        }
        Ok(made)
    },
    update: retagged,
    delete: |on| on.end(EC2, "DeleteVpcPeeringConnection", map([("VpcPeeringConnectionId", on.physical())])),
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::beside::PEERING),
    ..BASE
};

/// The peer's account says yes, by a role of its own.
fn accepted_there(on: &mut On<'_, '_>, role: &str, id: Value) -> Done<()> {
    let name = Value::Str(base::id::uuid(on.cx.rng()));
    let assumed = map([("RoleArn", Value::str(role)), ("RoleSessionName", name)]);
    let session = on.call("sts", "AssumeRole", assumed)?;
    let text = |member: &str| text_at(&session, &format!("Credentials.{member}"));
    let (access_key, token) = (text("AccessKeyId"), text("SessionToken"));
    let whom = Whom::Caller { access_key: &access_key, token: Some(&token) };
    let (cloud, region) = (std::sync::Arc::clone(on.cx.cloud()), on.cx.region);
    let bound = bound(EC2, "AcceptVpcPeeringConnection", &id)?;
    let call = |cx: &mut Cx<'_>| cx.call(EC2, "AcceptVpcPeeringConnection", bound, As::CallerVia(SERVICE));
    let answer = cloud.act_for(on.cx.tx, SERVICE, whom, region, None, call);
    answer.and_then(|answer| answer).map(drop).map_err(|fault| on.refusal(EC2, &fault))
}

const PREFIX_LIST: Kind = Kind {
    name: "AWS::EC2::PrefixList",
    changes: &["Entries", "MaxEntries", "PrefixListName", "Tags"],
    fixed: &["AddressFamily"],
    attributes: &["Arn", "OwnerId", "PrefixListId", "Version"],
    create: |on| {
        let input = map([
            ("PrefixListName", on.prop("PrefixListName")),
            ("AddressFamily", on.prop("AddressFamily")),
            ("MaxEntries", on.prop("MaxEntries")),
            ("Entries", entries(&on.prop("Entries"))?),
            ("TagSpecifications", on.tag_specification("prefix-list")),
        ]);
        let answer = on.call(EC2, "CreateManagedPrefixList", input)?;
        Ok(on.made(text_at(&answer, "PrefixList.PrefixListId"), Vec::new()))
    },
    update: update_list,
    delete: |on| on.end(EC2, "DeleteManagedPrefixList", map([("PrefixListId", on.physical())])),
    ready: |on| {
        let list = list(on)?;
        let told = |member: &str| Value::Str(text_at(&list, member));
        let id = on.physical();
        Ok(Some(vec![
            ("Arn", told("PrefixListArn")),
            ("OwnerId", told("OwnerId")),
            ("PrefixListId", id),
            ("Version", told("Version")),
        ]))
    },
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::beside::PREFIX_LIST),
    ..BASE
};

fn list(on: &mut On<'_, '_>) -> Done<Value> {
    let ids = Value::List(vec![on.physical()]);
    let seen = on.call(EC2, "DescribeManagedPrefixLists", map([("PrefixListIds", ids)]))?;
    Ok(at(&seen, "PrefixLists.0").cloned().unwrap_or(Value::Null))
}

fn entries(given: &Value) -> Done<Value> {
    if let Value::List(items) = given {
        items.iter().try_for_each(|item| only(item, &["Cidr", "Description"]))?;
    }
    Ok(given.clone())
}

/// Name and entries are one change, the size is another: AWS takes no two of them at once. A list that grows grows first.
fn update_list(on: &mut On<'_, '_>) -> Done<Made> {
    let size = |value: Value| text(&value).and_then(|n| n.parse::<i64>().ok());
    let grows = size(on.prop("MaxEntries")) > size(on.was("MaxEntries"));
    if grows {
        resize(on)?;
    }
    let of = |value: &Value| match value {
        Value::List(items) => items.clone(),
        _ => Vec::new(),
    };
    let (wanted, was) = (of(&entries(&on.prop("Entries"))?), of(&on.was("Entries")));
    let there = |cidr: &str| wanted.iter().any(|entry| text_at(entry, "Cidr") == cidr);
    let dropped = was.iter().map(|entry| text_at(entry, "Cidr")).filter(|cidr| !there(cidr));
    let dropped: Vec<Value> = dropped.map(|cidr| map([("Cidr", Value::Str(cidr))])).collect();
    let fresh: Vec<Value> = wanted.iter().filter(|entry| !was.contains(entry)).cloned().collect();
    if !dropped.is_empty() || !fresh.is_empty() || on.changed("PrefixListName") {
        let list_of = |items: Vec<Value>| if items.is_empty() { Value::Null } else { Value::List(items) };
        let version = at(&list(on)?, "Version").cloned().unwrap_or(Value::Null);
        let changes = !dropped.is_empty() || !fresh.is_empty();
        let input = map([
            ("PrefixListId", on.physical()),
            ("CurrentVersion", if changes { version } else { Value::Null }),
            (
                "PrefixListName",
                if on.changed("PrefixListName") { on.prop("PrefixListName") } else { Value::Null },
            ),
            ("AddEntries", list_of(fresh)),
            ("RemoveEntries", list_of(dropped)),
        ]);
        on.call(EC2, "ModifyManagedPrefixList", input)?;
    }
    if on.changed("MaxEntries") && !grows {
        resize(on)?;
    }
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

fn resize(on: &mut On<'_, '_>) -> Done<()> {
    let input = map([("PrefixListId", on.physical()), ("MaxEntries", on.prop("MaxEntries"))]);
    on.call(EC2, "ModifyManagedPrefixList", input).map(drop)
}

/// The property, and what DHCP calls it.
const OPTIONS: [(&str, &str); 5] = [
    ("DomainName", "domain-name"),
    ("DomainNameServers", "domain-name-servers"),
    ("NetbiosNameServers", "netbios-name-servers"),
    ("NetbiosNodeType", "netbios-node-type"),
    ("NtpServers", "ntp-servers"),
];

fn create_options(on: &mut On<'_, '_>) -> Done<Made> {
    let option = |(property, name): (&str, &str)| {
        let values = texts(Some(&on.prop(property)).filter(|value| **value != Value::Null));
        let values: Vec<Value> = values.into_iter().map(Value::Str).collect();
        (!values.is_empty()).then(|| map([("Key", Value::str(name)), ("Values", Value::List(values))]))
    };
    let options = OPTIONS.into_iter().filter_map(option).collect();
    let input = map([
        ("DhcpConfigurations", Value::List(options)),
        ("TagSpecifications", on.tag_specification("dhcp-options")),
    ]);
    let id = text_at(&on.call(EC2, "CreateDhcpOptions", input)?, "DhcpOptions.DhcpOptionsId");
    Ok(on.made(id.clone(), vec![("DhcpOptionsId", Value::Str(id))]))
}

/// Options that are deleted with their stack must not be a network's any more.
fn default_options(on: &mut On<'_, '_>) -> Done<()> {
    let vpc = on.was("VpcId");
    let seen = match on.call(EC2, "DescribeVpcs", map([("VpcIds", Value::List(vec![vpc.clone()]))])) {
        Err(refusal) if refusal.gone => return Ok(()),
        other => other?,
    };
    if Some(text_at(&seen, "Vpcs.0.DhcpOptionsId").as_str()) != on.was("DhcpOptionsId").as_str() {
        return Ok(());
    }
    on.end(EC2, "AssociateDhcpOptions", map([("DhcpOptionsId", Value::str("default")), ("VpcId", vpc)]))
}
