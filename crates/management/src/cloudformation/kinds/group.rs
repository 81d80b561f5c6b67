//! Security groups and their rules.

use super::on::{On, items, map, text_at};
use super::vpc::{EC2, TAGGER};
use super::{BASE, Done, Kind, Made, look};
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
        update: |on| {
            rules(on, on.physical())?;
            on.retag(&TAGGER, on.physical())?;
            Ok(on.same())
        },
        delete: |on| on.end(EC2, "DeleteSecurityGroup", map([("GroupId", on.physical())])),
        look: Some(&look::group::GROUP),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SecurityGroupIngress",
        changes: &["Description"],
        fixed: &[
            "GroupId",
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIp",
            "CidrIpv6",
            "SourcePrefixListId",
            "SourceSecurityGroupId",
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
    let group = first(["SourceSecurityGroupId", "DestinationSecurityGroupId"]);
    let pair = group.map_or(Value::Null, |id| {
        let owner = own("SourceSecurityGroupOwnerId");
        Value::List(vec![map([("GroupId", id), ("UserId", owner), ("Description", description.clone())])])
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
    let input = map([
        ("GroupName", Value::Str(on.name("GroupName", 255))),
        ("Description", on.prop("GroupDescription")),
        ("VpcId", on.prop("VpcId")),
        ("TagSpecifications", on.tag_specification("security-group")),
    ]);
    let answer = on.call(EC2, "CreateSecurityGroup", input)?;
    let id = text_at(&answer, "GroupId");
    rules(on, Value::str(&id))?;
    let mut attributes = vec![("GroupId", Value::str(&id)), ("Id", Value::str(&id))];
    if let Some(vpc) = on.text("VpcId") {
        attributes.push(("VpcId", Value::Str(vpc)));
    }
    Ok(on.made(id, attributes))
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
    let input = map([("GroupId", on.prop("GroupId")), ("IpPermissions", permissions)]);
    let answer = on.call(EC2, &format!("AuthorizeSecurityGroup{way}"), input)?;
    let id = text_at(&answer, "SecurityGroupRules.0.SecurityGroupRuleId");
    Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
}

fn describe_rule(on: &mut On<'_, '_>, way: &str) -> Done<Made> {
    let text = Value::Str(on.text("Description").unwrap_or_default());
    let rules = Value::List(vec![map([("SecurityGroupRuleId", on.physical()), ("Description", text)])]);
    let input = map([("GroupId", on.prop("GroupId")), ("SecurityGroupRuleDescriptions", rules)]);
    on.call(EC2, &format!("UpdateSecurityGroupRuleDescriptions{way}"), input)?;
    Ok(on.same())
}

fn delete_rule(on: &mut On<'_, '_>, way: &str) -> Done<()> {
    let rules = Value::List(vec![on.physical()]);
    let input = map([("GroupId", on.was("GroupId")), ("SecurityGroupRuleIds", rules)]);
    on.end(EC2, &format!("RevokeSecurityGroup{way}"), input)
}
