//! Security groups and their rules.

use super::look::list;
use super::on::{On, items, map, text_at};
use super::vpc::{EC2, TAGGER};
use super::{Attributes, BASE, Done, Kind, Made, look};
use crate::cloudformation::template::get;
use wire::Value;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::EC2::SecurityGroup",
        changes: &["SecurityGroupIngress", "SecurityGroupEgress", "Tags"],
        fixed: &["GroupName", "GroupDescription", "VpcId"],
        attributes: &["GroupId", "Id", "VpcId"],
        named: Some("GroupName"),
        create,
        ready,
        update: |on| {
            rules(on, id(on))?;
            on.retag(&TAGGER, id(on))?;
            Ok(on.same())
        },
        delete: |on| on.end(EC2, "DeleteSecurityGroup", map([("GroupId", id(on))])),
        look: Some(&look::group::GROUP),
        mark: Some(|on| on.mark(&TAGGER, id(on))),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SecurityGroupIngress",
        changes: &["Description"],
        fixed: &[
            "GroupId",
            "GroupName",
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIp",
            "CidrIpv6",
            "SourcePrefixListId",
            "SourceSecurityGroupId",
            "SourceSecurityGroupName",
            "SourceSecurityGroupOwnerId",
        ],
        attributes: &["Id"],
        create: |on| create_rule(on, "Ingress"),
        update: |on| describe_rule(on, "Ingress"),
        delete: |on| delete_rule(on, "Ingress"),
        look: Some(&look::join::RULE_IN),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SecurityGroupEgress",
        changes: &["Description"],
        fixed: &[
            "GroupId",
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIp",
            "CidrIpv6",
            "DestinationPrefixListId",
            "DestinationSecurityGroupId",
        ],
        attributes: &["Id"],
        create: |on| create_rule(on, "Egress"),
        update: |on| describe_rule(on, "Egress"),
        delete: |on| delete_rule(on, "Egress"),
        look: Some(&look::join::RULE_OUT),
        ..BASE
    },
];

/// What a rule within a group may say, which is read member by member.
const MEMBERS: &[(&str, &[&str])] = &[
    (
        "SecurityGroupIngress",
        &[
            "CidrIp",
            "CidrIpv6",
            "Description",
            "FromPort",
            "IpProtocol",
            "SourcePrefixListId",
            "SourceSecurityGroupId",
            "SourceSecurityGroupName",
            "SourceSecurityGroupOwnerId",
            "ToPort",
        ],
    ),
    (
        "SecurityGroupEgress",
        &[
            "CidrIp",
            "CidrIpv6",
            "Description",
            "DestinationPrefixListId",
            "DestinationSecurityGroupId",
            "FromPort",
            "IpProtocol",
            "ToPort",
        ],
    ),
];

/// What a group lets out where nobody says otherwise.
fn everything() -> Value {
    map([("IpProtocol", Value::str("-1")), ("CidrIp", Value::str("0.0.0.0/0"))])
}

/// A rule as the operations take it.
fn permission(rule: &Value) -> Value {
    let own = |member: &str| get(rule, member).cloned().unwrap_or(Value::Null);
    let description = own("Description");
    let first = |names: [&str; 2]| names.iter().map(|name| own(name)).find(|value| *value != Value::Null);
    let range = |member: &str, value: Option<Value>| match value {
        None | Some(Value::Null) => Value::Null,
        Some(value) => Value::List(vec![map([(member, value), ("Description", description.clone())])]),
    };
    let group = first(["SourceSecurityGroupId", "DestinationSecurityGroupId"]).map(|id| ("GroupId", id));
    let named = Some(own("SourceSecurityGroupName")).filter(|name| *name != Value::Null);
    let pair = group.or(named.map(|name| ("GroupName", name))).map_or(Value::Null, |group| {
        let owner = own("SourceSecurityGroupOwnerId");
        Value::List(vec![map([group, ("UserId", owner), ("Description", description.clone())])])
    });
    map([
        ("IpProtocol", own("IpProtocol")),
        ("FromPort", own("FromPort")),
        ("ToPort", own("ToPort")),
        ("IpRanges", range("CidrIp", Some(own("CidrIp")))),
        ("Ipv6Ranges", range("CidrIpv6", Some(own("CidrIpv6")))),
        ("PrefixListIds", range("PrefixListId", first(["SourcePrefixListId", "DestinationPrefixListId"]))),
        ("UserIdGroupPairs", pair),
    ])
}

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let name = on.name("GroupName", 255);
    let input = map([
        ("GroupName", Value::str(&name)),
        ("Description", on.prop("GroupDescription")),
        ("VpcId", on.prop("VpcId")),
        ("TagSpecifications", on.tag_specification("security-group")),
    ]);
    let answer = on.call(EC2, "CreateSecurityGroup", input)?;
    let id = text_at(&answer, "GroupId");
    rules(on, Value::str(&id))?;
    // AWS: one of the default VPC is known by its name, unless the template names that VPC.
    let known = if on.prop("VpcId") == Value::Null { name } else { id.clone() };
    let attributes = vec![("GroupId", Value::Str(id)), ("Id", Value::str(&known))];
    Ok(on.made(known, attributes))
}

