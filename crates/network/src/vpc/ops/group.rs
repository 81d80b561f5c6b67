//! Security groups.

use super::permission::{Permission, views};
use super::{item, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::{self, DEFAULT_GROUP, arn};
use crate::vpc::model::{GROUPS, Group};
use ec2::access::Access;
use ec2::describe::{self, Ask, all, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{SECURITY_GROUP, VPC};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use store::Key;
use wire::{Fault, Struct};

kernel::ops! {
    pub(crate) static OPS:
        CreateSecurityGroup: create, "ec2:CreateSecurityGroup", |cx, r| on(cx, r)?.new(&SECURITY_GROUP).one(&VPC, "VpcId").done();
        DeleteSecurityGroup: delete, "ec2:DeleteSecurityGroup", |cx, r| named(cx, r)?.done();
        DescribeSecurityGroups: describe, "ec2:DescribeSecurityGroups", list;
        DescribeSecurityGroupReferences: references, "ec2:DescribeSecurityGroupReferences", |cx, r| on(cx, r)?.many(&SECURITY_GROUP, "GroupId").done();
        DescribeStaleSecurityGroups: stale, "ec2:DescribeStaleSecurityGroups", list;
        GetSecurityGroupsForVpc: for_vpc, "ec2:GetSecurityGroupsForVpc", |cx, r| on(cx, r)?.one(&VPC, "VpcId").done();
}

/// In a region. AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const GROUPS_MAX: usize = 2500;
const TEXT_CHARS_MAX: usize = 255;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        description: String = "Description",
        name: String = "GroupName",
        vpc: Option<String> = "VpcId",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Made {
        id: String = "GroupId",
        tags: Option<Vec<Tag>> = "Tags",
        arn: String = "SecurityGroupArn",
    }

    #[derive(Debug)]
    struct Delete {
        id: Option<String> = "GroupId",
        name: Option<String> = "GroupName",
    }

    #[derive(Debug)]
    struct Deleted {
        ok: bool = "Return",
        id: String = "GroupId",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "GroupIds",
        names: Vec<String> = "GroupNames",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Groups {
        next: Option<String> = "NextToken",
        groups: Vec<View> = "SecurityGroups",
    }

    #[derive(Debug)]
    struct View {
        id: String = "GroupId",
        egress: Vec<Permission> = "IpPermissionsEgress",
        tags: Option<Vec<Tag>> = "Tags",
        vpc: String = "VpcId",
        arn: String = "SecurityGroupArn",
        owner: String = "OwnerId",
        name: String = "GroupName",
        description: String = "Description",
        ingress: Vec<Permission> = "IpPermissions",
    }

    #[derive(Debug)]
    struct References { ids: Vec<String> = "GroupId" }

    #[derive(Debug)]
    struct ReferenceList { references: Vec<ReferenceView> = "SecurityGroupReferenceSet" }

    #[derive(Debug)]
    struct ReferenceView {
        group: String = "GroupId",
        vpc: String = "ReferencingVpcId",
        peering: Option<String> = "VpcPeeringConnectionId",
    }

    #[derive(Debug)]
    struct Stale {
        vpc: String = "VpcId",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct StaleList {
        next: Option<String> = "NextToken",
        groups: Vec<StaleView> = "StaleSecurityGroupSet",
    }

    #[derive(Debug)]
    struct StaleView {
        description: String = "Description",
        id: String = "GroupId",
        name: String = "GroupName",
        ingress: Vec<StalePermission> = "StaleIpPermissions",
        egress: Vec<StalePermission> = "StaleIpPermissionsEgress",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct StalePermission {
        from: Option<i64> = "FromPort",
        protocol: Option<String> = "IpProtocol",
        to: Option<i64> = "ToPort",
        groups: Vec<super::permission::Pair> = "UserIdGroupPairs",
    }

    #[derive(Debug)]
    struct ForVpc {
        vpc: String = "VpcId",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct ForVpcList {
        next: Option<String> = "NextToken",
        groups: Vec<ForVpcView> = "SecurityGroupForVpcs",
    }

    #[derive(Debug)]
    struct ForVpcView {
        description: String = "Description",
        name: String = "GroupName",
        owner: String = "OwnerId",
        id: String = "GroupId",
        tags: Vec<Tag> = "Tags",
        vpc: String = "PrimaryVpcId",
    }
}

item!(View, id);
item!(ForVpcView, id);

/// The group that a request names by id, or by its name in the default VPC.
pub(crate) fn named<'a, 'c>(cx: &'a mut Cx<'c>, r: &'a Struct) -> Result<Access<'a, 'c>, Fault> {
    let access = on(cx, r)?;
    let id = match (r.str("GroupId"), r.str("GroupName")) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(name)) => by_name(access.cx, name).ok().map(|group| group.id),
        (None, None) => None,
    };
    Ok(match id {
        Some(id) => access.id(&SECURITY_GROUP, &id),
        None => access.new(&SECURITY_GROUP),
    })
}

/// A group of the default VPC.
fn by_name(cx: &Cx<'_>, name: &str) -> Result<Group, Ec2Error> {
    let vpc = find::default_vpc(cx)?.ok_or(Plain::VpcIdNotSpecified)?;
    let found = find::groups_of(cx, &vpc.id)?.into_iter().find(|group| group.name == name);
    found.ok_or_else(|| {
        let what = format!("The security group '{name}' does not exist in default VPC '{}'", vpc.id);
        Plain::InvalidGroupNotFound(what).into()
    })
}

/// # Errors
/// `InvalidGroup.NotFound`, `MissingParameter`.
pub(crate) fn by(cx: &Cx<'_>, id: Option<&String>, name: Option<&String>) -> Result<Group, Ec2Error> {
    match (id, name) {
        (Some(id), _) => find::group(cx, id),
        (None, Some(name)) => by_name(cx, name),
        (None, None) => {
            let what = "The request must contain the parameter groupName or groupId";
            Err(Plain::MissingTarget(what.into()).into())
        }
    }
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
fn check_text(text: &str, name: &str) -> Result<(), Ec2Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.is_empty() {
        return Err(Plain::MissingParameter(name.to_owned()).into());
    }
    if text.chars().count() <= TEXT_CHARS_MAX && text.chars().all(allowed) {
        return Ok(());
    }
    let why = "Character sets beyond ASCII are not supported.";
    Err(Ec2Error::value(text, name, why))
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &SECURITY_GROUP, &[&SECURITY_GROUP])?;
    check_text(&req.name, "GroupName")?;
    check_text(&req.description, "GroupDescription")?;
    if req.name.starts_with("sg-") {
        let why = "Group names may not be in the format sg-*.";
        return Err(Ec2Error::value(&req.name, "groupName", why));
    }
    let vpc = match &req.vpc {
        Some(id) if !VPC.fits(id) => return Err(Ec2Error::not_an_id(VPC.malformed, "vpc", id)),
        Some(id) => find::vpc(cx, id)?,
        None => find::default_vpc(cx)?.ok_or(Plain::VpcIdNotSpecified)?,
    };
    if req.name == DEFAULT_GROUP {
        return Err(Plain::InvalidGroupReserved.into());
    }
    if find::groups_of(cx, &vpc.id)?.iter().any(|group| group.name == req.name) {
        return Err(Plain::InvalidGroupDuplicate(req.name, vpc.id).into());
    }
    if !cx.has_room(&GROUPS, &Key::regional(cx.account, cx.region), GROUPS_MAX)? {
        return Err(Limit::SecurityGroup.into());
    }
    let group = Group {
        id: SECURITY_GROUP.id(cx.rng()),
        name: req.name,
        description: req.description,
        rules: make::open_egress(cx, &vpc),
        vpc: vpc.id,
    };
    make::save_group(cx, &group, &tags);
    Ok(Made { tags: tags::if_any(&tags), arn: arn(cx, SECURITY_GROUP.noun, &group.id), id: group.id })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Deleted, Ec2Error> {
    if let Some(id) = req.id.as_ref().filter(|id| !SECURITY_GROUP.fits(id)) {
        return Err(Ec2Error::not_an_id(SECURITY_GROUP.malformed, "security-group", id));
    }
    let group = by(cx, req.id.as_ref(), req.name.as_ref())?;
    if group.name == DEFAULT_GROUP {
        let what =
            format!("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group.id);
        return Err(Plain::CannotDelete(what).into());
    }
    let refers = |other: &Group| {
        let to = |rule: &crate::vpc::model::Rule| rule.peer.group().is_some_and(|r| r.group == group.id);
        other.id != group.id && other.rules.iter().any(to)
    };
    let is_in_use = super::interface::is_used(cx, &group.id)?
        || all(cx, &GROUPS)?.iter().any(refers)
        || super::endpoint::uses_group(cx, &group.id)?;
    if is_in_use {
        let what = format!("resource {} has a dependent object", group.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    GROUPS.delete(cx.tx, &register::key(cx.account, cx.region, &group.id));
    for id in group.rules.iter().map(|rule| &rule.id).chain([&group.id]) {
        register::strike(cx.tx, cx.account, cx.region, id);
    }
    Ok(Deleted { ok: true, id: group.id })
}

fn view(cx: &Cx<'_>, group: &Group) -> Result<View, Ec2Error> {
    Ok(View {
        id: group.id.clone(),
        egress: views(cx, group.rules.iter().filter(|rule| rule.egress))?,
        tags: tags::if_any(&register::tags(cx, &group.id)?),
        vpc: group.vpc.clone(),
        arn: arn(cx, SECURITY_GROUP.noun, &group.id),
        owner: cx.account.to_string(),
        name: group.name.clone(),
        description: group.description.clone(),
        ingress: views(cx, group.rules.iter().filter(|rule| !rule.egress))?,
    })
}

fn each(permissions: &[Permission], read: fn(&Permission) -> Vec<String>) -> Vec<String> {
    permissions.iter().flat_map(read).collect()
}

fn cidrs(p: &Permission) -> Vec<String> {
    p.ipv4.iter().filter_map(|r| r.cidr.clone()).collect()
}

fn cidrs6(p: &Permission) -> Vec<String> {
    p.ipv6.iter().filter_map(|r| r.cidr.clone()).collect()
}

fn port(port: Option<i64>) -> Vec<String> {
    port.iter().map(i64::to_string).collect()
}

fn list_ids(p: &Permission) -> Vec<String> {
    p.lists.iter().filter_map(|l| l.id.clone()).collect()
}

fn group_ids(p: &Permission) -> Vec<String> {
    p.groups.iter().filter_map(|g| g.id.clone()).collect()
}

fn group_names(p: &Permission) -> Vec<String> {
    p.groups.iter().filter_map(|g| g.name.clone()).collect()
}

fn user_ids(p: &Permission) -> Vec<String> {
    p.groups.iter().filter_map(|g| g.account.clone()).collect()
}

fn protocols(p: &Permission) -> Vec<String> {
    p.protocol.iter().cloned().collect()
}

static FILTERS: &Known<View> = &[
    ("description", |g| one(&g.description)),
    ("egress.ip-permission.cidr", |g| each(&g.egress, cidrs)),
    ("egress.ip-permission.from-port", |g| each(&g.egress, |p| port(p.from))),
    ("egress.ip-permission.group-id", |g| each(&g.egress, group_ids)),
    ("egress.ip-permission.group-name", |g| each(&g.egress, group_names)),
    ("egress.ip-permission.ipv6-cidr", |g| each(&g.egress, cidrs6)),
    ("egress.ip-permission.prefix-list-id", |g| each(&g.egress, list_ids)),
    ("egress.ip-permission.protocol", |g| each(&g.egress, protocols)),
    ("egress.ip-permission.to-port", |g| each(&g.egress, |p| port(p.to))),
    ("egress.ip-permission.user-id", |g| each(&g.egress, user_ids)),
    ("group-id", |g| one(&g.id)),
    ("group-name", |g| one(&g.name)),
    ("ip-permission.cidr", |g| each(&g.ingress, cidrs)),
    ("ip-permission.from-port", |g| each(&g.ingress, |p| port(p.from))),
    ("ip-permission.group-id", |g| each(&g.ingress, group_ids)),
    ("ip-permission.group-name", |g| each(&g.ingress, group_names)),
    ("ip-permission.ipv6-cidr", |g| each(&g.ingress, cidrs6)),
    ("ip-permission.prefix-list-id", |g| each(&g.ingress, list_ids)),
    ("ip-permission.protocol", |g| each(&g.ingress, protocols)),
    ("ip-permission.to-port", |g| each(&g.ingress, |p| port(p.to))),
    ("ip-permission.user-id", |g| each(&g.ingress, user_ids)),
    ("owner-id", |g| one(&g.owner)),
    ("vpc-id", |g| one(&g.vpc)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Groups, Ec2Error> {
    ids_or_pages(&req.ids, "groupIds", req.max)?;
    let mut found = describe::some(cx, &GROUPS, &SECURITY_GROUP, &req.ids)?;
    if !req.names.is_empty() {
        let named = req.names.iter().map(|name| by_name(cx, name)).collect::<Result<Vec<_>, _>>()?;
        if req.ids.is_empty() {
            found = named;
        } else {
            found.extend(named.into_iter().filter(|group| !req.ids.contains(&group.id)));
        }
    }
    let items = found.iter().map(|group| view(cx, group)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (groups, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Groups { next, groups })
}

/// The VPCs at other ends of peering connections whose groups refer to these.
fn references(cx: &mut Cx<'_>, req: References) -> Result<ReferenceList, Ec2Error> {
    let mut references = Vec::new();
    for id in &req.ids {
        let group = find::group(cx, id)?;
        for peering in find::peerings(cx)? {
            let Some((_, other)) = peering.from(&group.vpc) else { continue };
            let prefix = Key::regional(other.account, other.region);
            for pair in GROUPS.scan(cx.tx, &prefix, store::Direction::Forward) {
                let (_, there) = pair?;
                let to = |rule: &crate::vpc::model::Rule| rule.peer.group().is_some_and(|r| r.group == *id);
                if there.vpc == other.vpc && there.rules.iter().any(to) {
                    references.push(ReferenceView {
                        group: id.clone(),
                        vpc: other.vpc.clone(),
                        peering: Some(peering.id.clone()),
                    });
                    break;
                }
            }
        }
    }
    Ok(ReferenceList { references })
}

/// The rules of a VPC that refer to groups which are no longer there, or no longer reached.
fn stale(cx: &mut Cx<'_>, req: Stale) -> Result<StaleList, Ec2Error> {
    let vpc = find::vpc(cx, &req.vpc)?;
    let mut found = Vec::new();
    for group in find::groups_of(cx, &vpc.id)? {
        let mut old = Vec::new();
        for rule in &group.rules {
            if let Some(reference) = rule.peer.group()
                && is_stale(cx, reference)?
            {
                old.push(rule);
            }
        }
        if old.is_empty() {
            continue;
        }
        let side = |egress: bool| -> Result<Vec<StalePermission>, Ec2Error> {
            let all = views(cx, old.iter().copied().filter(|rule| rule.egress == egress))?;
            let stale = |p: Permission| StalePermission {
                from: p.from,
                protocol: p.protocol,
                to: p.to,
                groups: p.groups,
            };
            Ok(all.into_iter().map(stale).collect())
        };
        let (ingress, egress) = (side(false)?, side(true)?);
        found.push(StaleView {
            description: group.description,
            id: group.id,
            name: group.name,
            ingress,
            egress,
            vpc: group.vpc,
        });
    }
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (groups, next) = describe::cut(cx, found, ask, |group| group.id.clone())?;
    Ok(StaleList { next, groups })
}

fn is_stale(cx: &Cx<'_>, reference: &crate::vpc::model::Reference) -> Result<bool, Ec2Error> {
    let there = GROUPS.contains(cx.tx, &register::key(reference.account, cx.region, &reference.group))?;
    let reached = super::permission::status(cx, reference)?.is_none_or(|status| status == "active");
    Ok(!there || !reached)
}

static FOR_VPC_FILTERS: &Known<ForVpcView> = &[
    ("group-id", |g| one(&g.id)),
    ("description", |g| one(&g.description)),
    ("group-name", |g| one(&g.name)),
    ("owner-id", |g| one(&g.owner)),
    ("primary-vpc-id", |g| one(&g.vpc)),
];

fn for_vpc(cx: &mut Cx<'_>, req: ForVpc) -> Result<ForVpcList, Ec2Error> {
    let vpc = find::vpc(cx, &req.vpc)?;
    let mut items = Vec::new();
    for group in find::groups_of(cx, &vpc.id)? {
        items.push(ForVpcView {
            tags: tags::view(&register::tags(cx, &group.id)?),
            description: group.description,
            name: group.name,
            owner: cx.account.to_string(),
            id: group.id,
            vpc: group.vpc,
        });
    }
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (groups, next) = describe::page(cx, items, ask, FOR_VPC_FILTERS)?;
    Ok(ForVpcList { next, groups })
}
