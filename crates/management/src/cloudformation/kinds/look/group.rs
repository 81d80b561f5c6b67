//! Security groups. The rules that the stack's other resources put into a group are theirs.

use super::{Look, PLAIN, gone, list, named, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::group::id;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::vpc::EC2;
use crate::cloudformation::template::{get, text};
use wire::Value;

pub(in crate::cloudformation::kinds) static GROUP: Look = Look {
    sees: &["GroupDescription", "GroupName", "SecurityGroupEgress", "SecurityGroupIngress", "Tags", "VpcId"],
    read: group,
    identifiers: &["Id"],
    ..PLAIN
};

fn group(on: &mut On<'_, '_>) -> Done<Seen> {
    // Those of the default VPC are known by their names.
    let known = id(on);
    let by = if known.as_str().is_some_and(|id| id.starts_with("sg-")) { "GroupIds" } else { "GroupNames" };
    let input = map([(by, Value::List(vec![known]))]);
    let told = on.ask(EC2, "DescribeSecurityGroups", input)?;
    let told = own(&told, "SecurityGroups.0");
    if told == Value::Null {
        return Err(gone(on.physical));
    }
    let mut all =
        named(&told, &[("GroupDescription", "Description"), ("GroupName", "GroupName"), ("VpcId", "VpcId")]);
    for (property, path, way) in [
        ("SecurityGroupIngress", "IpPermissions", "Source"),
        ("SecurityGroupEgress", "IpPermissionsEgress", "Destination"),
    ] {
        let mut rules: Vec<Value> =
            list(&told, path).iter().flat_map(|permission| rules(permission, way)).collect();
        for (_, other) in on.attached(&format!("AWS::EC2::{property}"))? {
            if [&id(on), &on.physical()].iter().any(|own| own.as_str() == Some(&attached_to(&other)))
                && let Some(at) = rules.iter().position(|rule| is_of(rule, &other))
            {
                rules.remove(at);
            }
        }
        all.push((property.to_owned(), Value::List(rules)));
    }
    all.push(("Tags".into(), tags(&own(&told, "Tags"))));
    let own_id = ("GroupId", own(&told, "GroupId"));
    Ok(Seen::of(all, vec![own_id, ("Id", on.physical()), ("VpcId", own(&told, "VpcId"))]))
}

/// The group that another resource attaches a rule to, as that says it.
fn attached_to(other: &Value) -> String {
    match text_at(other, "GroupId") {
        id if id.is_empty() => text_at(other, "GroupName"),
        id => id,
    }
}

/// Whether the other resource, which attaches one, says what this rule says.
fn is_of(rule: &Value, other: &Value) -> bool {
    let Value::Map(entries) = rule else { return false };
    entries.iter().filter(|(name, _)| !name.ends_with("OwnerId")).all(|(name, value)| {
        let own = get(other, name).and_then(text);
        let is_named = || name == "SourceSecurityGroupId" && get(other, "SourceSecurityGroupName").is_some();
        own.is_none() && (name.ends_with("Port") || is_named()) || own == text(value)
    })
}

/// A permission is as many rules as it has ranges, lists and groups. `way`: what the groups and lists of its direction
/// are called by.
fn rules(permission: &Value, way: &str) -> Vec<Value> {
    let whole = |rest: Vec<(String, Value)>| {
        let protocol = own(permission, "IpProtocol");
        let ports = ["FromPort", "ToPort"].map(|name| match own(permission, name) {
            // All of them.
            Value::Null if protocol.as_str() == Some("-1") => (name.to_owned(), Value::Int(-1)),
            port => (name.to_owned(), port),
        });
        let mut all = vec![("IpProtocol".to_owned(), protocol)];
        all.extend(ports.into_iter().chain(rest).filter(|(_, value)| *value != Value::Null));
        Value::Map(all)
    };
    let (list_id, group_id, owner) =
        (format!("{way}PrefixListId"), format!("{way}SecurityGroupId"), format!("{way}SecurityGroupOwnerId"));
    let mut all = Vec::new();
    for (path, names) in [
        ("IpRanges", vec![("CidrIp", "CidrIp")]),
        ("Ipv6Ranges", vec![("CidrIpv6", "CidrIpv6")]),
        ("PrefixListIds", vec![(list_id.as_str(), "PrefixListId")]),
        ("UserIdGroupPairs", vec![(group_id.as_str(), "GroupId"), (owner.as_str(), "UserId")]),
    ] {
        for item in list(permission, path) {
            let mut rest = named(&item, &names);
            rest.extend(named(&item, &[("Description", "Description")]));
            all.push(whole(rest));
        }
    }
    all
}