/// The group's id, by whatever it is known.
pub(super) fn id(on: &On<'_, '_>) -> Value {
    match on.attribute("GroupId") {
        known if known.is_empty() => on.physical(),
        known => Value::Str(known),
    }
}

/// Ids of groups; names among them are those of groups of the default VPC.
pub(super) fn ids(on: &mut On<'_, '_>, groups: Value) -> Done<Value> {
    let is_name = |group: &Value| group.as_str().is_some_and(|group| !group.starts_with("sg-"));
    let Value::List(groups) = groups else { return Ok(groups) };
    let (names, mut ids): (Vec<Value>, Vec<Value>) = groups.into_iter().partition(is_name);
    if !names.is_empty() {
        let found = on.call(EC2, "DescribeSecurityGroups", map([("GroupNames", Value::List(names))]))?;
        ids.extend(list(&found, "SecurityGroups").iter().map(|group| Value::Str(text_at(group, "GroupId"))));
    }
    Ok(Value::List(ids))
}

/// In which VPC it is.
fn ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let told = on.call(EC2, "DescribeSecurityGroups", map([("GroupIds", Value::List(vec![id(on)]))]))?;
    Ok(Some(vec![("VpcId", Value::Str(text_at(&told, "SecurityGroups.0.VpcId")))]))
}

/// The group's own rules become what is wanted.
fn rules(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    on.listed(&["SecurityGroupIngress", "SecurityGroupEgress"])?;
    on.only(MEMBERS)?;
    for (property, way, default) in
        [("SecurityGroupIngress", "Ingress", None), ("SecurityGroupEgress", "Egress", Some(everything()))]
    {
        let or_default =
            |rules: Vec<Value>| if rules.is_empty() { default.iter().cloned().collect() } else { rules };
        let (wanted, was) = (or_default(items(on.prop(property))), or_default(items(on.was(property))));
        let differing = |these: &[Value], those: &[Value]| {
            let own = these.iter().filter(|rule| !those.contains(rule)).map(permission);
            Value::List(own.collect())
        };
        for (verb, permissions) in
            [("Revoke", differing(&was, &wanted)), ("Authorize", differing(&wanted, &was))]
        {
            if permissions != Value::List(Vec::new()) {
                let input = map([("GroupId", id.clone()), ("IpPermissions", permissions)]);
                on.call(EC2, &format!("{verb}SecurityGroup{way}"), input)?;
            }
        }
    }
    Ok(())
}

fn create_rule(on: &mut On<'_, '_>, way: &str) -> Done<Made> {
    let permissions = Value::List(vec![permission(on.wanted)]);
    let (id, name) = (on.prop("GroupId"), on.prop("GroupName"));
    let input = map([("GroupId", id), ("GroupName", name), ("IpPermissions", permissions)]);
    let answer = on.call(EC2, &format!("AuthorizeSecurityGroup{way}"), input)?;
    let id = text_at(&answer, "SecurityGroupRules.0.SecurityGroupRuleId");
    Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
}

fn describe_rule(on: &mut On<'_, '_>, way: &str) -> Done<Made> {
    let text = Value::Str(on.text("Description").unwrap_or_default());
    let rules = Value::List(vec![map([("SecurityGroupRuleId", on.physical()), ("Description", text)])]);
    let (id, name) = (on.prop("GroupId"), on.prop("GroupName"));
    let input = map([("GroupId", id), ("GroupName", name), ("SecurityGroupRuleDescriptions", rules)]);
    on.call(EC2, &format!("UpdateSecurityGroupRuleDescriptions{way}"), input)?;
    Ok(on.same())
}

fn delete_rule(on: &mut On<'_, '_>, way: &str) -> Done<()> {
    let rules = Value::List(vec![on.physical()]);
    let (id, name) = (on.was("GroupId"), on.was("GroupName"));
    let input = map([("GroupId", id), ("GroupName", name), ("SecurityGroupRuleIds", rules)]);
    on.end(EC2, &format!("RevokeSecurityGroup{way}"), input)
}
