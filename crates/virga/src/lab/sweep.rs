//! Takes away what a student is expected to have made beside a lab's stack: else its VPC or role could not be deleted.

use crate::apps::{ACCOUNT, Caller, Deployed, patiently, xml};

pub(super) fn sweep(endpoint: &str, lab: &Deployed) -> Result<(), String> {
    let root = Caller::root(endpoint, ACCOUNT);
    match lab.output("Vpc") {
        "" => {}
        vpc => {
            gateways(&root, vpc)?;
            associations(&root, vpc)?;
        }
    }
    match lab.output("PrivateMachine") {
        "" => {}
        machine => addresses(&root, machine)?,
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

/// NAT gateways, and the addresses that they held.
fn gateways(root: &Caller<'_>, vpc: &str) -> Result<(), String> {
    let of = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    // Those that are gone are shown for a while, too.
    let alive = ["pending", "available", "deleting"];
    let states = [
        ("Filter.2.Name", "state"),
        ("Filter.2.Value.1", alive[0]),
        ("Filter.2.Value.2", alive[1]),
        ("Filter.2.Value.3", alive[2]),
    ];
    let asked = [of.as_slice(), &states].concat();
    let told = root.call("ec2", "DescribeNatGateways", &asked)?;
    for gateway in xml::all(&told, "natGatewayId") {
        root.call("ec2", "DeleteNatGateway", &[("NatGatewayId", gateway)])?;
    }
    patiently(|| match xml::text(&root.call("ec2", "DescribeNatGateways", &asked)?, "natGatewayId") {
        None => Ok(()),
        Some(gateway) => Err(format!("{gateway} is still being deleted")),
    })?;
    for address in xml::all(&told, "allocationId") {
        root.call("ec2", "ReleaseAddress", &[("AllocationId", address)])?;
    }
    Ok(())
}

/// Public addresses that were given to a machine.
fn addresses(root: &Caller<'_>, machine: &str) -> Result<(), String> {
    let of = [("Filter.1.Name", "instance-id"), ("Filter.1.Value.1", machine)];
    let told = root.call("ec2", "DescribeAddresses", &of)?;
    for association in xml::all(&told, "associationId") {
        root.call("ec2", "DisassociateAddress", &[("AssociationId", association)])?;
    }
    for address in xml::all(&told, "allocationId") {
        root.call("ec2", "ReleaseAddress", &[("AllocationId", address)])?;
    }
    Ok(())
}

/// Route tables that were given to subnets.
fn associations(root: &Caller<'_>, vpc: &str) -> Result<(), String> {
    let of = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    let told = root.call("ec2", "DescribeRouteTables", &of)?;
    let all = xml::all(&told, "associationSet").flat_map(|set| xml::all(set, "item"));
    for association in all.filter(|one| xml::text(one, "main") != Some("true")) {
        let id = xml::text(association, "routeTableAssociationId").unwrap_or_default();
        root.call("ec2", "DisassociateRouteTable", &[("AssociationId", id)])?;
    }
    Ok(())
}

/// A group, whose machines may be in subnets that the stack did not give it.
fn machines(root: &Caller<'_>, group: &str) -> Result<(), String> {
    let call = |action, parameters: &[_]| root.call("autoscaling", action, parameters);
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
    let of = ("RoleName", role);
    let listed = root.query("iam", "ListRolePolicies", &[of])?;
    // A deletion that failed half-way may have taken the role.
    if listed.code() == "NoSuchEntity" {
        return Ok(());
    }
    for policy in xml::all(&listed.good("ListRolePolicies")?, "member") {
        root.call("iam", "DeleteRolePolicy", &[of, ("PolicyName", &xml::plain(policy))])?;
    }
    let told = root.call("iam", "ListAttachedRolePolicies", &[of])?;
    for policy in xml::all(&told, "PolicyArn") {
        root.call("iam", "DetachRolePolicy", &[of, ("PolicyArn", policy)])?;
    }
    Ok(())
}
