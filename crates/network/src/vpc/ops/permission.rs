//! `IpPermissions`: rules as requests and answers group them, and as single rules.

use crate::vpc::find;
use crate::vpc::model::{GROUPS, PREFIX_LISTS, Peer, PeeringState, Reference, Rule, managed};
use base::AccountId;
use ec2::kind::{PREFIX_LIST, SECURITY_GROUP};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use net::Cidr;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Permission {
        pub(crate) protocol: Option<String> = "IpProtocol",
        pub(crate) from: Option<i64> = "FromPort",
        pub(crate) to: Option<i64> = "ToPort",
        pub(crate) groups: Vec<Pair> = "UserIdGroupPairs",
        pub(crate) ipv4: Vec<Range> = "IpRanges",
        pub(crate) ipv6: Vec<Range6> = "Ipv6Ranges",
        pub(crate) lists: Vec<ListId> = "PrefixListIds",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Pair {
        pub(crate) description: Option<String> = "Description",
        pub(crate) account: Option<String> = "UserId",
        pub(crate) name: Option<String> = "GroupName",
        pub(crate) id: Option<String> = "GroupId",
        pub(crate) vpc: Option<String> = "VpcId",
        pub(crate) peering: Option<String> = "VpcPeeringConnectionId",
        pub(crate) status: Option<String> = "PeeringStatus",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Range {
        pub(crate) description: Option<String> = "Description",
        pub(crate) cidr: Option<String> = "CidrIp",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Range6 {
        pub(crate) description: Option<String> = "Description",
        pub(crate) cidr: Option<String> = "CidrIpv6",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListId {
        pub(crate) description: Option<String> = "Description",
        pub(crate) id: Option<String> = "PrefixListId",
    }
}

const DESCRIPTION_CHARS_MAX: usize = 255;

/// Protocols by name; others go by number.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>
fn protocol(text: &str) -> Result<String, Ec2Error> {
    let named = match text.to_ascii_lowercase().as_str() {
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        "-1" | "all" => "-1",
        other if other.parse::<u8>().is_ok() => return Ok(other.to_owned()),
        _ => {
            let what = format!("Invalid value '{text}' for IP protocol. Unknown protocol.");
            return Err(Plain::InvalidParameterValue(what).into());
        }
    };
    Ok(named.to_owned())
}

/// The ports (or ICMP type and code) that go with a protocol.
fn ports(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<(Option<i64>, Option<i64>), Ec2Error> {
    let invalid = |what: String| Err(Plain::InvalidParameterValue(what).into());
    match protocol {
        "tcp" | "udp" => {
            let (from, to) = match (from, to) {
                (Some(-1), Some(-1)) => (0, 65535),
                (Some(from), Some(to)) => (from, to),
                (None, _) => return Err(Plain::MissingParameter("fromPort".into()).into()),
                (_, None) => return Err(Plain::MissingParameter("toPort".into()).into()),
            };
            if !(0..=65535).contains(&from) || !(0..=65535).contains(&to) || from > to {
                return invalid(format!("Invalid {} port range {from}-{to}.", protocol.to_ascii_uppercase()));
            }
            Ok((Some(from), Some(to)))
        }
        "icmp" | "icmpv6" => {
            let (kind, code) = (from.unwrap_or(-1), to.unwrap_or(-1));
            if !(-1..=255).contains(&kind) || !(-1..=255).contains(&code) || (kind == -1 && code != -1) {
                return invalid(format!("ICMP code ({code}) not allowed with ICMP type ({kind})"));
            }
            Ok((Some(kind), Some(code)))
        }
        _ => Ok((None, None)),
    }
}

pub(crate) fn check_description(text: Option<&String>) -> Result<(), Ec2Error> {
    let Some(text) = text else { return Ok(()) };
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.chars().count() > DESCRIPTION_CHARS_MAX || !text.chars().all(allowed) {
        let what = "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    Ok(())
}

fn cidr(text: Option<&String>, v4: bool) -> Result<String, Ec2Error> {
    let text = super::needed(text, if v4 { "cidrIp" } else { "cidrIpv6" })?;
    let malformed = || {
        let what = format!("CIDR block {text} is malformed");
        Ec2Error::from(Plain::InvalidParameterValue(what))
    };
    let cidr: Cidr = text.parse().map_err(|_| malformed())?;
    if cidr.is_v4() == v4 { Ok(cidr.to_string()) } else { Err(malformed()) }
}

/// The group that a pair refers to: of the same VPC, or of one that it is peered with.
fn reference(cx: &Cx<'_>, vpc: &str, pair: &Pair) -> Result<Reference, Ec2Error> {
    let own = |id: &String| Reference { group: id.clone(), account: cx.account, vpc: None, peering: None };
    let id = match (&pair.id, &pair.name) {
        (Some(id), _) => id,
        (None, Some(name)) => {
            let found = find::groups_of(cx, vpc)?.into_iter().find(|group| group.name == *name);
            let found = found.ok_or_else(|| Ec2Error::not_found(&SECURITY_GROUP, name))?;
            return Ok(own(&found.id));
        }
        (None, None) => return Err(Plain::MissingParameter("groupId".into()).into()),
    };
    ec2::describe::check_id(&SECURITY_GROUP, id)?;
    // AWS: an empty one is none.
    let account = match pair.account.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => AccountId::parse(text)
            .ok_or_else(|| Ec2Error::value(text, "userId", "This is not a valid account."))?,
        None => cx.account,
    };
    let here = GROUPS.get(cx.tx, &register::key(cx.account, cx.region, id))?;
    if let Some(group) = here.filter(|group| group.vpc == vpc && account == cx.account) {
        return Ok(own(&group.id));
    }
    // Across a peering connection, which does not leave the region.
    for peering in find::peerings(cx)?.into_iter().filter(|p| p.state == PeeringState::Active) {
        let Some((_, other)) = peering.from(vpc) else { continue };
        if other.region != cx.region {
            continue;
        }
        let there = GROUPS.get(cx.tx, &register::key(other.account, other.region, id))?;
        if there.is_some_and(|group| group.vpc == other.vpc) {
            let vpc = Some(other.vpc.clone());
            return Ok(Reference {
                group: id.clone(),
                account: other.account,
                vpc,
                peering: Some(peering.id),
            });
        }
    }
    if GROUPS.contains(cx.tx, &register::key(cx.account, cx.region, id))? {
        let what = "You have specified two resources that belong to different networks.";
        return Err(Plain::InvalidGroupNotFound(what.into()).into());
    }
    Err(Ec2Error::not_found(&SECURITY_GROUP, id))
}

fn prefix_list(cx: &Cx<'_>, id: Option<&String>) -> Result<String, Ec2Error> {
    let id = super::needed(id, "prefixListId")?;
    ec2::describe::check_id(&PREFIX_LIST, id)?;
    let own = PREFIX_LISTS.contains(cx.tx, &register::key(cx.account, cx.region, id))?;
    if own || managed(cx.region).iter().any(|list| list.id == id) {
        return Ok(id.to_owned());
    }
    Err(Ec2Error::not_found(&PREFIX_LIST, id))
}

/// The single rules of permissions, without ids.
///
/// # Errors
/// `InvalidParameterValue`, `MissingParameter`, `InvalidGroup.NotFound`, `InvalidPermission.Malformed`.
pub(crate) fn rules(
    cx: &Cx<'_>,
    vpc: &str,
    egress: bool,
    permissions: &[Permission],
) -> Result<Vec<Rule>, Ec2Error> {
    let mut out = Vec::new();
    for permission in permissions {
        let protocol = protocol(super::needed(permission.protocol.as_ref(), "ipProtocol")?)?;
        let (from, to) = ports(&protocol, permission.from, permission.to)?;
        let mut push = |peer: Peer, description: Option<&String>| -> Result<(), Ec2Error> {
            check_description(description)?;
            let protocol = protocol.clone();
            let description = description.filter(|text| !text.is_empty()).cloned();
            out.push(Rule { id: String::new(), egress, protocol, from, to, peer, description });
            Ok(())
        };
        for range in &permission.ipv4 {
            push(Peer::Ipv4(cidr(range.cidr.as_ref(), true)?), range.description.as_ref())?;
        }
        for range in &permission.ipv6 {
            push(Peer::Ipv6(cidr(range.cidr.as_ref(), false)?), range.description.as_ref())?;
        }
        for pair in &permission.groups {
            push(Peer::Group(reference(cx, vpc, pair)?), pair.description.as_ref())?;
        }
        for list in &permission.lists {
            push(Peer::PrefixList(prefix_list(cx, list.id.as_ref())?), list.description.as_ref())?;
        }
    }
    if out.is_empty() {
        let what = "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.";
        return Err(Plain::MissingTarget(what.into()).into());
    }
    Ok(out)
}

/// Rules as answers group them: by protocol and ports.
pub(crate) fn views<'a>(
    cx: &Cx<'_>,
    rules: impl Iterator<Item = &'a Rule>,
) -> Result<Vec<Permission>, Ec2Error> {
    let mut out: Vec<Permission> = Vec::new();
    for rule in rules {
        let same = |p: &Permission| {
            p.protocol.as_ref() == Some(&rule.protocol) && (p.from, p.to) == (rule.from, rule.to)
        };
        let at = out.iter().position(same).unwrap_or_else(|| {
            out.push(Permission {
                protocol: Some(rule.protocol.clone()),
                from: rule.from,
                to: rule.to,
                groups: Vec::new(),
                ipv4: Vec::new(),
                ipv6: Vec::new(),
                lists: Vec::new(),
            });
            out.len() - 1
        });
        let description = rule.description.clone();
        let permission = &mut out[at];
        match &rule.peer {
            Peer::Nobody => {}
            Peer::Ipv4(cidr) => permission.ipv4.push(Range { description, cidr: Some(cidr.clone()) }),
            Peer::Ipv6(cidr) => permission.ipv6.push(Range6 { description, cidr: Some(cidr.clone()) }),
            Peer::PrefixList(id) => permission.lists.push(ListId { description, id: Some(id.clone()) }),
            Peer::Group(reference) => permission.groups.push(Pair {
                description,
                account: Some(reference.account.to_string()),
                name: None,
                id: Some(reference.group.clone()),
                vpc: reference.vpc.clone(),
                status: status(cx, reference)?,
                peering: reference.peering.clone(),
            }),
        }
    }
    Ok(out)
}

/// The state of the peering connection that a reference goes across.
pub(crate) fn status(cx: &Cx<'_>, reference: &Reference) -> Result<Option<String>, Ec2Error> {
    let Some(peering) = &reference.peering else { return Ok(None) };
    let found = crate::vpc::model::PEERINGS.get(cx.tx, &crate::vpc::model::peering_key(peering))?;
    Ok(Some(found.map_or("deleted", |peering| peering.state.word()).to_owned()))
}
