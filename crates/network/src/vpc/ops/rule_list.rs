//! Rules of security groups by their ids: describe, modify, say what they are for.

use super::group::{by, named};
use super::permission::{ListId, Pair, Permission, Range, Range6, check_description, rules, status};
use super::rule::{check_count, save};
use super::{DONE, Done, item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::arn;
use crate::vpc::model::{GROUPS, Group, Peer, Rule};
use base::tag::Tags;
use ec2::describe::{self, Ask, all, check_id};
use ec2::filter::{Filter, Known};
use ec2::kind::{SECURITY_GROUP, SECURITY_GROUP_RULE};
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    pub(crate) static OPS:
        DescribeSecurityGroupRules: describe, "ec2:DescribeSecurityGroupRules", list;
        ModifySecurityGroupRules: modify, "ec2:ModifySecurityGroupRules", modified;
        UpdateSecurityGroupRuleDescriptionsIngress: update_ingress, "ec2:UpdateSecurityGroupRuleDescriptionsIngress", |cx, r| named(cx, r)?.done();
        UpdateSecurityGroupRuleDescriptionsEgress: update_egress, "ec2:UpdateSecurityGroupRuleDescriptionsEgress", |cx, r| named(cx, r)?.done();
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filters",
        ids: Vec<String> = "SecurityGroupRuleIds",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct Rules {
        rules: Vec<RuleView> = "SecurityGroupRules",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct RuleView {
        id: String = "SecurityGroupRuleId",
        group: String = "GroupId",
        owner: String = "GroupOwnerId",
        egress: bool = "IsEgress",
        protocol: String = "IpProtocol",
        from: i64 = "FromPort",
        to: i64 = "ToPort",
        cidr: Option<String> = "CidrIpv4",
        cidr6: Option<String> = "CidrIpv6",
        list: Option<String> = "PrefixListId",
        referenced: Option<Referenced> = "ReferencedGroupInfo",
        description: Option<String> = "Description",
        tags: Option<Vec<Tag>> = "Tags",
        arn: String = "SecurityGroupRuleArn",
    }

    #[derive(Debug)]
    struct Referenced {
        group: String = "GroupId",
        status: Option<String> = "PeeringStatus",
        account: String = "UserId",
        vpc: Option<String> = "VpcId",
        peering: Option<String> = "VpcPeeringConnectionId",
    }

    #[derive(Debug)]
    struct Modify {
        group: String = "GroupId",
        rules: Vec<RuleUpdate> = "SecurityGroupRules",
    }

    #[derive(Debug)]
    struct RuleUpdate {
        id: String = "SecurityGroupRuleId",
        rule: Option<RuleRequest> = "SecurityGroupRule",
    }

    #[derive(Debug)]
    struct RuleRequest {
        protocol: Option<String> = "IpProtocol",
        from: Option<i64> = "FromPort",
        to: Option<i64> = "ToPort",
        cidr: Option<String> = "CidrIpv4",
        cidr6: Option<String> = "CidrIpv6",
        list: Option<String> = "PrefixListId",
        referenced: Option<String> = "ReferencedGroupId",
        description: Option<String> = "Description",
    }

    #[derive(Debug)]
    struct Update {
        id: Option<String> = "GroupId",
        name: Option<String> = "GroupName",
        permissions: Vec<Permission> = "IpPermissions",
        descriptions: Vec<RuleDescription> = "SecurityGroupRuleDescriptions",
    }

    #[derive(Debug)]
    struct RuleDescription {
        id: Option<String> = "SecurityGroupRuleId",
        description: Option<String> = "Description",
    }
}

item!(RuleView, id);

/// The group and the rules that a request names.
fn modified(cx: &mut Cx<'_>, r: &Struct) -> Result<Vec<Target>, Fault> {
    let updates = r.get("SecurityGroupRules").and_then(Value::as_list).unwrap_or_default();
    let ids = updates.iter().filter_map(|update| update.member("SecurityGroupRuleId")?.as_str());
    let access = on(cx, r)?.one(&SECURITY_GROUP, "GroupId");
    ids.fold(access, |access, id| access.id(&SECURITY_GROUP_RULE, id)).done()
}

pub(crate) fn view(cx: &Cx<'_>, group: &Group, rule: &Rule) -> Result<RuleView, Ec2Error> {
    let mut out = RuleView {
        id: rule.id.clone(),
        group: group.id.clone(),
        owner: cx.account.to_string(),
        egress: rule.egress,
        protocol: rule.protocol.clone(),
        from: rule.from.unwrap_or(-1),
        to: rule.to.unwrap_or(-1),
        cidr: None,
        cidr6: None,
        list: None,
        referenced: None,
        description: rule.description.clone(),
        tags: Some(tags::view(&register::tags(cx, &rule.id)?)),
        arn: arn(cx, SECURITY_GROUP_RULE.noun, &rule.id),
    };
    match &rule.peer {
        Peer::Nobody => {}
        Peer::Ipv4(cidr) => out.cidr = Some(cidr.clone()),
        Peer::Ipv6(cidr) => out.cidr6 = Some(cidr.clone()),
        Peer::PrefixList(id) => out.list = Some(id.clone()),
        Peer::Group(reference) => {
            out.referenced = Some(Referenced {
                group: reference.group.clone(),
                status: status(cx, reference)?,
                account: reference.account.to_string(),
                vpc: reference.vpc.clone(),
                peering: reference.peering.clone(),
            });
        }
    }
    Ok(out)
}

/// The same of a rule that has just been made. Recorded: without tags it is told without `Tags`.
pub(crate) fn made(cx: &Cx<'_>, group: &Group, rule: &Rule, tags: &Tags) -> Result<RuleView, Ec2Error> {
    Ok(RuleView { tags: tags::if_any(tags), ..view(cx, group, rule)? })
}

static FILTERS: &Known<RuleView> = &[
    ("group-id", |r| one(&r.group)),
    ("security-group-rule-id", |r| one(&r.id)),
    ("is-egress", |r| one(r.egress)),
    ("cidr", |r| maybe(&r.cidr)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Rules, Ec2Error> {
    req.ids.iter().try_for_each(|id| check_id(&SECURITY_GROUP_RULE, id))?;
    // Recorded: the group of a filter is held to the form of its ids.
    let groups = req
        .filters
        .iter()
        .filter(|filter| filter.name.as_deref() == Some("group-id"))
        .flat_map(|filter| &filter.values);
    for id in groups {
        if !id.contains(['*', '?']) && !SECURITY_GROUP.fits(id) {
            return Err(Ec2Error::not_an_id(SECURITY_GROUP.malformed, "security group", id));
        }
    }
    let mut items = Vec::new();
    for group in all(cx, &GROUPS)? {
        for rule in &group.rules {
            if req.ids.is_empty() || req.ids.contains(&rule.id) {
                items.push(view(cx, &group, rule)?);
            }
        }
    }
    if let Some(missing) = req.ids.iter().find(|id| items.iter().all(|item| item.id != **id)) {
        return Err(Ec2Error::not_found(&SECURITY_GROUP_RULE, missing));
    }
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (rules, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Rules { rules, next })
}

fn permission(request: RuleRequest) -> Result<Permission, Ec2Error> {
    let RuleRequest { protocol, from, to, cidr, cidr6, list, referenced, description } = request;
    // All of it in the words and the order in which AWS's were recorded.
    let Some(kind) = protocol.as_deref() else {
        let what =
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    };
    if matches!(kind.to_ascii_lowercase().as_str(), "tcp" | "udp" | "6" | "17")
        && (from.is_none() || to.is_none())
    {
        let what = "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    match [&cidr, &cidr6, &list, &referenced].iter().filter(|peer| peer.is_some()).count() {
        0 => {
            let what = "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId";
            return Err(Plain::MissingTarget(what.into()).into());
        }
        1 => {}
        _ => {
            let what = "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
    }
    let pair = |id| Pair {
        description: description.clone(),
        account: None,
        name: None,
        id: Some(id),
        vpc: None,
        peering: None,
        status: None,
    };
    let range = |cidr| Range { description: description.clone(), cidr: Some(cidr) };
    let range6 = |cidr| Range6 { description: description.clone(), cidr: Some(cidr) };
    let list_id = |id| ListId { description: description.clone(), id: Some(id) };
    Ok(Permission {
        protocol,
        from,
        to,
        groups: referenced.map(pair).into_iter().collect(),
        ipv4: cidr.map(range).into_iter().collect(),
        ipv6: cidr6.map(range6).into_iter().collect(),
        lists: list.map(list_id).into_iter().collect(),
    })
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Done, Ec2Error> {
    let mut group = find::group(cx, &req.group)?;
    for update in req.rules {
        check_id(&SECURITY_GROUP_RULE, &update.id)?;
        let at = group.rules.iter().position(|rule| rule.id == update.id);
        let at = at.ok_or_else(|| Ec2Error::not_found(&SECURITY_GROUP_RULE, &update.id))?;
        let Some(request) = update.rule else {
            return Err(Plain::MissingParameter("SecurityGroupRule".into()).into());
        };
        let egress = group.rules[at].egress;
        let mut new = rules(cx, &group.vpc, egress, &[permission(request)?])?;
        let mut new = new.pop().ok_or(Plain::InternalError)?;
        new.id = update.id;
        if let Some(other) = group.rules.iter().find(|other| other.id != new.id && other.same(&new)) {
            let what = format!("the specified rule already exists as {}", other.id);
            return Err(Plain::InvalidPermissionDuplicate(what).into());
        }
        group.rules[at] = new;
        check_count(cx, &group, egress)?;
    }
    save(cx, &group);
    Ok(DONE)
}

fn update_ingress(cx: &mut Cx<'_>, req: Update) -> Result<Done, Ec2Error> {
    update(cx, req, false)
}

fn update_egress(cx: &mut Cx<'_>, req: Update) -> Result<Done, Ec2Error> {
    update(cx, req, true)
}

fn update(cx: &mut Cx<'_>, req: Update, egress: bool) -> Result<Done, Ec2Error> {
    let mut group = by(cx, req.id.as_ref(), req.name.as_ref())?;
    if req.permissions.is_empty() == req.descriptions.is_empty() {
        let what = "Either ipPermissions or securityGroupRuleDescriptions should be provided.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    for wanted in &req.descriptions {
        check_description(wanted.description.as_ref())?;
        let id = super::needed(wanted.id.as_ref(), "securityGroupRuleId")?;
        let found = group.rules.iter_mut().find(|rule| rule.id == id && rule.egress == egress);
        let rule = found.ok_or_else(|| Ec2Error::not_found(&SECURITY_GROUP_RULE, id))?;
        rule.description = wanted.description.clone().filter(|text| !text.is_empty());
    }
    if !req.permissions.is_empty() {
        for wanted in rules(cx, &group.vpc, egress, &req.permissions)? {
            let rule = group.rules.iter_mut().find(|rule| rule.same(&wanted));
            rule.ok_or(Plain::InvalidPermissionNotFound)?.description = wanted.description;
        }
    }
    save(cx, &group);
    Ok(DONE)
}
