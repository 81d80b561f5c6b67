//! Rules of security groups: allow and revoke.

use super::group::{by, named};
use super::permission::{Pair, Permission, Range, rules, views};
use super::rule_list::{RuleView, made};
use crate::vpc::find;
use crate::vpc::model::{GROUPS, Group, PREFIX_LISTS, Peer, Rule};
use base::tag::Tags;
use ec2::errors::Limit;
use ec2::kind::{SECURITY_GROUP, SECURITY_GROUP_RULE};
use ec2::tags::{self, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;

kernel::ops! {
    pub(crate) static OPS:
        AuthorizeSecurityGroupIngress: authorize_ingress, "ec2:AuthorizeSecurityGroupIngress", |cx, r| named(cx, r)?.tagging(&SECURITY_GROUP_RULE).done();
        AuthorizeSecurityGroupEgress: authorize_egress, "ec2:AuthorizeSecurityGroupEgress", |cx, r| named(cx, r)?.tagging(&SECURITY_GROUP_RULE).done();
        RevokeSecurityGroupIngress: revoke_ingress, "ec2:RevokeSecurityGroupIngress", |cx, r| named(cx, r)?.done();
        RevokeSecurityGroupEgress: revoke_egress, "ec2:RevokeSecurityGroupEgress", |cx, r| named(cx, r)?.done();
}

/// In each direction, of IPv4 and of IPv6 each.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const RULES_MAX: i64 = 60;

wire::shape! {
    #[derive(Debug)]
    struct Ingress {
        cidr: Option<String> = "CidrIp",
        from: Option<i64> = "FromPort",
        id: Option<String> = "GroupId",
        name: Option<String> = "GroupName",
        permissions: Vec<Permission> = "IpPermissions",
        protocol: Option<String> = "IpProtocol",
        source: Option<String> = "SourceSecurityGroupName",
        source_owner: Option<String> = "SourceSecurityGroupOwnerId",
        to: Option<i64> = "ToPort",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Egress {
        tags: Vec<TagSpecification> = "TagSpecifications",
        id: String = "GroupId",
        source: Option<String> = "SourceSecurityGroupName",
        source_owner: Option<String> = "SourceSecurityGroupOwnerId",
        protocol: Option<String> = "IpProtocol",
        from: Option<i64> = "FromPort",
        to: Option<i64> = "ToPort",
        cidr: Option<String> = "CidrIp",
        permissions: Vec<Permission> = "IpPermissions",
    }

    #[derive(Debug)]
    struct Authorized {
        ok: bool = "Return",
        rules: Vec<RuleView> = "SecurityGroupRules",
    }

    #[derive(Debug)]
    struct RevokeIngress {
        cidr: Option<String> = "CidrIp",
        from: Option<i64> = "FromPort",
        id: Option<String> = "GroupId",
        name: Option<String> = "GroupName",
        permissions: Vec<Permission> = "IpPermissions",
        protocol: Option<String> = "IpProtocol",
        source: Option<String> = "SourceSecurityGroupName",
        source_owner: Option<String> = "SourceSecurityGroupOwnerId",
        to: Option<i64> = "ToPort",
        rules: Vec<String> = "SecurityGroupRuleIds",
    }

    #[derive(Debug)]
    struct RevokeEgress {
        rules: Vec<String> = "SecurityGroupRuleIds",
        id: String = "GroupId",
        source: Option<String> = "SourceSecurityGroupName",
        source_owner: Option<String> = "SourceSecurityGroupOwnerId",
        protocol: Option<String> = "IpProtocol",
        from: Option<i64> = "FromPort",
        to: Option<i64> = "ToPort",
        cidr: Option<String> = "CidrIp",
        permissions: Vec<Permission> = "IpPermissions",
    }

    #[derive(Debug)]
    struct Revoked {
        ok: bool = "Return",
        unknown: Option<Vec<Permission>> = "UnknownIpPermissions",
        revoked: Vec<RevokedRule> = "RevokedSecurityGroupRules",
    }

    #[derive(Debug)]
    struct RevokedRule {
        id: String = "SecurityGroupRuleId",
        group: String = "GroupId",
        egress: bool = "IsEgress",
        protocol: String = "IpProtocol",
        from: i64 = "FromPort",
        to: i64 = "ToPort",
        cidr: Option<String> = "CidrIpv4",
        cidr6: Option<String> = "CidrIpv6",
        list: Option<String> = "PrefixListId",
        referenced: Option<String> = "ReferencedGroupId",
        description: Option<String> = "Description",
    }
}

/// The older way to write one rule: its parts as parameters of the request.
#[derive(Debug)]
struct Flat {
    cidr: Option<String>,
    protocol: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    source: Option<String>,
    source_owner: Option<String>,
}

macro_rules! flat {
    ($req:ident) => {
        Flat {
            cidr: $req.cidr,
            protocol: $req.protocol,
            from: $req.from,
            to: $req.to,
            source: $req.source,
            source_owner: $req.source_owner,
        }
    };
}

/// The permissions of a request, however it writes them.
fn all(flat: Flat, mut permissions: Vec<Permission>) -> Result<Vec<Permission>, Ec2Error> {
    let Flat { cidr, protocol, from, to, source, source_owner } = flat;
    let any = cidr.is_some() || protocol.is_some() || source.is_some();
    if any && !permissions.is_empty() {
        let what = "ipPermissions cannot be used together with the parameters of a single rule.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if any {
        // A source group without a protocol stands for all traffic.
        let protocol = protocol.or_else(|| source.is_some().then(|| "-1".to_owned()));
        let pair = |name| Pair {
            description: None,
            account: source_owner,
            name: Some(name),
            id: None,
            vpc: None,
            peering: None,
            status: None,
        };
        permissions.push(Permission {
            protocol,
            from,
            to,
            groups: source.map(pair).into_iter().collect(),
            ipv4: cidr.map(|cidr| Range { description: None, cidr: Some(cidr) }).into_iter().collect(),
            ipv6: Vec::new(),
            lists: Vec::new(),
        });
    }
    Ok(permissions)
}

fn authorize_ingress(cx: &mut Cx<'_>, req: Ingress) -> Result<Authorized, Ec2Error> {
    let group = by(cx, req.id.as_ref(), req.name.as_ref())?;
    let tags = tags::of_new(cx.caller, &req.tags, &SECURITY_GROUP_RULE, &[&SECURITY_GROUP_RULE])?;
    let permissions = all(flat!(req), req.permissions)?;
    authorize(cx, group, false, &permissions, &tags)
}

fn authorize_egress(cx: &mut Cx<'_>, req: Egress) -> Result<Authorized, Ec2Error> {
    let group = find::group(cx, &req.id)?;
    let tags = tags::of_new(cx.caller, &req.tags, &SECURITY_GROUP_RULE, &[&SECURITY_GROUP_RULE])?;
    let permissions = all(flat!(req), req.permissions)?;
    authorize(cx, group, true, &permissions, &tags)
}

/// `peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW`
fn said(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Nobody => "",
        Peer::Ipv4(text) | Peer::Ipv6(text) | Peer::PrefixList(text) => text,
        Peer::Group(reference) => &reference.group,
    };
    let protocol = if rule.protocol == "-1" { "ALL".to_owned() } else { rule.protocol.to_ascii_uppercase() };
    match (rule.from, rule.to) {
        (Some(from), Some(to)) => {
            format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW")
        }
        _ => format!("peer: {peer}, {protocol}, ALLOW"),
    }
}

fn duplicate(rule: &Rule) -> Ec2Error {
    Plain::InvalidPermissionDuplicate(format!("the specified rule \"{}\" already exists", said(rule))).into()
}

fn authorize(
    cx: &mut Cx<'_>,
    mut group: Group,
    egress: bool,
    permissions: &[Permission],
    tags: &Tags,
) -> Result<Authorized, Ec2Error> {
    let mut new = rules(cx, &group.vpc, egress, permissions)?;
    for (at, rule) in new.iter().enumerate() {
        if new[..at].iter().any(|other| other.same(rule)) {
            let what = "The same permission must not appear multiple times";
            return Err(Plain::InvalidParameterValue(what.into()).into());
        }
        if group.rules.iter().any(|other| other.same(rule)) {
            return Err(duplicate(rule));
        }
    }
    for rule in &mut new {
        rule.id = SECURITY_GROUP_RULE.id(cx.rng());
    }
    group.rules.extend(new.iter().cloned());
    check_count(cx, &group, egress)?;
    save(cx, &group);
    for rule in &new {
        register::enter(cx, &SECURITY_GROUP_RULE, &rule.id, tags, &[]);
    }
    let rules = new.iter().map(|rule| made(cx, &group, rule, tags)).collect::<Result<_, _>>()?;
    Ok(Authorized { ok: true, rules })
}

/// A reference to a prefix list counts as much as the list may hold.
pub(crate) fn check_count(cx: &Cx<'_>, group: &Group, egress: bool) -> Result<(), Ec2Error> {
    let (mut v4, mut v6) = (0, 0);
    for rule in group.rules.iter().filter(|rule| rule.egress == egress) {
        match &rule.peer {
            Peer::Nobody => {}
            Peer::Ipv4(_) => v4 += 1,
            Peer::Ipv6(_) => v6 += 1,
            Peer::Group(_) => (v4, v6) = (v4 + 1, v6 + 1),
            Peer::PrefixList(id) => {
                let list = PREFIX_LISTS.get(cx.tx, &register::key(cx.account, cx.region, id))?;
                let weight = list.map_or(1, |list| list.max);
                (v4, v6) = (v4 + weight, v6 + weight);
            }
        }
    }
    if v4.max(v6) > RULES_MAX { Err(Limit::Rules.into()) } else { Ok(()) }
}

pub(crate) fn save(cx: &mut Cx<'_>, group: &Group) {
    GROUPS.put(cx.tx, &register::key(cx.account, cx.region, &group.id), group);
    let named = cx.arn("ec2", &format!("{}/{}", SECURITY_GROUP.noun, group.id));
    cx.touch(named);
}

fn revoke_ingress(cx: &mut Cx<'_>, req: RevokeIngress) -> Result<Revoked, Ec2Error> {
    let group = by(cx, req.id.as_ref(), req.name.as_ref())?;
    let permissions = all(flat!(req), req.permissions)?;
    revoke(cx, group, false, &req.rules, &permissions)
}

fn revoke_egress(cx: &mut Cx<'_>, req: RevokeEgress) -> Result<Revoked, Ec2Error> {
    let group = find::group(cx, &req.id)?;
    let permissions = all(flat!(req), req.permissions)?;
    revoke(cx, group, true, &req.rules, &permissions)
}

/// In the default VPC rules that are not there are only told of; elsewhere they are refused.
///
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>
fn revoke(
    cx: &mut Cx<'_>,
    mut group: Group,
    egress: bool,
    ids: &[String],
    permissions: &[Permission],
) -> Result<Revoked, Ec2Error> {
    let mut gone = Vec::new();
    let mut unknown = Vec::new();
    if !ids.is_empty() {
        for id in ids {
            ec2::describe::check_id(&SECURITY_GROUP_RULE, id)?;
            let at = group.rules.iter().position(|rule| rule.id == *id && rule.egress == egress);
            let at = at.ok_or_else(|| Ec2Error::not_found(&SECURITY_GROUP_RULE, id))?;
            gone.push(group.rules.remove(at));
        }
    } else {
        for wanted in rules(cx, &group.vpc, egress, permissions)? {
            match group.rules.iter().position(|rule| rule.same(&wanted)) {
                Some(at) => gone.push(group.rules.remove(at)),
                None => unknown.push(wanted),
            }
        }
    }
    if !unknown.is_empty() && !find::vpc(cx, &group.vpc)?.is_default {
        return Err(Plain::InvalidPermissionNotFound.into());
    }
    save(cx, &group);
    for rule in &gone {
        register::strike(cx.tx, cx.account, cx.region, &rule.id);
    }
    let unknown = if unknown.is_empty() { None } else { Some(views(cx, unknown.iter())?) };
    let revoked = gone.into_iter().map(|rule| revoked(&group, rule)).collect();
    Ok(Revoked { ok: true, unknown, revoked })
}

fn revoked(group: &Group, rule: Rule) -> RevokedRule {
    let mut out = RevokedRule {
        id: rule.id,
        group: group.id.clone(),
        egress: rule.egress,
        protocol: rule.protocol,
        from: rule.from.unwrap_or(-1),
        to: rule.to.unwrap_or(-1),
        cidr: None,
        cidr6: None,
        list: None,
        referenced: None,
        description: rule.description,
    };
    match rule.peer {
        Peer::Nobody => {}
        Peer::Ipv4(cidr) => out.cidr = Some(cidr),
        Peer::Ipv6(cidr) => out.cidr6 = Some(cidr),
        Peer::PrefixList(id) => out.list = Some(id),
        Peer::Group(reference) => out.referenced = Some(reference.group),
    }
    out
}
