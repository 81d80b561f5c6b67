//! Parameters of the types that name what is in the account: what they are given must be there.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html>

use super::on::{On, bound, map, text_at};
use super::{Done, Refusal};
use crate::cloudformation::errors::is_gone;
use crate::cloudformation::template::text;
use wire::Value;

/// A type, and the operation and its member that find what it names.
const LOOKED_UP: &[(&str, &str, &str)] = &[
    ("AWS::EC2::AvailabilityZone::Name", "DescribeAvailabilityZones", "ZoneNames"),
    ("AWS::EC2::Image::Id", "DescribeImages", "ImageIds"),
    ("AWS::EC2::Instance::Id", "DescribeInstances", "InstanceIds"),
    ("AWS::EC2::KeyPair::KeyName", "DescribeKeyPairs", "KeyNames"),
    ("AWS::EC2::SecurityGroup::GroupName", "DescribeSecurityGroups", "GroupNames"),
    ("AWS::EC2::SecurityGroup::Id", "DescribeSecurityGroups", "GroupIds"),
    ("AWS::EC2::Subnet::Id", "DescribeSubnets", "SubnetIds"),
    ("AWS::EC2::Volume::Id", "DescribeVolumes", "VolumeIds"),
    ("AWS::EC2::VPC::Id", "DescribeVpcs", "VpcIds"),
];

/// Codes of EC2 for what could not be the name of anything.
const NO_NAME: &[&str] = &["Malformed", "InvalidParameterValue", "InvalidParameter"];

/// Whether what is wanted (`Value`, a list or one) is there as its `Type` says: the first that is not.
pub(crate) fn missing(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let kind = text_at(on.wanted, "Type");
    let Some((_, operation, member)) = LOOKED_UP.iter().find(|(known, ..)| *known == kind) else {
        return Ok(None);
    };
    let all = match on.prop("Value") {
        Value::List(items) => items,
        one => vec![one],
    };
    for value in all {
        let told = text(&value).unwrap_or_default();
        if told.is_empty() || !is_there(on, operation, map([(member, Value::List(vec![value]))]))? {
            return Ok(Some(told));
        }
    }
    Ok(None)
}

fn is_there(on: &mut On<'_, '_>, operation: &str, input: Value) -> Done<bool> {
    let bound = bound("ec2", operation, &input)?;
    match on.cx.call("ec2", operation, bound, on.who) {
        Ok(_) => Ok(true),
        Err(fault) if is_gone(&fault.code) || NO_NAME.iter().any(|part| fault.code.contains(part)) => {
            Ok(false)
        }
        Err(fault) => Err(Refusal::of(fault.message)),
    }
}
