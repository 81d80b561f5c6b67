//! What rules ask about the account: what there is of a type of parameters, and what it is like. Read with the rights of whoever
//! makes the stack.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html>

use super::called;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::at;
use crate::cloudformation::template::rule::{Asked, Fact, asked};
use crate::cloudformation::template::{Template, text};
use kernel::Cx;
use std::collections::BTreeMap;
use wire::Value;

/// A type of parameters, the operation that lists what it names, the lists on the way, and the member that is the name.
const LISTED: &[(&str, &str, &[&str], &str)] = &[
    ("AWS::EC2::AvailabilityZone::Name", "DescribeAvailabilityZones", &["AvailabilityZones"], "ZoneName"),
    ("AWS::EC2::Image::Id", "DescribeImages", &["Images"], "ImageId"),
    ("AWS::EC2::Instance::Id", "DescribeInstances", &["Reservations", "Instances"], "InstanceId"),
    ("AWS::EC2::KeyPair::KeyName", "DescribeKeyPairs", &["KeyPairs"], "KeyName"),
    ("AWS::EC2::SecurityGroup::GroupName", "DescribeSecurityGroups", &["SecurityGroups"], "GroupName"),
    (GROUP, "DescribeSecurityGroups", &["SecurityGroups"], "GroupId"),
    (SUBNET, "DescribeSubnets", &["Subnets"], "SubnetId"),
    ("AWS::EC2::Volume::Id", "DescribeVolumes", &["Volumes"], "VolumeId"),
    (VPC, "DescribeVpcs", &["Vpcs"], "VpcId"),
];
const GROUP: &str = "AWS::EC2::SecurityGroup::Id";
const SUBNET: &str = "AWS::EC2::Subnet::Id";
const VPC: &str = "AWS::EC2::VPC::Id";

/// The answers to all that the template's rules ask. `given`: the values of its parameters.
///
/// # Errors
/// A type or an attribute that there is not; what EC2 refuses.
pub(super) fn facts(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    template: &Template,
    given: &BTreeMap<String, String>,
) -> Result<Vec<Fact>, CfnError> {
    let mut all = Vec::new();
    for question in asked(&template.rules) {
        let answers = match &question {
            Asked::All(kind) => {
                let (found, name) = listed(cx, role, kind)?;
                found.iter().map(|item| told(item, name)).collect()
            }
            Asked::OfAll(kind, attribute) => {
                let (found, _) = listed(cx, role, kind)?;
                attributes(cx, role, kind, attribute, &found)?
            }
            Asked::Of(name, attribute) => {
                let parameter = template.parameters.iter().find(|own| own.name == *name);
                let parameter = parameter.ok_or_else(|| {
                    invalid(format!(
                        "Template format error: Unresolved dependencies [{name}]. Cannot reference resources in the Rules block of the template"
                    ))
                })?;
                let kind = parameter.named().unwrap_or_default().to_owned();
                let (found, id) = listed(cx, role, &kind)?;
                let values = given.get(name).map(String::as_str).unwrap_or_default();
                let values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
                let mut own = Vec::new();
                for value in values {
                    own.extend(found.iter().find(|item| told(item, id) == value).cloned());
                }
                attributes(cx, role, &kind, attribute, &own)?
            }
        };
        all.push((question, answers));
    }
    Ok(all)
}

fn told(item: &Value, member: &str) -> String {
    at(item, member).and_then(text).unwrap_or_default()
}

fn items(value: &Value, member: &str) -> Vec<Value> {
    match at(value, member) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

/// All that the account has of a type, and which member names it.
fn listed(cx: &mut Cx<'_>, role: Option<&str>, kind: &str) -> Result<(Vec<Value>, &'static str), CfnError> {
    let found = LISTED.iter().find(|row| row.0 == kind);
    let Some((_, operation, path, name)) = found else {
        return Err(invalid(format!(
            "Template validation error: {kind} is no type that rules may ask about"
        )));
    };
    let answer = called(cx, role, ("ec2", operation), wire::Struct::new());
    let answer = answer.map_err(|fault| invalid(fault.message))?;
    let all = path
        .iter()
        .fold(vec![answer], |level, member| level.iter().flat_map(|value| items(value, member)).collect());
    Ok((all, name))
}

/// What these are like. A tag that one does not have is empty.
fn attributes(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    kind: &str,
    attribute: &str,
    found: &[Value],
) -> Result<Vec<String>, CfnError> {
    let of_vpc = |cx: &mut Cx<'_>, operation: &str, noun: &str, id: &str, is_default: fn(&Value) -> bool| {
        let answer = called(cx, role, ("ec2", operation), wire::Struct::new());
        let answer = answer.map_err(|fault| invalid(fault.message))?;
        let defaults: Vec<Value> = items(&answer, noun).into_iter().filter(is_default).collect();
        let own = |vpc: &Value| {
            let own = defaults.iter().find(|item| told(item, "VpcId") == told(vpc, "VpcId"));
            own.map(|item| told(item, id)).unwrap_or_default()
        };
        Ok(found.iter().map(own).collect())
    };
    match (kind, attribute.strip_prefix("Tags."), attribute) {
        (VPC | SUBNET | GROUP, Some(key), _) => {
            let tag = |item: &Value| {
                let tags = items(item, "Tags");
                tags.iter().find(|tag| told(tag, "Key") == key).map(|tag| told(tag, "Value"))
            };
            Ok(found.iter().map(|item| tag(item).unwrap_or_default()).collect())
        }
        (SUBNET, None, "AvailabilityZone" | "VpcId") => {
            Ok(found.iter().map(|item| told(item, attribute)).collect())
        }
        (VPC, None, "DefaultSecurityGroup") => {
            of_vpc(cx, "DescribeSecurityGroups", "SecurityGroups", "GroupId", |group| {
                told(group, "GroupName") == "default"
            })
        }
        (VPC, None, "DefaultNetworkAcl") => {
            of_vpc(cx, "DescribeNetworkAcls", "NetworkAcls", "NetworkAclId", |acl| {
                told(acl, "IsDefault") == "true"
            })
        }
        _ => Err(invalid(format!(
            "Template validation error: {attribute} is no attribute of {kind} that rules may ask for"
        ))),
    }
}
