//! Whether what a launch template names is there and fits the group: its key pair, its security groups and their VPC.
//!
//! AWS tries the launch when a group is made or changed. What is looked at here is what the launches would fail by.

use super::super::errors::{AutoScalingError, invalid};
use super::super::model::{Group, Template};
use super::{call, list, text, texts};
use kernel::Cx;
use std::collections::BTreeSet;
use wire::Value;

/// In AWS's words, before those of EC2.
pub(super) fn unfit(message: &str) -> AutoScalingError {
    invalid(format!("You must use a valid fully-formed launch template. {message}"))
}

/// The security groups of a template by their ids: its own, and those of its interfaces.
fn groups(data: &Value) -> BTreeSet<String> {
    let of = |from: &Value, member: &str| -> Vec<String> {
        list(from, member).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let interfaces = list(data, "NetworkInterfaces").iter().flat_map(|one| of(one, "Groups"));
    of(data, "SecurityGroupIds").into_iter().chain(interfaces).collect()
}

/// # Errors
/// `ValidationError` where the key pair or a security group is not there.
pub(super) fn there(cx: &mut Cx<'_>, data: &Value) -> Result<(), AutoScalingError> {
    let key = text(data, "KeyName");
    if !key.is_empty() {
        call(cx, "ec2", "DescribeKeyPairs", [("KeyNames", texts([&key]))])
            .map_err(|fault| unfit(&fault.message))?;
    }
    let groups = groups(data);
    if !groups.is_empty() {
        call(cx, "ec2", "DescribeSecurityGroups", [("GroupIds", texts(&groups))])
            .map_err(|fault| unfit(&fault.message))?;
    }
    Ok(())
}

/// # Errors
/// `ValidationError` where a security group of the template is of another VPC than the group's subnets.
pub(super) fn linked(cx: &mut Cx<'_>, group: &Group) -> Result<(), AutoScalingError> {
    let Template { id, version, .. } = &group.template;
    let version = self::version(cx, [("LaunchTemplateId", Value::str(id))], version.as_deref())?;
    let groups = version.member("LaunchTemplateData").map(groups).unwrap_or_default();
    if groups.is_empty() {
        return Ok(());
    }
    let subnets = texts(group.subnets.iter().map(|(_, subnet)| subnet));
    let here = vpcs(cx, "DescribeSubnets", ("SubnetIds", subnets), "Subnets")?;
    let named = vpcs(cx, "DescribeSecurityGroups", ("GroupIds", texts(&groups)), "SecurityGroups")?;
    if named.is_subset(&here) {
        return Ok(());
    }
    Err(invalid(
        "One or more security groups in the launch template are not linked to the VPCs configured in the Auto Scaling group",
    ))
}

/// A version of the template that `named` names; its default one where none is.
///
/// # Errors
/// `ValidationError` where it is not there.
pub(super) fn version(
    cx: &mut Cx<'_>,
    named: impl IntoIterator<Item = (&'static str, Value)>,
    version: Option<&str>,
) -> Result<Value, AutoScalingError> {
    let versions = ("Versions", Value::List(vec![Value::str(version.unwrap_or("$Default"))]));
    let members = named.into_iter().chain([versions]);
    let found =
        call(cx, "ec2", "DescribeLaunchTemplateVersions", members).map_err(|fault| unfit(&fault.message))?;
    list(&found, "LaunchTemplateVersions").first().cloned().ok_or(AutoScalingError::Internal)
}

/// The VPCs of what a Describe operation shows.
fn vpcs(
    cx: &mut Cx<'_>,
    operation: &str,
    ids: (&'static str, Value),
    shown: &str,
) -> Result<BTreeSet<String>, AutoScalingError> {
    let found = call(cx, "ec2", operation, [ids]).map_err(|fault| invalid(fault.message))?;
    Ok(list(&found, shown).iter().map(|one| text(one, "VpcId")).collect())
}
