//! Takes away what a student is expected to have made beside a lab's stack: else its VPC or role could not be deleted.

use crate::apps::{ACCOUNT, Caller, Deployed, patiently, xml};

pub(super) const EC2_VERSION: &str = "2016-11-15";
const IAM_VERSION: &str = "2010-05-08";

pub(super) fn sweep(endpoint: &str, lab: &Deployed) -> Result<(), String> {
    let root = Caller::root(endpoint, ACCOUNT);
    match lab.output("Vpc") {
        "" => {}
        vpc => {
            gateways(&root, vpc)?;
            associations(&root, vpc)?;
        }
    }
    match lab.output("Group") {
        "" => {}
        group => machines(&root, group)?,
    }
    match lab.output("WorkerRole").rsplit_once('/') {
        None => Ok(()),
        Some((_, role)) => policies(&root, role),
    }
}

fn ec2(root: &Caller<'_>, action: &str, more: &[(&str, &str)]) -> Result<String, String> {
    root.query("ec2", EC2_VERSION, &[&[("Action", action)], more].concat())?.good(action)
}

/// NAT gateways, and the addresses that they held.
fn gateways(root: &Caller<'_>, vpc: &str) -> Result<(), String> {
    let asked = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    let told = ec2(root, "DescribeNatGateways", &asked)?;
    for gateway in xml::all(&told, "natGatewayId") {
        ec2(root, "DeleteNatGateway", &[("NatGatewayId", gateway)])?;
    }
    patiently(|| {
        let told = ec2(root, "DescribeNatGateways", &asked)?;
        match xml::all(&told, "state").find(|state| *state != "deleted") {
            None => Ok(()),
            Some(state) => Err(format!("a NAT gateway of the lab is {state}")),
        }
    })?;
    for address in xml::all(&told, "allocationId") {
        ec2(root, "ReleaseAddress", &[("AllocationId", address)])?;
    }
    Ok(())
}

/// Route tables that were given to subnets.
fn associations(root: &Caller<'_>, vpc: &str) -> Result<(), String> {
    let asked = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    let told = ec2(root, "DescribeRouteTables", &asked)?;
    let all = xml::all(&told, "associationSet").flat_map(|set| xml::all(set, "item"));
    for association in all.filter(|one| xml::text(one, "main") != Some("true")) {
        let id = xml::text(association, "routeTableAssociationId").unwrap_or_default();
        ec2(root, "DisassociateRouteTable", &[("AssociationId", id)])?;
    }
    Ok(())
}

/// A group, whose machines may be in subnets that the stack did not give it.
fn machines(root: &Caller<'_>, group: &str) -> Result<(), String> {
    let call = |action: &str, more: &[(&str, &str)]| {
        root.query("autoscaling", "2011-01-01", &[&[("Action", action)], more].concat())?.good(action)
    };
    let asked = [("AutoScalingGroupNames.member.1", group)];
    if xml::text(&call("DescribeAutoScalingGroups", &asked)?, "AutoScalingGroupName").is_some() {
        call("DeleteAutoScalingGroup", &[("AutoScalingGroupName", group), ("ForceDelete", "true")])?;
    }
    patiently(|| match xml::text(&call("DescribeAutoScalingGroups", &asked)?, "AutoScalingGroupName") {
        None => Ok(()),
        Some(_) => Err("the lab's group is still being deleted".into()),
    })
}

/// Policies of a role, in it or attached to it.
fn policies(root: &Caller<'_>, role: &str) -> Result<(), String> {
    let call = |action: &str, more: &[(&str, &str)]| {
        let parameters = [&[("Action", action), ("RoleName", role)], more].concat();
        root.query("iam", IAM_VERSION, &parameters)?.good(action)
    };
    let told = call("ListRolePolicies", &[])?;
    for policy in xml::all(&told, "member") {
        call("DeleteRolePolicy", &[("PolicyName", &xml::plain(policy))])?;
    }
    let told = call("ListAttachedRolePolicies", &[])?;
    for policy in xml::all(&told, "PolicyArn") {
        call("DetachRolePolicy", &[("PolicyArn", policy)])?;
    }
    Ok(())
}
